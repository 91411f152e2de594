// Digests of values as they lie in a reply's bytes: what src/value/row-hash.ts says of canonical values, without making texts of them.
// The usual spellings have a short way here; whatever else there is, is decoded first.

import type { Field, Mapping } from '../../mapping/mapping.ts';
import { floatOfText } from '../../value/canonical.ts';
import type { Chain } from '../../value/chain.ts';
import type { Value } from '../../value/field-type.ts';
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

/** What a piece is: nothing, a text, a bare number of JSON, a bare word of JSON, or what has no short way. */
export const NOTHING = 0;
export const TEXT = 1;
export const NUMBER = 2;
export const YES = 3;
export const NO = 4;
export const OTHER = 5;

export const NO_BYTES = Buffer.alloc(0);

/** Where each field of one record lies. */
export class Pieces {
  readonly forms: Uint8Array;
  readonly bytes: Buffer[];
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;

  constructor(fields: number) {
    this.forms = new Uint8Array(fields);
    this.bytes = [];
    this.starts = new Uint32Array(fields);
    this.ends = new Uint32Array(fields);
  }

  set(field: number, form: number, bytes: Buffer, start: number, end: number): void {
    this.forms[field] = form;
    this.bytes[field] = bytes;
    this.starts[field] = start;
    this.ends[field] = end;
  }
}

type Way =
  | 'text'
  | 'boolean'
  | 'integer'
  | 'long'
  | 'float'
  | 'single'
  | 'date'
  | 'time'
  | 'epoch'
  | 'decimal'
  | 'uuid'
  | 'slow';

interface Step {
  readonly field: Field;
  readonly way: Way;
  readonly isFloat: boolean;
  /** For times: digits after the second; for epochs: microseconds of the unit. */
  readonly scale: number;
}

export class RowHasher {
  private readonly steps: readonly Step[];
  private readonly numbers: Float64Array;

  constructor({ fields }: Mapping) {
    this.steps = fields.map(stepOf);
    this.numbers = new Float64Array(fields.length);
  }

  /** Leaves the row's hash in the chain. `decode` gives a field's canonical value, and throws where it can't be read. */
  hash(chain: Chain, keyHigh: number, keyLow: number, pieces: Pieces, decode: (field: number) => Value): void {
    const steps = this.steps;
    const numbers = this.numbers;
    chain.begin(keyHigh, keyLow);
    for (let from = 0; from < steps.length; from += FLAGS_PER_WORD) {
      const to = Math.min(from + FLAGS_PER_WORD, steps.length);
      let flags = 0;
      for (let i = from; i < to; i++) {
        if (pieces.forms[i] !== NOTHING && steps[i]!.isFloat) {
          const number = this.numberOf(steps[i]!, i, pieces, decode);
          numbers[i] = number;
          if (number === 0) flags |= ZERO_FLAG << (2 * (i - from));
        }
        if (pieces.forms[i] === NOTHING) flags |= NULL_FLAG << (2 * (i - from));
      }
      chain.int32(flags);
      for (let i = from; i < to; i++) {
        const step = steps[i]!;
        if (pieces.forms[i] === NOTHING) addNeutral(chain, step.field);
        else if (step.isFloat) chain.float64(numbers[i]!);
        else if (!addPiece(chain, step, pieces.forms[i]!, pieces.bytes[i]!, pieces.starts[i]!, pieces.ends[i]!)) {
          addValue(chain, step.field, decode(i)!);
        }
      }
    }
    chain.end();
  }

  private numberOf({ field, way, scale }: Step, i: number, pieces: Pieces, decode: (field: number) => Value): number {
    const form = pieces.forms[i]!;
    if (form === TEXT || form === NUMBER) {
      const bytes = pieces.bytes[i]!;
      const start = pieces.starts[i]!;
      const end = pieces.ends[i]!;
      let number = Number.NaN;
      if (way === 'float' || way === 'single') number = plainFloat(bytes, start, end);
      else if (way === 'epoch') number = (plainInteger(bytes, start, end) * scale) / 1_000_000;
      else if (way === 'time' && form === TEXT) number = isoSeconds(bytes, start, end, scale);
      // Of times far away the hash takes more than their seconds.
      const limit = field.type.kind === 'timestamp' ? EXACT_SECONDS : Number.POSITIVE_INFINITY;
      if (Math.abs(number) < limit) return way === 'single' ? Math.fround(number) : number;
    }
    const value = decode(i)!;
    if (field.type.kind === 'timestamp') return secondsToHash(value);
    return way === 'single' ? Math.fround(floatOfText(value)) : floatOfText(value);
  }
}

