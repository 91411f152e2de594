// Reads a whole replica: one statement in no order, fetched in arrays.

import { setTimeout as pause } from 'node:timers/promises';
import type { ResultSet } from 'oracledb';
import { InterruptedError } from '../../errors.ts';
import type { Row } from '../../mapping/mapping.ts';
import type { Decoder } from './decode.ts';
import { type Connection, drop, type RawRow, release, type Session } from './session.ts';
import { beginSnapshot, type SnapshotMode } from './snapshot.ts';
import { type Place, scanSql } from './sql.ts';

const ROWS_A_PAGE = 1000;
/** Records with LOBs may be large, and a page stands in memory as a whole. */
const LOB_ROWS_A_PAGE = 100;
const GRACE_MS = 5000;

export interface Scan {
  readonly place: Place;
  readonly decoder: Decoder;
  readonly snapshot: SnapshotMode;
  readonly fetchArraySize?: number;
}

export async function* scanRows(session: Session, scan: Scan, signal?: AbortSignal): AsyncGenerator<readonly Row[]> {
  if (signal?.aborted) throw new InterruptedError();
  const connection = await session.take('readers');
  const abort = () => void connection.break().catch(() => {});
  signal?.addEventListener('abort', abort, { once: true });
  let rows: ResultSet<unknown[]> | undefined;
  let next: Promise<readonly RawRow[]> | undefined;
  let isBroken = false;
  try {
    const size = scan.fetchArraySize ?? (hasLobs(scan.place) ? LOB_ROWS_A_PAGE : ROWS_A_PAGE);
    const scn = await beginSnapshot(session, connection, scan.snapshot);
    const options = { ...session.fetchOptions(), resultSet: true, fetchArraySize: size, prefetchRows: size };
    rows = (await connection.execute<unknown[]>(scanSql(scan.place, scn), [], options)).resultSet!;
    next = rows.getRows(size);
    for (;;) {
      const page = await next;
      if (signal?.aborted) throw new InterruptedError();
      if (page.length === 0) return;
      // The server works on the next page while this one is decoded.
      next = rows.getRows(size);
      next.catch(() => {});
      yield page.map((raw) => scan.decoder.row(raw));
      if (signal?.aborted) throw new InterruptedError();
    }
  } catch (error) {
    isBroken = true;
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    await finish(connection, rows, next, isBroken);
  }
}

/** The driver takes one call at a time, and a server that does not answer is not waited for. */
async function finish(
  connection: Connection,
  rows: ResultSet<unknown[]> | undefined,
  next: Promise<unknown> | undefined,
  isBroken: boolean,
): Promise<void> {
  const end = async () => {
    await next?.catch(() => {});
    if (isBroken) return false;
    await rows?.close();
    await connection.rollback();
    return true;
  };
  const isReusable = await Promise.race([end().catch(() => false), pause(GRACE_MS, false, { ref: false })]);
  if (isReusable) await release(connection);
  else drop(connection);
}

function hasLobs({ fields }: Place): boolean {
  return fields.some(({ column }) => ['clob', 'blob', 'json'].includes(column.form));
}
