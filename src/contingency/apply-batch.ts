// Brings a batch of writes back into the source in one transaction: looks at the rows, decides, journals, commits. A batch that one write spoils is
// done again, write by write.

import { StoreError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { TransactionJournal } from '../journal/transaction-journal.ts';
import { type Key, keyText } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { decodeRow, keyParameters, rowsByKeySql } from '../postgres/relation.ts';
import type { Session } from '../postgres/session.ts';
import { inTransaction, type Transaction } from '../postgres/transaction.ts';
import { applyChanges } from '../stores/postgres/apply.ts';
import { captureImages } from '../stores/postgres/images.ts';
import type { Captured, Change, FetchedRow, Outcome } from '../stores/store.ts';
import { type Conflict, type Decision, decide, type Look, type Rules } from './decide.ts';
import type { SourceTable } from './source-table.ts';
import type { Write } from './write.ts';

/** A write in its place among all. */
export interface Placed {
  readonly order: string;
  readonly write: Write;
}

/** `same`: it stood there already. `kept`: the source won. `undecided`: a person has to decide. `failed`: the server said no. */
export const EFFECTS = ['insert', 'update', 'delete', 'same', 'kept', 'undecided', 'failed'] as const;
export type Effect = (typeof EFFECTS)[number];

export interface Applied {
  readonly effect: Effect;
  readonly conflict?: Conflict;
  /** Of what failed. */
  readonly error?: string;
}

export interface ApplyContext {
  readonly tableOf: (entity: string) => SourceTable;
  readonly rulesOf: (placed: Placed) => Rules;
  /** Where transactions are put to; for a dry run where rows are looked at. */
  readonly writer: Session;
  readonly journal?: Journal;
  /** In place of a journal, for a dry run: what the rows that it has met would be by now. */
  readonly wouldBe?: Map<string, FetchedRow | undefined>;
  /** The source's cluster. */
  readonly system: string;
  readonly began: string;
  /** The server keeps when a transaction committed, so that a row without a version has a time of its last change. */
  readonly tracksCommits: boolean;
  /** Ids of the transactions of this drain and those that it goes on with, as rows carry them (`xmin`). */
  readonly ours: Set<string>;
  /** Asked before the source commits: what must not be lost with the process. */
  readonly record: (placed: Placed, conflict: Conflict) => Promise<void>;
}

/** How often a write whose row moves under it is tried at once. */
const MOST_MOVES = 5;

/** One a write, in their order; no two are of one record. Throws StoreErrors that may pass by themselves. */
export async function applyBatch(batch: readonly Placed[], context: ApplyContext): Promise<readonly Applied[]> {
  if (context.journal === undefined) return dryRun(batch, context, context.wouldBe ?? new Map());
  const done = await attempt(batch, context, context.journal);
  if (Array.isArray(done)) return done;
  const applied: Applied[] = [];
  for (const placed of batch) applied.push(await applyOne(placed, context, context.journal));
  return applied;
}

async function applyOne(placed: Placed, context: ApplyContext, journal: Journal): Promise<Applied> {
  let error = '';
  for (let moves = 0; moves < MOST_MOVES; moves++) {
    const done = await attempt([placed], context, journal);
    if (Array.isArray(done)) return done[0]!;
    ({ error } = done as Failed);
    if (!(done as Failed).hasMoved) break;
  }
  return { effect: 'failed', error };
}

/** Within a transaction that has not ended. */
interface Written {
  readonly run: Run;
  readonly images: readonly (Captured | undefined)[];
  readonly outcomes: readonly Outcome[];
}

interface Failed {
  readonly error: string;
  /** The row changed between the look and the write. */
  readonly hasMoved: boolean;
}

async function attempt(batch: readonly Placed[], context: ApplyContext, journal: Journal): Promise<Applied[] | Failed> {
  const { writer, system, began, ours } = context;
  let failed: Failed | undefined;
  let applied: Applied[] = [];
  const recorder = new TransactionJournal(journal);
  try {
    await inTransaction(writer, 'transaction', async (transaction) => {
      const decisions = await decideAll(batch, context, transaction);
      const runs = runsOf(batch, decisions, context);
      const written: Written[] = [];
      for (const run of runs) {
        const images = await imagesOf(transaction, run);
        const outcomes = await applyChanges(transaction, run.table.relation, run.ready.replica.mapping, run.changes);
        const bad = outcomes.find(({ outcome }) => outcome !== 'written');
        if (bad !== undefined) {
          failed = 'error' in bad ? { error: bad.error, hasMoved: false } : { error: MOVING, hasMoved: true };
          return false;
        }
        written.push({ run, images, outcomes });
      }
      const xid = runs.length === 0 ? undefined : await transaction.id();
      for (const { run, images, outcomes } of written) {
        const settle = await recorder.prepare(run.ready, run.changes, images);
        await settle(outcomes);
      }
      applied = decisions.map(appliedOf);
      for (const [i, { conflict }] of applied.entries())
        if (conflict !== undefined) await context.record(batch[i]!, conflict);
      const done = batch.flatMap(({ order }, i) => (isDone(applied[i]!) ? [[order, applied[i]!.effect] as const] : []));
      await journal.drained({ xid, system, began, writes: done });
      if (xid !== undefined) ours.add(rowVersion(xid));
      return runs.length > 0;
    });
  } catch (error) {
    if (!(error instanceof StoreError) || (error.transient && !isBusy(error))) throw error;
    if (isBusy(error)) return { error: error.detail, hasMoved: true };
    // A constraint that is checked at the end, or a statement that the server refused.
    await recorder.takenBack();
    return { error: error.detail, hasMoved: false };
  }
  if (failed !== undefined) return failed;
  await recorder.committed();
  return applied;
}

/** Of two transactions that were in each other's way the server has ended this one (class 40, and a lock that was not to be had). */
function isBusy({ cause }: StoreError): boolean {
  return /^(40|55P03)/.test(String((cause as { readonly code?: unknown } | undefined)?.code ?? ''));
}

const MOVING = 'the row changed each time while it was written';

/** It needs nothing more, whatever it came to. */
export function isDone({ effect }: Applied): boolean {
  return effect !== 'failed' && effect !== 'undecided';
}

/** A row carries only the lower half of the id. */
export function rowVersion(xid: string): string {
  return String(BigInt(xid) & 0xffff_ffffn);
}

function appliedOf(decision: Decision): Applied {
  switch (decision.kind) {
    case 'change':
      return { effect: decision.change.kind, conflict: decision.conflict };
    case 'failed':
      return { effect: 'failed', error: decision.error };
    case 'same':
      return { effect: 'same' };
    default:
      return { effect: decision.kind, conflict: decision.conflict };
  }
}

/** Says what would be done, by the rows as they stand and as earlier writes of the dry run would have left them. */
async function dryRun(
  batch: readonly Placed[],
  context: ApplyContext,
  wouldBe: Map<string, FetchedRow | undefined>,
): Promise<readonly Applied[]> {
  const decisions = await decideAll(batch, context, context.writer, wouldBe);
  decisions.forEach((decision, i) => {
    if (decision.kind !== 'change') return;
    const { change } = decision;
    wouldBe.set(nameOf(batch[i]!.write), change.kind === 'delete' ? undefined : { ...change.row, token: undefined });
  });
  return decisions.map(appliedOf);
}

function nameOf({ entity, key }: Write): string {
  return JSON.stringify([entity, ...key]);
}

type Asking = Pick<Transaction, 'name' | 'query'>;

async function decideAll(
  batch: readonly Placed[],
  context: ApplyContext,
  asking: Asking,
  wouldBe?: ReadonlyMap<string, FetchedRow | undefined>,
): Promise<readonly Decision[]> {
  const looks = new Map<string, ReadonlyMap<string, Look>>();
  for (const entity of new Set(batch.map(({ write }) => write.entity))) {
    const keys = batch.flatMap(({ write }) => (write.entity === entity ? [write.key] : []));
    looks.set(entity, await lookAt(context.tableOf(entity), keys, context, asking));
  }
  return batch.map((placed): Decision => {
    const { entity, key } = placed.write;
    const name = nameOf(placed.write);
    const look = wouldBe?.has(name)
      ? { row: wouldBe.get(name), isOurs: true }
      : (looks.get(entity)!.get(keyText(key)) ?? { isOurs: false });
    return decide(placed.write, look, context.rulesOf(placed), context.tableOf(entity).ready.replica.mapping);
  });
}

/** By key: the rows that are there. */
async function lookAt(
  { ready, relation }: SourceTable,
  keys: readonly Key[],
  { tracksCommits, ours }: ApplyContext,
  asking: Asking,
): Promise<ReadonlyMap<string, Look>> {
  const { mapping } = ready.replica;
  const committed = tracksCommits
    ? `to_char(pg_xact_commit_timestamp(relation.xmin) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    : 'null::text';
  const extra = `, relation.ctid::text as row_id, relation.xmin::text as row_version, ${committed} as committed_at`;
  const rows = await asking.query(
    `look at ${keys.length} rows`,
    rowsByKeySql(relation, mapping, extra),
    keyParameters(keys, mapping.key.length),
  );
  return new Map(
    rows.map((raw): [string, Look] => {
      const row = { ...decodeRow(relation, mapping, raw), token: [raw.row_id, raw.row_version] };
      const version = mapping.version === undefined ? undefined : row.values[mapping.version];
      const isTime = mapping.version !== undefined && mapping.fields[mapping.version]!.type.kind === 'timestamp';
      const changedAt = isTime && typeof version === 'string' ? version : (raw.committed_at ?? undefined);
      return [keyText(row.key), { row, changedAt, isOurs: ours.has(raw.row_version!) }];
    }),
  );
}

/** Changes that one statement can make without leaving the order: of one table and kind, for inserts of the same columns. */
interface Run {
  readonly table: SourceTable;
  /** With the columns alone that are written, where it inserts: the others get their defaults. */
  readonly ready: ReadyReplica;
  readonly changes: Change[];
}

function runsOf(batch: readonly Placed[], decisions: readonly Decision[], context: ApplyContext): readonly Run[] {
  const runs: Run[] = [];
  let last: string | undefined;
  decisions.forEach((decision, i) => {
    if (decision.kind !== 'change') return;
    const { write } = batch[i]!;
    const { change } = decision;
    const columns = change.kind === 'insert' ? [...write.values.keys()].sort((a, b) => a - b) : [];
    const name = JSON.stringify([write.entity, change.kind, columns]);
    if (name !== last) {
      const table = context.tableOf(write.entity);
      runs.push({
        table,
        ready: change.kind === 'insert' ? withFields(table.ready, columns) : table.ready,
        changes: [],
      });
    }
    last = name;
    runs.at(-1)!.changes.push(change.kind === 'insert' ? insertOf(change, columns) : change);
  });
  return runs;
}

function withFields(ready: ReadyReplica, columns: readonly number[]): ReadyReplica {
  const { replica } = ready;
  const { key, fields } = replica.mapping;
  return { ...ready, replica: { ...replica, mapping: { key, fields: columns.map((index) => fields[index]!) } } };
}

function insertOf(change: Extract<Change, { kind: 'insert' }>, columns: readonly number[]): Change {
  const values = columns.map((index) => change.row.values[index]!);
  return { kind: 'insert', row: { key: change.row.key, values } };
}

async function imagesOf(transaction: Transaction, { table, ready, changes }: Run) {
  const standing = changes.flatMap((change) => (change.kind === 'insert' ? [] : [change.expected]));
  if (standing.length === 0) return changes.map(() => undefined);
  // Changes of one run are all inserts or none.
  return captureImages(transaction, table.relation, ready.replica.mapping, standing);
}
