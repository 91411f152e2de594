// Carries decisions out on one server, a group of tables in one transaction: what changed since it was read is left and named, everything is
// journalled before it is written, constraints are checked before the commit, and a group that does not pass is taken back whole.

import { InterruptedError, StoreError } from '../errors.ts';
import { journalled } from '../journal/journalled.ts';
import { type Recorder, TransactionJournal } from '../journal/transaction-journal.ts';
import { type Key, keyText, type Mapping, type Row } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { decodeRow, keyParameters, type Relation, rowsByKeySql } from '../postgres/relation.ts';
import type { Asking, Session } from '../postgres/session.ts';
import { Transaction } from '../postgres/transaction.ts';
import { captureImages } from '../stores/postgres/images.ts';
import type { Change, FetchedRow, Outcome } from '../stores/store.ts';
import { differingFields } from '../value/same-value.ts';
import type { Catalog, Table } from './catalog.ts';
import { type CheckResult, checkTables, countRows } from './checks.ts';
import type { TableSides } from './consistency.ts';
import { type Decision, readMark, writesTo } from './decision.ts';
import type { Group } from './groups.ts';
import { MergeStore, withinTransaction } from './merge-store.ts';
import { move, planMoves, type SequenceMove, sequencesOf } from './sequences.ts';
import { type Both, otherSide, type Side } from './sides.ts';
import { arrange, type Item, type Kind, kindOf, Spoilt, type Step } from './steps.ts';

export interface MergeTable extends TableSides {
  readonly table: Table;
  readonly ready: ReadyReplica;
}

export interface MergeContext {
  /** The side that is written. */
  readonly side: Side;
  readonly writer: Session;
  /** Of the side that is read. */
  readonly origin: Session;
  readonly tables: ReadonlyMap<string, MergeTable>;
  /** As they are now. */
  readonly catalogs: Both<Catalog>;
  /** Triggers do not fire, and the server does not look at references: it is done here, before the commit. */
  readonly replicates: boolean;
  readonly journal: Recorder;
  readonly onRecords: (table: string, records: number) => void;
  readonly signal?: AbortSignal;
}

export interface LeftRow {
  readonly table: string;
  readonly key: Key;
  readonly outcome: 'moved' | 'refused';
  readonly why: string;
}

export type MergeOutcomes = Record<Outcome['outcome'], number>;

export interface GroupResult {
  readonly committed: boolean;
  /** By table. */
  readonly outcomes: ReadonlyMap<string, MergeOutcomes>;
  readonly left: readonly LeftRow[];
  readonly checks: readonly CheckResult[];
  readonly moves: readonly SequenceMove[];
  /** Why it was taken back. */
  readonly errors: readonly string[];
}

const BATCH = 500;
/** Milliseconds that a table's lock is waited for. */
const LOCK_WAIT = 10_000;

/** `decisions`: of the group's tables, by table. Throws StoreErrors of a server that is gone, and of a lock that can't be had. */
export async function mergeGroup(
  group: Group,
  decisions: ReadonlyMap<string, readonly Decision[]>,
  context: MergeContext,
): Promise<GroupResult> {
  const { side, signal } = context;
  const work = new Map(
    group.tables.map((name) => [name, (decisions.get(name) ?? []).filter((decision) => writesTo(decision, side))]),
  );
  const writes = [...work.values()].some((all) => all.length > 0);
  const tables = group.tables.map((name) => context.tables.get(name)!.table);
  const outcomes = new Map(group.tables.map((name) => [name, { written: 0, unchanged: 0, moved: 0, refused: 0 }]));
  const left: LeftRow[] = [];
  let checks: readonly CheckResult[] = [];
  let moves: readonly SequenceMove[] = [];
  const transaction = await openMerge(context, writes ? tables : []);
  const journal = new TransactionJournal(context.journal);
  const own = { ...context, journal };
  let commits = false;
  try {
    if (signal?.aborted) throw new InterruptedError();
    const store = storeOf(transaction, context, group.tables);
    const before = new Map<string, number>();
    for (const table of tables) before.set(table.name, await countRows(transaction, table));
    const items = new Map<string, Item[]>();
    for (const name of group.tables) {
      const table = context.tables.get(name)!;
      items.set(name, await look(work.get(name)!, table, store, context, outcomes.get(name)!, left));
    }
    const steps = await arrange(group, items, transaction, context);
    for (const step of steps) {
      if (signal?.aborted) throw new InterruptedError();
      await carryOut(step, store, own, outcomes.get(step.table)!, left);
    }
    if (left.some(({ outcome }) => outcome === 'refused')) throw new Spoilt('the server refused a row');
    if (!context.replicates) await transaction.query('check references', 'set constraints all immediate');
    checks = [
      ...(await checkTables(transaction, tables, context.catalogs[side].references)),
      ...(await checkCounts(transaction, tables, before, items)),
    ];
    if (checks.some(({ wrong }) => wrong > 0)) throw new Spoilt('the merged rows break a constraint');
    const sequences = sequencesOf(context.catalogs[side], tables);
    const known = new Map(tables.map((table) => [table.name, table]));
    moves = await planMoves(transaction, sequences, context.catalogs[otherSide(side)], known);
    await move(transaction, context.catalogs[side], moves);
    commits = true;
    await transaction.commit();
    await journal.committed();
    return { committed: true, outcomes, left, checks, moves, errors: [] };
  } catch (error) {
    // Whether it was committed can't be told when the connection is lost just then.
    const isUnknown = commits && !(error instanceof StoreError && !error.transient);
    if (!isUnknown) await journal.takenBack().catch(() => {});
    const words =
      error instanceof Spoilt
        ? error.message
        : error instanceof StoreError && !error.transient
          ? error.detail
          : undefined;
    if (words === undefined) throw error;
    for (const counts of outcomes.values()) {
      counts.refused += counts.written;
      counts.written = 0;
    }
    return { committed: false, outcomes, left, checks, moves: [], errors: [words, ...left.flatMap(refusalWords)] };
  } finally {
    await transaction.end();
  }
}

