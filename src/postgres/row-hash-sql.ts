// The row hash in SQL: what src/value/row-hash.ts says of canonical values, said of columns. A test holds the two together.

import type { Field, Mapping } from '../mapping/mapping.ts';
import type { HashScheme } from '../value/digest.ts';
import type { FieldType } from '../value/field-type.ts';
import { EXACT_SECONDS, FLAGS_PER_WORD, NULL_FLAG, ZERO_FLAG } from '../value/row-hash.ts';
import type { Column } from './columns.ts';
import { quoteIdentifier, quoteLiteral } from './session.ts';

/** Which side's columns a mapping is read from. The source's values go through `map`, so that both speak the replica's words. */
export type Side = 'source' | 'replica';

export function columnOf(field: Field, side: Side): string {
  return side === 'source' ? field.name : field.target;
}

/** A column's value as text that `fromText` of its field's type reads. */
export function textSql(column: Column, expression = quoteIdentifier(column.name)): string {
  switch (column.type.kind) {
    case 'json':
      return `(${expression})::jsonb::text`;
    case 'array':
      return `to_jsonb(${expression})::text`;
    case 'bytes':
      return `encode(${expression}, 'hex')`;
    case 'boolean':
      return `(${expression})::text`;
    case 'decimal':
      return `trim_scale(${expression})::text`;
    case 'vector':
      return `replace(${expression}::text, ',', ', ')`;
    default:
      return `(${expression})::text`;
  }
}

/** The hash of a record's key, an int8 expression over the columns of the relation. */
export function keyHashSql(
  mapping: Mapping,
  columns: ReadonlyMap<string, Column>,
  side: Side,
  scheme: HashScheme,
): string {
  const start = scheme.algorithm === 'lookup3' ? `${scheme.seed}::int8` : `'${scheme.seed};'`;
  const chain = mapping.key.reduce((previous, field) => {
    const column = columns.get(columnOf(field, side))!;
    return add(scheme, previous, hashInput(field, column, side), true);
  }, start);
  return finish(scheme, chain);
}

/** The hash of a record's fields, an int8 expression over the relation's columns and `keyHash`. Never null. */
export function rowHashSql(
  mapping: Mapping,
  columns: ReadonlyMap<string, Column>,
  side: Side,
  scheme: HashScheme,
  keyHash: string,
): string {
  const inputs = mapping.fields.map((field) => {
    const column = columns.get(columnOf(field, side))!;
    return {
      input: hashInput(field, column, side),
      oftenNull: column.nullFraction > 0.01,
      canBeNull: !column.notNull || field.map !== undefined || field.emptyIsNull === true,
    };
  });
  const full = chainSql(scheme, keyHash, inputs, () => true);
  if (inputs.every((entry) => entry.oftenNull || (!entry.canBeNull && entry.input.usual === undefined))) return full;
  // The functions are strict: a chain that does not look for nulls is null as soon as one input is, and only then the full chain is run.
  return `coalesce(${chainSql(scheme, keyHash, inputs, (entry) => entry.oftenNull)}, ${full})`;
}

interface ChainEntry {
  readonly input: HashInput;
  readonly oftenNull: boolean;
  readonly canBeNull: boolean;
}

/** The chain over all fields; those that are not `handled` are taken as usual, and make the chain null where they are not. */
function chainSql(
  scheme: HashScheme,
  keyHash: string,
  inputs: readonly ChainEntry[],
  handled: (entry: ChainEntry) => boolean,
): string {
  let previous = scheme.algorithm === 'lookup3' ? keyHash : `((${keyHash})::text || ';')`;
  for (let from = 0; from < inputs.length; from += FLAGS_PER_WORD) {
    const group = inputs.slice(from, from + FLAGS_PER_WORD);
    const flags = group.flatMap((entry, i) => (handled(entry) ? flagSql(entry, 2 * i) : []));
    previous = add(scheme, previous, { as: 'int32', sql: flags.length === 0 ? '0' : flags.join(' | ') }, true);
    for (const entry of group) {
      const { input, canBeNull } = entry;
      if (handled(entry)) previous = add(scheme, previous, input, !canBeNull);
      else previous = add(scheme, previous, { as: input.as, sql: input.usual ?? input.sql }, true);
    }
  }
  return finish(scheme, previous);
}

