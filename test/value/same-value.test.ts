import { expect, test } from 'vitest';
import { makeChain, seedHalves } from '../../src/value/chain.ts';
import type { HashScheme } from '../../src/value/digest.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { hashValues } from '../../src/value/row-hash.ts';
import { sameValue } from '../../src/value/same-value.ts';
import { field } from '../stores/contract-cases.ts';

const scheme: HashScheme = { algorithm: 'lookup3', seed: 42n };

function hashOf(type: FieldType, emptyIsNull: boolean, value: Value): string {
  const chain = makeChain(scheme);
  hashValues(chain, ...seedHalves(scheme), { key: [], fields: [field('f', type, { emptyIsNull })] }, [value]);
  return `${chain.high} ${chain.low}`;
}

test.each<FieldType>([
  { kind: 'text' },
  { kind: 'text', padded: true },
  { kind: 'enum' },
  { kind: 'bytes' },
])('an empty value equals none where the replica can’t tell them apart: %j', (type) => {
  const held = field('f', type, { emptyIsNull: true });
  expect(sameValue(held, '', null)).toBe(true);
  expect(sameValue(held, null, '')).toBe(true);
  expect(sameValue(held, '', '00')).toBe(false);
  expect(sameValue(held, '00', null)).toBe(false);
  expect(hashOf(type, true, '')).toBe(hashOf(type, true, null));
  expect(hashOf(type, true, '')).not.toBe(hashOf(type, true, '00'));
});

test('an empty value is not none anywhere else', () => {
  const type: FieldType = { kind: 'text' };
  expect(sameValue(field('f', type), '', null)).toBe(false);
  expect(sameValue(field('f', type), null, '')).toBe(false);
  expect(hashOf(type, false, '')).not.toBe(hashOf(type, false, null));
});
