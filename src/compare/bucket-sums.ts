// Bucket sums: which buckets of the key hash hold different records on the two sides. Pure but for draining the pages it is given.

import { type BucketFilter, type BucketSums, bucketOf, type DigestPage } from '../value/digest.ts';

/** Rows in a bucket, on average. Fewer would leave fewer rows to look at after drift but cost the servers more memory for the groups. */
const ROWS_PER_BUCKET = 64;

/** A power of two. */
export function bucketCount(rows: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(rows, 1) / ROWS_PER_BUCKET));
  return Math.min(Math.max(wanted, 1024), 2 ** 22);
}

export function emptySums(buckets: number): BucketSums {
  return { counts: new Uint32Array(buckets), xors: new Int32Array(buckets * 2) };
}

/** Adds the record whose hashes are key low, row high, row low. */
export function addToSums(sums: BucketSums, keyLow: number, rowHigh: number, rowLow: number): void {
  const bucket = bucketOf(keyLow, sums.counts.length);
  sums.counts[bucket]!++;
  sums.xors[2 * bucket]! ^= rowHigh;
  sums.xors[2 * bucket + 1]! ^= rowLow;
}

/** Sums of a store that can't sum by itself, from its digests. `onUnread` is told of records without a digest. */
export async function sumDigests(
  pages: AsyncIterable<DigestPage>,
  buckets: number,
  onPage: (records: number) => void,
  onUnread: (page: DigestPage, i: number) => void,
): Promise<BucketSums> {
  const sums = emptySums(buckets);
  for await (const page of pages) {
    for (let i = 0; i < page.count; i++) {
      if (page.unread?.(i) !== undefined) onUnread(page, i);
      else addToSums(sums, page.hashes[i * 4 + 1]!, page.hashes[i * 4 + 2]!, page.hashes[i * 4 + 3]!);
    }
    onPage(page.count);
  }
  return sums;
}

export function totalRows(sums: BucketSums): number {
  return sums.counts.reduce((total, count) => total + count, 0);
}

export function differingBuckets(a: BucketSums, b: BucketSums): number[] {
  const differing: number[] = [];
  for (let bucket = 0; bucket < a.counts.length; bucket++) {
    const same =
      a.counts[bucket] === b.counts[bucket] &&
      a.xors[2 * bucket] === b.xors[2 * bucket] &&
      a.xors[2 * bucket + 1] === b.xors[2 * bucket + 1];
    if (!same) differing.push(bucket);
  }
  return differing;
}

/** Splits buckets into rounds whose rows fit: each round is one filter and the source rows that it lets through. */
export function roundsOf(
  buckets: readonly number[],
  counts: Uint32Array,
  rowsPerRound: number,
): readonly { readonly filter: BucketFilter; readonly rows: number }[] {
  const rounds: { filter: BucketFilter; rows: number }[] = [];
  for (const bucket of buckets) {
    const rows = counts[bucket]!;
    let round = rounds.at(-1);
    if (round === undefined || round.rows + rows > rowsPerRound) {
      round = { filter: { buckets: counts.length, bits: new Uint8Array(Math.ceil(counts.length / 8)) }, rows: 0 };
      rounds.push(round);
    }
    round.filter.bits[bucket >> 3]! |= 1 << (bucket & 7);
    round.rows += rows;
  }
  return rounds;
}
