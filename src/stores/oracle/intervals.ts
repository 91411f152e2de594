// Intervals: Oracle keeps months and seconds in two types, PostgreSQL months, days and microseconds in one. Only what comes back as the same
// text is written.

import { ValueError } from '../../value/canonical.ts';
import type { Form } from './columns.ts';

/** What the driver hands over for INTERVAL YEAR TO MONTH and DAY TO SECOND; all parts of one sign. */
export interface IntervalParts {
  readonly years?: number;
  readonly months?: number;
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
  /** Nanoseconds. */
  readonly fseconds?: number;
}

/** As PostgreSQL writes it: `P1Y2M3DT4H5M6.7S`, each part with its own sign, `PT0S` for none. Digits past the sixth are cut. */
export function intervalText(parts: IntervalParts): string {
  const { years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0, fseconds = 0 } = parts;
  const part = (value: number, unit: string) => (value === 0 ? '' : `${value}${unit}`);
  const micros = Math.trunc(Math.abs(fseconds) / 1000);
  const fraction = micros === 0 ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
  const sign = seconds < 0 || (fraction !== '' && fseconds < 0) ? '-' : '';
  const second = seconds === 0 && fraction === '' ? '' : `${sign}${Math.abs(seconds)}${fraction}S`;
  const date = `${part(years, 'Y')}${part(months, 'M')}${part(days, 'D')}`;
  const time = `${part(hours, 'H')}${part(minutes, 'M')}${second}`;
  return date === '' && time === '' ? 'PT0S' : `P${date}${time === '' ? '' : `T${time}`}`;
}

const INTERVAL =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,6}))?S)?)?$/;

/** The parts for a column of this form, with `digits` after the second. Throws ValueError for what it would not give back. */
export function intervalParts(canonical: string, form: Form, digits: number): IntervalParts {
  const match = INTERVAL.exec(canonical);
  if (match === null) throw new ValueError('it is not an interval');
  const [years, months, days, hours, minutes] = match.slice(1, 6).map((text) => Number(text ?? 0));
  const sign = match[6] === '-' ? -1 : 1;
  const fraction = match[8] ?? '';
  const parts: IntervalParts =
    form === 'yearToMonth'
      ? { years, months }
      : {
          days,
          hours,
          minutes,
          seconds: sign * Number(match[7] ?? 0),
          fseconds: sign * Number(fraction.slice(0, digits).padEnd(9, '0')),
        };
  const signs = new Set(Object.values(parts).flatMap((value: number) => (value === 0 ? [] : [Math.sign(value)])));
  if (signs.size > 1 || Math.abs(hours!) > 23 || intervalText(parts) !== canonical) {
    const name = form === 'yearToMonth' ? 'INTERVAL YEAR TO MONTH' : 'INTERVAL DAY TO SECOND';
    throw new ValueError(`${name} does not hold ${canonical}`);
  }
  return parts;
}
