// Writes to a PostgreSQL replica. Every write carries its condition: an insert only where the key is free, an update or a delete only of the very
// row version (ctid and xmin) that was read. A batch that a row spoils is done again row by row.

import { StoreError } from '../../errors.ts';
import { type Field, keyText, type Mapping } from '../../mapping/mapping.ts';
import type { Column } from '../../postgres/columns.ts';
import { decodeKey, decodeRow, keyParameters, type Relation, rowsByKeySql } from '../../postgres/relation.ts';
import { textSql } from '../../postgres/row-hash-sql.ts';
import { type Asking, quoteIdentifier } from '../../postgres/session.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import { type JsonTree, parseJson } from '../../value/json.ts';
import type { Change, FetchedRow, Outcome } from '../store.ts';
import { imageColumn, writableColumns } from './images.ts';
import { isUnique } from './inspect.ts';

type Insert = Extract<Change, { kind: 'insert' }>;
type Update = Extract<Change, { kind: 'update' }>;
type Delete = Extract<Change, { kind: 'delete' }>;
/** Positions, within the batch, of the changes that took effect. */
type Written = ReadonlySet<number>;

export async function applyChanges(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = new Array(changes.length);
  for (const batch of batchesOf(changes)) {
    const results = await applyBatch(
      session,
      relation,
      mapping,
      batch.map((i) => changes[i]!),
    );
    batch.forEach((index, i) => {
      outcomes[index] = results[i]!;
    });
  }
  return outcomes;
}

/** Changes that one statement can make: the same kind, all with an image or none, and for updates the same fields. */
function batchesOf(changes: readonly Change[]): readonly (readonly number[])[] {
  const batches = new Map<string, number[]>();
  changes.forEach((change, i) => {
    const fields = change.kind === 'update' ? ` ${change.fields.join(',')}` : '';
    const name = `${change.kind}${hasImage(change) ? ' whole' : ''}${fields}`;
    const batch = batches.get(name);
    if (batch === undefined) batches.set(name, [i]);
    else batch.push(i);
  });
  return [...batches.values()];
}

async function applyBatch(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  batch: readonly Change[],
): Promise<Outcome[]> {
  try {
    const written = await write(session, relation, mapping, batch);
    const done = await alreadyDone(session, relation, mapping, batch, written);
    return batch.map((_, i) => ({ outcome: written.has(i) ? 'written' : done.has(i) ? 'unchanged' : 'moved' }));
  } catch (error) {
    if (!(error instanceof StoreError) || error.transient) throw error;
    if (batch.length === 1) return [{ outcome: 'refused', error: refusal(error, mapping) }];
    const outcomes: Outcome[] = [];
    for (const change of batch) outcomes.push(...(await applyBatch(session, relation, mapping, [change])));
    return outcomes;
  }
}

/** The server quotes values, so of a row with sensitive ones only the kind of error is told. */
function refusal({ detail, cause }: StoreError, { key, fields }: Mapping): string {
  if (![...key, ...fields].some((field) => field.sensitive)) return detail;
  const { code, constraint } = (cause ?? {}) as { readonly code?: string; readonly constraint?: string };
  return `the server rejects it: SQLSTATE ${code ?? 'unknown'}${constraint === undefined ? '' : `, constraint ${constraint}`}`;
}

function write(session: Asking, relation: Relation, mapping: Mapping, batch: readonly Change[]): Promise<Written> {
  switch (batch[0]!.kind) {
    case 'insert':
      return insert(session, relation, mapping, batch as Insert[]);
    case 'update':
      return update(session, relation, mapping, batch as Update[]);
    case 'delete':
      return remove(session, relation, mapping, batch as Delete[]);
  }
}

