// Canonical values: one spelling for each value, and the exact rule over them.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Field } from '../../src/mapping/mapping.ts';
import {
  fromDecimalText,
  fromFloat,
  fromMicros,
  fromMillis,
  fromText,
  microsOf,
  ValueError,
} from '../../src/value/canonical.ts';
import type { FieldType } from '../../src/value/field-type.ts';
import { canonicalJson } from '../../src/value/json.ts';
import { compareVersions, sameValue } from '../../src/value/same-value.ts';

const timestamp = (precision: number): FieldType => ({ kind: 'timestamp', precision });
const array = (element: FieldType): FieldType => ({ kind: 'array', element });

test.each<[FieldType, string, string]>([
  [{ kind: 'text', padded: true }, 'ab   ', 'ab'],
  [{ kind: 'text' }, 'ab   ', 'ab   '],
  [{ kind: 'boolean' }, 't', 'true'],
  [{ kind: 'boolean' }, '0', 'false'],
  [{ kind: 'integer', bits: 64 }, '9007199254740993', '9007199254740993'],
  [{ kind: 'integer', bits: 32 }, '1.0', '1'],
  [{ kind: 'integer', bits: 32 }, '1.5', '1.5'],
  [{ kind: 'decimal' }, '-0.00', '0'],
  [{ kind: 'decimal' }, '+01200.500', '1200.5'],
  [{ kind: 'decimal' }, '1.5e-3', '0.0015'],
  [{ kind: 'decimal' }, '12E+3', '12000'],
  [{ kind: 'decimal' }, '.1', '0.1'],
  [{ kind: 'decimal' }, 'nan', 'NaN'],
  [{ kind: 'float', bits: 64 }, '-0', '0'],
  [{ kind: 'float', bits: 64 }, '0.1000', '0.1'],
  [{ kind: 'float', bits: 32 }, '1.10000002384', '1.1'],
  [{ kind: 'float', bits: 64 }, 'inf', 'Infinity'],
  [{ kind: 'date' }, '0044-03-15 BC', '-0043-03-15'],
  [{ kind: 'date' }, '2026-11-22T00:00:00Z', '2026-11-22'],
  [timestamp(6), '2026-11-22 01:14:07.2+00', '2026-11-22T01:14:07.200000Z'],
  [timestamp(3), '2026-11-22T01:14:07.221999Z', '2026-11-22T01:14:07.221000Z'],
  [timestamp(6), '2026-11-21 20:14:07.5-05', '2026-11-22T01:14:07.500000Z'],
  [timestamp(6), '2026-11-22T06:44:07+05:30', '2026-11-22T01:14:07.000000Z'],
  [timestamp(6), '0001-01-01 00:00:00+00 BC', '0000-01-01T00:00:00.000000Z'],
  [timestamp(6), 'infinity', 'infinity'],
  [{ kind: 'uuid' }, 'A0EEBC999C0B4EF8BB6D6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  [{ kind: 'bytes' }, '\\xDEADbeef', 'deadbeef'],
  [{ kind: 'json' }, '{"bb":1.0,"a":[1e2,null]}', '{"a": [100, null], "bb": 1}'],
  [array({ kind: 'integer', bits: 32 }), '[[1,2.0],[null]]', '[[1, 2], [null]]'],
  [array({ kind: 'timestamp', precision: 3 }), '["2026-11-22T01:14:07.2219+00:00"]', '["2026-11-22T01:14:07.221000Z"]'],
  [array({ kind: 'boolean' }), '[true,"f"]', '[true, false]'],
  [{ kind: 'vector' }, '[0.1,2,3e-1]', '[0.1, 2, 0.3]'],
])('%j reads %j as %j', (type, text, canonical) => {
  expect(fromText(type, text)).toBe(canonical);
  expect(fromText(type, canonical)).toBe(canonical);
});

test.each<[FieldType, string]>([
  [{ kind: 'boolean' }, 'maybe'],
  [{ kind: 'integer', bits: 32 }, 'twelve'],
  [{ kind: 'decimal' }, ''],
  [{ kind: 'float', bits: 64 }, '1,5'],
  [{ kind: 'date' }, '22/11/2026'],
  [timestamp(6), 'yesterday'],
  [{ kind: 'uuid' }, 'a0eebc99'],
  [{ kind: 'bytes' }, 'abc'],
  [{ kind: 'json' }, '{a: 1}'],
  [{ kind: 'json' }, '[1] 2'],
  [array({ kind: 'integer', bits: 32 }), '{"a": 1}'],
])('%j does not read %j', (type, text) => {
  expect(() => fromText(type, text)).toThrow(ValueError);
});

describe('properties', () => {
  test('a decimal keeps its value and has one spelling', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.integer({ min: -20, max: 20 }),
        (digits, exponent) => {
          const plain = fromDecimalText(`${digits}e${exponent}`);
          expect(plain).toMatch(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
          expect(fromDecimalText(`${digits}00e${exponent - 2}`)).toBe(plain);
        },
      ),
    );
  });

  test('milliseconds and microseconds agree, before 1970 as well', () => {
    fc.assert(
      fc.property(fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 }), (millis) => {
        expect(fromMillis(millis, 3)).toBe(fromMicros(BigInt(millis) * 1000n, 3));
        expect(microsOf(fromMillis(millis, 6))).toBe(BigInt(millis) * 1000n);
      }),
    );
  });

  test('a float is the shortest text that reads back equal', () => {
    const back = (value: number) => (value === 0 ? 0 : value);
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        expect(Number(fromFloat(value, 64))).toBe(back(value));
      }),
    );
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(Math.fround(Number(fromFloat(value, 32)))).toBe(back(value));
      }),
    );
  });

  test('canonical JSON does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const turned = Object.fromEntries(Object.entries(object).reverse());
        expect(canonicalJson(JSON.stringify(turned))).toBe(canonicalJson(JSON.stringify(object)));
      }),
    );
  });
});

