// Reads a whole replica: one statement in no order, fetched in arrays.

import { setTimeout as pause } from 'node:timers/promises';
import { InterruptedError } from '../../errors.ts';
import type { Row } from '../../mapping/mapping.ts';
import type { Decoder } from './decode.ts';
import { drop, type RawRow, type Session } from './session.ts';
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
  const connection = await session.connect();
  const abort = () => void connection.break().catch(() => {});
  signal?.addEventListener('abort', abort, { once: true });
  let next: Promise<readonly RawRow[]> | undefined;
  try {
    const size = scan.fetchArraySize ?? (hasLobs(scan.place) ? LOB_ROWS_A_PAGE : ROWS_A_PAGE);
    const scn = await beginSnapshot(session, connection, scan.snapshot);
    const result = await connection.execute<unknown[]>(scanSql(scan.place, scn), [], {
      ...session.fetchOptions(),
      resultSet: true,
      fetchArraySize: size,
      prefetchRows: size,
    });
    const rows = result.resultSet!;
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
  } finally {
    signal?.removeEventListener('abort', abort);
    // The driver takes one call at a time; a server that does not answer is not waited for.
    await Promise.race([next?.catch(() => {}), pause(GRACE_MS, undefined, { ref: false })]);
    drop(connection);
  }
}

function hasLobs({ fields }: Place): boolean {
  return fields.some(({ column }) => ['clob', 'blob', 'json'].includes(column.form));
}
