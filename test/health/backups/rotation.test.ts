// The rotation's rule against a slow, obvious model, and the calendar under it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Backup, KINDS } from '../../../src/health/probes/backups/backup.ts';
import { dayOf, parseTime, WEEKDAYS } from '../../../src/health/probes/backups/calendar.ts';
import { patternToRegExp } from '../../../src/health/probes/backups/options.ts';
import { checkRotation, type RotationRules } from '../../../src/health/probes/backups/rotation.ts';

const HOUR = 3_600_000;
const ZONES = ['UTC', 'America/Lima', 'Europe/Berlin', 'Pacific/Kiritimati', 'America/St_Johns', 'Pacific/Niue'];
/** Around Europe's and America's changes of clocks, too. */
const moment = fc.integer({ min: Date.UTC(2026, 9, 15) / 60_000, max: Date.UTC(2026, 11, 5) / 60_000 });

const rules: fc.Arbitrary<RotationRules> = fc.record({
  rotation: fc.dictionary(fc.constantFrom(...WEEKDAYS), fc.uniqueArray(fc.constantFrom(...KINDS), { minLength: 1 })),
  days: fc.integer({ min: 0, max: 9 }),
  timeZone: fc.constantFrom(...ZONES),
  patience: fc.constantFrom(12 * HOUR, 24 * HOUR),
});
const backup: fc.Arbitrary<Backup> = fc.record({
  name: fc.constant('one'),
  kind: fc.constantFrom(...KINDS),
  state: fc.constantFrom('complete', 'complete', 'running', 'failed'),
  startedAt: fc.integer({ min: -12 * 24, max: 0 }).map((hours) => new Date(hours * HOUR)),
});

const calendars = new Map(
  ZONES.map((timeZone) => [
    timeZone,
    [
      new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }),
      new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'long' }),
    ] as const,
  ]),
);

/** What a calendar and a clock on the wall in that place show. */
function shown(instant: number, timeZone: string): string {
  const [dateAndTime, weekday] = calendars.get(timeZone)!.map((format) => format.format(instant));
  const [date, time] = dateAndTime!.split(' ');
  return `${date} ${weekday!.toLowerCase()} ${time}`;
}

/** Goes through time hour by hour and keeps a list of what the calendar showed; then looks through all backups for each day. */
function model(
  backups: readonly Backup[],
  now: number,
  { rotation, days, timeZone, patience }: RotationRules,
): string[] {
  const pages: string[] = [];
  for (let at = now - (days + 3) * 24 * HOUR; at <= now; at += HOUR / 2) {
    const [date, weekday] = shown(at, timeZone).split(' ');
    if (!pages.includes(`${date} ${weekday}`)) pages.push(`${date} ${weekday}`);
  }
  const today = shown(now, timeZone).split(' ')[0]!;
  const over = pages.filter((page) => !page.startsWith(today));
  const gaps: string[] = [];
  for (const page of days === 0 ? [] : over.slice(-days)) {
    const [date, weekday] = page.split(' ') as [string, (typeof WEEKDAYS)[number]];
    const wants = rotation[weekday];
    if (wants === undefined) continue;
    let fine = false;
    for (const { kind, state, startedAt } of backups) {
      if (!shown(+startedAt, timeZone).startsWith(date)) continue;
      if (kind !== 'full' && !wants.includes(kind)) continue;
      if (state === 'complete') fine = true;
      if (state === 'running' && now - +startedAt < patience) fine = true;
    }
    if (!fine) gaps.push(date);
  }
  return gaps;
}

test('the days that have no backup are those that a person finds who leafs through the calendar', () => {
  let found = 0;
  fc.assert(
    fc.property(moment, fc.array(backup, { maxLength: 12 }), rules, (minutes, relative, given) => {
      const now = minutes * 60_000;
      const backups = relative.map((one) => ({ ...one, startedAt: new Date(now + +one.startedAt) }));
      const { gaps, due } = checkRotation(backups, new Date(now), given);
      found += gaps.length;
      expect(gaps.map(({ day }) => day)).toEqual(model(backups, now, given));
      expect(due).toBeLessThanOrEqual(given.days);
    }),
    { numRuns: 500 },
  );
  expect(found).toBeGreaterThan(100);
});

