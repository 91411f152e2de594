// Starts a program in a session of its own, with a file as its only output, under the watchdog's eye. Nothing of it
// reaches our terminal, and a Ctrl-C there does not reach it.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDescendants } from './process-tree.ts';
import { guard } from './watchdog.ts';

const LOG_LINES = 15;
const GRACE_MS = 10_000;
const UNHANDLED: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGSTOP', 'SIGCONT']);

export interface ProgramUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly user?: ProgramUser;
  /** What the watchdog sends when this process is gone. */
  readonly lastSignal: NodeJS.Signals;
}

export interface LoggedProcess {
  readonly pid: number;
  /** Undefined while it runs, then how it ended: `exit code 1`, `SIGKILL`. */
  ended(): string | undefined;
  /** Its own output, not that of an earlier program with the same file. */
  log(): string;
  logTail(): string;
  /** Resolves with how it ended. */
  wait(): Promise<string>;
  /** Before it returns. What no process can handle or pass on goes to its descendants too. Harmless after its end. */
  send(signal: NodeJS.Signals): void;
  /** Sends the signal, waits, and kills it if it does not go, even if it is paused. Harmless after its end. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** From now on this process may end while that one still runs. */
  unref(): void;
}

export async function startProgram(program: Program): Promise<LoggedProcess> {
  const log = openSync(program.logFile, 'a');
  const logStart = fstatSync(log).size;
  const child = spawn(program.command, program.args, {
    cwd: program.folder,
    env: program.env,
    ...program.user,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const release = child.pid === undefined ? () => {} : guard({ pid: child.pid, signal: program.lastSignal });
  const ending = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      release();
      resolve(signal ?? `exit code ${code}`);
    });
  });
  await spawned;
  return observe(child, ending, () => readFileSync(program.logFile).subarray(logStart).toString());
}

/** Runs a program to its end; an exit code other than 0 is an error with the last lines of its output. */
export async function runProgram(program: Program): Promise<void> {
  const child = await startProgram(program);
  const end = await child.wait();
  if (end !== 'exit code 0') throw new Error(`${program.command} ended with ${end}:\n${child.logTail()}`);
}

function observe(child: ChildProcess, ending: Promise<string>, log: () => string): LoggedProcess {
  let isKilled = false;
  let isPaused = false;
  const ended = () => child.signalCode ?? (child.exitCode === null ? undefined : `exit code ${child.exitCode}`);
  const send = (signal: NodeJS.Signals) => {
    // We hear of its end later than it ends.
    if (ended() !== undefined || isKilled) return;
    // Itself first, or it would see its children die and start others.
    const processes = UNHANDLED.has(signal) ? withDescendants(child.pid!) : [child.pid!];
    for (const pid of processes) signalIfThere(pid, signal);
    isKilled = signal === 'SIGKILL';
    if (signal === 'SIGSTOP') isPaused = true;
    if (signal === 'SIGCONT') isPaused = false;
  };
  return {
    pid: child.pid!,
    ended,
    send,
    log,
    logTail: () => log().trimEnd().split('\n').slice(-LOG_LINES).join('\n'),
    wait: () => ending,
    stop: async (signal) => {
      // Without the reference the host could end while it waits here.
      child.ref();
      send(signal);
      if (isPaused) send('SIGCONT');
      const timer = new AbortController();
      const late = sleep(GRACE_MS, undefined, { signal: timer.signal }).then(
        () => send('SIGKILL'),
        () => {},
      );
      await ending;
      timer.abort();
      await late;
    },
    unref: () => child.unref(),
  };
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
