// Texts of a known shape, read and written as bytes: what the hasher needs so that it makes no strings.

const ZERO = 48;
const HYPHEN = 45;

/** Copies with A to Z made small, as PostgreSQL's lower() does under COLLATE "C". */
export function lowerInto(into: Uint8Array, bytes: Uint8Array, start: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    into[i] = byte >= 65 && byte <= 90 ? byte + 32 : byte;
  }
}

/** True where the BSON string at `at` is a UUID in its canonical spelling. */
export function isUuidText(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 37 || bytes[at + 1] !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) return false;
  for (let i = 0; i < 36; i++) {
    const byte = bytes[at + 4 + i]!;
    const fits =
      i === 8 || i === 13 || i === 18 || i === 23
        ? byte === HYPHEN
        : (byte >= ZERO && byte <= 57) || (byte >= 97 && byte <= 102);
    if (!fits) return false;
  }
  return true;
}

const HEX = Buffer.from('0123456789abcdef');

/** Writes the 36 characters of a UUID's 16 bytes. */
export function uuidInto(into: Uint8Array, bytes: Uint8Array, start: number): void {
  let at = 0;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) into[at++] = HYPHEN;
    into[at++] = HEX[bytes[start + i]! >> 4]!;
    into[at++] = HEX[bytes[start + i]! & 15]!;
  }
}

/**
 * Seconds since 1970 of `2026-11-22T01:14:07.221Z` (or with a blank for the T), cut to `precision` digits, as a double;
 * undefined for any other shape, which fromTimestampText may know.
 */
export function isoSeconds(bytes: Uint8Array, start: number, length: number, precision: number): number | undefined {
  if (length < 20 || length > 27 || bytes[start + length - 1] !== 90) return undefined;
  const separator = bytes[start + 10];
  if (bytes[start + 4] !== HYPHEN || bytes[start + 7] !== HYPHEN || (separator !== 84 && separator !== 32)) {
    return undefined;
  }
  if (bytes[start + 13] !== 58 || bytes[start + 16] !== 58) return undefined;
  const year = digits(bytes, start, 4);
  const month = digits(bytes, start + 5, 2);
  const day = digits(bytes, start + 8, 2);
  const hour = digits(bytes, start + 11, 2);
  const minute = digits(bytes, start + 14, 2);
  const second = digits(bytes, start + 17, 2);
  let micros = 0;
  if (length > 20) {
    if (bytes[start + 19] !== 46 || length === 21) return undefined;
    const given = length - 21;
    const kept = Math.min(given, precision);
    if (digits(bytes, start + 20, given) < 0) return undefined;
    micros = kept === 0 ? 0 : digits(bytes, start + 20, kept) * 10 ** (6 - kept);
  }
  if (year < 1970 || year > 2250 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;
  // Date.UTC and the exact reader carry the 31st of a short month over alike.
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return (seconds * 1_000_000 + micros) / 1_000_000;
}

/** The number that the decimal digits spell; negative where one of them is none. */
function digits(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const digit = bytes[start + i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
