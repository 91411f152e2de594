// What `--resume` goes on from: what a run was asked for (run.json) and which replicas it had compared to the end (checkpoint.json). How far a
// repair had come stands in its journal.

import { hostname } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { readJson } from '../files/read-json.ts';
import { writeWhole } from '../files/write-whole.ts';
import type { ReplicaReport, Report } from '../report/report.ts';
import { runIds } from './find-run.ts';
import type { RunOptions } from './options.ts';

export const RUN_SCHEMA = 'plumbline.run/1';
export const RUN_FILE = 'run.json';
const CHECKPOINT_FILE = 'checkpoint.json';

/** Options that decide what comes out of a run, whatever the command: a run that is gone on with has those that it began with. */
const ASKED = [
  'only',
  'keys',
  'from',
  'since',
  'sample',
  'hash',
  'apply',
  'deleteOrphans',
  'deleteDuplicates',
  'overwriteAhead',
  'settle',
  'maxRows',
  'maxPercent',
  'maxDeletes',
  'rate',
  'forceEmpty',
  'forceShrunk',
  'forceWindow',
  'of',
  'plan',
  'classes',
  'replicas',
  'inPlace',
  'both',
  'policy',
  'fireTriggers',
  'discardUnmapped',
  'stores',
  'began',
  'decisions',
  'replay',
] as const;
export type Asked = Readonly<Partial<Record<(typeof ASKED)[number], unknown>>>;

/** Commands that leave a run.json. */
export type StartedCommand = Report['command'] | 'failback' | 'undo' | 'drain';

export interface RunStart {
  readonly schema: typeof RUN_SCHEMA;
  readonly run: string;
  readonly command: StartedCommand;
  /** The config file. */
  readonly config: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly asked: Asked;
  /** When it had written its report and told whom it had to tell; absent: it has not come so far. */
  readonly endedAt?: string;
  /** Who is at it, or was last. */
  readonly pid: number;
  readonly host: string;
}

export interface Checkpoint {
  /** The source's clock at the first snapshot. */
  readonly asOf: string | null;
  /** Of the replicas that are compared to the end, by name. */
  readonly compared: Readonly<Record<string, ReplicaReport>>;
}

export const NOTHING_COMPARED: Checkpoint = { asOf: null, compared: {} };

export function askedOf(options: object): Asked {
  const given = options as Asked;
  const isSaid = (value: unknown) =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(ASKED.filter((name) => isSaid(given[name])).map((name) => [name, given[name]]));
}

/**
 * The options of a run that is to go on: what it was asked for when it began. Options without `resume` come back as they are. Throws a ConfigError
 * where no run can be gone on with, and where something else is asked for now.
 */
export async function withResumed<Options extends Pick<RunOptions, 'resume'>>(
  base: string,
  command: StartedCommand,
  options: Options,
): Promise<Options> {
  const { resume } = options;
  if (resume === undefined) return options;
  const { run, asked } = await findUnfinished(base, command, resume === true ? undefined : resume);
  for (const [name, value] of Object.entries(askedOf(options))) {
    if (JSON.stringify(value) === JSON.stringify(asked[name as keyof Asked])) continue;
    const then = JSON.stringify(asked);
    throw wrong(
      `run ${run} was asked for something else: ${then}`,
      'Leave the other flags away: it goes on as it began.',
    );
  }
  return { ...options, ...asked, resume: run };
}

export function startOf(run: string, command: StartedCommand, config: string, startedAt: Date, asked: Asked): RunStart {
  return {
    schema: RUN_SCHEMA,
    run,
    command,
    config,
    startedAt: startedAt.toISOString(),
    asked,
    pid: process.pid,
    host: hostname(),
  };
}

export function writeStart(folder: string, start: RunStart): Promise<void> {
  return writeWhole(join(folder, RUN_FILE), [`${JSON.stringify(start, null, 2)}\n`], 0o600);
}

/** Undefined for a run that left none. */
export function readStart(folder: string): Promise<RunStart | undefined> {
  return readJson<RunStart>(join(folder, RUN_FILE));
}

export function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  return writeWhole(join(folder, CHECKPOINT_FILE), [`${JSON.stringify(checkpoint)}\n`], 0o600);
}

/** Nothing, where none was written. */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  return (await readJson<Checkpoint>(join(folder, CHECKPOINT_FILE))) ?? NOTHING_COMPARED;
}

/** The run that is named, or the newest of this command. Throws a ConfigError where there is none, or it is still at work, or came to its end. */
export async function findUnfinished(
  base: string,
  command: StartedCommand,
  words: string | undefined,
): Promise<RunStart> {
  for (const id of await runIds(base)) {
    if (words !== undefined && id !== words && !id.endsWith(words)) continue;
    const folder = join(base, 'runs', id);
    const start = await readStart(folder);
    if (start?.command !== command) continue;
    if (await isFinished(folder, start))
      throw wrong(`run ${id} came to its end`, 'Start a new one: leave --resume away.');
    if (start.endedAt === undefined && isAlive(start))
      throw wrong(`run ${id} is still at work (process ${start.pid})`, 'Wait for it, or end it first.');
    return start;
  }
  throw wrong(
    words === undefined ? `there is no ${command} to go on with` : `no ${command} is called ${words}`,
    'Start a new one: leave --resume away.',
  );
}

function wrong(message: string, hint: string): ConfigError {
  return new ConfigError([{ path: '--resume', message, hint }]);
}

/** It has come to its end, and its report says more than that it was stopped. */
async function isFinished(folder: string, { endedAt }: RunStart): Promise<boolean> {
  if (endedAt === undefined) return false;
  const report = await readJson<Pick<Report, 'verdict'>>(join(folder, 'report.json'));
  return report !== undefined && report.verdict !== 'incomplete';
}

/** Whether the process that a run's folder names is still there. */
export async function isAtWork(folder: string): Promise<boolean> {
  const start = await readJson<RunStart>(join(folder, RUN_FILE));
  return start !== undefined && isAlive(start);
}

function isAlive({ pid, host }: RunStart): boolean {
  if (host !== hostname() || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process has that number; whether it is ours can't be told, and a run of another user is not gone on with.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