interface HashInput {
  readonly as: 'text' | 'int32' | 'int64' | 'float64';
  /** Null exactly where the field is. */
  readonly sql: string;
  /** Cheaper, and null also where the value needs a flag or another rule than the usual: the full chain then decides. */
  readonly usual?: string;
}

function flagSql({ input, canBeNull }: ChainEntry, shift: number): string[] {
  const branches: string[] = [];
  if (canBeNull) branches.push(`when (${input.sql}) is null then ${NULL_FLAG << shift}`);
  if (input.as === 'float64') branches.push(`when (${input.sql}) = 0 then ${ZERO_FLAG << shift}`);
  return branches.length === 0 ? [] : [`(case ${branches.join(' ')} else 0 end)`];
}

function hashInput(field: Field, column: Column, side: Side): HashInput {
  const input = exactInput(field, column, side);
  return field.emptyIsNull && input.as === 'text' ? { as: 'text', sql: `nullif(${input.sql}, '')` } : input;
}

function exactInput(field: Field, column: Column, side: Side): HashInput {
  const quoted = quoteIdentifier(column.name);
  if (field.map !== undefined && side === 'source') return { as: 'text', sql: mapSql(field, textSql(column)) };
  if (field.tolerance !== undefined) return { as: 'text', sql: toleranceSql(field, column, field.tolerance) };
  const { type } = field;
  switch (type.kind) {
    case 'boolean':
      return { as: 'int32', sql: `${quoted}::int4` };
    case 'integer':
      return { as: type.bits === 32 ? 'int32' : 'int64', sql: quoted };
    case 'float':
      return floatInput(type.bits === 32 ? `${quoted}::float4::float8` : `${quoted}::float8`);
    case 'date':
      // Subtracting an infinite date is an error.
      return {
        as: 'int32',
        sql: `(case when isfinite(${quoted}) then ${quoted} - date '1970-01-01' when ${quoted} > date '1970-01-01' then 2147483647
          when ${quoted} is not null then -2147483648 end)`,
      };
    case 'timestamp':
      return timestampInput(quoted, type.precision, column.pgType);
    case 'text':
    case 'enum': {
      const text = type.kind === 'text' && type.padded ? `rtrim((${quoted})::text, ' ')` : `(${quoted})::text`;
      return { as: 'text', sql: field.ignoreCase ? `lower(${text} collate "C")` : text };
    }
    case 'json':
    case 'array':
      return { as: 'text', sql: plainNumbersSql(textSql(column)) };
    default:
      return { as: 'text', sql: textSql(column) };
  }
}

/**
 * jsonb keeps the zeros of 1.50; canonical JSON does not. Strings are matched first, so that nothing inside them is touched; a text without a
 * point, which is most of them, is taken as it is.
 */
const JSON_ZEROS = quoteLiteral(String.raw`("([^"\\]|\\.)*")|(\.[0-9]*[1-9])0+(?![0-9])|\.0+(?![0-9])`);

function plainNumbersSql(json: string): string {
  const plain = `regexp_replace(${json}, ${JSON_ZEROS}, ${quoteLiteral(String.raw`\1\3`)}, 'g')`;
  return `(case when position('.' in ${json}) = 0 then ${json} else ${plain} end)`;
}

function floatInput(sql: string): HashInput {
  return { as: 'float64', sql, usual: `nullif(${sql}, 0)` };
}

/**
 * Seconds since 1970 in double precision, as the difference of two range bounds: exact to the microsecond up to 2255, and four times cheaper than
 * date_part('epoch', …). Beyond, where a double is too coarse, a hash of the seconds and the microseconds. See `secondsToHash`.
 */
