// Kills a child at a seeded point of its run: a moment, a line of its log, a length of its journal, or when a file appears.

import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from './seeded.ts';

export type KillPoint = Mark & { /** Milliseconds from then on. */ readonly after: number };

type Mark =
  | { readonly at: 'time'; readonly milliseconds: number }
  | { readonly at: 'log'; readonly lines: number }
  | { readonly at: 'journal'; readonly bytes: number }
  | { readonly at: 'file'; readonly name: string };

const FILES = ['run.json', 'findings.ndjson', 'checkpoint.json', 'journal.ndjson', 'report.json', 'part'];
/** What a run with its start takes where nothing else is at work. */
const LONGEST_MS = 2500;
const LOG_LINES = 40;
const LONGEST_AFTER_MS = 80;
const POLL_MS = 1;

/** `journal`: how long that of an undisturbed run gets. */
export function pickKillPoint(random: Seeded, journal: number): KillPoint {
  return { ...pickMark(random, journal), after: random.percent(50) ? random.below(LONGEST_AFTER_MS) : 0 };
}

function pickMark({ below, percent, pick }: Seeded, journal: number): Mark {
  if (journal > 0 && percent(45)) return { at: 'journal', bytes: 1 + below(journal + 100) };
  if (percent(50)) return { at: 'log', lines: 1 + below(LOG_LINES) };
  return percent(50) ? { at: 'time', milliseconds: below(LONGEST_MS) } : { at: 'file', name: pick(FILES) };
}

/** Resolves once it was killed, or has ended before. `folder`: the child's, whose runs `known` are of others. */
export async function killAt(
  child: ChildProcess,
  point: KillPoint,
  folder: string,
  known: readonly string[],
): Promise<void> {
  const isDue = watch(point, folder, known);
  while (child.exitCode === null && child.signalCode === null) {
    if (isDue()) {
      await sleep(point.after);
      child.kill('SIGKILL');
      return;
    }
    await sleep(POLL_MS);
  }
}

function watch(point: Mark, folder: string, known: readonly string[]): () => boolean {
  const runs = join(folder, '.plumbline', 'runs');
  const own = () => {
    if (!existsSync(runs)) return undefined;
    const name = readdirSync(runs).find((run) => !known.includes(run));
    return name === undefined ? undefined : join(runs, name);
  };
  switch (point.at) {
    case 'time': {
      const began = performance.now();
      return () => performance.now() - began >= point.milliseconds;
    }
    case 'log': {
      const log = join(folder, 'log.ndjson');
      const before = linesOf(log);
      return () => linesOf(log) - before >= point.lines;
    }
    case 'journal':
      return () => {
        const run = own();
        return run !== undefined && sizeOf(join(run, 'journal.ndjson')) >= point.bytes;
      };
    case 'file':
      return () => {
        const run = own();
        if (run === undefined) return false;
        return point.name === 'part'
          ? readdirSync(run).some((name) => name.endsWith('.part'))
          : existsSync(join(run, point.name));
      };
  }
}

function linesOf(file: string): number {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