function refusalWords({ table, key, outcome, why }: LeftRow): string[] {
  return outcome === 'refused' ? [`${table} ${key.join(', ')}: ${why}`] : [];
}

/** A transaction in which nobody else writes these tables. */
export async function openMerge(
  { writer, replicates }: Pick<MergeContext, 'writer' | 'replicates'>,
  tables: readonly Table[],
): Promise<Transaction> {
  const transaction = await Transaction.begin(writer, 'itself');
  try {
    // A synchronous standby that is gone would hold the commit for ever.
    await transaction.set('synchronous_commit', 'local');
    await transaction.set('lock_timeout', String(LOCK_WAIT));
    if (replicates) await transaction.set('session_replication_role', 'replica');
    if (tables.length > 0) await lock(transaction, tables);
    await transaction.query('defer', 'set constraints all deferred');
    return transaction;
  } catch (error) {
    await transaction.end();
    throw error;
  }
}

async function lock(transaction: Transaction, tables: readonly Table[]): Promise<void> {
  const names = tables.map(({ sql }) => sql).sort();
  try {
    await transaction.query('lock', `lock table ${names.join(', ')} in share row exclusive mode`);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new StoreError(transaction.name, 'lock the tables', error.detail, {
      cause: error,
      hint: 'Applications still write there. Keep them away (pg_hba.conf, or their pool) until the merge is done.',
    });
  }
}

export function storeOf(
  transaction: Transaction,
  { side, tables }: Pick<MergeContext, 'side' | 'tables'>,
  names: readonly string[],
): MergeStore {
  const relations = names.map((name): [string, Relation] => {
    const { table, relations } = tables.get(name)!;
    return [table.qualified, relations[side]];
  });
  return new MergeStore(transaction, new Map(relations));
}

/** What is to be written, of what is still as it was read. */
async function look(
  work: readonly Decision[],
  table: MergeTable,
  store: MergeStore,
  { side, origin, signal }: MergeContext,
  outcomes: MergeOutcomes,
  left: LeftRow[],
): Promise<Item[]> {
  const { mapping, relations, ready, name } = table;
  const items: Item[] = [];
  for (let from = 0; from < work.length; from += BATCH) {
    if (signal?.aborted) throw new InterruptedError();
    const batch = work.slice(from, from + BATCH);
    const keys = batch.map(({ key }) => key);
    const [targets, origins] = [
      byText(await store.fetch(ready.replica, keys)),
      byText(await fetchRows(origin, relations[otherSide(side)], mapping, keys)),
    ];
    const standing = batch.flatMap(({ key }) => origins.get(keyText(key)) ?? []);
    const captured =
      standing.length === 0 ? [] : await captureImages(origin, relations[otherSide(side)], mapping, standing);
    const images = new Map(standing.map((row, i) => [keyText(row.key), captured[i]?.image]));
    for (const { key, read } of batch) {
      const text = keyText(key);
      const [target, source] = [targets.get(text), origins.get(text)];
      const mark = side === 'here' ? readMark(target, source) : readMark(source, target);
      if (sameRow(mapping, target, source)) outcomes.unchanged++;
      else if (mark !== read || (source !== undefined && images.get(text) === undefined)) {
        outcomes.moved++;
        left.push({ table: name, key, outcome: 'moved', why: 'it has changed since it was read' });
      } else items.push({ key, origin: source, image: images.get(text), target });
    }
  }
  return items;
}