function stepOf(field: Field): Step {
  const { type, storedAs } = field;
  const way = wayOf(field);
  const units: Readonly<Record<string, number>> = { epochSeconds: 1_000_000, epochMillis: 1000, epochMicros: 1 };
  const digits =
    type.kind === 'timestamp' ? (storedAs === 'isoMillis' ? Math.min(3, type.precision) : type.precision) : 0;
  return {
    field,
    way,
    isFloat: hashesAsFloat(field),
    scale: way === 'epoch' ? units[storedAs!]! : digits,
  };
}

function wayOf(field: Field): Way {
  const { type, storedAs } = field;
  if (field.tolerance !== undefined || field.ignoreCase)
    return field.tolerance === undefined ? wayOfNumber(field) : 'slow';
  switch (type.kind) {
    case 'text':
      return type.padded ? 'slow' : 'text';
    case 'enum':
      return 'text';
    case 'boolean':
    case 'decimal':
    case 'uuid':
      return type.kind;
    case 'date':
      return storedAs?.startsWith('epoch') ? 'slow' : 'date';
    default:
      return wayOfNumber(field);
  }
}

/** Of what letters play no part in. */
function wayOfNumber({ type, storedAs }: Field): Way {
  switch (type.kind) {
    case 'integer':
      return type.bits === 64 ? 'long' : 'integer';
    case 'float':
      return type.bits === 64 ? 'float' : 'single';
    case 'timestamp':
      if (!storedAs?.startsWith('epoch')) return 'time';
      // What the unit holds and the field does not would have to be cut.
      return type.precision >= (UNIT_DIGITS[storedAs] ?? 7) ? 'epoch' : 'slow';
    default:
      return 'slow';
  }
}

const UNIT_DIGITS: Readonly<Record<string, number>> = { epochSeconds: 0, epochMillis: 3, epochMicros: 6 };

/** False where the piece has no short way. */
function addPiece(chain: Chain, step: Step, form: number, bytes: Buffer, start: number, end: number): boolean {
  switch (step.way) {
    case 'text':
      if (form !== TEXT) return false;
      chain.bytes(bytes, start, end - start);
      return true;
    case 'boolean': {
      const value = form === YES ? 1 : form === NO ? 0 : form === TEXT ? plainBoolean(bytes, start, end) : -1;
      if (value < 0) return false;
      chain.int32(value);
      return true;
    }
    case 'integer': {
      const number = form === TEXT || form === NUMBER ? plainInteger(bytes, start, end) : Number.NaN;
      if ((number | 0) !== number) return false;
      chain.int32(number);
      return true;
    }
    case 'long': {
      const number = form === TEXT || form === NUMBER ? plainInteger(bytes, start, end) : Number.NaN;
      if (Number.isNaN(number)) return false;
      chain.int64(number | 0, Math.floor(number / 0x1_0000_0000));
      return true;
    }
    case 'date': {
      const days = form === TEXT ? plainDays(bytes, start, end) : Number.NaN;
      if (Number.isNaN(days)) return false;
      chain.int32(days);
      return true;
    }
    case 'decimal':
      if ((form !== TEXT && form !== NUMBER) || !isPlainDecimal(bytes, start, end)) return false;
      chain.bytes(bytes, start, end - start);
      return true;
    case 'uuid':
      if (form !== TEXT || !isPlainUuid(bytes, start, end)) return false;
      chain.bytes(bytes, start, 36);
      return true;
    default:
      return false;
  }
}

const ZERO = 0x30;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;

/** NaN where the bytes are not the canonical text of an integer of up to 15 digits. */
function plainInteger(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  const from = isNegative ? start + 1 : start;
  const count = end - from;
  if (count < 1 || count > 15 || (bytes[from] === ZERO && (count > 1 || isNegative))) return Number.NaN;
  const value = digits(bytes, from, count);
  return value < 0 ? Number.NaN : isNegative ? -value : value;
}

/** NaN, or infinite, where another look is needed. */
function plainFloat(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  let mantissa = 0;
  let point = -1;
  let at = isNegative ? start + 1 : start;
  const first = at;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= ZERO && byte <= 57) mantissa = mantissa * 10 + byte - ZERO;
    else if (byte === POINT && point < 0) point = at;
    else return floatOfBytes(bytes, start, end);
  }
  const fraction = point < 0 ? 0 : end - point - 1;
  const count = end - first - (point < 0 ? 0 : 1);
  // Both are exact then, and a quotient of two doubles is rounded right (W. Clinger, "How to read floating point numbers accurately").
  if (count < 1 || count > 16 || mantissa > 2 ** 53) return floatOfBytes(bytes, start, end);
  const value = mantissa / 10 ** fraction;
  return isNegative ? -value : value;
}

