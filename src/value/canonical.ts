// Canonical values: what a store hands over becomes one text for each value (see field-type.ts). Pure; throws ValueError for
// what can't be one of the type. Stores call these with what their driver gave them.

import type { FieldType } from './field-type.ts';
import { canonicalJson, type JsonTree, parseJson, writeJson } from './json.ts';

/** A value that is not one of its field's type. The message names the value's shape, never a secret. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

/** The canonical text of what a store gives as text. Throws ValueError. */
export function fromText(type: FieldType, text: string): string {
  switch (type.kind) {
    case 'text':
      return type.padded ? text.replace(/ +$/, '') : text;
    case 'enum':
      return text;
    case 'interval':
      return text;
    case 'boolean':
      return fromBooleanText(text);
    case 'integer':
    case 'decimal':
      return fromDecimalText(text);
    case 'float':
      return fromFloat(floatOfText(text), type.bits);
    case 'date':
      return fromDateText(text);
    case 'timestamp':
      return fromTimestampText(text, type.precision);
    case 'uuid':
      return fromUuidText(text);
    case 'bytes':
      return fromHexText(text);
    case 'json':
      return canonicalJson(text);
    case 'array':
    case 'vector':
      return fromArray(type, parseJson(text));
  }
}

export function fromFloat(value: number, bits: 32 | 64): string {
  if (bits === 64) return value === 0 ? '0' : String(value);
  const single = Math.fround(value);
  if (single === 0) return '0';
  if (!Number.isFinite(single)) return String(single);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return String(short);
  }
  return String(Number(single.toPrecision(9)));
}

/** Plain digits without an exponent, a plus, leading or trailing zeros; `-0` is `0`. */
export function fromDecimalText(text: string): string {
  const match = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?\s*$/.exec(text);
  if (match === null || (match[2] === '' && (match[3] ?? '') === '')) {
    if (/^\s*nan\s*$/i.test(text)) return 'NaN';
    const infinite = /^\s*([+-]?)inf(?:inity)?\s*$/i.exec(text);
    if (infinite !== null) return infinite[1] === '-' ? '-Infinity' : 'Infinity';
    throw new ValueError(`${shown(text)} is not a number`);
  }
  let whole = match[2]!;
  let fraction = match[3] ?? '';
  const exponent = match[4] === undefined ? 0 : Number(match[4]);
  if (exponent > 0) {
    fraction = fraction.padEnd(exponent, '0');
    whole += fraction.slice(0, exponent);
    fraction = fraction.slice(exponent);
  } else if (exponent < 0) {
    whole = whole.padStart(-exponent, '0');
    fraction = whole.slice(whole.length + exponent) + fraction;
    whole = whole.slice(0, whole.length + exponent);
  }
  whole = whole.replace(/^0+/, '') || '0';
  fraction = fraction.replace(/0+$/, '');
  const digits = fraction === '' ? whole : `${whole}.${fraction}`;
  return match[1] === '-' && digits !== '0' ? `-${digits}` : digits;
}

export function fromNumber(value: number): string {
  return Number.isSafeInteger(value) ? String(value + 0 === 0 ? 0 : value) : fromDecimalText(String(value));
}

export function fromBooleanText(text: string): string {
  if (/^(t|true|1|y|yes|on)$/i.test(text)) return 'true';
  if (/^(f|false|0|n|no|off)$/i.test(text)) return 'false';
  throw new ValueError(`${shown(text)} is not a boolean`);
}

export function fromUuidText(text: string): string {
  const hex = text.replace(/[{}-]/g, '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) throw new ValueError(`${shown(text)} is not a UUID`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function fromHexText(text: string): string {
  const hex = text.startsWith('\\x') ? text.slice(2) : text;
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(hex)) throw new ValueError('it is not bytes in hex');
  return hex.toLowerCase();
}

const DATE = /^([+-]?\d{4,7})-(\d\d)-(\d\d)(?:[T ][\d:.+Z-]*)?( BC)?$/;

export function fromDateText(text: string): string {
  if (text === 'infinity' || text === '-infinity') return text;
  const match = DATE.exec(text);
  if (match === null) throw new ValueError(`${shown(text)} is not a date`);
  return `${yearText(match[1]!, match[4])}-${match[2]}-${match[3]}`;
}

