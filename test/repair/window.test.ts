// Maintenance windows in their time zone, past midnight and on some days only; the pace of a repair.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makePace } from '../../src/repair/pace.ts';
import { isTimeZone, isWithin, parseWindow } from '../../src/repair/window.ts';

const at = (text: string) => new Date(`${text}Z`);

describe('a window is open', () => {
  // 2026-11-27 is a Friday.
  test.each([
    ['01:00-05:00', '2026-11-27T01:00', 'UTC', true],
    ['01:00-05:00', '2026-11-27T04:59', 'UTC', true],
    ['01:00-05:00', '2026-11-27T05:00', 'UTC', false],
    ['22:00-05:00', '2026-11-27T23:30', 'UTC', true],
    ['22:00-05:00', '2026-11-27T04:59', 'UTC', true],
    ['22:00-05:00', '2026-11-27T12:00', 'UTC', false],
    ['Fri 22:00-05:00', '2026-11-28T04:00', 'UTC', true],
    ['Fri 22:00-05:00', '2026-11-27T04:00', 'UTC', false],
    ['Sat,Sun 00:00-24:00', '2026-11-28T23:59', 'UTC', true],
    ['Sat,Sun 00:00-24:00', '2026-11-30T00:00', 'UTC', false],
    ['Fri-Mon 00:00-24:00', '2026-11-30T10:00', 'UTC', true],
    ['Fri-Mon 00:00-24:00', '2026-12-01T10:00', 'UTC', false],
    ['01:00-05:00', '2026-11-27T06:30', 'America/Lima', true],
    ['Thu 20:00-22:00', '2026-11-28T02:00', 'America/Lima', false],
    ['Fri 20:00-22:00', '2026-11-28T02:00', 'America/Lima', true],
  ])('%s at %s in %s: %s', (words, time, zone, open) => {
    expect(isWithin([parseWindow(words)!], at(time), zone)).toBe(open);
  });

  test('for exactly its length every day, wherever it begins', () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(minute, minute, (from, to) => {
        fc.pre(from !== to);
        const words = (m: number) =>
          `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
        const window = parseWindow(`${words(from)}-${words(to)}`)!;
        let open = 0;
        for (let m = 0; m < 1440; m++) if (isWithin([window], new Date(Date.UTC(2026, 10, 27, 0, m)), 'UTC')) open++;
        return open === (to - from + 1440) % 1440;
      }),
      { numRuns: 20 },
    );
  });
});

test.each([
  '1:00-5:00',
  '01:00',
  '25:00-26:00',
  '01:00-01:00',
  'Foo 01:00-05:00',
  '01:60-02:00',
  '24:00-01:00',
  '',
])('%s is no window', (words) => expect(parseWindow(words)).toBeUndefined());

test('time zones are known by name', () => {
  expect(isTimeZone('America/Lima')).toBe(true);
  expect(isTimeZone('Mars/Olympus')).toBe(false);
});

test('a pace lets so many through a second, and none waits without a rate', async () => {
  const pace = makePace(1000);
  expect(pace.batch).toBe(500);
  const began = performance.now();
  for (let i = 0; i < 4; i++) await pace.after(50);
  expect(performance.now() - began).toBeGreaterThanOrEqual(190);
  const free = makePace(undefined);
  expect(free.batch).toBe(Number.POSITIVE_INFINITY);
  await free.after(1e9);
});