test('a time without a zone is one of the clock in that place', () => {
  fc.assert(
    fc.property(moment, fc.constantFrom(...ZONES), (minutes, timeZone) => {
      const [date, , time] = shown(minutes * 60_000, timeZone).split(' ');
      const instant = parseTime(`${date} ${time}`, timeZone)!;
      expect(shown(+instant, timeZone)).toContain(`${date} `);
      expect(shown(+instant, timeZone)).toContain(` ${time}`);
      expect(dayOf(instant, timeZone)).toBe(date);
    }),
  );
});

test('a time that was put back is one of the two, and one that was skipped is still of its day', () => {
  expect(parseTime('2026-10-25 02:30', 'Europe/Berlin')!.toISOString()).toMatch(/T0[01]:30:00/);
  expect(dayOf(parseTime('2026-03-29 02:30', 'Europe/Berlin')!, 'Europe/Berlin')).toBe('2026-03-29');
});

describe('times in all their spellings', () => {
  test.each([
    ['20261123', '2026-11-23T05:00:00.000Z'],
    ['2026-11-23', '2026-11-23T05:00:00.000Z'],
    ['20261123-0200', '2026-11-23T07:00:00.000Z'],
    ['20261123T020304', '2026-11-23T07:03:04.000Z'],
    ['2026-11-23_02-03-04', '2026-11-23T07:03:04.000Z'],
    ['20261123020304', '2026-11-23T07:03:04.000Z'],
    ['2026-11-23 02:03:04.567+00', '2026-11-23T02:03:04.000Z'],
    ['2026-11-23T02:03:04Z', '2026-11-23T02:03:04.000Z'],
    ['2026-11-23T02:03:04-03:30', '2026-11-23T05:33:04.000Z'],
    ['1795399384', '2026-11-23T02:03:04.000Z'],
    ['1795399384000', '2026-11-23T02:03:04.000Z'],
  ])('%s', (text, iso) => {
    expect(parseTime(text, 'America/Lima')?.toISOString()).toBe(iso);
  });

  test.each([
    '',
    'yesterday',
    '2026-13-01',
    '2026-02-30',
    '2026-11-23 25:00',
    '23/11/2026',
    '12',
  ])('%j is none', (text) => {
    expect(parseTime(text, 'UTC')).toBeUndefined();
  });
});

test.each([
  ['ha-{kind}-{time}.tar.zst', 'ha-full-20261123T0200.tar.zst', { kind: 'full', time: '20261123T0200' }],
  ['{time}_*.{kind}.gz', '2026-11-23_db.prod.INCR.gz', { kind: 'INCR', time: '2026-11-23' }],
  ['{kind}/{time}/base.tar', 'differential/20261123/base.tar', { kind: 'differential', time: '20261123' }],
  ['a+b-{time}', 'a+b-20261123', { time: '20261123' }],
])('%s finds %s', (pattern, name, groups) => {
  expect(patternToRegExp(pattern, ['full', 'incr', 'diff', 'differential']).exec(name)?.groups).toMatchObject(groups);
});

test.each([
  ['ha-{kind}-{time}.tar', 'ha-weekly-20261123.tar'],
  ['ha-{kind}-{time}.tar', 'ha-full-20261123.tar.part'],
  ['ha-*-{time}.tar', 'ha-a/b-20261123.tar'],
  ['{time}/ha-{time}.tar', '20261123/ha-20261124.tar'],
])('%s passes over %s', (pattern, name) => {
  expect(patternToRegExp(pattern, ['full']).test(name)).toBe(false);
});
