// Repairs one replica from its findings: looks again at each on both sides, decides anew, writes conditionally, reads back. It never scans.

import { compareRecord, type Difference } from '../confirm/compare-record.ts';
import { type ConfirmOptions, confirm } from '../confirm/confirm.ts';
import { InterruptedError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { capture, journalled } from '../journal/journalled.ts';
import type { Progress } from '../journal/progress.ts';
import { type Key, keyText, type Mapping, type Place, type Row } from '../mapping/mapping.ts';
import { now } from '../now.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { byKey } from '../postgres/relation.ts';
import type { Finding, RepairReport } from '../report/report.ts';
import type { Change, FetchedRow, Outcome, Whereabouts } from '../stores/store.ts';
import { differingFields } from '../value/same-value.ts';
import { type Action, actionFor, type PlannedRepair, type RepairPolicy } from './limits.ts';
import type { Pace } from './pace.ts';
import { ERRORS_SHOWN, NOTHING, plus, plusTally, type Tally } from './tally.ts';

export interface RepairContext {
  readonly replica: ReadyReplica;
  readonly policy: RepairPolicy;
  /** What can't be read is replaced too; else it is left alone. */
  readonly replacesUnread?: true;
  /** The findings of the run, from the first; they are read more than once. */
  readonly findings: () => AsyncIterable<Finding>;
  /** Fetches and settling rules, for looking before and reading back after. */
  readonly confirm: ConfirmOptions;
  /** Where every change is recorded before it is made. Absent only where nobody reads what is written: a place that is being built. */
  readonly journal?: Journal;
  /** What a killed run had done of this already. */
  readonly progress?: Progress;
  /** Asked before each batch: waits while it should, throws an InterruptedError when no more may be written. */
  readonly mayGoOn?: () => Promise<void>;
  readonly pace: Pace;
  readonly onRecords: (records: number) => void;
  readonly signal?: AbortSignal;
}

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
  const { progress, replica, signal } = context;
  let tally: Tally = progress ?? NOTHING;
  for await (const batch of batchesOf(actions, context)) {
    if (signal?.aborted) throw new InterruptedError();
    await context.mayGoOn?.();
    const done = await repairBatch(batch, context);
    await context.journal?.done({
      replica: replica.config.name,
      actions: actions.join(),
      findings: batch.length,
      ...done,
    });
    tally = plusTally(tally, done);
    context.onRecords(batch.length);
    await context.pace.after(done.outcomes.written, signal);
  }
  const { outcomes, verified, errors } = tally;
  const { left, ...all } = planned;
  const none = { insert: 0, update: 0, delete: 0 };
  const mine = { ...none, ...Object.fromEntries(actions.map((action) => [action, all[action]])) };
  return { applied: true, planned: mine, outcomes, left, errors, verified, remaining: found - verified.equal };
}

/** Writes a batch and reads it back; what did not come out equal is tried again. */
async function repairBatch(batch: readonly Suspect[], context: RepairContext): Promise<Tally> {
  const outcomes = { ...NOTHING.outcomes };
  const verified = { ...NOTHING.verified };
  const errors: string[] = [];
  const wrote = new Set(context.progress?.intended);
  let suspects = batch;
  for (let attempt = 1; suspects.length > 0; attempt++) {
    const results = await repairSuspects(suspects, context);
    const again: Suspect[] = [];
    const unequal = await readBack(suspects, context);
    suspects.forEach((suspect, i) => {
      const result = results[i]!;
      const text = keyText(suspect.key);
      const equal = !unequal.has(text);
      if (result.outcome === 'written') wrote.add(text);
      if (!equal && result.outcome !== 'refused' && attempt < ATTEMPTS) {
        again.push(suspect);
        return;
      }
      // Right without a write of ours now, but about to be written before: it was we who did it.
      outcomes[result.outcome === 'unchanged' && wrote.has(text) ? 'written' : result.outcome]++;
      if (result.outcome === 'refused') errors.push(`${text}: ${result.error}`);
      verified.read++;
      if (equal) verified.equal++;
    });
    suspects = again;
  }
  return { outcomes, verified, errors: errors.slice(0, ERRORS_SHOWN) };
}

/** Two repairs of one replica, the second after the first. */
export function bothRepairs(first: RepairReport, second: RepairReport): RepairReport {
  return {
    ...plusTally(first, second),
    applied: true,
    planned: plus(first.planned, second.planned),
    left: second.left,
    remaining: second.remaining ?? 0,
  };
}

