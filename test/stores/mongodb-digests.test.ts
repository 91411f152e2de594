// Digests from raw BSON equal the hashes of the decoded records, whatever stands in the documents.

import fc from 'fast-check';
import {
  Binary,
  BSON,
  BSONRegExp,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { describe, expect, test } from 'vitest';
import { keyText, type Mapping, type Row } from '../../src/mapping/mapping.ts';
import { Decoder } from '../../src/stores/mongodb/decode.ts';
import { RecordHasher } from '../../src/stores/mongodb/hash.ts';
import { fromDecimalText } from '../../src/value/canonical.ts';
import { makeChain, seedHalves } from '../../src/value/chain.ts';
import type { HashScheme } from '../../src/value/digest.ts';
import type { FieldType } from '../../src/value/field-type.ts';
import { hashKey, hashValues } from '../../src/value/row-hash.ts';
import { field } from './contract-cases.ts';

const TYPES: readonly FieldType[] = [
  { kind: 'text' },
  { kind: 'text', padded: true },
  { kind: 'enum' },
  { kind: 'boolean' },
  { kind: 'integer', bits: 32 },
  { kind: 'integer', bits: 64 },
  { kind: 'decimal' },
  { kind: 'float', bits: 32 },
  { kind: 'float', bits: 64 },
  { kind: 'date' },
  { kind: 'timestamp', precision: 0 },
  { kind: 'timestamp', precision: 3 },
  { kind: 'timestamp', precision: 6 },
  { kind: 'uuid' },
  { kind: 'bytes' },
  { kind: 'json' },
  { kind: 'array', element: { kind: 'text' } },
  { kind: 'vector' },
  { kind: 'interval' },
];

const millis = fc.oneof(
  fc.integer({ min: -1e12, max: 4e12 }),
  fc.constantFrom(0, -1, 999, 253402300799999, 253402300800000, -62135596800000, 8.64e15, -8.64e15),
);
const isoText = fc
  .tuple(
    millis.filter((value) => Math.abs(value) < 2e14),
    fc.constantFrom('', '5', '123', '123456', '999999'),
    fc.constantFrom('Z', '', '+02:00', '-00'),
    fc.constantFrom('T', ' '),
  )
  .map(([value, fraction, zone, separator]) => {
    const seconds = new Date(value)
      .toISOString()
      .replace(/\.\d+Z$/, '')
      .replace('T', separator);
    return `${seconds}${fraction && `.${fraction}`}${zone}`;
  });
const words = fc.constantFrom(
  '',
  'OPEN',
  'open ',
  'true',
  'f',
  '1',
  '-007',
  '1.50',
  '1e3',
  'NaN',
  '2026-02-31',
  '2026-02-29T10:00:00Z',
  '1970-01-01T00:00:00Z',
  '\\x00ff',
  'P1D',
  '[1]',
  '{"a":1.0}',
);
const digits = fc
  .tuple(fc.bigInt({ min: -(10n ** 33n), max: 10n ** 33n }), fc.integer({ min: -40, max: 10 }))
  .map(([n, e]) => `${n}E${e}`);

const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  words,
  isoText,
  fc.uuid(),
  fc.uuid().map((text) => text.toUpperCase()),
  fc.uuid().map((text) => new UUID(text)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => new Binary(bytes)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new Binary(bytes, 2)),
  fc.integer().map((number) => new Int32(number)),
  fc.constantFrom(0, 1, -1).map((number) => new Int32(number)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((number) => Long.fromBigInt(number)),
  fc.integer().map((number) => Long.fromNumber(number)),
  fc.double().map((number) => new Double(number)),
  fc
    .oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(0, -0, 1, 0.5, 1e21, 1e-60, 2 ** 31, 2 ** 53))
    .map((number) => new Double(number)),
  digits.map((text) => Decimal128.fromStringWithRounding(text)),
  fc
    .constantFrom('0', '-0', '1.500', '100', '-0.00010', '9007199254740993', 'NaN', '-Infinity', '1E+6000')
    .map((text) => Decimal128.fromString(text)),
  fc.boolean(),
  millis.map((time) => new Date(time)),
  fc.constant(null),
  fc.constantFrom<unknown>(
    new ObjectId('507f1f77bcf86cd799439011'),
    new BSONRegExp('x', 'i'),
    new MaxKey(),
    new Timestamp({ t: 1, i: 2 }),
  ),
  fc.array(fc.oneof(fc.string(), fc.double(), fc.constant(null)), { maxLength: 4 }),
  fc.array(fc.double({ noNaN: true }), { maxLength: 4 }),
  fc.dictionary(
    fc.constantFrom('a', 'b', '10', '__proto__'),
    fc.oneof(fc.string(), fc.integer(), fc.constant(new Date(5))),
    { maxKeys: 3 },
  ),
);

