// Figures in messages are short and never say more than they know.

import { expect, test } from 'vitest';
import { countInWords, durationInWords, sizeInWords } from '../../src/health/figures.ts';

test.each([
  [0, '0 B'],
  [412, '412 B'],
  [31_400, '31.4 kB'],
  [400_000, '400 kB'],
  [18_234_567_890, '18.2 GB'],
])('%i bytes: %s', (bytes, words) => {
  expect(sizeInWords(bytes)).toBe(words);
});

test.each([
  [0.4, '0.4 ms'],
  [31, '31 ms'],
  [999.7, '1 s'],
  [4_230, '4.2 s'],
  [59_700, '1 min'],
  [372_000, '6 min 12 s'],
  [3_599_900, '1 h'],
  [10_800_000, '3 h'],
  [190_800_000, '2 d 5 h'],
])('%f ms: %s', (milliseconds, words) => {
  expect(durationInWords(milliseconds)).toBe(words);
});

test('things are counted', () => {
  expect([countInWords(1, 'standby'), countInWords(4704, 'row'), countInWords(0, 'standby', 'standbys')]).toEqual([
    '1 standby',
    '4,704 rows',
    '0 standbys',
  ]);
});
