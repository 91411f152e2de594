// Digests straight from the driver's values. The usual ones are hashed as they are, all others through their canonical text, so that the result is
// always that of src/value/row-hash.ts.

import type { Field } from '../../mapping/mapping.ts';
import { floatOfText, ValueError } from '../../value/canonical.ts';
import { type Chain, makeChain, seedHalves } from '../../value/chain.ts';
import type { HashScheme } from '../../value/digest.ts';
import {
  addNeutral,
  addValue,
  EXACT_SECONDS,
  FLAGS_PER_WORD,
  hashesAsFloat,
  NULL_FLAG,
  secondsToHash,
  ZERO_FLAG,
} from '../../value/row-hash.ts';
import { canonicalOf } from './decode.ts';
import { isFindable } from './key-forms.ts';
import type { Neo4j } from './session.ts';
import type { Column, Shape } from './shape.ts';

export class RecordHasher {
  keyHigh = 0;
  keyLow = 0;
  rowHigh = 0;
  rowLow = 0;
  private readonly neo4j: Neo4j;
  private readonly chain: Chain;
  private readonly seed: readonly [number, number];
  private readonly keys: readonly Column[];
  private readonly fields: readonly Column[];
  /** Numbers of fields that hash as floats, from the flags to the hashing. */
  private readonly numbers: Float64Array;

  constructor(neo4j: Neo4j, { columns, keys }: Shape, scheme: HashScheme) {
    this.neo4j = neo4j;
    this.chain = makeChain(scheme);
    this.seed = seedHalves(scheme);
    this.keys = columns.slice(0, keys);
    this.fields = columns.slice(keys);
    this.numbers = new Float64Array(this.fields.length);
  }

  /**
   * Leaves the digest in `keyHigh` to `rowLow`. False where the record can't be compared: its decoded row says why. `wants` may end it after the
   * key's hash; the row's then means nothing.
   */
  hash(nativeAt: (i: number) => unknown, wants?: (keyLow: number) => boolean): boolean {
    try {
      this.hashKey(nativeAt);
      if (wants === undefined || wants(this.keyLow)) this.hashRow(nativeAt);
      return true;
    } catch (error) {
      if (error instanceof ValueError) return false;
      throw error;
    }
  }

  private hashKey(nativeAt: (i: number) => unknown): void {
    const { chain } = this;
    chain.begin(this.seed[0], this.seed[1]);
    for (let i = 0; i < this.keys.length; i++) {
      const { field } = this.keys[i]!;
      const native = nativeAt(i) ?? null;
      if (native === null) throw new ValueError('');
      if (this.addPlain(field, native)) continue;
      const value = canonicalOf(this.neo4j, field.type, native);
      if (!isFindable(this.neo4j, field.type, native, value)) throw new ValueError('');
      addValue(chain, field, value);
    }
    chain.end();
    this.keyHigh = chain.high;
    this.keyLow = chain.low;
  }

  private hashRow(nativeAt: (i: number) => unknown): void {
    const { chain, fields } = this;
    const numbers = this.numbers;
    const { length: keys } = this.keys;
    chain.begin(this.keyHigh, this.keyLow);
    for (let from = 0; from < fields.length; from += FLAGS_PER_WORD) {
      const to = Math.min(from + FLAGS_PER_WORD, fields.length);
      let flags = 0;
      for (let i = from; i < to; i++) {
        const native = nativeAt(keys + i) ?? null;
        const { field, side } = fields[i]!;
        if (native === null) {
          if (side !== undefined) throw new ValueError('');
          flags |= NULL_FLAG << (2 * (i - from));
        } else if (hashesAsFloat(field)) {
          const number = this.numberOf(field, native);
          numbers[i] = number;
          if (number === 0) flags |= ZERO_FLAG << (2 * (i - from));
        }
      }
      chain.int32(flags);
      for (let i = from; i < to; i++) {
        const native = nativeAt(keys + i) ?? null;
        const { field } = fields[i]!;
        if (native === null) addNeutral(chain, field);
        else if (hashesAsFloat(field)) chain.float64(numbers[i]!);
        else if (!this.addPlain(field, native)) addValue(chain, field, canonicalOf(this.neo4j, field.type, native));
      }
    }
    chain.end();
    this.rowHigh = chain.high;
    this.rowLow = chain.low;
  }

  /** False where it has to go through its canonical text. */
  private addPlain({ type, tolerance, ignoreCase }: Field, native: unknown): boolean {
    if (tolerance !== undefined) return false;
    if (typeof native === 'string') {
      if ((type.kind !== 'text' || type.padded) && type.kind !== 'enum') return false;
      if (ignoreCase) return false;
      this.chain.text(native);
      return true;
    }
    if (typeof native === 'bigint' && type.kind === 'integer') {
      const number = Number(native);
      if (type.bits === 32 && (number | 0) === number) this.chain.int32(number);
      else if (type.bits === 64 && Number.isSafeInteger(number)) {
        this.chain.int64(number | 0, Math.floor(number / 0x1_0000_0000));
      } else return false;
      return true;
    }
    if (typeof native === 'boolean' && type.kind === 'boolean') {
      this.chain.int32(native ? 1 : 0);
      return true;
    }
    return false;
  }

  /** Of a float or timestamp without tolerance: what it is hashed as. */
  private numberOf({ type }: Field, native: unknown): number {
    if (type.kind === 'timestamp') {
      const seconds = typeof native === 'string' ? secondsOfText(native, type.precision) : undefined;
      return seconds ?? secondsToHash(canonicalOf(this.neo4j, type, native));
    }
    const number = typeof native === 'number' ? native : floatOfText(canonicalOf(this.neo4j, type, native));
    return type.kind === 'float' && type.bits === 32 ? Math.fround(number) : number;
  }
}

const DASH = 45;
const COLON = 58;
const POINT = 46;
const CAPITAL_T = 84;
const CAPITAL_Z = 90;

/**
 * Seconds since 1970 of `2026-11-22T01:14:07.221987Z`, as toString() gives a time in UTC, cut to `precision`; as `secondsToHash` has them.
 * Undefined where it is spelled otherwise, or beyond what microseconds in a double allow.
 */
export function secondsOfText(text: string, precision: number): number | undefined {
  const { length } = text;
  if (length < 19 || text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return undefined;
  if (text.charCodeAt(10) !== CAPITAL_T || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON)
    return undefined;
  const century = twoDigits(text, 0);
  const year = century * 100 + twoDigits(text, 2);
  const day = daysSince1970(year, twoDigits(text, 5), twoDigits(text, 8));
  const time = twoDigits(text, 11) * 3600 + twoDigits(text, 14) * 60 + twoDigits(text, 17);
  let micros = 0;
  let at = 19;
  if (at < length && text.charCodeAt(at) === POINT) {
    let unit = 1_000_000;
    let left = precision;
    for (at++; at < length; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      unit /= 10;
      if (left-- > 0) micros += digit * unit;
    }
  }
  // Without a zone it is UTC.
  if (at < length && (text.charCodeAt(at) !== CAPITAL_Z || at + 1 !== length)) return undefined;
  const seconds = day * 86_400 + time;
  // NaN, where a character was no digit, fails as well.
  return Math.abs(seconds) < EXACT_SECONDS - 1 ? (seconds * 1_000_000 + micros) / 1_000_000 : undefined;
}

function twoDigits(text: string, at: number): number {
  const high = text.charCodeAt(at) - 48;
  const low = text.charCodeAt(at + 1) - 48;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
}

/** Howard Hinnant, "chrono-compatible low-level date algorithms", for years from 0. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}
