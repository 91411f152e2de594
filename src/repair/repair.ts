// Repairs one replica from its findings: looks again at each on both sides, decides anew, writes conditionally, reads back. It never scans.

import { compareRecord, type Difference } from '../confirm/compare-record.ts';
import { type ConfirmOptions, confirm } from '../confirm/confirm.ts';
import { InterruptedError } from '../errors.ts';
import { type Key, keyText, type Mapping, type Place, type Row } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { byKey } from '../postgres/relation.ts';
import type { Finding, RepairReport } from '../report/report.ts';
import type { Change, FetchedRow, Outcome, Whereabouts } from '../stores/store.ts';
import { differingFields } from '../value/same-value.ts';
import { type Action, actionFor, type PlannedRepair, type RepairPolicy } from './limits.ts';

export interface RepairContext {
  readonly replica: ReadyReplica;
  readonly policy: RepairPolicy;
  /** The findings of the run, from the first; they are read more than once. */
  readonly findings: () => AsyncIterable<Finding>;
  /** Fetches and settling rules, for looking before and reading back after. */
  readonly confirm: ConfirmOptions;
  /** Told of every batch before it is written: where the journal goes. */
  readonly beforeWrite: (changes: readonly Change[]) => Promise<void>;
  readonly onRecords: (records: number) => void;
  readonly signal?: AbortSignal;
}

const ERRORS_SHOWN = 10;
/** Times that a record which did not come out equal is tried: it may have moved between our look and our write. */
const ATTEMPTS = 3;

/** What is to be looked at again: a key, and where its records stood. */
interface Suspect {
  readonly key: Key;
  readonly places: readonly Place[];
}

/** What is wrong is put right before what is too much is removed: readers never miss a record that is about to be written. */
export const WRITES: readonly Action[] = ['insert', 'update'];
export const DELETES: readonly Action[] = ['delete'];

/**
 * Writes what the findings call for, as far as it is one of these actions. `found`: drifted records in all, of which `planned.left` stay as they are.
 * Throws StoreErrors of the servers.
 */
export async function repairReplica(
  actions: readonly Action[],
  planned: PlannedRepair,
  found: number,
  context: RepairContext,
): Promise<RepairReport> {
  const outcomes = { written: 0, unchanged: 0, moved: 0, refused: 0 };
  const errors: string[] = [];
  const verified = { read: 0, equal: 0 };
  for await (const batch of batchesOf(actions, context)) {
    if (context.signal?.aborted) throw new InterruptedError();
    let suspects: readonly Suspect[] = batch;
    for (let attempt = 1; suspects.length > 0; attempt++) {
      const results = await repairSuspects(suspects, context);
      const again: Suspect[] = [];
      const unequal = await readBack(suspects, context);
      suspects.forEach((suspect, i) => {
        const result = results[i]!;
        const equal = !unequal.has(keyText(suspect.key));
        if (!equal && result.outcome !== 'refused' && attempt < ATTEMPTS) {
          again.push(suspect);
          return;
        }
        outcomes[result.outcome]++;
        if (result.outcome === 'refused' && errors.length < ERRORS_SHOWN)
          errors.push(`${keyText(suspect.key)}: ${result.error}`);
        verified.read++;
        if (equal) verified.equal++;
      });
      suspects = again;
    }
    context.onRecords(batch.length);
  }
  const { left, ...all } = planned;
  const none = { insert: 0, update: 0, delete: 0 };
  const mine = { ...none, ...Object.fromEntries(actions.map((action) => [action, all[action]])) };
  return { applied: true, planned: mine, outcomes, left, errors, verified, remaining: found - verified.equal };
}

/** Two repairs of one replica, the second after the first. */
export function bothRepairs(first: RepairReport, second: RepairReport): RepairReport {
  return {
    applied: true,
    planned: plus(first.planned, second.planned),
    outcomes: plus(first.outcomes, second.outcomes),
    left: second.left,
    errors: [...first.errors, ...second.errors],
    verified: plus(first.verified, second.verified),
    remaining: second.remaining ?? 0,
  };
}

function plus<Counts extends Readonly<Record<string, number>>>(a: Counts, b: Counts): Counts {
  return Object.fromEntries(Object.keys(a).map((name) => [name, a[name]! + b[name]!])) as Counts;
}

