// Digests and bucket sums: the numbers that both sides compute alike. Hashes are 64 bits, kept as two 32-bit halves.

import type { Key, Place } from '../mapping/mapping.ts';

/** How rows are hashed in this run. The seed is random for each run, so that nobody can build rows that collide. */
export interface HashScheme {
  /** `lookup3`: PostgreSQL's extended hashes. `md5`: the fall-back where a server's do not agree with ours. */
  readonly algorithm: 'lookup3' | 'md5';
  readonly seed: bigint;
}

/** A page of digests. `hashes` holds four numbers a record: key high, key low, row high, row low. Valid until the next page is asked for. */
export interface DigestPage {
  readonly count: number;
  readonly hashes: Int32Array;
  /** The key of record `i`; undefined where the page carries digests only. */
  key?(i: number): Key;
  /** Why record `i` can't be compared; undefined when it can. Its digest then means nothing. */
  unread?(i: number): string | undefined;
  /** Must be awaited before the key or place of these records is asked for; absent: they are at hand. */
  resolve?(indexes: readonly number[]): Promise<void>;
  /** Where record `i` stands; absent in a store that finds records by key. */
  place?(i: number): Place | undefined;
}

/** Which buckets of the key hash are wanted: `bits` has one bit a bucket, least significant bit first. */
export interface BucketFilter {
  readonly buckets: number;
  readonly bits: Uint8Array;
}

/**
 * Order-independent sums by bucket: the number of records and the XOR of their row hashes. As long as one side's keys are unique, two sides
 * with equal count and XOR hold the same records: a record that stands twice on the other side changes the count.
 */
export interface BucketSums {
  readonly counts: Uint32Array;
  /** Two numbers a bucket: high, low. */
  readonly xors: Int32Array;
}

/** The bucket of a key hash; `buckets` is a power of two. */
export function bucketOf(keyLow: number, buckets: number): number {
  return keyLow & (buckets - 1);
}

export function isWanted(filter: BucketFilter, keyLow: number): boolean {
  const bucket = bucketOf(keyLow, filter.buckets);
  return (filter.bits[bucket >> 3]! & (1 << (bucket & 7))) !== 0;
}