function floatOfBytes(bytes: Buffer, start: number, end: number): number {
  if (start === end) return Number.NaN;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const fits =
      (byte >= ZERO && byte <= 57) ||
      byte === POINT ||
      byte === MINUS ||
      byte === PLUS ||
      byte === 0x65 ||
      byte === 0x45;
    if (!fits) return Number.NaN;
  }
  return Number(bytes.toString('latin1', start, end));
}

/** The canonical text of a decimal: no exponent, no leading zeros, none behind the point. */
function isPlainDecimal(bytes: Buffer, start: number, end: number): boolean {
  let at = bytes[start] === MINUS ? start + 1 : start;
  const whole = at;
  let point = -1;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === POINT && point < 0) point = at;
    else if (byte < ZERO || byte > 57) return false;
  }
  const wholeEnd = point < 0 ? end : point;
  if (wholeEnd === whole || (bytes[whole] === ZERO && wholeEnd > whole + 1)) return false;
  if (point >= 0) return point < end - 1 && bytes[end - 1] !== ZERO;
  return !(bytes[start] === MINUS && bytes[whole] === ZERO);
}

/** 1, 0, or -1 for another spelling. */
function plainBoolean(bytes: Buffer, start: number, end: number): number {
  if (end - start === 1) return bytes[start] === 0x31 ? 1 : bytes[start] === ZERO ? 0 : -1;
  if (end - start === 4 && bytes.readUInt32BE(start) === 0x74727565) return 1;
  if (end - start === 5 && bytes.readUInt32BE(start) === 0x66616c73 && bytes[start + 4] === 0x65) return 0;
  return -1;
}

function isPlainUuid(bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== 36) return false;
  for (let i = 0; i < 36; i++) {
    const byte = bytes[start + i]!;
    const fits =
      i === 8 || i === 13 || i === 18 || i === 23
        ? byte === MINUS
        : (byte >= ZERO && byte <= 57) || (byte >= 97 && byte <= 102);
    if (!fits) return false;
  }
  return true;
}

/** Days since 1970; NaN for another spelling than `2026-11-22`, and far away from now. */
function plainDays(bytes: Buffer, start: number, end: number): number {
  if (end - start !== 10 || bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS) return Number.NaN;
  const year = digits(bytes, start, 4);
  const month = digits(bytes, start + 5, 2);
  const day = digits(bytes, start + 8, 2);
  if (year < 1970 || year > 2250 || month < 1 || month > 12 || day < 1 || day > 31) return Number.NaN;
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

/** Seconds since 1970 of an ISO time in UTC, cut to `precision` digits; NaN for another spelling, and far away from now. */
function isoSeconds(bytes: Buffer, start: number, end: number, precision: number): number {
  if (end - start < 19) return Number.NaN;
  const days = plainDays(bytes, start, start + 10);
  const between = bytes[start + 10];
  if ((between !== 0x54 && between !== 0x20) || bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a)
    return Number.NaN;
  const hour = digits(bytes, start + 11, 2);
  const minute = digits(bytes, start + 14, 2);
  const second = digits(bytes, start + 17, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return Number.NaN;
  let at = start + 19;
  let micros = 0;
  if (bytes[at] === POINT) {
    const from = at + 1;
    at = from;
    while (at < end && bytes[at]! >= ZERO && bytes[at]! <= 57) at++;
    if (at === from || at - from > 15) return Number.NaN;
    const kept = Math.min(at - from, precision);
    micros = kept === 0 ? 0 : digits(bytes, from, kept) * 10 ** (6 - kept);
  }
  const left = end - at;
  const isUtc =
    left === 0 ||
    (left === 1 && bytes[at] === 0x5a) ||
    (left === 6 &&
      bytes[at] === PLUS &&
      bytes[at + 3] === 0x3a &&
      digits(bytes, at + 1, 2) === 0 &&
      digits(bytes, at + 4, 2) === 0);
  if (!isUtc) return Number.NaN;
  const seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
  return (seconds * 1_000_000 + micros) / 1_000_000;
}

/** Negative where one of the bytes is no digit. */
function digits(bytes: Buffer, start: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const digit = bytes[start + i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
