// Takes charge of process groups, folders and clean-up commands that must not outlive this process, and passes them
// to a small detached process that holds the other end of a pipe. Even SIGKILL closes the pipe, so no signal handler
// and no exit hook is installed here: the host's signals stay its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { assetPath } from './assets.ts';

export interface Charge {
  /** A process group's leader, and the signal that ends it soonest without leaving something behind. */
  readonly pid?: number;
  readonly signal?: NodeJS.Signals;
  /** A command that cleans up, run after the processes are gone. */
  readonly command?: readonly string[];
  /** A folder or a file, removed last. */
  readonly path?: string;
}

let watchdog: ChildProcess | undefined;
let lastId = 0;

/** Returns the function that takes the charge back; call it once the thing is gone, as process ids are used again. */
export function guard(charge: Charge): () => void {
  lastId += 1;
  const id = lastId;
  tell({ id, ...charge });
  return () => tell({ id });
}

function tell(message: object): void {
  watchdog ??= startWatchdog();
  watchdog.stdin!.write(`${JSON.stringify(message)}\n`);
}

function startWatchdog(): ChildProcess {
  // NODE_OPTIONS would load the host's hooks and coverage into a process that outlives it.
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
  const script = assetPath('engines', 'watchdog-process.mjs');
  if (!existsSync(script)) throw new Error(`${script} is missing, and without it servers could be left behind`);
  const child = spawn(process.execPath, [script], {
    // Its own session: a Ctrl-C in the terminal must reach the host alone.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env,
  });
  child.on('error', (cause) => {
    throw new Error('the watchdog of the test servers did not start', { cause });
  });
  // If somebody kills it, the servers still stop by stop(); only the net under a crash is gone.
  child.stdin!.on('error', () => {});
  child.unref();
  (child.stdin as Socket).unref();
  return child;
}
