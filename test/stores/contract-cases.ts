// The fields and values that every store is tried with: each canonical, as src/value/field-type.ts spells it.

import type { Field, Mapping } from '../../src/mapping/mapping.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';

export function field(name: string, type: FieldType, more: Partial<Field> = {}): Field {
  return { name, target: name, type, nullable: true, ...more };
}

export interface TypeCase {
  readonly name: string;
  readonly type: FieldType;
  readonly values: readonly string[];
}

const LONG_TEXT = `${'plumb line · 铅垂线 · '.repeat(700)}end`;

/** `precision` is what the store's timestamps hold. */
export function typeCases(precision: number): readonly TypeCase[] {
  const micros = '2026-11-22T01:14:07.221987Z';
  const cut = `${micros.slice(0, 20)}${micros.slice(20, 20 + precision).padEnd(6, '0')}Z`;
  return [
    {
      name: 'text',
      type: { kind: 'text' },
      values: ['', 'plain', ' blanks ', "o'clock $x .y \\", 'ÄÖ 🙂 e\u0301', LONG_TEXT],
    },
    { name: 'enum', type: { kind: 'enum' }, values: ['OPEN', 'closed'] },
    { name: 'boolean', type: { kind: 'boolean' }, values: ['true', 'false'] },
    { name: 'int', type: { kind: 'integer', bits: 32 }, values: ['0', '-1', '2147483647', '-2147483648'] },
    {
      name: 'bigint',
      type: { kind: 'integer', bits: 64 },
      values: ['0', '-12', '4294967296', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
    },
    {
      name: 'decimal',
      type: { kind: 'decimal' },
      values: ['0', '1200.5', '-0.000001', '12345678901234567890.123456789', '100', 'NaN'],
    },
    {
      name: 'double',
      type: { kind: 'float', bits: 64 },
      values: ['0', '0.1', '-74.0721', '1e+21', '5e-324', 'NaN', 'Infinity', '12'],
    },
    { name: 'single', type: { kind: 'float', bits: 32 }, values: ['0', '0.1', '-2.5', '16777216'] },
    { name: 'date', type: { kind: 'date' }, values: ['2026-11-22', '1969-12-31', '1970-01-01', '0044-03-15'] },
    {
      name: 'timestamp',
      type: { kind: 'timestamp', precision },
      values: [cut, '1970-01-01T00:00:00.000000Z', '1969-12-31T23:59:59.999000Z', '2400-02-29T12:00:00.000000Z'],
    },
    { name: 'uuid', type: { kind: 'uuid' }, values: ['00000000-0000-4000-8000-0000000000ff'] },
    { name: 'bytes', type: { kind: 'bytes' }, values: ['', '00ff10'] },
    {
      name: 'json',
      type: { kind: 'json' },
      values: [
        '{}',
        '[]',
        'true',
        '"text"',
        '{"a": 1, "b": [null, {"10": "x", "aa": 1.5}]}',
        '{"n": 9007199254740993}',
      ],
    },
    { name: 'texts', type: { kind: 'array', element: { kind: 'text' } }, values: ['[]', '["a", "b, c", null]'] },
    { name: 'ints', type: { kind: 'array', element: { kind: 'integer', bits: 32 } }, values: ['[1, -2, 3]'] },
  ];
}

/**
 * One field of each type, but those `without`; row `i` holds the i-th value of each that is not `unholdable`, in turns, and rows past the longest list
 * hold nothing.
 */
export function everyType(
  precision: number,
  without: readonly string[] = [],
  unholdable: (type: FieldType, value: string) => boolean = () => false,
): { mapping: Mapping; rows: readonly (readonly Value[])[] } {
  const cases = typeCases(precision)
    .filter(({ type }) => !without.includes(type.kind))
    .map(({ name, type, values }) => ({ name, type, values: values.filter((value) => !unholdable(type, value)) }));
  const mapping = {
    key: [field('id', { kind: 'text' })],
    fields: cases.map(({ name, type }) => field(`f_${name}`, type)),
  };
  const longest = Math.max(...cases.map(({ values }) => values.length));
  const rows = Array.from({ length: longest }, (_, i) => cases.map(({ values }) => values[i % values.length]!));
  return { mapping, rows: [...rows, cases.map(() => null)] };
}

export const ODD_KEYS: readonly string[] = [
  'plain',
  "it's",
  '"double"',
  '$gt',
  '$where: 1',
  'a.b.c',
  '%_\\',
  '007',
  '7',
  '-7',
  '1e3',
  ' leading',
  'trailing ',
  'Case',
  'case',
  'Ñandú 🙂',
  'e\u0301',
  '\u00e9',
  "'; DROP TABLE x; --",
  '{"$ne": null}',
  '[1]',
  'null',
  'x'.repeat(900),
  '507f1f77bcf86cd799439011',
];
