// What the local servers have in common: a folder of their own under the system's temporary folder, ports, the wait until
// a query is answered, going down and coming up again, and the end of it all. It knows no database.

import { chmodSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Engine,
  type EngineRequest,
  engineName,
  type LocalEngine,
  type Probe,
  type Probed,
  type Progress,
} from './engine.ts';
import { freePorts } from './free-port.ts';
import type { LoggedProcess } from './logged-process.ts';
import { guard } from './watchdog.ts';

const READY_TIMEOUT_MS = 180_000;
const POLL_MS = 50;
const PORT_ATTEMPTS = 3;
/** PostgreSQL's memory is in use until the last of its killed processes is gone. */
const UP_ATTEMPTS = 20;
const UP_PAUSE_MS = 250;
const IN_USE = /address( is)? already in use|in use by|still in use/i;

/** How a server is started. */
export interface Recipe {
  /** How many ports the functions are given. */
  readonly ports: number;
  /** What ends it in the way of a stop() without a signal, and what ends it soonest without leaving something behind. */
  readonly stopSignal: NodeJS.Signals;
  readonly lastSignal: NodeJS.Signals;
  readonly probe: Probe;
  /** What it stands on, which ends with it. */
  readonly ground?: Engine;
  /** In an empty folder; run again, in another one and for other ports, when somebody was faster to bind one. */
  prepare?(folder: string, ports: readonly number[]): Promise<void>;
  /** Over what stands in the folder: run again whenever the server comes up again. */
  start(folder: string, ports: readonly number[]): Promise<LoggedProcess>;
  /** Undefined for as long as the log says that asking is too early. */
  url(ports: readonly number[], log: string): string | undefined;
}

export async function startLocally(request: EngineRequest, onProgress: Progress, recipe: Recipe): Promise<LocalEngine> {
  const name = engineName(request);
  const began = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    const folder = await makeEngineFolder(name);
    try {
      const ports = await freePorts(recipe.ports);
      await recipe.prepare?.(folder.path, ports);
      const server = new LocalServer(recipe, folder, ports);
      const ready = await server.start();
      onProgress(`${name}: ${ready.version} ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
      return {
        kind: request.kind,
        name,
        ...ready,
        folder: folder.path,
        get pid() {
          return server.pid;
        },
        signal: (signal) => server.signal(signal),
        down: (signal = 'SIGKILL') => server.down(signal),
        up: () => server.up(),
        stop: async (signal) => {
          await Promise.all([server.stop(signal), recipe.ground?.stop(signal)]);
        },
      };
    } catch (error) {
      await folder.remove();
      if (!(error instanceof InUseError) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Somebody else holds what the server needs: a port, or memory. */
class InUseError extends Error {}

/** The server of one folder, on the same ports for as long as it lives. */
class LocalServer {
  private readonly recipe: Recipe;
  private readonly folder: EngineFolder;
  private readonly ports: readonly number[];
  private process: LoggedProcess | undefined;
  private stopped: Promise<void> | undefined;

  constructor(recipe: Recipe, folder: EngineFolder, ports: readonly number[]) {
    this.recipe = recipe;
    this.folder = folder;
    this.ports = ports;
  }

  get pid(): number {
    return this.process!.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.process!.send(signal);
  }

  async down(signal: NodeJS.Signals): Promise<void> {
    await this.process!.stop(signal);
  }

  async up(): Promise<void> {
    if (this.stopped !== undefined) throw new Error('it was stopped, and its data are gone');
    if (this.process!.ended() === undefined) throw new Error('it is up');
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.start();
        return;
      } catch (error) {
        if (!(error instanceof InUseError) || attempt === UP_ATTEMPTS) throw error;
        await sleep(UP_PAUSE_MS);
      }
    }
  }

  /** One attempt. Throws InUseError. */
  async start(): Promise<Probed & { readonly url: string }> {
    const { recipe } = this;
    const server = await recipe.start(this.folder.path, this.ports);
    this.process = server;
    try {
      if (this.stopped !== undefined) throw new Error('it was stopped while it came up');
      const ready = await waitUntilReady(recipe.probe, server, () => recipe.url(this.ports, server.log()));
      server.unref();
      return ready;
    } catch (error) {
      const isInUse = server.ended() !== undefined && IN_USE.test(server.log());
      await server.stop(recipe.lastSignal);
      throw isInUse ? new InUseError((error as Error).message, { cause: error }) : error;
    }
  }

  /** Every call waits for the same end, and a later SIGKILL hastens it. */
  async stop(signal: NodeJS.Signals = this.recipe.stopSignal): Promise<void> {
    if (this.stopped !== undefined && signal === 'SIGKILL') await this.process!.stop(signal);
    this.stopped ??= this.process!.stop(signal).then(() => this.folder.remove());
    await this.stopped;
  }
}

interface EngineFolder {
  readonly path: string;
  remove(): Promise<void>;
}

async function makeEngineFolder(name: string): Promise<EngineFolder> {
  const path = await mkdtemp(join(tmpdir(), `plumbline-${name}-`));
  const release = guard({ path });
  chmodSync(path, 0o700);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
      release();
    },
  };
}

/** `url` may be undefined for as long as the server has not told its port. */
async function waitUntilReady(
  probe: Probe,
  server: LoggedProcess,
  url: () => string | undefined,
): Promise<Probed & { readonly url: string }> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let lastError = 'it did not open its port';
  while (Date.now() < deadline) {
    const address = url();
    if (address !== undefined) {
      try {
        return { ...(await probe(address)), url: address };
      } catch (error) {
        lastError = (error as Error).message;
      }
    }
    const end = server.ended();
    if (end !== undefined) throw new Error(`the server ended with ${end}:\n${server.logTail()}`);
    await sleep(POLL_MS);
  }
  throw new Error(`not ready after ${READY_TIMEOUT_MS / 1000} s (${lastError}):\n${server.logTail()}`);
}
