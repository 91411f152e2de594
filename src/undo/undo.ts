// Undoes a run's writes from its journal, the last first, batch by batch: looks at what stands there, puts back what is still as the run left it,
// records its own writes, and reads them back.

import { InterruptedError } from '../errors.ts';
import type { OutcomeEntry, WriteEntry } from '../journal/entry.ts';
import { journalled } from '../journal/journalled.ts';
import { readJournalBackwards } from '../journal/read-journal.ts';
import type { Sealer } from '../journal/seal.ts';
import type { Recorder } from '../journal/transaction-journal.ts';
import { type Key, keyText, type Row } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { byKey } from '../postgres/relation.ts';
import type { Change, FetchedRow, Whereabouts } from '../stores/store.ts';
import { isBefore, openEntry, type PutBack, putBack, type Recorded } from './put-back.ts';

export interface UndoContext {
  /** The run that is undone, and its journal. */
  readonly run: string;
  readonly path: string;
  readonly sealer?: Sealer;
  /** Undefined for a replica that is left out. */
  readonly replicaOf: (name: string) => ReadyReplica | undefined;
  readonly isChosen: (entry: WriteEntry) => boolean;
  readonly fetch: (
    replica: ReadyReplica,
    keys: readonly Key[],
    whereabouts?: (key: Key) => Whereabouts,
  ) => Promise<readonly FetchedRow[]>;
  /** Where its own writes are recorded; undefined: only say what would be done. */
  readonly journal?: Recorder;
  /** The run may have written a record more than once: then one outcome a moved record is held in memory. Default false. */
  readonly repeats?: boolean;
  /** Asked before each batch: throws when no more may be written. */
  readonly mayGoOn: () => Promise<void>;
  readonly signal?: AbortSignal;
}

export type UndoOutcome = 'restored' | 'unchanged' | 'anew' | 'moved' | 'refused';

/** What became of one recorded write. */
export interface Undone {
  readonly replica: string;
  readonly key: Key;
  readonly outcome: UndoOutcome;
  /** Of what was not restored. */
  readonly why?: string;
}

/** A batch at a time, the last writes of the run first. Throws StoreErrors. */
export async function* undoWrites(context: UndoContext): AsyncGenerator<readonly Undone[]> {
  const wouldBe = new Map<string, readonly FetchedRow[]>();
  const moved = context.repeats ? new Moved() : undefined;
  for await (const batch of batchesOf(context)) {
    if (context.signal?.aborted) throw new InterruptedError();
    await context.mayGoOn();
    const undone = await undoBatch(batch, context, wouldBe);
    yield moved === undefined ? undone : undone.flatMap((one) => moved.settle(one));
  }
  if (moved !== undefined) yield moved.rest();
}

/**
 * Writes whose record stands neither as they left it nor as they found it, while earlier writes of the same record are still to come: where it is as it
 * was before one of those, they were undone before, or never happened, as their transaction was taken back with a run that was killed.
 */
class Moved {
  /** By record, the last first. */
  private readonly held = new Map<string, Undone[]>();

  /** What is known by now, given the next write back. */
  settle(undone: Undone): readonly Undone[] {
    const name = JSON.stringify([undone.replica, undone.key]);
    const held = this.held.get(name) ?? [];
    if (undone.outcome === 'moved') {
      this.held.set(name, [...held, undone]);
      return [];
    }
    this.held.delete(name);
    if (undone.outcome !== 'unchanged') return [...held, undone];
    return [...held.map(({ replica, key }): Undone => ({ replica, key, outcome: 'unchanged' })), undone];
  }

  rest(): readonly Undone[] {
    return [...this.held.values()].flat();
  }
}

interface Batch {
  readonly replica: ReadyReplica;
  readonly entries: readonly WriteEntry[];
}

