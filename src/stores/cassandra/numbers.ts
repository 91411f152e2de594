// Numbers in CQL's bytes, which are big-endian, read and written without losing a digit. Layouts: CQL binary protocol v4, section 6.

import { ValueError } from '../../value/canonical.ts';

const word = Buffer.alloc(8);

export function int32At(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Exact up to 2^53; see bigInt64At for the rest. */
export function int64At(bytes: Buffer, at: number): number {
  return int32At(bytes, at) * 0x1_0000_0000 + (int32At(bytes, at + 4) >>> 0);
}

export function bigInt64At(bytes: Buffer, at: number): bigint {
  return bytes.readBigInt64BE(at);
}

export function int64Text(bytes: Buffer, at: number): string {
  const number = int64At(bytes, at);
  return Number.isSafeInteger(number) ? String(number) : String(bigInt64At(bytes, at));
}

/** A varint of up to six bytes, which a double holds. */
export function smallVarintAt(bytes: Buffer, at: number, length: number): number {
  return length === 0 ? 0 : bytes.readIntBE(at, length);
}

export const SMALL_VARINT = 6;

export function varintAt(bytes: Buffer, at: number, length: number): bigint {
  if (length === 0) return 0n;
  const unsigned = BigInt(`0x${bytes.toString('hex', at, at + length)}`);
  return BigInt.asIntN(8 * length, unsigned);
}

export function varintText(bytes: Buffer, at: number, length: number): string {
  return String(length <= SMALL_VARINT ? smallVarintAt(bytes, at, length) : varintAt(bytes, at, length));
}

/** With an exponent, still to be normalised. */
export function decimalText(bytes: Buffer, at: number, length: number): string {
  if (length < 5) throw new ValueError('it is not a decimal');
  return `${varintText(bytes, at + 4, length - 4)}e${-int32At(bytes, at)}`;
}

export function int64Bytes(value: bigint): Buffer {
  word.writeBigInt64BE(value);
  return Buffer.from(word);
}

/** The integer's canonical text in so many bytes. Throws ValueError where it does not fit. */
export function integerBytes(text: string, length: 1 | 2 | 4 | 8): Buffer {
  const value = wholeNumber(text);
  const bits = 8 * length;
  if (BigInt.asIntN(bits, value) !== value) throw new ValueError(`it does not fit into ${bits} bits`);
  return int64Bytes(value).subarray(8 - length);
}

/** The shortest two's complement, as Java's BigInteger writes it. */
export function varintBytes(value: bigint): Buffer {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  return Buffer.from(
    BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0'),
    'hex',
  );
}

export function wholeNumber(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new ValueError('it is not a whole number');
  return BigInt(text);
}

/** Of a decimal's canonical text. */
export function decimalBytes(text: string): Buffer {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new ValueError('a decimal holds nothing but numbers');
  const [, whole, fraction = ''] = match;
  const scale = Buffer.alloc(4);
  scale.writeInt32BE(fraction.length);
  return Buffer.concat([scale, varintBytes(BigInt(`${whole}${fraction}`))]);
}

export function floatBytes(value: number, bits: 32 | 64): Buffer {
  const bytes = Buffer.alloc(bits / 8);
  if (bits === 32) bytes.writeFloatBE(value);
  else bytes.writeDoubleBE(value);
  return bytes;
}
