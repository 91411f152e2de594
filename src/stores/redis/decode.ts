// From the texts that Redis holds to canonical values. What can't be one of the field's type is a ValueError, which makes the record
// `unread`.

import { isUtf8 } from 'node:buffer';
import type { Field } from '../../mapping/mapping.ts';
import {
  fromBytes,
  fromDecimalText,
  fromMicros,
  fromText,
  fromTimestampText,
  ValueError,
} from '../../value/canonical.ts';

/** How a field may be kept besides the usual text of its type, in `type` of the config; by kind of field. */
export const OWN_WORDS: Readonly<Record<string, readonly string[]>> = {
  timestamp: ['epochSeconds', 'epochMillis', 'epochMicros', 'isoMillis'],
  date: ['epochSeconds', 'epochMillis'],
  boolean: ['number'],
  bytes: ['base64', 'binary'],
  integer: ['number', 'string'],
  decimal: ['number', 'string'],
  float: ['number', 'string'],
  json: ['string'],
};

/** Digits after the second that a timestamp kept this way has. */
export const WORD_PRECISION: Readonly<Record<string, number>> = {
  epochSeconds: 0,
  epochMillis: 3,
  isoMillis: 3,
};

const MICROS_A_UNIT: Readonly<Record<string, bigint>> = {
  epochSeconds: 1_000_000n,
  epochMillis: 1000n,
  epochMicros: 1n,
};

export function decodeText(field: Field, text: string): string {
  const { type, storedAs } = field;
  if (storedAs === undefined) return fromText(type, text);
  const unit = MICROS_A_UNIT[storedAs];
  switch (type.kind) {
    case 'timestamp':
      if (unit !== undefined) return fromMicros(epochMicros(text, unit), type.precision);
      return storedAs === 'isoMillis'
        ? fromTimestampText(text, Math.min(3, type.precision))
        : fromTimestampText(text, type.precision);
    case 'date':
      return unit === undefined ? fromText(type, text) : fromMicros(epochMicros(text, unit), 6).replace(/T.*$/, '');
    case 'bytes':
      return storedAs === 'base64' ? fromBase64(text) : fromText(type, text);
    default:
      return fromText(type, text);
  }
}

/** As `decodeText`, of bytes that need not be a text. */
export function decodeBytes(field: Field, bytes: Buffer): string {
  if (field.type.kind === 'bytes' && field.storedAs === 'binary') return fromBytes(bytes);
  return decodeText(field, textOf(bytes));
}

/** Throws ValueError where the bytes are not UTF-8: a replaced character might equal one that stands in the source. */
export function textOf(bytes: Buffer): string {
  const text = bytes.toString();
  if (text.includes('\ufffd') && !isUtf8(bytes)) throw new ValueError('it is not UTF-8');
  return text;
}

/** What a message may say of a value that could not be read. */
export function reasonOf(field: Field, what: string, error: unknown): string {
  if (!(error instanceof ValueError)) throw error;
  const reason = `${field.target} holds ${what}, not ${field.type.kind}`;
  return field.sensitive || error.message === '' ? reason : `${reason}: ${error.message}`;
}

/** A whole number of the unit or a fraction of it, cut towards the past. */
function epochMicros(text: string, unit: bigint): bigint {
  const digits = fromDecimalText(text);
  const match = /^(-?)(\d{1,20})(?:\.(\d+))?$/.exec(digits);
  if (match === null) throw new ValueError(`${JSON.stringify(digits)} is not a time since 1970`);
  const [, sign, whole, fraction = ''] = match;
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(`${sign}${whole}${fraction}`) * unit;
  return (scaled - (((scaled % scale) + scale) % scale)) / scale;
}

function fromBase64(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  const bare = (words: string) => words.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
  if (bare(bytes.toString('base64')) !== bare(text)) throw new ValueError('it is not base64');
  return fromBytes(bytes);
}