const int32 = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1)).map((drawn) => new Int32(drawn));
const whole = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(0, -0, 1, 2 ** 31, 2 ** 53));
const number = fc.oneof(
  int32,
  whole.map((drawn) => new Double(drawn)),
  fc.double().map((drawn) => new Double(drawn)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((drawn) => Long.fromBigInt(drawn)),
  digits.map((drawn) => Decimal128.fromStringWithRounding(drawn)),
  fc
    .constantFrom('0', '-0', '1.500', '100', '-0.00010', '9007199254740993')
    .map((drawn) => Decimal128.fromString(drawn)),
);
const time = fc.oneof(
  millis.map((drawn) => new Date(drawn)),
  isoText,
);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), words);

/** Values that can mostly be read as the type: with any others nearly every record would be unread. */
function fitting({ kind }: FieldType): fc.Arbitrary<unknown> {
  switch (kind) {
    case 'text':
    case 'enum':
    case 'interval':
      return text;
    case 'boolean':
      return fc.oneof(fc.boolean(), fc.constantFrom<unknown>(new Int32(1), new Double(0), Long.ONE, 'true'));
    case 'integer':
    case 'decimal':
    case 'float':
      return number;
    case 'date':
    case 'timestamp':
      return time;
    case 'uuid':
      return fc.oneof(
        fc.uuid(),
        fc.uuid().map((drawn) => new UUID(drawn)),
      );
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 }).map((drawn) => new Binary(drawn));
    case 'vector':
      return fc.array(fc.double({ noNaN: true }), { maxLength: 4 });
    case 'array':
      return fc.array(fc.string(), { maxLength: 4 });
    case 'json':
      return fc.dictionary(fc.string(), fc.oneof(fc.string(), int32), { maxKeys: 3 });
  }
}

const VALUES = new Map(
  TYPES.map((type) => [
    type,
    fc.oneof(
      { weight: 40, arbitrary: fitting(type) },
      { weight: 4, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: value },
    ),
  ]),
);
const valueFor = (type: FieldType): fc.Arbitrary<unknown> => VALUES.get(type)!;

const options = fc.record({
  tolerance: fc.option(fc.constantFrom(0, 0.5, 1000), { nil: undefined, freq: 8 }),
  ignoreCase: fc.boolean(),
});
const isNumber = (type: FieldType) => ['integer', 'decimal', 'float', 'timestamp'].includes(type.kind);

/** Mostly one key and a few fields, at times more fields than one word of flags holds. */
const mapping = fc
  .record({
    key: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 2 }),
    fields: fc.array(fc.tuple(fc.constantFrom(...TYPES), options), { maxLength: 18, size: 'max' }),
    nested: fc.boolean(),
  })
  .map(
    ({ key, fields, nested }): Mapping => ({
      key: key.map((type, i) => field(`k${i}`, type, { target: nested ? `_id.k${i}` : `k${i}` })),
      fields: fields.map(([type, { tolerance, ignoreCase }], i) =>
        field(`f${i}`, type, {
          target: nested && i % 3 === 0 ? `deep.${i % 2}.f${i}` : `f${i}`,
          ...(isNumber(type) && tolerance !== undefined ? { tolerance } : {}),
          ...(ignoreCase ? { ignoreCase } : {}),
        }),
      ),
    }),
  );

const scheme = fc.record({
  algorithm: fc.constantFrom<HashScheme['algorithm']>('lookup3', 'lookup3', 'md5'),
  seed: fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
});

function put(document: Document, target: string, element: unknown): void {
  const names = target.split('.');
  const last = names.pop()!;
  let inner = document;
  for (const name of names) inner = inner[name] ??= {};
  inner[last] = element;
}

function digestOf(mapped: Mapping, hashScheme: HashScheme, row: Row): readonly number[] {
  const chain = makeChain(hashScheme);
  hashKey(chain, seedHalves(hashScheme), mapped, row.key);
  const { high, low } = chain;
  hashValues(chain, high, low, mapped, row.values);
  return [high, low, chain.high, chain.low];
}

