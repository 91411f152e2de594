// Makes changes, each under its condition: many of a kind in one statement, whose row counts and batch errors tell what became of each. A
// batch that fails as a whole is done again row by row.

import { type Field, type Key, keyText } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { sameValue } from '../../value/same-value.ts';
import type { Change, FetchedRow, Outcome } from '../store.ts';
import { makeBatch, makeBinds } from './binds.ts';
import { type BindKind, bindKind, guardKind, isNullAware } from './column-sql.ts';
import type { Column } from './columns.ts';
import { type Decoder, isNothing } from './decode.ts';
import { type BindValue, encode, keyBinds } from './encode.ts';
import { codeOf, isOfStatement, isTransient } from './failure.ts';
import { fetchRows, type Token } from './fetch.ts';
import { columnsOfImage, type Restored, restoredColumns } from './images.ts';
import type { Connection, Session } from './session.ts';
import { deleteSql, insertSql, type Place, type PlacedField, restoreSql, updateSql } from './sql.ts';

export const MOST_CHANGES = 1000;
const DUPLICATE = 'ORA-00001';

const written: Outcome = { outcome: 'written' };
const unchanged: Outcome = { outcome: 'unchanged' };
const moved: Outcome = { outcome: 'moved' };

type Insert = Extract<Change, { kind: 'insert' }>;
type Update = Extract<Change, { kind: 'update' }>;
type Delete = Extract<Change, { kind: 'delete' }>;
/** All of the table, by the dictionary's names. */
type Columns = ReadonlyMap<string, Column>;

/** Changes that one statement can make. */
interface Group {
  readonly kind: Change['kind'];
  readonly sql: string;
  readonly kinds: readonly BindKind[];
  readonly asked: Asked[];
}

interface Asked {
  /** Index of the change. */
  readonly change: number;
  readonly binds: readonly BindValue[];
}

/** What the server said of one row: how many records it touched, or why not. */
type Effect = { readonly count: number } | { readonly error: unknown };

export async function applyChanges(
  session: Session,
  place: Place,
  decoder: Decoder,
  columns: Columns,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = new Array(changes.length);
  const groups = groupsOf(place, columns, changes, (change, error) => {
    outcomes[change] = { outcome: 'refused', error: error.message };
  });
  const isSensitive = [...place.key, ...place.fields].some(({ field }) => field.sensitive);
  const verb = `write to ${place.table}`;
  for (const group of groups) {
    const effects = await session.use(verb, (connection) => execute(session, connection, group));
    const open: number[] = [];
    group.asked.forEach(({ change }, i) => {
      const effect = effects[i]!;
      if ('error' in effect) {
        if (group.kind === 'insert' && codeOf(effect.error) === DUPLICATE) open.push(change);
        outcomes[change] = { outcome: 'refused', error: session.failures.ofRow(effect.error, isSensitive) };
      } else if (effect.count > 0) outcomes[change] = written;
      else if (group.kind === 'insert') outcomes[change] = moved;
      else open.push(change);
    });
    if (open.length === 0) continue;
    const keys = open.map((change) => keyOf(changes[change]!));
    const now = await session.use(verb, (connection) =>
      fetchRows(session, connection, { ...place, where: undefined }, decoder, keys),
    );
    for (const change of open) {
      const outcome = afterwards(place, changes[change]!, now);
      if (outcome !== undefined) outcomes[change] = outcome;
    }
  }
  return outcomes;
}

function groupsOf(
  place: Place,
  columns: Columns,
  changes: readonly Change[],
  refuse: (change: number, error: ValueError) => void,
): readonly Group[] {
  const groups = new Map<string, Group>();
  changes.forEach((change, index) => {
    try {
      const { sql, binds, kinds } = statementOf(place, columns, change);
      const group = groups.get(sql) ?? { kind: change.kind, sql, kinds, asked: [] };
      group.asked.push({ change: index, binds });
      groups.set(sql, group);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      refuse(index, error);
    }
  });
  return [...groups.values()];
}

