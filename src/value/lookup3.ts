// PostgreSQL's extended hashes in JavaScript: Bob Jenkins' lookup3 as in src/common/hashfn.c (hash_bytes_extended,
// hash_bytes_uint32_extended) and src/backend/access/hash/hashfunc.c. A `Chain` feeds each hash's 64-bit result to the next as its
// seed. No BigInt and no allocation on the hot path: the halves live in two numbers.

import type { Chain } from './chain.ts';

const INITIAL = 0x9e3779b9 + 3923095;

const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);

/** Hashes that agree with `hashtextextended`, `hashint4extended` and `hashfloat8extended` of a little-endian server. */
export class Lookup3Chain implements Chain {
  high = 0;
  low = 0;
  private scratch = Buffer.allocUnsafe(4096);

  begin(high: number, low: number): void {
    this.high = high | 0;
    this.low = low | 0;
  }

  bytes(buffer: Uint8Array, start: number, length: number): void {
    let a = (INITIAL + length) | 0;
    let b = a;
    let c = a;
    let at = start;
    let left = length;
    let seeding = (this.high | this.low) !== 0;
    while (seeding || left >= 12) {
      if (seeding) {
        a = (a + this.high) | 0;
        b = (b + this.low) | 0;
        seeding = false;
      } else {
        a = (a + (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24))) | 0;
        b = (b + (buffer[at + 4]! | (buffer[at + 5]! << 8) | (buffer[at + 6]! << 16) | (buffer[at + 7]! << 24))) | 0;
        c = (c + (buffer[at + 8]! | (buffer[at + 9]! << 8) | (buffer[at + 10]! << 16) | (buffer[at + 11]! << 24))) | 0;
        at += 12;
        left -= 12;
      }
      a = (a - c) | 0;
      a ^= (c << 4) | (c >>> 28);
      c = (c + b) | 0;
      b = (b - a) | 0;
      b ^= (a << 6) | (a >>> 26);
      a = (a + c) | 0;
      c = (c - b) | 0;
      c ^= (b << 8) | (b >>> 24);
      b = (b + a) | 0;
      a = (a - c) | 0;
      a ^= (c << 16) | (c >>> 16);
      c = (c + b) | 0;
      b = (b - a) | 0;
      b ^= (a << 19) | (a >>> 13);
      a = (a + c) | 0;
      c = (c - b) | 0;
      c ^= (b << 4) | (b >>> 28);
      b = (b + a) | 0;
    }
    for (let i = 0; i < left; i++) {
      const byte = buffer[at + i]!;
      if (i < 4) a = (a + (byte << (8 * i))) | 0;
      else if (i < 8) b = (b + (byte << (8 * (i - 4)))) | 0;
      else c = (c + (byte << (8 * (i - 7)))) | 0; // the lowest byte of c is left alone: it stands for the length
    }
    this.final(a, b, c);
  }

  text(value: string): void {
    // A UTF-16 unit takes three bytes at most.
    if (this.scratch.length < value.length * 3) this.scratch = Buffer.allocUnsafe(value.length * 3);
    this.bytes(this.scratch, 0, this.scratch.write(value, 'utf8'));
  }

  int32(value: number): void {
    this.short(4, value, 0);
  }

  int64(low: number, high: number): void {
    // hashint8extended folds the halves, so that two numbers may share a hash. Hashing the high half first makes the pair tell.
    this.short(4, high, 0);
    this.short(4, low ^ (high >= 0 ? high : ~high), 0);
  }

  float64(value: number): void {
    if (value === 0) return; // PostgreSQL returns the seed for both zeros; the row's flags tell them from other values
    float[0] = Number.isNaN(value) ? Number.NaN : value;
    this.short(8, floatWords[0]!, floatWords[1]!);
  }

  end(): void {}

  /** The hash of 4 or 8 bytes, given as words. */
  private short(length: number, first: number, second: number): void {
    let a = (INITIAL + length) | 0;
    let b = a;
    let c = a;
    if ((this.high | this.low) !== 0) {
      a = (a + this.high) | 0;
      b = (b + this.low) | 0;
      a = (a - c) | 0;
      a ^= (c << 4) | (c >>> 28);
      c = (c + b) | 0;
      b = (b - a) | 0;
      b ^= (a << 6) | (a >>> 26);
      a = (a + c) | 0;
      c = (c - b) | 0;
      c ^= (b << 8) | (b >>> 24);
      b = (b + a) | 0;
      a = (a - c) | 0;
      a ^= (c << 16) | (c >>> 16);
      c = (c + b) | 0;
      b = (b - a) | 0;
      b ^= (a << 19) | (a >>> 13);
      a = (a + c) | 0;
      c = (c - b) | 0;
      c ^= (b << 4) | (b >>> 28);
      b = (b + a) | 0;
    }
    this.final((a + first) | 0, (b + second) | 0, c);
  }

  private final(a0: number, b0: number, c0: number): void {
    let a = a0;
    let b = b0;
    let c = c0;
    c ^= b;
    c = (c - ((b << 14) | (b >>> 18))) | 0;
    a ^= c;
    a = (a - ((c << 11) | (c >>> 21))) | 0;
    b ^= a;
    b = (b - ((a << 25) | (a >>> 7))) | 0;
    c ^= b;
    c = (c - ((b << 16) | (b >>> 16))) | 0;
    a ^= c;
    a = (a - ((c << 4) | (c >>> 28))) | 0;
    b ^= a;
    b = (b - ((a << 14) | (a >>> 18))) | 0;
    c ^= b;
    c = (c - ((b << 24) | (b >>> 8))) | 0;
    this.high = b;
    this.low = c;
  }
}