async function insert(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  batch: readonly Insert[],
): Promise<Written> {
  const fields = [...mapping.key, ...mapping.fields].filter((field) => !isGenerated(relation, field));
  const whole = hasImage(batch[0]!) ? writableColumns(relation) : undefined;
  const names = (whole ?? fields.map((field) => field.target)).map(quoteIdentifier);
  const values =
    whole?.map((name) => imageColumn(relation, name, 'given.image')) ??
    fields.map((field, i) => fromParameter(columnOf(relation, field), `given.c${i}`));
  const keyNames = mapping.key.map((field) => quoteIdentifier(field.target));
  // Without a unique index there is nothing to conflict with, so look first; two writers at once can still both insert (a write problem of inspect).
  const unique = isUnique(relation.shape, mapping.key);
  const guard = unique
    ? ` on conflict (${keyNames.join(', ')}) do nothing`
    : ` where (select count(*) from ${relation.shape.from} as there where ${mapping.key
        .map(
          (field, i) =>
            `there.${keyNames[i]} = ${fromParameter(columnOf(relation, field), `given.c${fields.indexOf(field)}`)}`,
        )
        .join(' and ')}) = given.beside::int`;
  const texts = [...fields.map((_, i) => `c${i}`), 'image', 'beside'];
  const returned = mapping.key.map((field, i) => `${textSql(columnOf(relation, field))} as k${i}`);
  const rows = await session.query(
    `insert ${batch.length} rows`,
    `insert into ${relation.shape.from} (${names.join(', ')}) overriding system value
     select ${values.join(', ')} from unnest(${texts.map((_, i) => `$${i + 1}::text[]`).join(', ')}) as given(${texts.join(', ')})
     ${guard} returning ${returned.join(', ')}`,
    [
      ...fields.map((field) =>
        batch.map((change) => parameter(columnOf(relation, field), fieldValue(mapping, field, change.row))),
      ),
      batch.map(imageOf),
      batch.map(({ beside = 0 }) => String(beside)),
    ],
  );
  const there = new Set(
    rows.map((row) =>
      keyText(
        decodeKey(
          mapping,
          mapping.key.map((_, i) => row[`k${i}`]!),
        ),
      ),
    ),
  );
  return positions(batch, (change) => there.has(keyText(change.row.key)));
}

async function update(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  batch: readonly Update[],
): Promise<Written> {
  const fields = batch[0]!.fields
    .map((index) => mapping.fields[index]!)
    .filter((field) => !isGenerated(relation, field));
  if (fields.length === 0) {
    throw new StoreError(session.name, 'update', 'only generated columns differ: the server fills them itself');
  }
  const { sql, parameters } = givenRows(relation, mapping, batch, fields, (change, field) =>
    fieldValue(mapping, field, change.row),
  );
  const sets = fields.map((field, i) => {
    const given = hasImage(batch[0]!)
      ? imageColumn(relation, field.target, 'given.image')
      : fromParameter(columnOf(relation, field), `given.c${i}`);
    return `${quoteIdentifier(field.target)} = ${given}`;
  });
  const rows = await session.query(
    `update ${batch.length} rows`,
    `update ${relation.shape.from} as held set ${sets.join(', ')} from ${sql} returning given.position`,
    parameters,
  );
  return new Set(rows.map((row) => Number(row.position)));
}

async function remove(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  batch: readonly Delete[],
): Promise<Written> {
  const { sql, parameters } = givenRows(relation, mapping, batch, [], () => null);
  const rows = await session.query(
    `delete ${batch.length} rows`,
    `delete from ${relation.shape.from} as held using ${sql} returning given.position`,
    parameters,
  );
  return new Set(rows.map((row) => Number(row.position)));
}

/**
 * The rows that a batch is about, as a relation `given` joined to `held` on the very row version that was read: its place, its transaction and its
 * key (rows of two partitions may share place and transaction). `c0…` are the values of `fields`.
 */
