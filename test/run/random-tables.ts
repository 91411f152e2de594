// Random tables for the property test: columns of every type with values in three spellings (PostgreSQL text, the value that a MongoDB
// application would store, and one that is surely different), written through native drivers only.

import fc from 'fast-check';
import { Binary, Decimal128, Double, Int32, Long, UUID } from 'mongodb';

/** One value on both sides: `pg` as PostgreSQL reads it, `mongo` as an application stores it. */
export interface Cell {
  readonly pg: string | null;
  readonly mongo: unknown;
}

interface TypeSpec {
  readonly pg: string;
  readonly cell: fc.Arbitrary<Cell>;
  /** Whether two cells are the same value to both stores (MongoDB dates hold milliseconds). */
  readonly same: (a: Cell, b: Cell) => boolean;
}

const samePg = (a: Cell, b: Cell) => a.pg === b.pg;
const text = fc
  .string({
    unit: fc.constantFrom('a', 'B', 'ñ', '🐎', ' ', "'", '"', '\\', '$', '.', '0', '\n', '{', '%'),
    maxLength: 12,
  })
  .map((value): Cell => ({ pg: value, mongo: value }));

export const TYPES: Readonly<Record<string, TypeSpec>> = {
  text: { pg: 'text', cell: text, same: samePg },
  boolean: { pg: 'boolean', cell: fc.boolean().map((value) => ({ pg: String(value), mongo: value })), same: samePg },
  integer: {
    pg: 'integer',
    cell: fc
      .integer()
      .map((value) => ({ pg: String(value), mongo: value % 2 === 0 ? new Double(value) : new Int32(value) })),
    same: samePg,
  },
  bigint: {
    pg: 'bigint',
    cell: fc
      .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
      .map((value) => ({ pg: String(value), mongo: Long.fromBigInt(value) })),
    same: samePg,
  },
  decimal: {
    pg: 'numeric',
    cell: fc
      .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: 0, max: 8 }))
      .map(([digits, scale]): Cell => {
        const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
        const value = `${digits < 0n ? '-' : ''}${padded.slice(0, padded.length - scale)}${scale > 0 ? `.${padded.slice(padded.length - scale)}` : ''}`;
        return { pg: value, mongo: Decimal128.fromString(value) };
      }),
    same: (a, b) => stripZeros(a.pg!) === stripZeros(b.pg!),
  },
  float: {
    pg: 'double precision',
    cell: fc.double().map((value) => ({ pg: Object.is(value, -0) ? '-0' : String(value), mongo: new Double(value) })),
    same: (a, b) => Number(a.pg) === Number(b.pg) || (a.pg === 'NaN' && b.pg === 'NaN'),
  },
  date: {
    pg: 'date',
    cell: fc.integer({ min: -30_000, max: 60_000 }).map((days) => {
      const date = new Date(days * 86_400_000);
      return { pg: date.toISOString().slice(0, 10), mongo: date };
    }),
    same: samePg,
  },
  timestamp: {
    pg: 'timestamptz',
    cell: fc
      .tuple(fc.integer({ min: -2_000_000_000_000, max: 8_000_000_000_000 }), fc.integer({ min: 0, max: 999 }))
      .map(([millis, micros]) => {
        const date = new Date(millis);
        return { pg: date.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`), mongo: date };
      }),
    same: (a, b) => a.pg === b.pg,
  },
  uuid: { pg: 'uuid', cell: fc.uuid().map((value) => ({ pg: value, mongo: new UUID(value) })), same: samePg },
  bytes: {
    pg: 'bytea',
    cell: fc
      .uint8Array({ maxLength: 20 })
      .map((value) => ({ pg: `\\x${Buffer.from(value).toString('hex')}`, mongo: new Binary(value) })),
    same: samePg,
  },
  json: {
    pg: 'jsonb',
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
      .map((value) => ({ pg: JSON.stringify(value), mongo: value })),
    same: (a, b) => sortedJson(a.pg!) === sortedJson(b.pg!),
  },
  array: {
    pg: 'text[]',
    cell: fc
      .array(fc.constantFrom('a', 'b c', 'ñ"', '', 'NULL', '1.50'), { maxLength: 4 })
      .map((value) => ({ pg: `{${value.map((item) => `"${item.replaceAll('"', '\\"')}"`).join(',')}}`, mongo: value })),
    same: samePg,
  },
};

export interface RandomColumn {
  readonly name: string;
  readonly type: string;
}

export interface RandomTable {
  readonly keyTypes: readonly string[];
  readonly columns: readonly RandomColumn[];
  readonly versioned: boolean;
  readonly camelCase: boolean;
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

const NULL: Cell = { pg: null, mongo: null };

export const randomTable: fc.Arbitrary<RandomTable> = fc
  .record({
    keyTypes: fc.constantFrom(['text'], ['integer'], ['uuid'], ['bigint', 'text'], ['text', 'date', 'integer']),
    types: fc.array(fc.constantFrom(...Object.keys(TYPES)), { minLength: 1, maxLength: 20 }),
    versioned: fc.boolean(),
    camelCase: fc.boolean(),
  })
  .chain(({ keyTypes, types, versioned, camelCase }) => {
    const columns = types.map((type, i) => ({ name: `col_${i}_${type}`, type }));
    const nullable = (type: string) =>
      fc.oneof({ weight: 5, arbitrary: TYPES[type]!.cell }, { weight: 1, arbitrary: fc.constant(NULL) });
    const row = fc.record({
      key: fc.tuple(...keyTypes.map((type) => TYPES[type]!.cell)),
      values: fc.tuple(...types.map(nullable)),
      fate: fc.oneof(
        { weight: 4, arbitrary: fc.constant('kept' as const) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            'missing' as const,
            'changed' as const,
            'orphan' as const,
            ...(versioned ? (['stale', 'ahead'] as const) : []),
          ),
        },
      ),
      position: fc.nat({ max: types.length - 1 }),
      other: fc.tuple(...types.map(nullable)),
    });
    return fc
      .uniqueArray(row, { maxLength: 60, selector: (each) => each.key.map((cell) => cell.pg).join('\u0001') })
      .map((rows) => ({ keyTypes, columns, versioned, camelCase, rows: rows as RandomRow[] }));
  });

/** Whether two cells of a column are one value. */
export function sameCell(type: string, a: Cell, b: Cell): boolean {
  if (a.pg === null || b.pg === null) return a.pg === b.pg;
  return TYPES[type]!.same(a, b);
}

function stripZeros(decimal: string): string {
  const stripped = decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
  return stripped === '-0' ? '0' : stripped;
}

function sortedJson(json: string): string {
  return JSON.stringify(
    Object.entries(JSON.parse(json) as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
