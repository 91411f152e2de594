// Digest join: one side's digests in a table, the other drained past it, in whatever order it comes. Finds what is different, missing, an
// orphan or there twice, and says so key by key; decides nothing.

import type { Key } from '../mapping/mapping.ts';
import type { CopyPage } from '../postgres/copy-binary.ts';
import type { DigestPage } from '../value/digest.ts';
import type { Candidate } from './candidate.ts';
import type { DigestTable, Hits } from './digest-table.ts';

/** Reads the source's digests into a table. `alsoEach` sees every page as well, for sums that ride on the same pass. */
export async function fillTable(
  table: DigestTable,
  pages: AsyncIterable<CopyPage>,
  numbersPerRow: number,
  alsoEach?: (page: CopyPage) => void,
): Promise<void> {
  const stride = numbersPerRow * 2;
  for await (const page of pages) {
    for (let i = 0; i < page.count; i++) table.insert(page.numbers, i * stride, page.texts?.[i]);
    alsoEach?.(page);
  }
}

export interface JoinOptions {
  /** Which of the table's row hashes are this replica's. */
  readonly mapping: number;
  readonly seenAt: number;
  /** False where an earlier pass has reported the records that can't be compared. */
  readonly reportUnread: boolean;
  readonly onPage: (records: number) => void;
}

/** Drains the replica past the table. Afterwards `hits` tells what of the source was met. */
export async function* joinDigests(
  table: DigestTable,
  hits: Hits,
  pages: AsyncIterable<DigestPage>,
  options: JoinOptions,
): AsyncGenerator<Candidate> {
  const { mapping, seenAt } = options;
  for await (const page of pages) {
    const { hashes, count } = page;
    const candidate = (i: number, more: Partial<Candidate>): Candidate => {
      const place = page.place?.(i);
      return { key: page.key!(i), seenAt, places: place === undefined ? undefined : [place], ...more };
    };
    const found: (readonly [number, Partial<Candidate>])[] = [];
    for (let i = 0; i < count; i++) {
      const unread = page.unread?.(i);
      if (unread !== undefined) {
        if (options.reportUnread) found.push([i, { unread }]);
        continue;
      }
      const at = i * 4;
      const slot = table.find(hashes[at]!, hashes[at + 1]!);
      if (slot < 0) found.push([i, { sourceHash: 'absent' }]);
      else if (table.isCollided(slot)) found.push([i, {}]);
      else if (hits.has(slot)) found.push([i, { sourceHash: table.rowHash(slot, mapping) }]);
      else {
        hits.add(slot);
        if (!table.holds(slot, mapping, hashes[at + 2]!, hashes[at + 3]!)) {
          const replicaHash = [hashes[at + 2]!, hashes[at + 3]!] as const;
          found.push([i, { sourceHash: table.rowHash(slot, mapping), replicaHash }]);
        }
      }
    }
    await page.resolve?.(found.map(([i]) => i));
    for (const [i, more] of found) yield candidate(i, more);
    options.onPage(count);
  }
}

/** The most key hashes that are worth listing in a query instead of streaming all keys. */
const LISTED_KEYS = 5000;

export interface MissingOptions {
  readonly mapping: number;
  readonly seenAt: number;
  readonly decodeKey: (texts: readonly (string | null)[]) => Key;
  /** Key hash and key of the source's rows, all of them or those listed. */
  readonly readKeys: (keyHashes?: readonly bigint[]) => AsyncIterable<CopyPage>;
}

/** The source's rows that the drain did not meet, and all whose key hash is not theirs alone. */
export async function* missingKeys(table: DigestTable, hits: Hits, options: MissingOptions): AsyncGenerator<Candidate> {
  const { seenAt, mapping } = options;
  const isOpen = (slot: number) => !hits.has(slot) || table.isCollided(slot);
  const candidate = (slot: number, texts: readonly (string | null)[]): Candidate => ({
    key: options.decodeKey(texts),
    seenAt,
    sourceHash: table.isCollided(slot) ? undefined : table.rowHash(slot, mapping),
  });

  const listed: number[] = [];
  let open = 0;
  for (let slot = 0; slot < table.capacity; slot++) {
    if (!table.isUsed(slot) || !isOpen(slot)) continue;
    open++;
    if (table.keepsKeys && !table.isCollided(slot)) yield candidate(slot, table.keyTexts(slot));
    else if (listed.length <= LISTED_KEYS) listed.push(slot);
  }
  if (listed.length === 0 || open === 0) return;
  const keyHashes = listed.length > LISTED_KEYS ? undefined : listed.map((slot) => table.keyHash(slot));
  for await (const page of options.readKeys(keyHashes)) {
    for (let i = 0; i < page.count; i++) {
      const slot = table.find(page.numbers[i * 2]!, page.numbers[i * 2 + 1]!);
      if (slot >= 0 && isOpen(slot)) yield candidate(slot, page.texts![i]!);
    }
  }
}
