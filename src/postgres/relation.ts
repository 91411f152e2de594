// What is asked of a table or query on either side: digests, sums, keys, rows by key. Builds the SQL, runs it, decodes to canonical values.

import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { InterruptedError } from '../errors.ts';
import { type Field, type Key, keyText, type Mapping, type Row } from '../mapping/mapping.ts';
import { fromText, ValueError } from '../value/canonical.ts';
import type { BucketFilter, BucketSums, HashScheme } from '../value/digest.ts';
import type { Value } from '../value/field-type.ts';
import type { Column, Shape } from './columns.ts';
import { type CopyPage, readCopyBinary } from './copy-binary.ts';
import { columnOf, keyHashSql, rowHashSql, type Side, textSql } from './row-hash-sql.ts';
import { endWithConnection, quoteIdentifier, type Rows, type Session } from './session.ts';

export interface Relation {
  readonly shape: Shape;
  readonly side: Side;
  /** SQL condition, trusted. */
  readonly where?: string;
}

/** How many records there are now, exactly. */
export async function countRows(session: Session, relation: Relation, signal?: AbortSignal): Promise<number> {
  const sql = `select count(*) as records from ${relation.shape.from} as relation${whereSql(relation)}`;
  const [row] = await session.query('count', sql, [], signal);
  return Number(row!.records);
}

/** Runs a COPY on a connection of the caller's and yields its pages. Stops the server's work when the iteration ends early. */
export async function* copyOut(
  session: Session,
  client: pg.PoolClient,
  verb: string,
  sql: string,
  columns: { readonly numbers: number; readonly texts: number },
  signal?: AbortSignal,
): AsyncGenerator<CopyPage> {
  const stream = client.query(copyTo(`COPY (${sql}) TO STDOUT (FORMAT binary)`));
  const abort = () => {
    // Closing the line alone would leave the server at work until it next wants to send.
    const { processID } = client as unknown as { readonly processID: number };
    session.query('cancel', 'select pg_cancel_backend($1)', [processID]).catch(() => {});
    stream.destroy(new InterruptedError());
  };
  const forget = endWithConnection(client, stream);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted) throw new InterruptedError();
    yield* readCopyBinary(stream, columns.numbers, columns.texts);
    if (signal?.aborted) throw new InterruptedError();
  } catch (error) {
    throw session.explain(verb, error);
  } finally {
    signal?.removeEventListener('abort', abort);
    forget();
    stream.destroy();
  }
}

/** The hashes of every record: the key's, then one for each mapping (all with the same key). With `filter`, of the wanted buckets only, and with the key. */
export function digestsSql(
  relation: Relation,
  mappings: readonly Mapping[],
  scheme: HashScheme,
  filter?: BucketFilter,
): string {
  const { shape, side } = relation;
  const first = mappings[0]!;
  const rows = mappings.map((mapping) => rowHashSql(mapping, shape.columns, side, scheme, 'key_hash'));
  const keys = filter === undefined ? [] : first.key.map((field) => textSql(column(relation, field)));
  const wanted = filter === undefined ? '' : ` where ${wantedSql(filter, 'key_hash')}`;
  return `select ${['key_hash', ...rows, ...keys].join(', ')} from (${hashedRows(relation, mappings, scheme)}) as hashed${wanted}`;
}

/** Count and XOR by bucket, for each mapping: columns bucket, count, xor, xor … */
export function sumsSql(relation: Relation, mappings: readonly Mapping[], scheme: HashScheme, buckets: number): string {
  const xors = mappings.map(
    (mapping) => `bit_xor(${rowHashSql(mapping, relation.shape.columns, relation.side, scheme, 'key_hash')})`,
  );
  return `select (key_hash & ${buckets - 1})::int4, count(*), ${xors.join(', ')}
    from (${hashedRows(relation, mappings, scheme)}) as hashed group by 1`;
}

/** Key hash and key of every record, or of those whose key hash is listed. */
export function keysSql(
  relation: Relation,
  mapping: Mapping,
  scheme: HashScheme,
  keyHashes?: readonly bigint[],
): string {
  const keys = mapping.key.map((field) => textSql(column(relation, field)));
  const some = keyHashes === undefined ? '' : ` where key_hash = any('{${keyHashes.join(',')}}'::int8[])`;
  return `select ${['key_hash', ...keys].join(', ')} from (${hashedRows(relation, [{ key: mapping.key, fields: [] }], scheme)}) as hashed${some}`;
}

/** The relation's columns with the key's hash beside them. The planner may inline it and run it in parallel. */
function hashedRows(relation: Relation, mappings: readonly Mapping[], scheme: HashScheme): string {
  const names = new Set(
    mappings.flatMap((mapping) => [...mapping.key, ...mapping.fields].map((field) => columnOf(field, relation.side))),
  );
  const columns = [...names].map(quoteIdentifier).join(', ');
  const keyHash = keyHashSql(mappings[0]!, relation.shape.columns, relation.side, scheme);
  return `select ${keyHash} as key_hash, ${columns} from ${relation.shape.from} as relation${whereSql(relation)}`;
}