function statementOf(place: Place, columns: Columns, change: Change) {
  switch (change.kind) {
    case 'insert': {
      if (change.image !== undefined) return restoration(place, columns, change);
      const fields = place.fields.filter(({ column }) => !column.virtual);
      const values = fields.map((part) => encode(part, change.row.values[place.fields.indexOf(part)]!));
      return {
        sql: insertSql(place),
        kinds: [...place.key, ...fields].map(({ column }) => bindKind(column)),
        binds: [...keyValues(place, change.row.key), ...values],
      };
    }
    case 'update': {
      const fields = change.fields.filter((index) => !place.fields[index]!.column.virtual);
      if (fields.length === 0) throw new ValueError('only virtual columns differ: the server computes them itself');
      const guard = guardOf(place, change.expected);
      if (change.image !== undefined) {
        const names = fields.map((index) => place.fields[index]!.column.name);
        const restored = restoredColumns(change.image, columns, names);
        const set = bindsOf(restored);
        return {
          sql: updateSql(place, fields, guard.nulls, restored),
          kinds: [...set.kinds, ...guard.kinds],
          binds: [...set.binds, ...guard.binds],
        };
      }
      const values = fields.map((index) => encode(place.fields[index]!, change.row.values[index]!));
      return {
        sql: updateSql(place, fields, guard.nulls),
        kinds: [...fields.map((index) => bindKind(place.fields[index]!.column)), ...guard.kinds],
        binds: [...values, ...guard.binds],
      };
    }
    case 'delete': {
      const { whole, expected } =
        change.image === undefined ? { whole: place, expected: change.expected } : wholly(place, columns, change);
      const { nulls, kinds, binds } = guardOf(whole, expected);
      return { sql: deleteSql(whole, nulls), kinds, binds };
    }
  }
}

/** Puts a record back whole. */
function restoration(place: Place, columns: Columns, { row, image, beside = 0 }: Insert) {
  const restored = restoredColumns(image, columns);
  const keys = place.key.map((part, i) => {
    const values = keyBinds(part, row.key[i]!);
    if (values === undefined) throw new ValueError(`${part.field.target}: no record can have this key`);
    return { values, kinds: values.map(() => bindKind(part.column)) };
  });
  const set = bindsOf(restored);
  return {
    sql: restoreSql(place, restored, beside),
    kinds: [...keys.flatMap(({ kinds }) => kinds), ...set.kinds],
    binds: [...keys.flatMap(({ values }) => values), ...set.binds],
  };
}

function bindsOf(restored: readonly Restored[]) {
  const bound = restored.filter(({ bind }) => bind !== undefined);
  return { kinds: bound.map(({ kind }) => kind), binds: bound.map(({ bind }) => bind!) };
}

/** The record with all columns that were recorded, so that it goes only if none of them has changed since. */
function wholly(place: Place, columns: Columns, { expected, image }: Delete) {
  const mapped = new Set([...place.key, ...place.fields].map(({ column }) => column));
  const others = columnsOfImage(image, columns).filter(({ column }) => !mapped.has(column));
  const token = expected.token as Token;
  const fieldOf = ({ name }: Column): Field => ({ name, target: name, type: { kind: 'text' }, nullable: true });
  const fields = [...place.fields, ...others.map(({ column }) => ({ field: fieldOf(column), column }))];
  const raw = [...token.raw, ...others.map((other) => other.raw)];
  return { whole: { ...place, fields }, expected: { ...expected, token: { ...token, raw } satisfies Token } };
}

function keyValues(place: Place, key: Key): readonly BindValue[] {
  return place.key.map((part, i) => {
    const value = encode(part, key[i]!);
    if (value === null) throw new ValueError(`${part.field.target}: Oracle holds no empty key`);
    return value;
  });
}