function timestampInput(quoted: string, precision: number, pgType: string): HashInput {
  const zoned = pgType.includes('with time zone');
  const step = `interval '${10 ** (6 - precision)} microseconds'`;
  const cut = precision >= 6 ? quoted : `date_bin(${step}, ${quoted}, '2000-01-01')`;
  const seconds = `${zoned ? 'tstzrange_subdiff' : 'tsrange_subdiff'}(${cut}, 'epoch')`;
  const micros = `coalesce(date_part('microseconds', ${cut}), 0)`;
  return {
    as: 'float64',
    sql: `(case when abs(${seconds}) < ${EXACT_SECONDS} then ${seconds}
      else hashfloat8extended(${micros}, hashfloat8extended(${seconds}, 0))::float8 end)`,
    usual: `(case when ${quoted} > '1970-01-02' and ${quoted} < '2255-01-01' then ${seconds} end)`,
  };
}

function mapSql(field: Field, text: string): string {
  const branches = [...field.map!].map(([from, to]) => `when ${quoteLiteral(from)} then ${quoteLiteral(String(to))}`);
  // A word without a code can't be compared: it gets a text that no replica holds, and the exact look says why.
  return `(case ${text} ${branches.join(' ')} else E'\\x01' || ${text} end)`;
}

function toleranceSql(field: Field, column: Column, tolerance: number): string {
  const quoted = quoteIdentifier(column.name);
  const isTime = field.type.kind === 'timestamp';
  const number = isTime ? `date_part('epoch', ${quoted})` : `(${quoted})::float8`;
  const half = isTime ? tolerance / 2_000_000 : tolerance / 2;
  return `(case when abs(${number}) < ${half * 2 ** 50}::float8 then 'cell ' || floor(${number} / ${half}::float8)::int8::text else ${textSql(column)} end)`;
}

const NEUTRAL = { text: `''`, int32: '0', int64: '0::int8', float64: '0' } as const;

function add(scheme: HashScheme, previous: string, input: HashInput, neverNull: boolean): string {
  const value = neverNull ? input.sql : `coalesce(${input.sql}, ${NEUTRAL[input.as]})`;
  return scheme.algorithm === 'lookup3' ? lookup3Sql(previous, input.as, value) : md5Sql(previous, input.as, value);
}

function lookup3Sql(previous: string, as: HashInput['as'], value: string): string {
  switch (as) {
    case 'text':
      return `hashtextextended((${value}) collate "C", ${previous})`;
    case 'int32':
      return `hashint4extended(${value}, ${previous})`;
    case 'int64':
      return `hashint8extended(${value}, hashint8extended((${value}) >> 32, ${previous}))`;
    case 'float64':
      return `hashfloat8extended(${value}, ${previous})`;
  }
}

function md5Sql(previous: string, as: HashInput['as'], value: string): string {
  switch (as) {
    case 'text':
      return `${previous} || octet_length(${value})::text || ':' || (${value})`;
    case 'int32':
    case 'int64':
      return `${previous} || (${value})::text || ';'`;
    case 'float64':
      return `${previous} || (case when (${value}) = 'NaN' then 'NaN' when (${value}) = 0 then '0000000000000000' else encode(float8send(${value}), 'hex') end) || ';'`;
  }
}

function finish(scheme: HashScheme, chain: string): string {
  return scheme.algorithm === 'lookup3' ? chain : `('x' || left(md5(${chain}), 16))::bit(64)::int8`;
}

/**
 * Whether the server can hash a column as this field's type without an error and without hiding a difference. `numeric::int8` would round, so a
 * decimal column can't stand for an integer field.
 */
export function canHash(field: FieldType, column: FieldType): boolean {
  switch (field.kind) {
    case 'text':
      return column.kind === 'text' || column.kind === 'enum';
    case 'enum':
      return ['enum', 'text', 'integer', 'boolean'].includes(column.kind);
    case 'integer':
      return column.kind === 'integer' && (field.bits === 64 || column.bits === 32);
    case 'decimal':
      return column.kind === 'decimal' || column.kind === 'integer';
    case 'float':
      return column.kind === 'float' && (field.bits === 64 || column.bits === 32);
    case 'array':
      return column.kind === 'array' && column.element.kind === field.element.kind;
    default:
      return column.kind === field.kind;
  }
}
