// Years: canonical texts count the year before 1 as 0, Oracle's SYYYY as -1. Oracle's calendar is the Julian one before 15 October 1582 and
// PostgreSQL's never; a date is the same on both sides when it is written the same.

import { ValueError } from '../../value/canonical.ts';
import type { Column } from './columns.ts';

/** `2026-11-22T01:14:07` of Oracle's ` 2026-…`, `-0044-…`: the era as canonical texts have it. */
export function canonicalEra(text: string): string {
  if (text.startsWith(' ')) return text.slice(1);
  if (!text.startsWith('-')) return text;
  const year = 1 - Number(text.slice(1, 5));
  return `${year < 0 ? `-${String(-year).padStart(4, '0')}` : String(year).padStart(4, '0')}${text.slice(5)}`;
}

/** Digits after the second in what is read of a column and bound for it. */
export function digitsOf({ form, scale = 6 }: Column): 0 | 6 | 9 {
  return form === 'date' ? 0 : scale > 6 ? 9 : 6;
}

/**
 * A canonical date or timestamp for the column's format: its beginning, or, of a date or of a time with `precision` digits, its `last` moment that the
 * column can tell. Throws ValueError for what Oracle's calendar or the column lacks.
 */
export function oracleTime(column: Column, canonical: string, last?: { readonly precision: number }): string {
  const match = /^(-?\d{4,})(-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)\.(\d{6})Z)?$/.exec(canonical);
  if (match === null) throw new ValueError(`Oracle has no time ${canonical}`);
  const [, yearText, day, time, fraction] = match;
  const year = Number(yearText);
  if (year > 9999 || year < -4711) throw new ValueError('Oracle holds years from 4712 BC to 9999');
  if (year === 1582 && day! >= '-10-05' && day! <= '-10-14')
    throw new ValueError(`Oracle's calendar has no 1582${day}`);
  const counted = year > 0 ? String(year).padStart(4, '0') : `-${String(1 - year).padStart(4, '0')}`;
  const known = last === undefined ? (fraction ?? '') : (fraction ?? '').slice(0, last.precision);
  const digits = known.padEnd(9, last === undefined ? '0' : '9');
  const kept = column.form === 'date' ? 0 : (column.scale ?? 6);
  if (last === undefined && /[1-9]/.test(digits.slice(kept))) {
    throw new ValueError(`${column.declared} keeps fewer digits after the second`);
  }
  const second = time ?? (last === undefined ? '00:00:00' : '23:59:59');
  const point = digitsOf(column) === 0 ? '' : `.${digits.slice(0, digitsOf(column))}`;
  const zone = column.form === 'zoned' || column.form === 'localZoned' ? '+00:00' : '';
  return `${counted}${day}T${second}${point}${zone}`;
}