/** Findings that call for one of these actions, in batches that one fetch and one apply take. */
async function* batchesOf(actions: readonly Action[], context: RepairContext): AsyncGenerator<readonly Suspect[]> {
  const { replica, policy } = context;
  const { key, cache } = replica.replica.mapping;
  const size = Math.min(replica.store.limits.applyChanges, context.confirm.keysPerLook, context.pace.batch);
  let behind = context.progress?.findings ?? 0;
  let batch: Suspect[] = [];
  for await (const finding of context.findings()) {
    const isReplaced = finding.class === 'unread' && context.replacesUnread;
    const action = isReplaced ? 'update' : actionFor(finding.class, policy, cache);
    if (finding.replica !== replica.config.name || action === undefined || !actions.includes(action)) continue;
    if (behind > 0) {
      behind--;
      continue;
    }
    batch.push({ key: key.map((field) => finding.key[field.name]!), places: finding.places ?? [] });
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Records what findings call for without making it: before another place takes this one's, which changes all of them at once.
 */
export async function recordRepair(actions: readonly Action[], context: RepairContext): Promise<void> {
  const { journal, replica } = context;
  for await (const batch of batchesOf(actions, context)) {
    if (context.signal?.aborted) throw new InterruptedError();
    const changes = (await changesOf(batch, context)).flatMap(({ changes: wanted }) => wanted ?? []);
    if (changes.length > 0) await journal!.intend(replica, changes, await capture(replica, changes));
  }
}

/** Looks at each key as it is now and makes the changes that it calls for now, whatever the finding said. One outcome a key. */
async function repairSuspects(suspects: readonly Suspect[], context: RepairContext): Promise<readonly Outcome[]> {
  const wanted = await changesOf(suspects, context);
  const outcomes = wanted.map(({ changes }): Outcome => ({ outcome: changes === undefined ? 'moved' : 'unchanged' }));
  const changes = wanted.flatMap((each, position) => (each.changes ?? []).map((change) => ({ position, change })));
  const made = await journalled(
    context.journal,
    context.replica,
    changes.map(({ change }) => change),
  );
  made.forEach((outcome, i) => {
    const { position } = changes[i]!;
    outcomes[position] = worse(outcomes[position]!, outcome);
  });
  return outcomes;
}

/** By suspect: what puts it right as both sides are now; none: it is right; undefined: the policy leaves it alone. */
async function changesOf(
  suspects: readonly Suspect[],
  context: RepairContext,
): Promise<readonly { readonly changes: readonly Change[] | undefined }[]> {
  const keys = suspects.map((suspect) => suspect.key);
  const { mapping } = context.replica.replica;
  const { fetchReplica, fetchSource, placed } = context.confirm;
  const whereabouts = placed ? whereaboutsOf(suspects, await fetchSource(keys)) : undefined;
  // The replica first, then the source: a source row can then only be newer than what it is to replace.
  const held = byKey(await fetchReplica(keys, whereabouts));
  const source = byKey(await fetchSource(keys));
  return keys.map((key) => {
    const records = held.get(keyText(key)) ?? [];
    const rows = source.get(keyText(key)) ?? [];
    const difference = compareRecord(mapping, rows, records);
    if (difference === undefined) return { changes: [] };
    const isReplaced = difference.class === 'unread' && context.replacesUnread;
    return { changes: isReplaced ? replacing(records, rows[0], mapping) : changesFor(difference, records, context) };
  });
}

function replacing(records: readonly FetchedRow[], row: Row | undefined, { fields }: Mapping): readonly Change[] {
  const [first, ...extra] = records;
  if (row === undefined || first === undefined) return deletions(records, 0);
  return [{ kind: 'update', row, fields: [...fields.keys()], expected: first }, ...deletions(extra, 1)];
}

/** One after the other, beside those of the key that stay. */
function deletions(records: readonly FetchedRow[], staying: number, row?: Row): readonly Change[] {
  return records.map((expected, i): Change => {
    const beside = staying + records.length - 1 - i;
    return { kind: 'delete', expected, row, ...(beside > 0 && { beside }) };
  });
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
      if (difference.class !== 'duplicate') return deletions(records, 0, row);
      const [kept, ...extra] = [...records].sort(
        (a, b) => distance(mapping.fields, row!, a) - distance(mapping.fields, row!, b),
      );
      const wrong = differingFields(mapping.fields, row!, kept!);
      const mend: Change[] = wrong.length === 0 ? [] : [{ kind: 'update', row: row!, fields: wrong, expected: kept! }];
      return [...mend, ...deletions(extra, 1)];
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
    for (const suspect of suspects) yield { ...suspect, seenAt: now() };
  })();
  for await (const verdict of confirm(candidates, { ...context.confirm, nominated: false })) {
    if (verdict.kind === 'finding') unequal.add(keyText(verdict.key));
  }
  return unequal;
}