/** Writes that took effect, as far as is known: of one replica, no record twice, so that each is looked at after what came later is undone. */
async function* batchesOf({ path, replicaOf, isChosen }: UndoContext): AsyncGenerator<Batch> {
  const outcomes = new Map<number, OutcomeEntry['outcomes'][number][1]>();
  let replica: ReadyReplica | undefined;
  let entries: WriteEntry[] = [];
  let known = new Set<string>();
  for await (const entry of readJournalBackwards(path)) {
    // The outcomes of a batch stand behind its writes, and so come first.
    if (entry.type === 'outcome') for (const [n, outcome] of entry.outcomes) outcomes.set(n, outcome);
    if (entry.type !== 'write') continue;
    const outcome = outcomes.get(entry.n) ?? 'written';
    outcomes.delete(entry.n);
    if (outcome !== 'written' || !isChosen(entry)) continue;
    const own = replicaOf(entry.replica);
    if (own === undefined) continue;
    const text = keyText(entry.key);
    const size = Math.min(own.store.limits.applyChanges, own.store.limits.fetchKeys);
    if (replica !== undefined && (own !== replica || known.has(text) || entries.length >= size)) {
      yield { replica, entries };
      [entries, known] = [[], new Set()];
    }
    replica = own;
    entries.push(entry);
    known.add(text);
  }
  if (replica !== undefined && entries.length > 0) yield { replica, entries };
}

/** `wouldBe`: for a dry run, the records as they would stand by now, of a run that wrote some of them more than once. */
async function undoBatch(
  { replica, entries }: Batch,
  context: UndoContext,
  wouldBe: Map<string, readonly FetchedRow[]>,
): Promise<readonly Undone[]> {
  const { mapping } = replica.replica;
  const recorded = entries.map((entry) => openEntry(entry, mapping, context.run, context.sealer));
  const held = await look(replica, recorded, context);
  const nameOf = ({ entry }: Recorded) => JSON.stringify([entry.replica, entry.place, ...entry.key]);
  const decided = recorded.map((one) =>
    putBack(one, wouldBe.get(nameOf(one)) ?? held.get(keyText(one.entry.key)) ?? [], mapping),
  );
  if (context.journal === undefined) {
    decided.forEach(({ kind }, i) => {
      const { entry, before } = recorded[i]!;
      if (kind !== 'change') return;
      const values = before?.map((value) => value ?? null);
      const row = values && { key: entry.key, values, place: entry.place, token: undefined };
      wouldBe.set(nameOf(recorded[i]!), row === undefined ? [] : [row]);
    });
  }
  const changes = decided.flatMap((each) => (each.kind === 'change' ? [each.change] : []));
  const made = context.journal === undefined ? [] : await journalled(context.journal, replica, changes);
  const after = made.length === 0 ? held : await look(replica, recorded, context);
  let at = 0;
  return decided.map((each, i): Undone => {
    const { replica: name, key } = recorded[i]!.entry;
    if (each.kind !== 'change') return { replica: name, key, ...outcomeOf(each) };
    if (context.journal === undefined) return { replica: name, key, outcome: 'restored' };
    const outcome = made[at++]!;
    if (outcome.outcome === 'refused') return { replica: name, key, outcome: 'refused', why: outcome.error };
    return isBefore(recorded[i]!, after.get(keyText(key)) ?? [], mapping)
      ? { replica: name, key, outcome: 'restored' }
      : { replica: name, key, outcome: 'moved', why: 'it changed while it was put back' };
  });
}

function outcomeOf(each: Exclude<PutBack, { kind: 'change'; change: Change }>): Pick<Undone, 'outcome' | 'why'> {
  return 'why' in each ? { outcome: each.kind, why: each.why } : { outcome: each.kind };
}

async function look(
  replica: ReadyReplica,
  recorded: readonly Recorded[],
  { fetch }: UndoContext,
): Promise<ReadonlyMap<string, readonly FetchedRow[]>> {
  const keys = recorded.map(({ entry }) => entry.key);
  if (!replica.inspection.placed) return byKey(await fetch(replica, keys));
  const places = new Map(
    recorded.map(({ entry, before, after }) => [keyText(entry.key), whereaboutsOf(entry, [before, after])]),
  );
  return byKey(await fetch(replica, keys, (key) => places.get(keyText(key)) ?? { rows: [], places: [] }));
}

function whereaboutsOf(
  { key, place }: WriteEntry,
  sides: readonly (readonly (string | null | undefined)[] | null)[],
): Whereabouts {
  const rows = sides.flatMap((values): Row[] =>
    values === null || values.includes(undefined) ? [] : [{ key, values: values as (string | null)[] }],
  );
  return { rows, places: place === undefined ? [] : [place] };
}