describe('the exact rule', () => {
  const field = (type: FieldType, more: Partial<Field> = {}): Field => ({
    name: 'f',
    target: 'f',
    type,
    nullable: true,
    ...more,
  });
  const decimal = field({ kind: 'decimal' }, { tolerance: 0.01 });

  test('null equals only null', () => {
    expect(sameValue(decimal, null, null)).toBe(true);
    expect(sameValue(decimal, null, '0')).toBe(false);
  });

  test('a tolerance is inclusive, and exact for decimals of any size', () => {
    expect(sameValue(decimal, '1.00', '1.01')).toBe(true);
    expect(sameValue(decimal, '1.00', '1.0100000001')).toBe(false);
    expect(sameValue(decimal, '100000000000000000000.01', '100000000000000000000.02')).toBe(true);
    expect(sameValue(decimal, '100000000000000000000.01', '100000000000000000000.03')).toBe(false);
    const time = field({ kind: 'timestamp', precision: 6 }, { tolerance: 1_000_000 });
    expect(sameValue(time, '2026-11-22T00:00:00.000000Z', '2026-11-22T00:00:01.000000Z')).toBe(true);
    expect(sameValue(time, '2026-11-22T00:00:00.000000Z', '2026-11-22T00:00:01.000001Z')).toBe(false);
  });

  test('letter case counts unless told otherwise', () => {
    expect(sameValue(field({ kind: 'text' }), 'ÄB', 'äb')).toBe(false);
    expect(sameValue(field({ kind: 'text' }, { ignoreCase: true }), 'ÄB', 'äb')).toBe(true);
  });

  test('versions compare by size, not as text', () => {
    expect(compareVersions(field({ kind: 'integer', bits: 64 }), '9', '10')).toBeLessThan(0);
    expect(compareVersions(field({ kind: 'decimal' }), '1.5', '1.25')).toBeGreaterThan(0);
    expect(
      compareVersions(
        field({ kind: 'timestamp', precision: 6 }),
        '10000-01-01T00:00:00.000000Z',
        '9999-01-01T00:00:00.000000Z',
      ),
    ).toBeGreaterThan(0);
  });
});