/** The binds of a guard, in the order of `guarded` in sql.ts. */
function guardOf(place: Place, expected: FetchedRow) {
  const { rowid, raw } = expected.token as Token;
  const kinds: BindKind[] = [];
  const binds: BindValue[] = [];
  const add = (kind: BindKind, value: BindValue) => {
    kinds.push(kind);
    binds.push(value);
  };
  if (rowid !== undefined) add('text', rowid);
  for (const [i, part] of place.key.entries()) {
    if (part.match === 'equal') add(bindKind(part.column), encode(part, expected.key[i]!));
    else add(guardKind(part.column), rawBind(part, raw[i]));
  }
  const held = raw.slice(place.key.length);
  const nulls = held.map(isNothing);
  for (const [i, part] of place.fields.entries()) {
    if (!(nulls[i] && isNullAware(part.column))) add(guardKind(part.column), rawBind(part, held[i]));
  }
  return { nulls, kinds, binds };
}

function rawBind({ column }: PlacedField, raw: unknown): BindValue {
  if (isNothing(raw)) return null;
  return column.form === 'raw' ? (raw as Buffer).toString('hex').toUpperCase() : (raw as BindValue);
}

/** One effect a row, committed. Throws what may pass by itself, with nothing of it done. */
async function execute(session: Session, connection: Connection, group: Group): Promise<readonly Effect[]> {
  const { asked } = group;
  try {
    const effects = await executeBatch(session, connection, group, asked);
    const passing = effects.find((effect) => 'error' in effect && isTransient(effect.error));
    if (passing !== undefined) throw (passing as { error: unknown }).error;
    await connection.commit();
    return effects;
  } catch (error) {
    if (isTransient(error)) throw error;
    await connection.rollback();
    if (asked.length === 1 || isOfStatement(error)) return asked.map(() => ({ error }));
    const effects: Effect[] = [];
    for (const one of asked) effects.push(...(await execute(session, connection, { ...group, asked: [one] })));
    return effects;
  }
}

/** A single row is sent plainly: what batches can't do, one row can. */
async function executeBatch(
  session: Session,
  connection: Connection,
  { sql, kinds }: Group,
  asked: readonly Asked[],
): Promise<readonly Effect[]> {
  if (asked.length === 1) {
    const result = await connection.execute(sql, makeBinds(session.driver, kinds, asked[0]!.binds));
    return [{ count: result.rowsAffected ?? 0 }];
  }
  const rows = asked.map(({ binds }) => binds);
  const batch = makeBatch(session.driver, kinds, rows);
  const options = { bindDefs: batch.bindDefs, batchErrors: true, dmlRowCounts: true };
  const { dmlRowCounts, batchErrors = [] } = await connection.executeMany(sql, batch.rows, options);
  if (!Array.isArray(dmlRowCounts)) throw new Error('the server did not tell how many records each row touched');
  const errors = new Map(batchErrors.map((error) => [error.offset, error]));
  return asked.map((_, i) => {
    const error = errors.get(i);
    return error === undefined ? { count: dmlRowCounts[i] ?? 0 } : { error };
  });
}

function keyOf(change: Change): Key {
  return change.kind === 'insert' ? change.row.key : change.expected.key;
}

/** The outcome of a change that did nothing, by what stands there now; undefined where it stays refused. */
function afterwards(place: Place, change: Change, now: readonly FetchedRow[]): Outcome | undefined {
  const text = keyText(keyOf(change));
  const rows = now.filter((row) => keyText(row.key) === text);
  // Another unique index than the key's was in the way.
  if (change.kind === 'insert') return rows.length === 0 ? undefined : moved;
  if (change.kind === 'delete') return rows.length === 0 ? unchanged : moved;
  const isDone = rows.some((row) => row.unread === undefined && holds(place, change, row));
  return isDone ? unchanged : moved;
}

function holds(place: Place, change: Update, row: FetchedRow): boolean {
  return change.fields.every((index) => {
    const { field } = place.fields[index]!;
    return sameValue(field, change.row.values[index]!, row.values[index]!);
  });
}
