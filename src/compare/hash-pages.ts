// Digests of a store that does not hash by itself: the engine hashes the records that its scan yields.

import type { Mapping, Row } from '../mapping/mapping.ts';
import { makeChain, seedHalves } from '../value/chain.ts';
import { type BucketFilter, type DigestPage, type HashScheme, isWanted } from '../value/digest.ts';
import { hashKey, hashValues } from '../value/row-hash.ts';

export async function* hashPages(
  pages: AsyncIterable<readonly Row[]>,
  mapping: Mapping,
  scheme: HashScheme,
  filter?: BucketFilter,
): AsyncGenerator<DigestPage> {
  const hasher = makeRowHasher(mapping, scheme);
  for await (const rows of pages) {
    const kept: Row[] = [];
    const hashes = new Int32Array(rows.length * 4);
    for (const row of rows) {
      const at = kept.length * 4;
      if (row.unread === undefined) {
        const [keyHigh, keyLow, rowHigh, rowLow] = hasher(row);
        if (filter !== undefined && !isWanted(filter, keyLow)) continue;
        hashes.set([keyHigh, keyLow, rowHigh, rowLow], at);
      }
      kept.push(row);
    }
    yield {
      count: kept.length,
      hashes,
      key: (i) => kept[i]!.key,
      unread: (i) => kept[i]!.unread,
      place: (i) => kept[i]!.place,
    };
  }
}

/** The four halves of a record's digest: key high, key low, row high, row low. */
export function makeRowHasher(
  mapping: Mapping,
  scheme: HashScheme,
): (row: Row) => readonly [number, number, number, number] {
  const chain = makeChain(scheme);
  const seed = seedHalves(scheme);
  return (row) => {
    hashKey(chain, seed, mapping, row.key);
    const { high, low } = chain;
    hashValues(chain, high, low, mapping, row.values);
    return [high, low, chain.high, chain.low];
  };
}