const TIMESTAMP =
  /^([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)? ?(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?( BC)?$/;

/** Reads ISO 8601 and PostgreSQL's ISO style; a text without a zone is taken as UTC. Digits past `precision` are cut. */
export function fromTimestampText(text: string, precision: number): string {
  if (text === 'infinity' || text === '-infinity') return text;
  const match = TIMESTAMP.exec(text);
  if (match === null) throw new ValueError(`${shown(text)} is not a timestamp`);
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z', era] = match;
  const digits = fraction.slice(0, precision).padEnd(6, '0').slice(0, 6);
  if (/^(Z|[+-]00(:?00)?)$/.test(zone))
    return `${yearText(year!, era)}-${month}-${day}T${hour}:${minute}:${second}.${digits}Z`;
  const sign = zone.startsWith('-') ? -1 : 1;
  const parts = zone.slice(1).replace(/:/g, '').padEnd(6, '0');
  const offset = sign * (Number(parts.slice(0, 2)) * 3600 + Number(parts.slice(2, 4)) * 60 + Number(parts.slice(4, 6)));
  const local = microsOfParts(yearText(year!, era), month!, day!, hour, minute, second, digits);
  return fromMicros(local - BigInt(offset) * 1_000_000n, precision);
}

/** Microseconds since 1970 as a canonical timestamp, cut towards the past at `precision`. */
export function fromMicros(micros: bigint, precision: number): string {
  const step = 10n ** BigInt(6 - precision);
  const cut = micros - (((micros % step) + step) % step);
  const second = (cut - (((cut % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
  const fraction = (cut - second * 1_000_000n).toString().padStart(6, '0');
  const [year, month, day] = civilFromDays(floorDivide(second, 86_400n));
  const rest = Number(((second % 86_400n) + 86_400n) % 86_400n);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return `${signedYear(year)}-${two(month)}-${two(day)}T${time}.${fraction}Z`;
}

/** Milliseconds since 1970, as a JavaScript Date or a BSON date holds them. */
export function fromMillis(millis: number, precision: number): string {
  if (!Number.isFinite(millis)) throw new ValueError('it is not a valid date');
  if (precision >= 3 && millis >= 0 && millis < 253_402_300_800_000)
    return `${new Date(millis).toISOString().slice(0, -1)}000Z`;
  return fromMicros(BigInt(Math.trunc(millis)) * 1000n, precision);
}

/** Microseconds since 1970 of a canonical timestamp; ±Infinity for the infinities. */
export function microsOf(canonical: string): bigint | number {
  if (canonical === 'infinity') return Number.POSITIVE_INFINITY;
  if (canonical === '-infinity') return Number.NEGATIVE_INFINITY;
  const match = /^([+-]?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z$/.exec(canonical);
  if (match === null) throw new ValueError(`${shown(canonical)} is not a timestamp`);
  return microsOfParts(match[1]!, match[2]!, match[3]!, match[4]!, match[5]!, match[6]!, match[7]!);
}

/** Days since 1970 of a canonical date. */
export function daysOf(canonical: string): number {
  const match = /^([+-]?\d+)-(\d\d)-(\d\d)$/.exec(canonical);
  if (match === null) throw new ValueError(`${shown(canonical)} is not a date`);
  return daysFromCivil(Number(match[1]), Number(match[2]), Number(match[3]));
}

export function floatOfText(text: string): number {
  const trimmed = text.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  const special = fromDecimalText(trimmed);
  return Number(special);
}

/** The canonical text of a parsed JSON array whose elements are of the array's type. */
export function fromArray(type: FieldType & { kind: 'array' | 'vector' }, tree: JsonTree): string {
  if (!Array.isArray(tree)) throw new ValueError('it is not an array');
  const element: FieldType = type.kind === 'vector' ? { kind: 'float', bits: 32 } : type.element;
  return writeJson(tree.map((item) => elementOf(element, item)));
}

function elementOf(type: FieldType, item: JsonTree): JsonTree {
  if (item === null) return null;
  if (Array.isArray(item) && type.kind !== 'json') return item.map((inner) => elementOf(type, inner));
  if (type.kind === 'json') return item;
  if (type.kind === 'boolean' && typeof item === 'boolean') return item;
  const text = typeof item === 'string' ? item : typeof item === 'object' && 'number' in item ? item.number : undefined;
  if (text === undefined) throw new ValueError(`an element is not ${type.kind}`);
  const canonical = fromText(type, text);
  if (type.kind === 'boolean') return canonical === 'true';
  const numeric = type.kind === 'integer' || type.kind === 'decimal' || type.kind === 'float';
  return numeric && !/[a-z]{2}/i.test(canonical) ? { number: fromDecimalText(canonical) } : canonical;
}

/** A value for a message: its beginning, quoted. */
function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function yearText(year: string, era: string | undefined): string {
  return era === undefined ? signedYear(Number(year)) : signedYear(1 - Number(year));
}

function signedYear(year: number): string {
  return year < 0 ? `-${String(-year).padStart(4, '0')}` : String(year).padStart(4, '0');
}

function microsOfParts(
  year: string,
  month: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
  micros: string,
): bigint {
  const days = daysFromCivil(Number(year), Number(month), Number(day));
  const seconds = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return BigInt(seconds) * 1_000_000n + BigInt(micros);
}

// Days and civil dates of the proleptic Gregorian calendar: Howard Hinnant, "chrono-compatible low-level date algorithms".
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: bigint): [year: number, month: number, day: number] {
  const z = Number(days) + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

function floorDivide(value: bigint, by: bigint): bigint {
  return (value - (((value % by) + by) % by)) / by;
}
