// Random tables for the property test: columns of every type, and values in two spellings: as PostgreSQL reads them, and the canonical one
// that the harnesses turn into what each store holds.

import fc from 'fast-check';
import type { FieldType, Value } from '../../src/value/field-type.ts';

/** One value on both sides. */
export interface Cell {
  readonly pg: string | null;
  readonly canonical: Value;
}

interface TypeSpec {
  readonly pg: string;
  readonly type: FieldType;
  readonly cell: fc.Arbitrary<Cell>;
}

const text = (minLength: number) =>
  fc
    .string({
      unit: fc.constantFrom('a', 'B', 'ñ', '🐎', ' ', "'", '"', '\\', '$', '.', '0', '\n', '{', '%'),
      minLength,
      maxLength: 12,
    })
    .map(alike);

export const TYPES: Readonly<Record<string, TypeSpec>> = {
  text: { pg: 'text', type: { kind: 'text' }, cell: text(0) },
  boolean: { pg: 'boolean', type: { kind: 'boolean' }, cell: fc.boolean().map((value) => alike(String(value))) },
  integer: {
    pg: 'integer',
    type: { kind: 'integer', bits: 32 },
    cell: fc.integer().map((value) => alike(String(value))),
  },
  bigint: {
    pg: 'bigint',
    type: { kind: 'integer', bits: 64 },
    cell: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => alike(String(value))),
  },
  decimal: {
    pg: 'numeric',
    type: { kind: 'decimal' },
    cell: fc
      .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: 0, max: 8 }))
      .map(([digits, scale]) => {
        const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
        const point = padded.length - scale;
        const sign = digits < 0n ? '-' : '';
        const pg = `${sign}${padded.slice(0, point)}${scale > 0 ? `.${padded.slice(point)}` : ''}`;
        return { pg, canonical: withoutZeros(pg) };
      }),
  },
  float: {
    pg: 'double precision',
    type: { kind: 'float', bits: 64 },
    cell: fc.double().map((value) => ({ pg: Object.is(value, -0) ? '-0' : String(value), canonical: String(value) })),
  },
  date: {
    pg: 'date',
    type: { kind: 'date' },
    cell: fc
      .integer({ min: -30_000, max: 60_000 })
      .map((days) => alike(new Date(days * 86_400_000).toISOString().slice(0, 10))),
  },
  timestamp: {
    pg: 'timestamptz',
    type: { kind: 'timestamp', precision: 6 },
    cell: fc
      .tuple(fc.integer({ min: -2_000_000_000_000, max: 8_000_000_000_000 }), fc.integer({ min: 0, max: 999 }))
      .map(([millis, micros]) =>
        alike(new Date(millis).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`)),
      ),
  },
  uuid: { pg: 'uuid', type: { kind: 'uuid' }, cell: fc.uuid().map(alike) },
  bytes: {
    pg: 'bytea',
    type: { kind: 'bytes' },
    cell: fc.uint8Array({ maxLength: 20 }).map((value) => {
      const canonical = Buffer.from(value).toString('hex');
      return { pg: `\\x${canonical}`, canonical };
    }),
  },
  json: {
    pg: 'jsonb',
    type: { kind: 'json' },
    cell: fc
      .dictionary(
        fc.string({ minLength: 1, maxLength: 5 }).filter((key) => !/[$.\0]/.test(key) && key !== '__proto__'),
        fc.oneof(
          fc.integer(),
          fc.boolean(),
          fc.constant(null),
          fc.string({ maxLength: 6 }).filter((value) => !value.includes('\0')),
          fc.array(fc.integer(), { maxLength: 3 }),
        ),
        { maxKeys: 4, noNullPrototype: true },
      )
      .map((value) => ({ pg: JSON.stringify(value), canonical: jsonbText(value) })),
  },
  array: {
    pg: 'text[]',
    type: { kind: 'array', element: { kind: 'text' } },
    cell: fc.array(fc.constantFrom('a', 'b c', 'ñ"', '', 'NULL', '1.50'), { maxLength: 4 }).map((value) => ({
      pg: `{${value.map((item) => `"${item.replaceAll('"', '\\"')}"`).join(',')}}`,
      canonical: jsonbText(value),
    })),
  },
};

export interface RandomColumn {
  readonly name: string;
  readonly type: string;
}

export interface RandomTable {
  readonly key: readonly RandomColumn[];
  readonly columns: readonly RandomColumn[];
  readonly versioned: boolean;
  readonly camelCase: boolean;
  /** Which of the ways in which a store may hold such records. */
  readonly way: number;
  readonly rows: readonly RandomRow[];
}

export interface RandomRow {
  readonly key: readonly Cell[];
  readonly values: readonly Cell[];
  /** What is done to the replica: nothing, the record lost, one field (by position) changed, a record too many, an older or a newer version. */
  readonly fate: 'kept' | 'missing' | 'changed' | 'orphan' | 'stale' | 'ahead';
  readonly position: number;
  readonly other: readonly Cell[];
}

const NULL: Cell = { pg: null, canonical: null };
const WAYS = 2;

export const randomTable = randomTableOf({ min: 0, max: 60 });

/** `rows`: how many of them there are. */
export function randomTableOf(rows: { readonly min: number; readonly max: number }): fc.Arbitrary<RandomTable> {
  return fc
    .record({
      keyTypes: fc.constantFrom(['text'], ['integer'], ['uuid'], ['bigint', 'text'], ['text', 'date', 'integer']),
      types: fc.array(fc.constantFrom(...Object.keys(TYPES)), { minLength: 1, maxLength: 20, size: 'max' }),
      versioned: fc.boolean(),
      camelCase: fc.boolean(),
      way: fc.nat({ max: WAYS - 1 }),
    })
    .chain(({ keyTypes, types, ...table }) => {
      const key = keyTypes.map((type, i) => ({ name: `key_${i}`, type }));
      const columns = types.map((type, i) => ({ name: `col_${i}_${type}`, type }));
      // Some stores have no empty key.
      const keyCell = (type: string) => (type === 'text' ? text(1) : TYPES[type]!.cell);
      const nullable = (type: string) =>
        fc.oneof({ weight: 5, arbitrary: TYPES[type]!.cell }, { weight: 1, arbitrary: fc.constant(NULL) });
      const row = fc.record({
        key: fc.tuple(...keyTypes.map(keyCell)),
        values: fc.tuple(...types.map(nullable)),
        fate: fc.oneof(
          { weight: 4, arbitrary: fc.constant('kept' as const) },
          {
            weight: 1,
            arbitrary: fc.constantFrom(
              'missing' as const,
              'changed' as const,
              'orphan' as const,
              ...(table.versioned ? (['stale', 'ahead'] as const) : []),
            ),
          },
        ),
        position: fc.nat({ max: types.length - 1 }),
        other: fc.tuple(...types.map(nullable)),
      });
      return fc
        .uniqueArray(row, {
          minLength: rows.min,
          maxLength: rows.max,
          size: 'max',
          selector: (each) => each.key.map((cell) => cell.pg).join('\u0001'),
        })
        .map((rows) => ({ ...table, key, columns, rows: rows as RandomRow[] }));
    });
}

function alike(value: string): Cell {
  return { pg: value, canonical: value };
}

function withoutZeros(decimal: string): string {
  const stripped = decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
  return stripped === '-0' ? '0' : stripped;
}

/** As PostgreSQL prints jsonb: blanks after commas and colons, keys by length and then by their bytes. */
function jsonbText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const bytes = (key: string) => Buffer.from(key);
  const keys = Object.keys(value).sort(
    (a, b) => bytes(a).length - bytes(b).length || Buffer.compare(bytes(a), bytes(b)),
  );
  const members = keys.map((key) => `${JSON.stringify(key)}: ${jsonbText((value as Record<string, unknown>)[key])}`);
  return `{${members.join(', ')}}`;
}
