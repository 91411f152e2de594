// What each field contributes to a row's hash, from canonical values. src/postgres/row-hash-sql.ts says the same in SQL; a test holds
// the two together on every type. Equal hashes mean equal values under the field's rules; unequal ones are looked at exactly later.
//
// A key: begin(seed), then each key field. A row: begin(key's hash), then for every 15 fields one int32 of flags (two bits a field:
// 1 null, 2 a float's or timestamp's zero), then each field of the mapping, nulls by a neutral value.

import type { Field, Key, Mapping } from '../mapping/mapping.ts';
import { daysOf, floatOfText, fromDecimalText, microsOf } from './canonical.ts';
import type { Chain } from './chain.ts';
import type { FieldType, Value } from './field-type.ts';
import { Lookup3Chain } from './lookup3.ts';

export const FLAGS_PER_WORD = 15;
export const NULL_FLAG = 1;
export const ZERO_FLAG = 2;

/** Leaves the key's hash in the chain. */
export function hashKey(chain: Chain, seed: readonly [number, number], mapping: Mapping, key: Key): void {
  chain.begin(seed[0], seed[1]);
  for (let i = 0; i < mapping.key.length; i++) addValue(chain, mapping.key[i]!, key[i]!);
  chain.end();
}

/** Leaves the row's hash in the chain, given its key's. */
export function hashValues(
  chain: Chain,
  keyHigh: number,
  keyLow: number,
  mapping: Mapping,
  values: readonly Value[],
): void {
  chain.begin(keyHigh, keyLow);
  const { fields } = mapping;
  for (let from = 0; from < fields.length; from += FLAGS_PER_WORD) {
    const to = Math.min(from + FLAGS_PER_WORD, fields.length);
    let flags = 0;
    for (let i = from; i < to; i++) {
      const value = heldValue(fields[i]!, values[i]!);
      const flag = value === null ? NULL_FLAG : isZero(fields[i]!, value) ? ZERO_FLAG : 0;
      flags |= flag << (2 * (i - from));
    }
    chain.int32(flags);
    for (let i = from; i < to; i++) {
      const value = heldValue(fields[i]!, values[i]!);
      if (value === null) addNeutral(chain, fields[i]!);
      else addValue(chain, fields[i]!, value);
    }
  }
  chain.end();
}

/** Null for an empty value that the replica can't tell from none. */
function heldValue(field: Field, value: Value): Value {
  return field.emptyIsNull && value === '' ? null : value;
}

/** True where the field's hash is that of a float: its zero needs a flag, and its null contributes nothing. */
export function hashesAsFloat(field: Field): boolean {
  return field.tolerance === undefined && (field.type.kind === 'float' || field.type.kind === 'timestamp');
}

/** True where the field's hash is that of an integer, its null being 0. */
export function hashesAsInteger(field: Field): boolean {
  return field.tolerance === undefined && ['integer', 'boolean', 'date'].includes(field.type.kind);
}

export function addNeutral(chain: Chain, field: Field): void {
  if (hashesAsFloat(field)) chain.float64(0);
  else if (!hashesAsInteger(field)) chain.text('');
  else if (field.type.kind === 'integer' && field.type.bits === 64) chain.int64(0, 0);
  else chain.int32(0);
}

function isZero(field: Field, value: string): boolean {
  if (!hashesAsFloat(field)) return false;
  return field.type.kind === 'float' ? floatOfText(value) === 0 : secondsToHash(value) === 0;
}

export function addValue(chain: Chain, field: Field, value: string): void {
  if (field.tolerance !== undefined) {
    chain.text(toleranceCell(field.type, field.tolerance, value));
    return;
  }
  const { type } = field;
  switch (type.kind) {
    case 'boolean':
      chain.int32(value === 'true' ? 1 : 0);
      return;
    case 'integer':
      addInteger(chain, type.bits, value);
      return;
    case 'float':
      chain.float64(type.bits === 32 ? Math.fround(floatOfText(value)) : floatOfText(value));
      return;
    case 'date':
      chain.int32(value === 'infinity' ? 0x7fffffff : value === '-infinity' ? -0x80000000 : daysOf(value));
      return;
    case 'timestamp':
      chain.float64(secondsToHash(value));
      return;
    default:
      chain.text(field.ignoreCase ? lowerAscii(value) : value);
  }
}

function addInteger(chain: Chain, bits: 32 | 64, value: string): void {
  const number = Number(value);
  if (bits === 32) {
    if ((number | 0) === number) chain.int32(number);
    else chain.text(value); // a replica may hold what the source can't: any other hash will do
  } else if (!/^-?\d{1,19}$/.test(value)) chain.text(value);
  else if (Number.isSafeInteger(number)) chain.int64(number | 0, Math.floor(number / 0x1_0000_0000));
  else {
    const big = BigInt(value);
    if (BigInt.asIntN(64, big) !== big) chain.text(value);
    else chain.int64(Number(BigInt.asIntN(32, big)), Number(BigInt.asIntN(32, big >> 32n)));
  }
}

/** Up to this many seconds from 1970 (the year 2255) a double holds every microsecond. */
export const EXACT_SECONDS = 9_000_000_000;

const SINCE_2000 = 946_684_800_000_000n;
const far = new Lookup3Chain();

/**
 * What a canonical timestamp is hashed as: seconds since 1970 in double precision, computed as PostgreSQL's tstzrange_subdiff does from microseconds
 * since 2000; beyond EXACT_SECONDS a hash of those seconds and the microseconds of the minute, so that nothing is lost.
 */
export function secondsToHash(canonical: string): number {
  const micros = microsOf(canonical);
  const seconds = secondsOf(micros);
  if (Math.abs(seconds) < EXACT_SECONDS) return seconds;
  far.begin(0, 0);
  far.float64(seconds);
  far.float64(typeof micros === 'bigint' ? Number(((micros % 60_000_000n) + 60_000_000n) % 60_000_000n) : 0);
  return Number(BigInt.asIntN(64, (BigInt(far.high) << 32n) | BigInt(far.low >>> 0)));
}

/** The infinities are the ends of PostgreSQL's 64 bits. */
function secondsOf(micros: bigint | number): number {
  const since2000 = typeof micros === 'bigint' ? Number(micros - SINCE_2000) : micros > 0 ? 2 ** 63 : -(2 ** 63);
  return (since2000 + Number(SINCE_2000)) / 1_000_000;
}

/**
 * The cell of a value on a grid of half the tolerance: values of one cell are within the tolerance, whatever rounding does. Where the grid is
 * finer than a double, the value itself.
 */
export function toleranceCell(type: FieldType, tolerance: number, value: string): string {
  const isTime = type.kind === 'timestamp';
  const number = isTime ? Number(microsOf(value)) / 1_000_000 : floatOfText(value);
  const half = isTime ? tolerance / 2_000_000 : tolerance / 2;
  if (half > 0 && Math.abs(number) < half * 2 ** 50) return `cell ${Math.floor(number / half) + 0}`;
  return type.kind === 'float' || isTime ? value : fromDecimalText(value);
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
