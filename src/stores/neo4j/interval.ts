// Durations: canonical text as PostgreSQL writes intervals (see field-type.ts), and the months, days, seconds and nanoseconds of Neo4j.

import { ValueError } from '../../value/canonical.ts';

export interface DurationParts {
  readonly months: bigint;
  readonly days: bigint;
  readonly seconds: bigint;
  readonly nanoseconds: bigint;
}

/** Nanoseconds are cut to microseconds. Each unit has a sign of its own, as PostgreSQL's EncodeInterval gives it. */
export function intervalText({ months, days, seconds, nanoseconds }: DurationParts): string {
  const micros = (seconds * 1_000_000_000n + nanoseconds) / 1000n;
  const part = (value: bigint, unit: string) => (value === 0n ? '' : `${value}${unit}`);
  const day = part(months / 12n, 'Y') + part(months % 12n, 'M') + part(days, 'D');
  const time =
    part(micros / 3_600_000_000n, 'H') + part((micros / 60_000_000n) % 60n, 'M') + secondsText(micros % 60_000_000n);
  if (day === '' && time === '') return 'PT0S';
  return `P${day}${time === '' ? '' : `T${time}`}`;
}

function secondsText(micros: bigint): string {
  if (micros === 0n) return '';
  const size = micros < 0n ? -micros : micros;
  const fraction = String(size % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${micros < 0n ? '-' : ''}${size / 1_000_000n}${fraction === '' ? '' : `.${fraction}`}S`;
}

const INTERVAL =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,6}))?S)?)?$/;

/** Throws ValueError where it is no interval, such as PostgreSQL's infinity. */
export function durationParts(text: string): DurationParts {
  const match = INTERVAL.exec(text);
  if (match === null) throw new ValueError('it is an interval that no duration of Neo4j holds');
  const number = (i: number) => BigInt(match[i] ?? 0);
  const fraction = BigInt((match[9] ?? '').padEnd(6, '0'));
  const size = number(8) * 1_000_000n + fraction;
  const micros = number(5) * 3_600_000_000n + number(6) * 60_000_000n + (match[7] === '-' ? -size : size);
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return {
    months: number(1) * 12n + number(2),
    days: number(3) * 7n + number(4),
    seconds: (micros - rest) / 1_000_000n,
    nanoseconds: rest * 1000n,
  };
}
