// The baseline of a check: read before, written anew after if that was asked for.

import { readFile } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';
import { writeWhole } from '../files/write-whole.ts';
import { Baseline, type BaselineEntry, baselineText, MOST_ENTRIES, parseBaseline } from '../report/baseline.ts';
import type { BaselineReport, Finding, ReplicaReport } from '../report/report.ts';

export interface BaselineOptions {
  readonly file: string;
  /** Writes the file anew from what is found. Default false. */
  readonly update?: boolean;
  /** Milliseconds for which an entry is accepted when the file is written. Default 30 days; Infinity: for good. */
  readonly expires?: number;
}

const DAY = 86_400_000;
const DEFAULT_EXPIRES = 30 * DAY;
const SHOWN = 20;

/** A file that is not there yet is only right where it is to be written. */
export async function readBaseline({ file, update }: BaselineOptions, now: Date): Promise<Baseline> {
  let text: string | undefined;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (!update) {
      const hint = 'Write a first one from what there is now: add --update-baseline.';
      throw new ConfigError([{ path: file, message: 'there is no such baseline', hint }]);
    }
  }
  return new Baseline(file, text === undefined ? [] : parseBaseline(text, file), dayOf(now));
}

/** What the baseline says of a run. Entries are told resolved only where whole replicas were compared to the end. */
export function baselineReport(
  baseline: Baseline,
  replicas: readonly ReplicaReport[],
  isUpdated: boolean,
): BaselineReport {
  const whole = replicas.filter(isWhole).map(({ name }) => name);
  const resolved = baseline.resolved(new Set(whole));
  const expired = baseline.expired();
  return {
    file: baseline.file,
    updated: isUpdated,
    entries: baseline.entries.length,
    resolved: resolved.length,
    expired: expired.length,
    resolvedEntries: resolved.slice(0, SHOWN).map(({ replica, class: name, key }) => ({ replica, class: name, key })),
  };
}

/** Entries of replicas that were not compared whole stay as they are. */
export async function updateBaseline(
  baseline: Baseline,
  { file, expires = DEFAULT_EXPIRES }: BaselineOptions,
  replicas: readonly ReplicaReport[],
  findings: AsyncIterable<Finding>,
  now: Date,
): Promise<void> {
  const until = Number.isFinite(expires) ? dayOf(new Date(now.getTime() + expires)) : undefined;
  const whole = new Set(replicas.filter(isWhole).map(({ name }) => name));
  const entries: BaselineEntry[] = baseline.entries.filter(({ replica }) => !whole.has(replica));
  for await (const finding of findings) {
    if (!whole.has(finding.replica) || finding.class === 'unread') continue;
    entries.push(baseline.entryFor(finding, until));
    if (entries.length > MOST_ENTRIES) {
      const message = `more than ${MOST_ENTRIES.toLocaleString('en')} drifted records are too many for a baseline`;
      throw new ConfigError([{ path: file, message, hint: 'Repair them, or leave out the replica.' }]);
    }
  }
  await writeWhole(file, [baselineText(entries)]);
}

/** All of it was compared to the end. */
export function isWhole({ status, coverage }: ReplicaReport): boolean {
  return status === 'proven' && coverage.orphans;
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}
