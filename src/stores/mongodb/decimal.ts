// A Decimal128 in its bytes as plain decimal text. Layout: IEEE 754-2008, binary integer decimal encoding.

import { bigInt64At, int32At } from './bson.ts';

const EXPONENT_BIAS = 6176;

/** Canonical for numbers up to 2^53 without their point; for the others still to be normalised. */
export function decimalText(bytes: Uint8Array, at: number): string {
  const top = int32At(bytes, at + 12);
  const sign = top < 0 ? '-' : '';
  if ((top & 0x7c000000) === 0x7c000000) return 'NaN';
  if ((top & 0x78000000) === 0x78000000) return `${sign}Infinity`;
  // With these two bits set, the significand would begin with 100 and exceed 34 digits: such a number counts as zero.
  if ((top & 0x60000000) === 0x60000000) return '0';
  let exponent = ((top >>> 17) & 0x3fff) - EXPONENT_BIAS;
  const isSmall = (top & 0x1ffff) === 0 && int32At(bytes, at + 8) === 0 && int32At(bytes, at + 4) >>> 21 === 0;
  if (!isSmall) {
    const high = BigInt.asUintN(64, bigInt64At(bytes, at + 8)) & 0x1_ffff_ffff_ffffn;
    const coefficient = (high << 64n) | BigInt.asUintN(64, bigInt64At(bytes, at));
    return `${sign}${coefficient}e${exponent}`;
  }
  let coefficient = (int32At(bytes, at + 4) >>> 0) * 0x1_0000_0000 + (int32At(bytes, at) >>> 0);
  if (coefficient === 0) return '0';
  while (exponent < 0 && coefficient % 10 === 0) {
    coefficient /= 10;
    exponent++;
  }
  const digits = String(coefficient);
  if (exponent >= 0) return sign + digits + '0'.repeat(exponent);
  const point = digits.length + exponent;
  return point > 0
    ? `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
    : `${sign}0.${'0'.repeat(-point)}${digits}`;
}
