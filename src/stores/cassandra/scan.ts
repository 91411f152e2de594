// Reads a whole replica by token ranges, several at once: as decoded rows, or as digests made from the raw bytes.

import { InterruptedError } from '../../errors.ts';
import type { Key, Place, Row } from '../../mapping/mapping.ts';
import { type BucketFilter, type DigestPage, type HashScheme, isWanted } from '../../value/digest.ts';
import { type Access, namesOf } from './access.ts';
import { RecordHasher, SKIPPED } from './hash.ts';
import { type TokenRange, tokenRanges } from './ranges.ts';
import { Cells, eachRow, type RawRows } from './raw-result.ts';
import { RowReader } from './read-row.ts';
import { type Connection, type Page, readPage, type Statement } from './session.ts';
import { selectText, tokenText } from './statements.ts';

export async function* scanRows(
  connection: Connection,
  access: Access,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const reader = new RowReader(access);
  const cells = new Cells(access.slots.length);
  for await (const page of readRanges(connection, access, signal)) {
    const rows: Row[] = [];
    for (const _ of eachRow(page, cells)) {
      if (reader.isRecord(cells)) rows.push(reader.row(cells));
    }
    if (rows.length > 0) yield rows;
  }
}

export async function* readDigests(
  connection: Connection,
  access: Access,
  scheme: HashScheme,
  filter?: BucketFilter,
  signal?: AbortSignal,
): AsyncGenerator<DigestPage> {
  const reader = new RowReader(access);
  const cells = new Cells(access.slots.length);
  const hasher = new RecordHasher(access, reader, scheme);
  const wants = filter === undefined ? undefined : (keyLow: number) => isWanted(filter, keyLow);
  let hashes = new Int32Array(0);
  for await (const page of readRanges(connection, access, signal)) {
    if (hashes.length < 4 * page.count) hashes = new Int32Array(4 * page.count);
    const kept: number[] = [];
    const unread = new Map<number, string>();
    for (const start of eachRow(page, cells)) {
      if (!reader.isRecord(cells)) continue;
      const reason = hasher.hash(cells, wants);
      if (reason === SKIPPED) continue;
      const at = 4 * kept.length;
      hashes[at] = hasher.keyHigh;
      hashes[at + 1] = hasher.keyLow;
      hashes[at + 2] = hasher.rowHigh;
      hashes[at + 3] = hasher.rowLow;
      if (reason !== undefined) unread.set(kept.length, reason);
      kept.push(start);
    }
    const rowAt = (i: number): Row => {
      cells.locate(page.bytes, kept[i]!);
      return reader.row(cells);
    };
    yield {
      count: kept.length,
      hashes,
      key: (i): Key => rowAt(i).key,
      unread: (i) => unread.get(i),
      place: (i): Place | undefined => rowAt(i).place,
    };
  }
}

/** A range that is being read: its pages come one after the other. */
interface Reading {
  readonly statement: Statement;
  readonly page: Promise<Page>;
}

const FIRST_ROWS = 200;
/** A page grows towards this size, so that wide rows come fewer at a time. */
const PAGE_BYTES = 1_000_000;

/**
 * Pages of all ranges, every row once, in any order. As many requests are on their way as the store allows; each holds one page at most.
 * The server keeps nothing between two pages, so there is nothing to be closed. Throws what the driver throws, or InterruptedError.
 */
async function* readRanges(connection: Connection, access: Access, signal?: AbortSignal): AsyncGenerator<RawRows> {
  const ranges = [...tokenRanges(connection.partitioner, connection.ranges)].reverse();
  const aborted = interruption(signal);
  const under: Reading[] = [];
  let rowsAPage = Math.min(FIRST_ROWS, connection.fetchSize);
  const ask = (statement: Statement, next?: string) => {
    const page = readPage(connection, statement, rowsAPage, next);
    // It may fail while nobody waits for it; whoever waits later hears of it all the same.
    page.catch(() => {});
    under.push({ statement, page });
  };
  const askMore = (atOnce: number) => {
    while (ranges.length > 0 && under.length < atOnce) ask(statementOf(access, ranges.pop()!));
  };
  try {
    // The first page comes alone and tells how many rows a page may have, so that full ones are under way while whoever wants them is not ready.
    askMore(1);
    while (under.length > 0) {
      const { statement, page } = under.shift()!;
      const { next, ...rows } = await Promise.race([page, aborted.promise]);
      // A page that is not full may lie in a buffer with others, and tells nothing of the rows' size.
      if (rows.count >= rowsAPage) rowsAPage = rowsFor(rows, connection.fetchSize);
      if (next !== undefined) ask(statement, next);
      askMore(connection.parallel);
      if (rows.count > 0) yield rows;
      if (signal?.aborted) throw new InterruptedError();
    }
  } finally {
    aborted.forget();
  }
}

function statementOf({ table, slots, where }: Access, { after, upTo }: TokenRange): Statement {
  const conditions = [
    ...(after === undefined ? [] : [`${tokenText(table)} > ?`]),
    ...(upTo === undefined ? [] : [`${tokenText(table)} <= ?`]),
  ];
  return {
    text: selectText(table, namesOf(slots), conditions, where),
    parameters: [after, upTo].filter((token) => token !== undefined),
  };
}

function rowsFor({ bytes, start, count }: RawRows, most: number): number {
  const each = Math.max(1, (bytes.length - start) / count);
  return Math.max(1, Math.min(most, Math.round(PAGE_BYTES / each)));
}

function interruption(signal?: AbortSignal): { readonly promise: Promise<never>; forget(): void } {
  let forget = () => {};
  const promise = new Promise<never>((_, reject) => {
    if (signal === undefined) return;
    const interrupt = () => reject(new InterruptedError());
    if (signal.aborted) interrupt();
    else signal.addEventListener('abort', interrupt, { once: true });
    forget = () => signal.removeEventListener('abort', interrupt);
  });
  promise.catch(() => {});
  return { promise, forget: () => forget() };
}
