// What the local servers have in common: a data folder of their own under the system's temporary folder, ports, the
// wait until a query is answered, and the end of it all. It knows no database.

import { chmodSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Engine, type EngineRequest, engineName, type Probe, type Probed, type Progress } from './engine.ts';
import { freePorts } from './free-port.ts';
import type { LoggedProcess } from './logged-process.ts';
import { guard } from './watchdog.ts';

const READY_TIMEOUT_MS = 180_000;
const POLL_MS = 50;
const PORT_ATTEMPTS = 3;

export interface EngineFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** How a server of one process is started. */
export interface Recipe {
  /** How many ports `start` and `url` are given. */
  readonly ports: number;
  /** What ends it in the way of a stop() without a signal, and what ends it soonest without leaving something behind. */
  readonly stopSignal: NodeJS.Signals;
  readonly lastSignal: NodeJS.Signals;
  readonly probe: Probe;
  /** Run once; `start` is run again on other ports, in the same folder, when somebody was faster to bind one. */
  prepare?(folder: string): Promise<void>;
  start(folder: string, ports: readonly number[]): Promise<LoggedProcess>;
  /** Undefined for as long as the log says that asking is too early. */
  url(ports: readonly number[], log: string): string | undefined;
}

export async function startLocally(request: EngineRequest, onProgress: Progress, recipe: Recipe): Promise<Engine> {
  const name = engineName(request);
  const began = Date.now();
  const folder = await makeEngineFolder(name);
  let server: LoggedProcess | undefined;
  try {
    await recipe.prepare?.(folder.path);
    for (let attempt = 1; ; attempt += 1) {
      const ports = await freePorts(recipe.ports);
      server = await recipe.start(folder.path, ports);
      const { log } = server;
      try {
        const ready = await waitUntilReady(recipe.probe, server, () => recipe.url(ports, log()));
        server.unref();
        onProgress(`${name}: ${ready.version} ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
        const stop = makeStop(server, folder, recipe.stopSignal);
        return { kind: request.kind, name, ...ready, pid: server.pid, stop };
      } catch (error) {
        const lostPort = server.ended() !== undefined && /address( is)? already in use|in use by/i.test(log());
        if (!lostPort || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    await server?.stop(recipe.lastSignal);
    await folder.remove();
    throw error;
  }
}

export async function makeEngineFolder(name: string): Promise<EngineFolder> {
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
export async function waitUntilReady(
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

/** The `stop` of an engine: every call waits for the same end, and a later SIGKILL hastens it. */
export function makeStop(
  server: LoggedProcess,
  folder: EngineFolder,
  defaultSignal: NodeJS.Signals,
): (signal?: NodeJS.Signals) => Promise<void> {
  let stopped: Promise<void> | undefined;
  return async (signal = defaultSignal) => {
    if (stopped !== undefined && signal === 'SIGKILL' && server.ended() === undefined) await server.stop(signal);
    stopped ??= server.stop(signal).then(() => folder.remove());
    await stopped;
  };
}
