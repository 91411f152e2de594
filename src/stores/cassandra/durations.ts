// Durations, times of day, and the variable-length integers that they and vectors are made of, to text and back. A duration's text is
// PostgreSQL's ISO 8601, where each part has a sign of its own.

import { ValueError } from '../../value/canonical.ts';
import { bigInt64At, int64Bytes } from './numbers.ts';

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;

/** As PostgreSQL writes a time: `12:34:56.789`. */
export function timeText(bytes: Buffer, at: number): string {
  const nanos = bigInt64At(bytes, at);
  if (nanos < 0n || nanos >= DAY) throw new ValueError('it is not a time of day');
  const seconds = Number(nanos / SECOND);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fractionOf(nanos % SECOND)}`;
}

export function timeBytes(text: string): Buffer {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw new ValueError('it is not a time of day');
  const [, hour, minute, second, fraction = ''] = match;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const nanos = BigInt(seconds) * SECOND + BigInt(fraction.padEnd(9, '0'));
  if (nanos >= DAY) throw new ValueError('a time of day ends before 24:00');
  return int64Bytes(nanos);
}

export function durationText(bytes: Buffer, start: number): string {
  const [months, daysAt] = signedAt(bytes, start);
  const [days, nanosAt] = signedAt(bytes, daysAt);
  const [nanos] = signedAt(bytes, nanosAt);
  const hours = nanos / (3600n * SECOND);
  const minutes = (nanos / (60n * SECOND)) % 60n;
  const rest = nanos % (60n * SECOND);
  const seconds = `${rest < 0n ? '-' : ''}${absolute(rest) / SECOND}${fractionOf(absolute(rest) % SECOND)}`;
  const part = (value: bigint, unit: string) => (value === 0n ? '' : `${value}${unit}`);
  const date = `${part(months / 12n, 'Y')}${part(months % 12n, 'M')}${part(days, 'D')}`;
  const time = `${part(hours, 'H')}${part(minutes, 'M')}${rest === 0n ? '' : `${seconds}S`}`;
  if (date === '' && time === '') return 'PT0S';
  return `P${date}${time === '' ? '' : `T${time}`}`;
}

const DURATION =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,9}))?S)?)?$/;

export function durationBytes(text: string): Buffer {
  const match = DURATION.exec(text);
  if (match === null) throw new ValueError('it is not a duration');
  const [, years = '0', months = '0', weeks = '0', days = '0', hours = '0', minutes = '0', sign, seconds, fraction] =
    match;
  const rest = BigInt(seconds ?? 0) * SECOND + BigInt((fraction ?? '').padEnd(9, '0'));
  const parts = [
    BigInt(years) * 12n + BigInt(months),
    BigInt(weeks) * 7n + BigInt(days),
    BigInt(hours) * 3600n * SECOND + BigInt(minutes) * 60n * SECOND + (sign === '-' ? -rest : rest),
  ];
  if (parts.some((part) => part < 0n) && parts.some((part) => part > 0n)) {
    throw new ValueError('the parts of a duration of Cassandra have one sign');
  }
  return Buffer.concat(parts.map(signedBytes));
}

/** An unsigned variable-length integer, and where it ends: as many bytes follow the first as that has leading ones. */
export function unsignedAt(bytes: Buffer, at: number): readonly [value: bigint, end: number] {
  const first = bytes[at]!;
  const more = Math.clz32(~(first << 24));
  let value = more >= 8 ? 0n : BigInt(first & (0xff >> more));
  for (let i = 1; i <= more; i++) value = (value << 8n) | BigInt(bytes[at + i]!);
  return [value, at + 1 + more];
}

export function unsignedBytes(value: bigint): Buffer {
  let more = 0;
  while (more < 8 && value >> BigInt(7 * (more + 1)) !== 0n) more++;
  const bytes = Buffer.alloc(1 + more);
  let rest = value;
  for (let i = more; i > 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = Number(rest) | ((0xff00 >> more) & 0xff);
  return bytes;
}

/** Zigzag: 0, -1, 1, -2 … are 0, 1, 2, 3 … */
function signedAt(bytes: Buffer, at: number): readonly [value: bigint, end: number] {
  const [value, end] = unsignedAt(bytes, at);
  return [(value >> 1n) ^ -(value & 1n), end];
}

function signedBytes(value: bigint): Buffer {
  return unsignedBytes(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
}

function fractionOf(nanos: bigint): string {
  return nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
