// Digests of a whole replica, made from the bytes that the server sent; or from the decoded records where that is all there is.

import type { Key, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { type Chain, makeChain, seedHalves } from '../../value/chain.ts';
import { type BucketFilter, type DigestPage, type HashScheme, isWanted } from '../../value/digest.ts';
import { Lookup3Chain } from '../../value/lookup3.ts';
import { hashKey, hashValues } from '../../value/row-hash.ts';
import type { Access } from './access.ts';
import { type Format, isMisfit } from './format.ts';
import { readAhead } from './read-ahead.ts';
import { onEachServer, readBatches } from './scan.ts';
import type { Session } from './session.ts';
import { Pieces, RowHasher } from './text-hash.ts';

export async function* readDigests(
  session: Session,
  access: Access,
  count: number,
  scheme: HashScheme,
  filter?: BucketFilter,
  signal?: AbortSignal,
): AsyncGenerator<DigestPage> {
  // Of its own, as a format keeps where the fields of one record lie.
  const format = access.makeFormat()!;
  const hasher = new RecordHasher(access, format, scheme);
  yield* onEachServer(session, signal, async function* (reader) {
    for await (const { rows, held } of readAhead(readBatches(reader, access, format, count))) {
      const page = new Page(rows.length);
      let next = 0;
      for (const row of rows) {
        if (row.unread !== undefined) {
          page.addUnread(row.key, row.unread);
          continue;
        }
        const raw = held[next++];
        if (raw === undefined) continue; // gone since SCAN saw it
        if (isMisfit(raw)) {
          page.addUnread(row.key, raw.misfit);
          continue;
        }
        hasher.hashKey(row.key);
        if (filter !== undefined && !isWanted(filter, hasher.keyLow)) continue;
        const unread = hasher.hashValues(raw);
        if (unread === NOT_OURS) continue;
        if (unread !== undefined) page.addUnread(row.key, unread);
        else page.add(row.key, hasher);
      }
      if (page.count > 0) yield page;
    }
  });
}

/** Digests of rows that have been decoded already. */
export async function* digestsOf(
  pages: AsyncIterable<readonly Row[]>,
  { replica: { mapping } }: Access,
  scheme: HashScheme,
  filter?: BucketFilter,
): AsyncGenerator<DigestPage> {
  const chain = makeChain(scheme);
  const seed = seedHalves(scheme);
  for await (const rows of pages) {
    const page = new Page(rows.length);
    for (const row of rows) {
      if (row.unread !== undefined) {
        page.addUnread(row.key, row.unread);
        continue;
      }
      hashKey(chain, seed, mapping, row.key);
      const { high: keyHigh, low: keyLow } = chain;
      if (filter !== undefined && !isWanted(filter, keyLow)) continue;
      hashValues(chain, keyHigh, keyLow, mapping, row.values);
      page.add(row.key, { keyHigh, keyLow, rowHigh: chain.high, rowLow: chain.low });
    }
    yield page;
  }
}

interface Digest {
  readonly keyHigh: number;
  readonly keyLow: number;
  readonly rowHigh: number;
  readonly rowLow: number;
}

class Page implements DigestPage {
  readonly hashes: Int32Array;
  private readonly keys: Key[] = [];
  private readonly reasons = new Map<number, string>();

  constructor(rows: number) {
    this.hashes = new Int32Array(4 * rows);
  }

  get count(): number {
    return this.keys.length;
  }

  add(key: Key, { keyHigh, keyLow, rowHigh, rowLow }: Digest): void {
    const at = 4 * this.keys.length;
    this.hashes[at] = keyHigh;
    this.hashes[at + 1] = keyLow;
    this.hashes[at + 2] = rowHigh;
    this.hashes[at + 3] = rowLow;
    this.keys.push(key);
  }

  addUnread(key: Key, reason: string): void {
    this.reasons.set(this.keys.length, reason);
    this.keys.push(key);
  }

  key(i: number): Key {
    return this.keys[i]!;
  }

  unread(i: number): string | undefined {
    return this.reasons.get(i);
  }
}

const NOT_OURS = Symbol();

/** Hashes one record at a time; the result is in `keyHigh` … `rowLow`. */
class RecordHasher implements Digest {
  keyHigh = 0;
  keyLow = 0;
  rowHigh = 0;
  rowLow = 0;
  private readonly access: Access;
  private readonly format: Format;
  private readonly chain: Chain;
  private readonly seed: readonly [number, number];
  private readonly rows: RowHasher;
  private readonly pieces: Pieces;

  constructor(access: Access, format: Format, scheme: HashScheme) {
    const { mapping } = access.replica;
    this.access = access;
    this.format = format;
    this.chain = makeChain(scheme);
    this.seed = seedHalves(scheme);
    this.rows = new RowHasher(mapping);
    this.pieces = new Pieces(mapping.fields.length);
  }

  hashKey(key: Key): void {
    const chain = this.chain;
    hashKey(chain, this.seed, this.access.replica.mapping, key);
    this.keyHigh = chain.high;
    this.keyLow = chain.low;
  }

  /** After `hashKey`. The reason where the record can't be compared. */
  hashValues(raw: unknown): string | undefined | typeof NOT_OURS {
    const chain = this.chain;
    const { format, pieces } = this;
    try {
      // A chain of md5 takes texts for what they are, so only canonical ones will do.
      if (!(chain instanceof Lookup3Chain)) return this.hashDecoded(raw);
      if (!format.pieces(raw, pieces)) return NOT_OURS;
      this.rows.hash(chain, this.keyHigh, this.keyLow, pieces, (field) => format.valueAt(raw, field));
      this.rowHigh = chain.high;
      this.rowLow = chain.low;
      return undefined;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      // Decoding the whole record meets it again, and says which field and why.
      return this.hashDecoded(raw);
    }
  }

  private hashDecoded(raw: unknown): string | undefined | typeof NOT_OURS {
    const { chain } = this;
    const decoded = this.format.decode(raw);
    if (decoded === undefined) return NOT_OURS;
    if (decoded.unread !== undefined) return decoded.unread;
    hashValues(chain, this.keyHigh, this.keyLow, this.access.replica.mapping, decoded.values);
    this.rowHigh = chain.high;
    this.rowLow = chain.low;
    return undefined;
  }
}
