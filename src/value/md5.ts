// The fall-back chain for a server whose extended hashes do not agree with ours: md5 over the fields' texts, each with its length before it,
// so that no separator can be forged. The first 64 bits of the md5 are the hash.

import { createHash, type Hash } from 'node:crypto';
import type { Chain } from './chain.ts';

const eight = Buffer.alloc(8);

export class Md5Chain implements Chain {
  high = 0;
  low = 0;
  private md5: Hash = createHash('md5');

  begin(high: number, low: number): void {
    this.md5 = createHash('md5');
    const seed = (BigInt(high) << 32n) | BigInt(low >>> 0);
    this.md5.update(`${BigInt.asIntN(64, seed)};`);
  }

  bytes(buffer: Uint8Array, start: number, length: number): void {
    this.md5.update(`${length}:`);
    this.md5.update(buffer.subarray(start, start + length));
  }

  text(value: string): void {
    this.md5.update(`${Buffer.byteLength(value)}:`);
    this.md5.update(value);
  }

  int32(value: number): void {
    this.md5.update(`${value | 0};`);
  }

  int64(low: number, high: number): void {
    this.md5.update(`${BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0))};`);
  }

  float64(value: number): void {
    eight.writeDoubleBE(value === 0 ? 0 : value);
    this.md5.update(Number.isNaN(value) ? 'NaN;' : `${eight.toString('hex')};`);
  }

  end(): void {
    const digest = this.md5.digest();
    this.high = digest.readInt32BE(0);
    this.low = digest.readInt32BE(4);
  }
}
