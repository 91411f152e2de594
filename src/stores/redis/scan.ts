// Reads a whole replica of which each record has a key of its own: SCAN brings keys, pipelines bring what they hold.

import { InterruptedError } from '../../errors.ts';
import type { Row } from '../../mapping/mapping.ts';
import { type Access, readKey, unreadRow } from './access.ts';
import { type Format, type Held, isMisfit } from './format.ts';
import { readAhead } from './read-ahead.ts';
import { type KeyPage, scanKeys } from './scan-keys.ts';
import type { Reader, Session } from './session.ts';

/** Bytes and records that one page should hold at most. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 1000;

/** How many keys are read at once, from what the last ones weighed. */
export class PageSize {
  rows = 200;

  learn(rows: number, bytes: number): void {
    if (rows > 0) this.rows = Math.max(1, Math.min(PAGE_ROWS, Math.floor((PAGE_BYTES * rows) / Math.max(bytes, 1))));
  }
}

/** Runs `read` on a connection to each server that holds keys, one after the other, and leaves none open. */
export async function* onEachServer<Page>(
  session: Session,
  signal: AbortSignal | undefined,
  read: (reader: Reader) => AsyncGenerator<Page>,
): AsyncGenerator<Page> {
  for (const open of session.readers()) {
    const reader = await open();
    const close = () => reader.close();
    signal?.addEventListener('abort', close, { once: true });
    try {
      for await (const page of read(reader)) {
        if (signal?.aborted) throw new InterruptedError();
        yield page;
      }
    } finally {
      signal?.removeEventListener('abort', close);
      close();
    }
  }
  if (signal?.aborted) throw new InterruptedError();
}

export function scanRows(
  session: Session,
  access: Access,
  count: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  return onEachServer(session, signal, (reader) => readRows(reader, access, access.format!, count));
}

export interface Batch {
  /** Read, or known to be unreadable from the key alone. */
  readonly rows: readonly Row[];
  /** Of the rows that are to be read, in their order. */
  readonly held: readonly Held<unknown>[];
}

async function* readRows(
  reader: Reader,
  access: Access,
  format: Format,
  count: number,
): AsyncGenerator<readonly Row[]> {
  for await (const { rows, held } of readAhead(readBatches(reader, access, format, count))) {
    const page: Row[] = [];
    let next = 0;
    for (const row of rows) {
      if (row.unread !== undefined) {
        page.push(row);
        continue;
      }
      const raw = held[next++];
      if (raw === undefined) continue; // gone since SCAN saw it
      if (isMisfit(raw)) {
        page.push(unreadRow(access.replica, row.key, raw.misfit));
        continue;
      }
      const decoded = format.decode(raw);
      if (decoded !== undefined) page.push({ key: row.key, ...decoded });
    }
    if (page.length > 0) yield page;
  }
}

/** Two batches are on their way at once: the server reads one while the other is worked on. */
export async function* readBatches(
  reader: Reader,
  access: Access,
  format: Format,
  count: number,
): AsyncGenerator<Batch> {
  const size = new PageSize();
  const running: Promise<Batch>[] = [];
  const read = async (rows: readonly KeyRow[]): Promise<Batch> => {
    const keys = rows.flatMap(({ row, text }) => (row.unread === undefined ? [text] : []));
    const held = await format.read(reader, keys);
    let bytes = 0;
    for (const raw of held) if (raw !== undefined && !isMisfit(raw)) bytes += format.sizeOf(raw);
    size.learn(keys.length, bytes);
    return { rows: rows.map(({ row }) => row), held };
  };
  for await (const rows of batchesOf(scanKeys(reader, access.pattern.glob, count), access, size)) {
    const batch = read(rows);
    batch.catch(() => {});
    running.push(batch);
    if (running.length > 1) yield await running.shift()!;
  }
  while (running.length > 0) yield await running.shift()!;
}

interface KeyRow {
  readonly text: string;
  readonly row: Row;
}

/** Keys that are the replica's, as many at once as `size` says. */
export async function* batchesOf(
  pages: AsyncIterable<KeyPage>,
  access: Access,
  size: PageSize,
): AsyncGenerator<readonly KeyRow[]> {
  let batch: KeyRow[] = [];
  for await (const { keys, broken } of pages) {
    for (const text of broken) {
      batch.push({ text, row: unreadRow(access.replica, access.pattern.texts(text), 'its key is not UTF-8') });
    }
    for (const text of keys) {
      const row = readKey(access, text);
      if (row === undefined) continue;
      batch.push({ text, row });
      if (batch.length < size.rows) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
