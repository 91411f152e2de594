// Reads every record of a replica, page by page.

import type { Record as DriverRecord } from 'neo4j-driver';
import { InterruptedError } from '../../errors.ts';
import type { Row } from '../../mapping/mapping.ts';
import type { Access } from './access.ts';
import { byId, held, heldColumns, pattern, scannedColumns, where } from './cypher.ts';
import { answered, type Connection, openSession, read } from './session.ts';
import type { Shape } from './shape.ts';

const PAGE = 2000;

/** Ends early without leaving a query on the server. Throws what the driver throws, or InterruptedError. */
export async function* scanRows(
  connection: Connection,
  access: Access,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const { shape, decoder } = access;
  const { length } = shape.columns;
  for await (const records of pagesOf(connection, scanQuery(shape, connection.hasTypePredicates), signal)) {
    const rows: Row[] = [];
    const doubtful: string[] = [];
    for (const record of records) {
      const id = record.get(length);
      if (id === null) rows.push(decoder.row((i) => record.get(i)));
      else doubtful.push(id);
    }
    if (doubtful.length > 0) rows.push(...(await lookAgain(connection, access, doubtful)));
    if (rows.length > 0) yield rows;
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
async function lookAgain(connection: Connection, { shape, decoder }: Access, ids: readonly string[]): Promise<Row[]> {
  const natives = await read(connection, `${byId(shape)} RETURN ${heldColumns(shape).join(', ')}`, { ids });
  return natives.map((values) => decoder.row((i) => values[i]));
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
