// Reads every record of a replica, page by page: as decoded rows, or as digests.

import type { Record as DriverRecord } from 'neo4j-driver';
import { InterruptedError } from '../../errors.ts';
import type { Row } from '../../mapping/mapping.ts';
import { type BucketFilter, type DigestPage, type HashScheme, isWanted } from '../../value/digest.ts';
import type { Access } from './access.ts';
import { byId, held, heldColumns, pattern, scannedColumns, where } from './cypher.ts';
import { RecordHasher } from './hash.ts';
import { answered, type Connection, openSession, read } from './session.ts';
import type { Shape } from './shape.ts';

const PAGE = 2000;

/** A record: the value of a column of its shape, as the driver gave it. */
export type NativeAt = (i: number) => unknown;

/** Ends early without leaving a query on the server. Throws what the driver throws, or InterruptedError. */
export async function* scanRows(
  connection: Connection,
  access: Access,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  for await (const records of readPages(connection, access, signal)) {
    yield records.map((record) => access.decoder.row(record));
  }
}

/** As `scanRows`; what the engine does not ask for is not decoded. */
export async function* readDigests(
  connection: Connection,
  access: Access,
  scheme: HashScheme,
  filter?: BucketFilter,
  signal?: AbortSignal,
): AsyncGenerator<DigestPage> {
  const { shape, decoder } = access;
  const hasher = new RecordHasher(connection.neo4j, shape, scheme);
  const wants = filter === undefined ? undefined : (keyLow: number) => isWanted(filter, keyLow);
  for await (const records of readPages(connection, access, signal)) {
    const hashes = new Int32Array(4 * records.length);
    const kept: NativeAt[] = [];
    const unread = new Map<number, string>();
    for (const record of records) {
      const at = 4 * kept.length;
      if (!hasher.hash(record, wants)) unread.set(kept.length, decoder.row(record).unread ?? 'it can’t be compared');
      else if (wants !== undefined && !wants(hasher.keyLow)) continue;
      else {
        hashes[at] = hasher.keyHigh;
        hashes[at + 1] = hasher.keyLow;
        hashes[at + 2] = hasher.rowHigh;
        hashes[at + 3] = hasher.rowLow;
      }
      kept.push(record);
    }
    yield {
      count: kept.length,
      hashes,
      key: (i) => decoder.row(kept[i]!).key,
      unread: (i) => unread.get(i),
    };
  }
}

async function* readPages(
  connection: Connection,
  access: Access,
  signal?: AbortSignal,
): AsyncGenerator<readonly NativeAt[]> {
  const { shape } = access;
  const { length } = shape.columns;
  for await (const records of pagesOf(connection, scanQuery(shape, connection.hasTypePredicates), signal)) {
    const page: NativeAt[] = [];
    const doubtful: string[] = [];
    for (const record of records) {
      const id = record.get(length);
      if (id === null) page.push((i) => record.get(i));
      else doubtful.push(id);
    }
    if (doubtful.length > 0) page.push(...(await lookAgain(connection, shape, doubtful)));
    if (page.length > 0) yield page;
    if (signal?.aborted) throw new InterruptedError();
  }
}

/** The last column is the elementId of a record that lacks a part of its key or an end. */
function scanQuery(shape: Shape, hasTypePredicates: boolean): string {
  const parts = shape.columns.filter(({ isKey, side }) => isKey || side !== undefined);
  const lacks = parts.map((column) => `${held(shape, column)} IS NULL`).join(' OR ');
  const columns = [
    ...scannedColumns(shape, hasTypePredicates),
    `CASE WHEN ${lacks} THEN elementId(${shape.record}) END`,
  ];
  return `MATCH ${pattern(shape)}${where(shape)} RETURN ${columns.join(', ')}`;
}

/** Reading waits for no writer: a record that is deleted under the reader's eyes comes with nothing in it. What is still there is unread for good. */
async function lookAgain(connection: Connection, shape: Shape, ids: readonly string[]): Promise<NativeAt[]> {
  const natives = await read(connection, `${byId(shape)} RETURN ${heldColumns(shape).join(', ')}`, { ids });
  return natives.map(
    (values): NativeAt =>
      (i) =>
        values[i],
  );
}

/**
 * The connection is of the scan's own, and closed with it: that ends the query on the server at once, whatever it is at. To end it in order takes
 * as long as the server likes, and the driver (6.3) may send a DISCARD after the RESET, which then fails whoever gets the connection next.
 */
async function* pagesOf(
  connection: Connection,
  query: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly DriverRecord[]> {
  if (signal?.aborted) throw new InterruptedError();
  const driver = connection.open();
  try {
    const records = openSession(connection, 'READ', driver).run(query)[Symbol.asyncIterator]();
    for (let isOver = false; !isOver; ) {
      const page: DriverRecord[] = [];
      isOver = await answered(connection, fill(page, records), signal);
      if (page.length > 0) yield page;
    }
  } catch (error) {
    throw signal?.aborted ? new InterruptedError() : error;
  } finally {
    await driver.close().catch(() => {});
  }
}

/** True when there is no more. */
async function fill(page: DriverRecord[], records: AsyncIterator<DriverRecord>): Promise<boolean> {
  while (page.length < PAGE) {
    const next = await records.next();
    if (next.done) return true;
    page.push(next.value);
  }
  return false;
}
