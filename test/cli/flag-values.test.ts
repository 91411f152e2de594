// What the flags' words mean, and which are refused.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countOf, durationOf, keyOf, percentOf, portOf, shareOf, sizeOf } from '../../cli/flag-values.ts';
import { UsageError } from '../../cli/usage-error.ts';

describe('values', () => {
  test.each([
    [durationOf, '90s', 90_000],
    [durationOf, '7d', 604_800_000],
    [durationOf, '1.5 h', 5_400_000],
    [shareOf, '1%', 0.01],
    [shareOf, '0.5 %', 0.005],
    [shareOf, '100%', 1],
    [percentOf, '40', 40],
    [percentOf, '40%', 40],
    [percentOf, '0', 0],
    [portOf, '0', 0],
    [portOf, '7586', 7586],
    [sizeOf, '512MB', 512e6],
    [sizeOf, '1.5GiB', 1.5 * 2 ** 30],
    [sizeOf, '2gb', 2e9],
    [(words: string) => countOf(words, 0), '10,000', 10_000],
    [(words: string) => countOf(words, 0), '1_000', 1000],
    [(words: string) => countOf(words, 0), '0', 0],
  ])('%o of %s is %d', (read, words, value) => expect(read(words)).toBe(value));

  test.each([
    [durationOf, ['', '7', '0s', '-1d', '7 weeks', '1e3s']],
    [shareOf, ['', '1', '0.01', '0%', '101%', '-1%', '1%%']],
    [percentOf, ['', 'all', '101', '-1']],
    [portOf, ['', 'http', '-1', '65536']],
    [sizeOf, ['', '512', '512M', '-1GB', '1KB', '0MB', '1TB']],
    [(words: string) => countOf(words, 1), ['', '0', '-1', '1.5', '1e3', ',1', '99999999999999999999']],
  ])('%o refuses', (read, refused) => {
    for (const words of refused) expect(() => read(words), words).toThrow(UsageError);
  });
});

describe('keys', () => {
  test.each([
    ['inc_7', ['inc_7']],
    ['', ['']],
    ['[', ['[']],
    ['{"a":1}', ['{"a":1}']],
    ['["inc_7", 4]', ['inc_7', '4']],
    ['[12345678901234567890, -0.10, 1e400]', ['12345678901234567890', '-0.10', '1e400']],
    ['["4", "a\\"b", "[1]", "5 apples"]', ['4', 'a"b', '[1]', '5 apples']],
    ['[true, false]', ['true', 'false']],
    ['["[1,2]"]', ['[1,2]']],
  ])('%s', (words, parts) => expect(keyOf(words)).toEqual(parts));

  test.each(['[]', '[null]', '[["a"]]', '[{"a": 1}]', '[a]', '[1,]'])('%s is refused', (words) => {
    expect(() => keyOf(words)).toThrow(UsageError);
  });

  test('any list of texts and whole numbers comes back as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.bigInt()), { minLength: 1 }), (parts) => {
        const json = `[${parts.map((part) => (typeof part === 'bigint' ? part : JSON.stringify(part))).join(',')}]`;
        expect(keyOf(json)).toEqual(parts.map(String));
      }),
    );
  });
});
