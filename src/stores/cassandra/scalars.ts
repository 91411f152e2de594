// Values of CQL's native types that need more than reading a number. Pure.

import { fromMicros, fromMillis, ValueError } from '../../value/canonical.ts';
import type { CqlType } from './cql-type.ts';
import { bigInt64At, int64At } from './numbers.ts';

const LENGTHS: Readonly<Partial<Record<CqlType['name'], number>>> = {
  bigint: 8,
  boolean: 1,
  date: 4,
  double: 8,
  float: 4,
  int: 4,
  smallint: 2,
  time: 8,
  timestamp: 8,
  timeuuid: 16,
  tinyint: 1,
  uuid: 16,
};

/** In bytes; undefined where values of the type differ in length. */
export function lengthOf(type: CqlType): number | undefined {
  return LENGTHS[type.name];
}

/** Day 0 of a date is this many days before 1970. */
export const DATE_CENTRE = 2 ** 31;
/** A JavaScript Date ends so far from 1970. */
const DATE_ENDS = 8.64e15;

/** Throws ValueError where the bytes are not UTF-8: a replaced character might equal one that stands in the source. */
export function textAt(bytes: Buffer, at: number, length: number): string {
  const text = bytes.toString('utf8', at, at + length);
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes.subarray(at, at + length))) {
    throw new ValueError('it is not UTF-8');
  }
  return text;
}

export function dateText(bytes: Buffer, at: number): string {
  const days = bytes.readUInt32BE(at) - DATE_CENTRE;
  return fromMicros(BigInt(days) * 86_400_000_000n, 0).replace(/T.*$/, '');
}

export function timestampText(bytes: Buffer, at: number, precision: number): string {
  const millis = int64At(bytes, at);
  return Math.abs(millis) < DATE_ENDS
    ? fromMillis(millis, precision)
    : fromMicros(bigInt64At(bytes, at) * 1000n, precision);
}