function sameRow({ fields }: Mapping, a: Row | undefined, b: Row | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return differingFields(fields, a, b).length === 0;
}

async function fetchRows(
  asking: Asking,
  relation: Relation,
  mapping: Mapping,
  keys: readonly Key[],
): Promise<readonly FetchedRow[]> {
  const rows = await asking.query(
    `fetch ${keys.length} keys`,
    rowsByKeySql(relation, mapping, ', ctid::text as row_id, xmin::text as row_version'),
    keyParameters(keys, mapping.key.length),
  );
  return rows.map((row) => ({ ...decodeRow(relation, mapping, row), token: [row.row_id, row.row_version] }));
}

function byText<R extends Row>(rows: readonly R[]): ReadonlyMap<string, R> {
  return new Map(rows.map((row) => [keyText(row.key), row]));
}

async function carryOut(
  { table: name, kind, items, without = [] }: Step,
  store: MergeStore,
  context: MergeContext,
  outcomes: MergeOutcomes,
  left: LeftRow[],
): Promise<void> {
  const { ready, mapping, table } = context.tables.get(name)!;
  const own = withinTransaction(ready, `${context.side}.${name}`, store);
  const nulled = without
    .map((column) => mapping.fields.findIndex((field) => field.name === column))
    .filter((i) => i >= 0);
  const withNulls = (row: FetchedRow): FetchedRow => ({
    ...row,
    values: row.values.map((value, i) => (nulled.includes(i) ? null : value)),
  });
  // All at once: rows of one statement may refer to each other.
  const size = kind === 'insert' ? store.limits.applyChanges : BATCH;
  for (let from = 0; from < items.length; from += size) {
    const batch = items.slice(from, from + size);
    const standing = byText(
      kind === 'insert'
        ? []
        : await store.fetch(
            ready.replica,
            batch.map(({ key }) => key),
          ),
    );
    const made: { readonly item: Item; readonly change: Change }[] = [];
    for (const item of batch) {
      const expected = standing.get(keyText(item.key));
      const { origin, image } = item;
      if (kind === 'insert') {
        const row = withNulls(origin!);
        made.push({ item, change: { kind, row, image: withoutColumns(image as string, without) } });
      } else if (expected === undefined) continue;
      else if (kind === 'delete') made.push({ item, change: { kind, expected } });
      else {
        const row = nulled.length === 0 ? origin! : withNulls(expected);
        const fields = differingFields(mapping.fields, row, expected).filter(
          (i) => !isGenerated(table, mapping.fields[i]!.name),
        );
        if (fields.length > 0)
          made.push({ item, change: { kind, row, fields, expected, image: nulled.length === 0 ? image : undefined } });
      }
    }
    const results = await journalled(
      context.journal,
      own,
      made.map(({ change }) => change),
    );
    results.forEach((result, i) => {
      const { key } = made[i]!.item;
      if (result.outcome === 'refused' || result.outcome === 'moved') {
        const why = result.outcome === 'refused' ? result.error : 'it changed while it was written';
        left.push({ table: name, key, outcome: 'refused', why });
      }
    });
    const count = batch.filter((item) => isDone(kind, item, nulled.length > 0)).length;
    outcomes.written += count;
    context.onRecords(name, count);
  }
}

/** The text of an image in which these columns are null. Of a member that stands twice the last counts, so the rest keeps every digit. */
function withoutColumns(image: string, columns: readonly string[]): string {
  return columns.reduce((text, column) => `${text.slice(0, -1)},${JSON.stringify(column)}:null}`, image);
}

/** Whether this step is what makes the row right, so that a row of two steps counts once. */
function isDone(kind: Kind, { origin, target }: Item, nulled: boolean): boolean {
  if (kind === 'delete') return origin === undefined;
  return kind === 'insert' || (!nulled && target !== undefined);
}

function isGenerated(table: Table, column: string): boolean {
  return table.columns.some(({ name, generated }) => name === column && generated !== null);
}

async function checkCounts(
  asking: Asking,
  tables: readonly Table[],
  before: ReadonlyMap<string, number>,
  items: ReadonlyMap<string, readonly Item[]>,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const table of tables) {
    const all = items.get(table.name)!;
    const count = (kind: Kind) => all.filter((item) => kindOf(item) === kind).length;
    const wanted = before.get(table.name)! + count('insert') - count('delete');
    const rows = await countRows(asking, table);
    results.push({
      kind: 'count',
      table: table.name,
      name: 'rows',
      wrong: Math.abs(rows - wanted),
      example: String(rows),
    });
  }
  return results;
}