/** Findings that call for one of these actions, in batches that one fetch and one apply take. */
async function* batchesOf(actions: readonly Action[], context: RepairContext): AsyncGenerator<readonly Suspect[]> {
  const { replica, policy } = context;
  const { key, cache } = replica.replica.mapping;
  const size = Math.min(replica.store.limits.applyChanges, context.confirm.keysPerLook);
  let batch: Suspect[] = [];
  for await (const finding of context.findings()) {
    const action = actionFor(finding.class, policy, cache);
    if (finding.replica !== replica.config.name || action === undefined || !actions.includes(action)) continue;
    batch.push({ key: key.map((field) => finding.key[field.name]!), places: finding.places ?? [] });
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Looks at each key as it is now and makes the changes that it calls for now, whatever the finding said. One outcome a key. */
async function repairSuspects(suspects: readonly Suspect[], context: RepairContext): Promise<readonly Outcome[]> {
  const keys = suspects.map((suspect) => suspect.key);
  const { fetchReplica, fetchSource, placed } = context.confirm;
  const whereabouts = placed ? whereaboutsOf(suspects, await fetchSource(keys)) : undefined;
  // The replica first, then the source: a source row can then only be newer than what it is to replace.
  const held = byKey(await fetchReplica(keys, whereabouts));
  const source = byKey(await fetchSource(keys));
  const outcomes: Outcome[] = keys.map(() => ({ outcome: 'unchanged' }));
  const changes: { readonly position: number; readonly change: Change }[] = [];
  keys.forEach((key, position) => {
    const records = held.get(keyText(key)) ?? [];
    const difference = compareRecord(context.replica.replica.mapping, source.get(keyText(key)) ?? [], records);
    if (difference === undefined) return;
    const wanted = changesFor(difference, records, context);
    if (wanted === undefined) outcomes[position] = { outcome: 'moved' };
    else for (const change of wanted) changes.push({ position, change });
  });
  if (changes.length === 0) return outcomes;
  const wanted = changes.map((entry) => entry.change);
  await context.beforeWrite(wanted);
  const { store, replica } = context.replica;
  const { applyChanges } = store.limits;
  for (let from = 0; from < wanted.length; from += applyChanges) {
    const applied = await store.apply(replica, wanted.slice(from, from + applyChanges));
    applied.forEach((outcome, i) => {
      const { position } = changes[from + i]!;
      outcomes[position] = worse(outcomes[position]!, outcome);
    });
  }
  return outcomes;
}

/** What puts this difference right; undefined: the policy leaves it alone. */
function changesFor(
  difference: Difference,
  records: readonly FetchedRow[],
  { replica, policy }: RepairContext,
): readonly Change[] | undefined {
  const { mapping } = replica.replica;
  const { source: row, fields } = difference;
  switch (actionFor(difference.class, policy, mapping.cache)) {
    case undefined:
      return undefined;
    case 'insert':
      return [{ kind: 'insert', row: row! }];
    case 'update':
      return [{ kind: 'update', row: row!, fields: fields!, expected: records[0]! }];
    case 'delete': {
      if (difference.class !== 'duplicate') return records.map((expected) => ({ kind: 'delete', expected, row }));
      const [kept, ...extra] = [...records].sort(
        (a, b) => distance(mapping.fields, row!, a) - distance(mapping.fields, row!, b),
      );
      const wrong = differingFields(mapping.fields, row!, kept!);
      const mend: Change[] = wrong.length === 0 ? [] : [{ kind: 'update', row: row!, fields: wrong, expected: kept! }];
      return [...mend, ...extra.map((expected): Change => ({ kind: 'delete', expected }))];
    }
  }
}

/** How far a copy is from the source's row. One that stands where the row belongs is nearer than any other: nothing need be moved there. */
function distance(fields: Mapping['fields'], source: Row, copy: Row): number {
  const isAtHome = copy.place?.every((part) => source.values.includes(part)) ?? true;
  return differingFields(fields, source, copy).length + (isAtHome ? 0 : fields.length + 1);
}

function whereaboutsOf(suspects: readonly Suspect[], source: readonly Row[]): (key: Key) => Whereabouts {
  const rows = byKey(source);
  const places = new Map(suspects.map((suspect) => [keyText(suspect.key), suspect.places]));
  return (key) => ({ rows: rows.get(keyText(key)) ?? [], places: places.get(keyText(key)) ?? [] });
}

const SEVERITY = { unchanged: 0, written: 1, moved: 2, refused: 3 } as const;

/** A key that took two changes (copies of an orphan) has the worse of their outcomes. */
function worse(a: Outcome, b: Outcome): Outcome {
  return SEVERITY[b.outcome] >= SEVERITY[a.outcome] ? b : a;
}

/** The keys, as text, that still differ: the same confirm as after a comparison. */
async function readBack(suspects: readonly Suspect[], context: RepairContext): Promise<ReadonlySet<string>> {
  const unequal = new Set<string>();
  const candidates = (async function* () {
    for (const suspect of suspects) yield { ...suspect, seenAt: Date.now() };
  })();
  for await (const verdict of confirm(candidates, { ...context.confirm, nominated: false })) {
    if (verdict.kind === 'finding') unequal.add(keyText(verdict.key));
  }
  return unequal;
}
