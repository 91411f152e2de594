// A chain of hashes over the fields of a row, one seed handed from field to field. Which numbers a field contributes is said in
// row-hash.ts (JavaScript) and src/postgres/row-hash-sql.ts (SQL); both must say the same.

import type { HashScheme } from './digest.ts';
import { Lookup3Chain } from './lookup3.ts';
import { Md5Chain } from './md5.ts';

export interface Chain {
  /** The state, and after `end` the result: the 64-bit hash in two signed halves. */
  high: number;
  low: number;
  /** Starts from a seed: the run's for a key, the key's hash for a row. */
  begin(high: number, low: number): void;
  bytes(buffer: Uint8Array, start: number, length: number): void;
  /** As UTF-8. */
  text(value: string): void;
  int32(value: number): void;
  int64(low: number, high: number): void;
  /** A zero contributes nothing (PostgreSQL returns the seed), so the row's flags must tell it. */
  float64(value: number): void;
  end(): void;
}

export function makeChain(scheme: HashScheme): Chain {
  return scheme.algorithm === 'lookup3' ? new Lookup3Chain() : new Md5Chain();
}

export function seedHalves(scheme: HashScheme): readonly [high: number, low: number] {
  return [Number(BigInt.asIntN(32, scheme.seed >> 32n)), Number(BigInt.asIntN(32, scheme.seed))];
}
