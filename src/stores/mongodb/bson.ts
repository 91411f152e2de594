// BSON as it lies in a reply's bytes: element types, their sizes, their numbers. Nothing here allocates, and nothing knows mappings.
// Layout: bsonspec.org, version 1.1.

/** Element types. Above those of the format: 0 stands for an absent field, `THROUGH_ARRAY` for a path that meets an array. */
export const ABSENT = 0;
export const DOUBLE = 1;
export const STRING = 2;
export const OBJECT = 3;
export const ARRAY = 4;
export const BINARY = 5;
export const UNDEFINED = 6;
export const OBJECT_ID = 7;
export const BOOLEAN = 8;
export const DATE = 9;
export const NULL = 10;
export const REGEX = 11;
export const DB_POINTER = 12;
export const CODE = 13;
export const SYMBOL = 14;
export const SCOPED_CODE = 15;
export const INT32 = 16;
export const TIMESTAMP = 17;
export const INT64 = 18;
export const DECIMAL = 19;
export const MAX_KEY = 127;
export const MIN_KEY = 255;
export const THROUGH_ARRAY = 200;

export const UUID_SUBTYPE = 4;
const OLD_BINARY_SUBTYPE = 2;

const NAMES: Readonly<Record<number, string>> = {
  [DOUBLE]: 'a double',
  [STRING]: 'a string',
  [OBJECT]: 'a subdocument',
  [ARRAY]: 'an array',
  [BINARY]: 'binary data',
  [OBJECT_ID]: 'an ObjectId',
  [BOOLEAN]: 'a boolean',
  [DATE]: 'a date',
  [REGEX]: 'a regular expression',
  [CODE]: 'code',
  [SYMBOL]: 'a symbol',
  [SCOPED_CODE]: 'code',
  [INT32]: 'an int',
  [TIMESTAMP]: 'an internal timestamp',
  [INT64]: 'a long',
  [DECIMAL]: 'a decimal',
  [MIN_KEY]: 'MinKey',
  [MAX_KEY]: 'MaxKey',
  [THROUGH_ARRAY]: 'an array on its path',
};

/** `an int`, for messages. */
export function typeName(type: number): string {
  return NAMES[type] ?? `BSON type ${type}`;
}

export function isNull(type: number): boolean {
  return type === NULL || type === ABSENT || type === UNDEFINED;
}

export function int32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The nearest double of the int64 at `at`: exact up to 2^53. */
export function int64At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at + 4) * 0x1_0000_0000 + (int32At(bytes, at) >>> 0);
}

export function bigInt64At(bytes: Uint8Array, at: number): bigint {
  return (BigInt(int32At(bytes, at + 4)) << 32n) | BigInt(int32At(bytes, at) >>> 0);
}

const eight = new Uint8Array(8);
const eightAsDouble = new Float64Array(eight.buffer);

export function doubleAt(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) eight[i] = bytes[at + i]!;
  return eightAsDouble[0]!;
}

/** How many bytes the value at `at` takes. Throws on what no known server sends, so that a walk can't run wild. */
export function sizeOf(type: number, bytes: Uint8Array, at: number): number {
  switch (type) {
    case STRING:
    case CODE:
    case SYMBOL:
      return 4 + length(bytes, at);
    case DOUBLE:
    case DATE:
    case TIMESTAMP:
    case INT64:
      return 8;
    case INT32:
      return 4;
    case BOOLEAN:
      return 1;
    case OBJECT_ID:
      return 12;
    case DECIMAL:
      return 16;
    case OBJECT:
    case ARRAY:
    case SCOPED_CODE:
      return length(bytes, at);
    case BINARY:
      return 5 + length(bytes, at);
    case NULL:
    case UNDEFINED:
    case MIN_KEY:
    case MAX_KEY:
      return 0;
    case REGEX: {
      const options = bytes.indexOf(0, at) + 1;
      return bytes.indexOf(0, options) + 1 - at;
    }
    case DB_POINTER:
      return 4 + length(bytes, at) + 12;
    default:
      throw new Error(`the reply holds an element of the unknown BSON type ${type}`);
  }
}

function length(bytes: Uint8Array, at: number): number {
  const found = int32At(bytes, at);
  if (found < 0) throw new Error('the reply holds a value of negative length');
  return found;
}

/** The bytes of the binary value at `at`, without copying them. */
export function binaryAt(bytes: Buffer, at: number): Buffer {
  const size = int32At(bytes, at);
  const start = at + 5;
  // Subtype 2 repeats the length inside.
  return bytes[at + 4] === OLD_BINARY_SUBTYPE
    ? bytes.subarray(start + 4, start + size)
    : bytes.subarray(start, start + size);
}
