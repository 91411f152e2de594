// Reads a whole replica: as decoded rows, or as digests made from the raw bytes.

import type { Key, Row } from '../../mapping/mapping.ts';
import { type BucketFilter, type DigestPage, type HashScheme, isWanted } from '../../value/digest.ts';
import type { Access } from './access.ts';
import { readBatches } from './batches.ts';
import { Decoder } from './decode.ts';
import { RecordHasher, SKIPPED } from './hash.ts';
import type { Connection } from './session.ts';

const ROWS_A_PAGE = 1000;
/** A reply holds 16 MB at most, whatever is asked for. */
const DIGESTS_A_PAGE = 4000;

export async function* scanRows(
  connection: Connection,
  access: Access,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const { decoder } = access;
  for await (const { bytes, starts } of readBatches(connection, allOf(access, ROWS_A_PAGE), signal)) {
    yield starts.map((start) => decoder.row(bytes, start));
  }
}

export async function* readDigests(
  connection: Connection,
  access: Access,
  scheme: HashScheme,
  filter?: BucketFilter,
  signal?: AbortSignal,
): AsyncGenerator<DigestPage> {
  const { mapping } = access.replica;
  // Of its own: two readers of one replica may take turns.
  const decoder = new Decoder(mapping);
  const hasher = new RecordHasher(mapping, decoder, scheme);
  const wants = filter === undefined ? undefined : (keyLow: number) => isWanted(filter, keyLow);
  let hashes = new Int32Array(0);
  for await (const { bytes, starts } of readBatches(connection, allOf(access, DIGESTS_A_PAGE), signal)) {
    if (hashes.length < 4 * starts.length) hashes = new Int32Array(4 * starts.length);
    const kept: number[] = [];
    const unread = new Map<number, string>();
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i]!;
      const reason = hasher.hash(bytes, start, wants);
      if (reason === SKIPPED) continue;
      const at = 4 * kept.length;
      hashes[at] = hasher.keyHigh;
      hashes[at + 1] = hasher.keyLow;
      hashes[at + 2] = hasher.rowHigh;
      hashes[at + 3] = hasher.rowLow;
      if (reason !== undefined) unread.set(kept.length, reason);
      kept.push(start);
    }
    yield {
      count: kept.length,
      hashes,
      key: (i: number): Key => decoder.row(bytes, kept[i]!).key,
      unread: (i: number) => unread.get(i),
    };
  }
}

function allOf({ replica, where, projection }: Access, batchSize: number) {
  return { collection: replica.target, filter: where, projection, batchSize };
}