function givenRows<C extends Update | Delete>(
  relation: Relation,
  mapping: Mapping,
  batch: readonly C[],
  fields: readonly Field[],
  valueIn: (change: C, field: Field) => Value,
): { readonly sql: string; readonly parameters: readonly unknown[] } {
  const { key } = mapping;
  const texts = [...key.map((_, i) => `k${i}`), ...fields.map((_, i) => `c${i}`), 'image'];
  const names = ['row_id', 'row_version', 'position', ...texts];
  const types = ['tid', 'text', 'int4', ...texts.map(() => 'text')];
  const isKey = key.map((field, i) => {
    const held = `held.${quoteIdentifier(field.target)}`;
    return `${held} = ${fromParameter(columnOf(relation, field), `given.k${i}`)}`;
  });
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`);
  return {
    sql: `unnest(${arrays.join(', ')}) as given(${names.join(', ')})
      where held.ctid = given.row_id and held.xmin::text = given.row_version and ${isKey.join(' and ')}`,
    parameters: [
      ...tokensOf(batch.map((change) => change.expected)),
      batch.map((_, i) => i),
      ...key.map((field, i) => batch.map(({ expected }) => parameter(columnOf(relation, field), expected.key[i]!))),
      ...fields.map((field) => batch.map((change) => parameter(columnOf(relation, field), valueIn(change, field)))),
      batch.map(imageOf),
    ],
  };
}

/** Of the updates and deletes that did nothing, those that had no need to: the record holds the values, or is gone. */
async function alreadyDone(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  batch: readonly Change[],
  written: Written,
): Promise<Written> {
  const left = [...batch.keys()].filter((i) => !written.has(i) && batch[i]!.kind !== 'insert');
  if (left.length === 0) return new Set();
  const keyOf = (i: number) => (batch[i] as Update | Delete).expected.key;
  const parameters = keyParameters(left.map(keyOf), mapping.key.length);
  const rows = await session.query('look after writing', rowsByKeySql(relation, mapping), parameters);
  const there = new Map(rows.map((row) => decodeRow(relation, mapping, row)).map((row) => [keyText(row.key), row]));
  return new Set(
    left.filter((i) => {
      const change = batch[i]!;
      const row = there.get(keyText(keyOf(i)));
      if (change.kind !== 'update') return row === undefined;
      return change.fields.every((field) => row?.values[field] === change.row.values[field]);
    }),
  );
}

function hasImage(change: Change): boolean {
  return imageOf(change) !== null;
}

function imageOf(change: Change): string | null {
  return change.kind === 'delete' ? null : ((change.image as string | undefined) ?? null);
}

function tokenOf(row: FetchedRow): readonly [rowId: string, rowVersion: string] {
  return row.token as [string, string];
}

function tokensOf(rows: readonly FetchedRow[]): [rowIds: string[], rowVersions: string[]] {
  return [rows.map((row) => tokenOf(row)[0]), rows.map((row) => tokenOf(row)[1])];
}

function positions<C>(batch: readonly C[], holds: (change: C) => boolean): Written {
  return new Set([...batch.keys()].filter((i) => holds(batch[i]!)));
}

function columnOf(relation: Relation, field: Field): Column {
  return relation.shape.columns.get(field.target)!;
}

function isGenerated(relation: Relation, field: Field): boolean {
  return columnOf(relation, field).generated;
}

function fieldValue(
  mapping: Mapping,
  field: Field,
  row: { readonly key: readonly string[]; readonly values: readonly Value[] },
): Value {
  const part = mapping.key.indexOf(field);
  return part >= 0 ? row.key[part]! : row.values[mapping.fields.indexOf(field)]!;
}

/** SQL that turns the parameter's text into the column's type, never cutting it: a value that is too long is an error of the assignment. */
function fromParameter(column: Column, expression: string): string {
  if (column.type.kind === 'bytes') return `decode(${expression}, 'hex')`;
  return `${expression}::${column.baseType}`;
}

/** A canonical value as text that PostgreSQL reads. */
function parameter(column: Column, value: Value): Value {
  if (value === null) return null;
  switch (column.type.kind) {
    case 'array':
      return arrayLiteral(column.type.element, parseJson(value));
    case 'date':
    case 'timestamp':
      return beforeChrist(value);
    default:
      return value;
  }
}

/** Canonical dates count the year before 1 as 0, PostgreSQL as 1 BC. */
function beforeChrist(value: string): string {
  const match = /^(-\d+|0000)(-\d\d-\d\d.*)$/.exec(value);
  return match === null ? value : `${String(1 - Number(match[1])).padStart(4, '0')}${match[2]} BC`;
}

/** PostgreSQL manual, "Array Input Syntax". */
function arrayLiteral(element: FieldType, tree: JsonTree): string {
  if (Array.isArray(tree)) return `{${tree.map((item) => arrayLiteral(element, item)).join(',')}}`;
  if (tree === null) return 'NULL';
  const text =
    typeof tree === 'object' && 'number' in tree
      ? tree.number
      : typeof tree === 'object'
        ? JSON.stringify(tree)
        : String(tree);
  return `"${(element.kind === 'bytes' ? `\\x${text}` : text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
