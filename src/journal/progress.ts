// How far a killed repair had come, as its journal tells it: whole batches that it was done with, and writes of the batch that it was in.

import { keyText } from '../mapping/mapping.ts';
import { NOTHING, plusTally, type Tally } from '../repair/tally.ts';
import type { RepairReport } from '../report/report.ts';
import type { BatchEntry } from './entry.ts';
import { isThere, readJournal } from './read-journal.ts';

export interface Progress extends Tally {
  /** Findings that are behind it. */
  readonly findings: number;
  /** Keys, as text, that were about to be written when it ended: one of them that is right by now was written by it. */
  readonly intended: ReadonlySet<string>;
}

/** What a repair has done before: of this replica, with these actions. */
export type ProgressOf = (replica: string, actions: readonly string[]) => Progress | undefined;

export const noProgress: ProgressOf = () => undefined;

/** Nothing, where there is no journal. Reads it once. Memory: a batch's keys for each replica. */
export async function readProgress(path: string): Promise<ProgressOf> {
  const done = new Map<string, BatchEntry>();
  const intended = new Map<string, Set<string>>();
  if (!(await isThere(path))) return noProgress;
  for await (const entry of readJournal(path)) {
    if (entry.type === 'write') {
      const keys = intended.get(entry.replica) ?? new Set();
      intended.set(entry.replica, keys.add(keyText(entry.key)));
    } else if (entry.type === 'batch') {
      const name = nameOf(entry.replica, entry.actions);
      const before = done.get(name);
      done.set(
        name,
        before === undefined
          ? entry
          : { ...entry, ...plusTally(before, entry), findings: before.findings + entry.findings },
      );
      intended.delete(entry.replica);
    } else if (entry.type === 'swap') intended.delete(entry.replica);
  }
  return (replica, actions) => {
    const entry = done.get(nameOf(replica, actions.join()));
    const keys = intended.get(replica);
    if (entry === undefined && keys === undefined) return undefined;
    return { findings: 0, ...(entry ?? NOTHING), intended: keys ?? new Set() };
  };
}

/** What a rebuild had made of the replica when it took its place; undefined: it has not yet. Later swaps are of the same. */
export async function readSwap(path: string, replica: string): Promise<RepairReport | undefined> {
  if (!(await isThere(path))) return undefined;
  for await (const entry of readJournal(path))
    if (entry.type === 'swap' && entry.replica === replica) return entry.built;
  return undefined;
}

function nameOf(replica: string, actions: string): string {
  return JSON.stringify([replica, actions]);
}