test('decimals read like those of the driver', () => {
  const mapped: Mapping = { key: [field('k', { kind: 'text' })], fields: [field('f', { kind: 'decimal' })] };
  const decoder = new Decoder(mapped);
  const small = fc.tuple(fc.integer(), fc.integer({ min: -12, max: 5 })).map(([n, e]) => `${n}E${e}`);
  fc.assert(
    fc.property(fc.oneof(digits, small, fc.constantFrom('NaN', 'Infinity', '-Infinity', '-0', '1E-6176')), (drawn) => {
      const f = Decimal128.fromStringWithRounding(drawn);
      const row = decoder.row(Buffer.from(BSON.serialize({ k: 'k', f })), 0);
      expect(row.values).toEqual([fromDecimalText(f.toString())]);
    }),
  );
});

describe('digests of raw documents', () => {
  test('are the hashes of the decoded records', () => {
    let read = 0;
    let unread = 0;
    fc.assert(
      fc.property(mapping, scheme, fc.gen(), (mapped, hashScheme, draw) => {
        const decoder = new Decoder(mapped);
        const hasher = new RecordHasher(mapped, new Decoder(mapped), hashScheme);
        const all = [...mapped.key, ...mapped.fields];
        for (let round = 0; round < 4; round++) {
          const document: Document = {};
          if (round % 2) document.unmapped = draw(() => value);
          for (const { target, type } of round === 3 ? all.toReversed() : all) {
            if (draw(() => fc.nat(19)) > 0) put(document, target, draw(valueFor, type));
          }
          const padding = 7 * round;
          const bytes = Buffer.concat([Buffer.alloc(padding, 1), BSON.serialize(document)]);
          const row = decoder.row(bytes, padding);
          expect(hasher.hash(bytes, padding)).toBe(row.unread);
          if (row.unread !== undefined) {
            unread++;
            continue;
          }
          read++;
          const found = [hasher.keyHigh, hasher.keyLow, hasher.rowHigh, hasher.rowLow];
          expect(found).toEqual(digestOf(mapped, hashScheme, row));
        }
      }),
      { numRuns: 2500, endOnFailure: true },
    );
    expect(Math.min(read, unread)).toBeGreaterThan(100);
  });

  test.each(TYPES.map((type) => [JSON.stringify(type), type] as const))('of one field: %s', (_name, type) => {
    const mapped: Mapping = {
      key: [field('k', { kind: 'text' })],
      fields: [field('f', type), field('g', type, { ignoreCase: true })],
    };
    const decoder = new Decoder(mapped);
    fc.assert(
      fc.property(valueFor(type), valueFor(type), scheme, (f, g, hashScheme) => {
        const bytes = Buffer.from(BSON.serialize({ k: 'k', f, g }));
        const hasher = new RecordHasher(mapped, decoder, hashScheme);
        const reason = hasher.hash(bytes, 0);
        const row = decoder.row(bytes, 0);
        expect(reason).toBe(row.unread);
        if (row.unread !== undefined) return;
        expect([hasher.rowHigh, hasher.rowLow]).toEqual(digestOf(mapped, hashScheme, row).slice(2));
      }),
      { numRuns: 600, endOnFailure: true },
    );
  });

  test('take the last of two fields of one name, as the driver does', () => {
    const mapped: Mapping = {
      key: [field('k', { kind: 'text' })],
      fields: [field('b', { kind: 'text' }, { target: 'a.b' })],
    };
    const twice = Buffer.concat([
      BSON.serialize({ k: 'first', a: { b: 'x' } }).slice(4, -1),
      BSON.serialize({ k: 'last', a: { c: 'y' } }).slice(4),
    ]);
    const bytes = Buffer.concat([Buffer.alloc(4), twice]);
    bytes.writeInt32LE(bytes.length, 0);
    const driver = BSON.deserialize(bytes);
    const row = new Decoder(mapped).row(bytes, 0);
    expect(row).toEqual({ key: [driver.k], values: [null] });
    expect(keyText(row.key)).toBe('last');
  });

  test('a name that no document repeats does not fill the memory', () => {
    const mapped: Mapping = { key: [field('k', { kind: 'text' })], fields: [field('f', { kind: 'text' })] };
    const decoder = new Decoder(mapped);
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(BSON.serialize({ [`name${i}`]: i, k: 'k', [`other${i}`]: i, f: `f${i}` }));
      expect(decoder.row(bytes, 0)).toEqual({ key: ['k'], values: [`f${i}`] });
    }
  });
});
