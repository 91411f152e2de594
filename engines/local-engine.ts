// What the local servers have in common: a data folder of their own under the system's temporary folder, the wait
// until a query is answered, and the end of both. It knows no database.

import { chmodSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './engine.ts';
import type { LoggedProcess } from './logged-process.ts';
import { type Probed, probe } from './probe.ts';
import { guard } from './watchdog.ts';

const READY_TIMEOUT_MS = 90_000;
const POLL_MS = 50;

export interface EngineFolder {
  readonly path: string;
  remove(): Promise<void>;
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
  kind: Engine['kind'],
  server: LoggedProcess,
  url: () => string | undefined,
): Promise<Probed & { readonly url: string }> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let lastError = 'it did not open its port';
  while (Date.now() < deadline) {
    const address = url();
    if (address !== undefined) {
      try {
        return { ...(await probe(kind, address)), url: address };
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