function wantedSql(filter: BucketFilter, keyHash: string): string {
  const bits = Buffer.from(filter.bits).toString('hex');
  return `get_bit('\\x${bits}'::bytea, ${keyHash} & ${filter.buckets - 1}) = 1`;
}

export function whereSql(relation: Relation, ...more: readonly string[]): string {
  const conditions = [...(relation.where === undefined ? [] : [`(${relation.where}\n)`]), ...more];
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
}

/** Gathers the pages of `sumsSql` for mapping number `index` of `mappings`. */
export async function gatherSums(
  pages: AsyncIterable<CopyPage>,
  mappings: number,
  buckets: number,
): Promise<readonly BucketSums[]> {
  const counts = new Uint32Array(buckets);
  const xors = Array.from({ length: mappings }, () => new Int32Array(buckets * 2));
  const stride = (2 + mappings) * 2;
  for await (const page of pages) {
    for (let i = 0; i < page.count; i++) {
      const at = i * stride;
      const bucket = page.numbers[at + 1]!;
      counts[bucket] = page.numbers[at + 3]!;
      for (let m = 0; m < mappings; m++) {
        xors[m]![bucket * 2] = page.numbers[at + 4 + 2 * m]!;
        xors[m]![bucket * 2 + 1] = page.numbers[at + 5 + 2 * m]!;
      }
    }
  }
  return xors.map((xor) => ({ counts, xors: xor }));
}

/** Columns for a SELECT that `decodeRow` reads: keys k0…, fields f0…. */
export function rowColumns(relation: Relation, mapping: Mapping): string {
  const keys = mapping.key.map((field, i) => `${textSql(column(relation, field))} as k${i}`);
  const fields = mapping.fields.map((field, i) => `${textSql(column(relation, field))} as f${i}`);
  return [...keys, ...fields].join(', ');
}

/** Rows by key: `extra` are more columns, such as the row's system columns. `$1…` are the key's parts as text arrays. */
export function rowsByKeySql(relation: Relation, mapping: Mapping, extra = ''): string {
  return `select ${rowColumns(relation, mapping)}${extra} from ${relation.shape.from} as relation${whereSql(relation, keyIn(relation, mapping))}`;
}

/** Arrays of the key's parts in their columns' types, from the parameters `$first`…, as `keyParameters` gives them. */
export function keyArraysSql(relation: Relation, mapping: Mapping, first = 1): readonly string[] {
  return mapping.key.map((field, i) => {
    const { baseType, type } = column(relation, field);
    const texts = `$${i + first}::text[]`;
    return type.kind === 'bytes'
      ? `(select array_agg(decode(x, 'hex')) from unnest(${texts}) x)`
      : `${texts}::${baseType}[]`;
  });
}

export function keyIn(relation: Relation, mapping: Mapping): string {
  const casts = keyArraysSql(relation, mapping);
  const names = mapping.key.map((field) => quoteIdentifier(columnOf(field, relation.side)));
  // Each column by itself as well: only such a condition is pushed down into a query that groups, which else would group everything.
  const each = names.map((name, i) => `${name} = any(${casts[i]})`);
  return names.length === 1
    ? each[0]!
    : `${each.join(' and ')} and (${names.join(', ')}) in (select * from unnest(${casts.join(', ')}))`;
}

/** The values for `rowsByKeySql`. */
export function keyParameters(keys: readonly Key[], parts: number): string[][] {
  return Array.from({ length: parts }, (_, part) => keys.map((key) => key[part]!));
}

/** A row of `rowColumns` in canonical form. What can't be one of its field's type makes the row unread. */
export function decodeRow(relation: Relation, mapping: Mapping, row: Rows[number]): Row {
  let unread: string | undefined;
  const decode = (field: Field, raw: string | null): Value => {
    if (raw === null) return null;
    try {
      if (relation.side === 'replica' || field.map === undefined) return fromText(field.type, raw);
      return mapped(field, fromText(column(relation, field).type, raw));
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      unread ??= `${columnOf(field, relation.side)}: ${field.sensitive ? 'a value that can not be converted' : error.message}`;
      return raw;
    }
  };
  const key = mapping.key.map((field, i) => decode(field, row[`k${i}`]!) ?? '');
  if (mapping.key.some((_, i) => row[`k${i}`] === null)) unread ??= 'its key is null';
  const values = mapping.fields.map((field, i) => decode(field, row[`f${i}`]!));
  return unread === undefined ? { key, values } : { key, values, unread };
}

function mapped(field: Field, value: string): string {
  const to = field.map!.get(value);
  if (to === undefined) throw new ValueError(`the source's ${JSON.stringify(value)} is not in its map`);
  return String(to);
}

/** The keys of a page of `keysSql` or filtered digests, canonical. */
export function decodeKey(mapping: Mapping, texts: readonly (string | null)[]): Key {
  return mapping.key.map((field, i) => fromText(field.type, texts[i] ?? ''));
}

/** Rows that share a key, by the key's text. */
export function byKey<R extends Row>(rows: readonly R[]): Map<string, R[]> {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const text = keyText(row.key);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [row]);
    else group.push(row);
  }
  return groups;
}

function column(relation: Relation, field: Field): Column {
  return relation.shape.columns.get(columnOf(field, relation.side))!;
}
