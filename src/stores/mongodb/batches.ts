// Raw documents as the server sends them, batch by batch, the next one asked for while the present one is worked on. The driver's
// cursor takes every document of a batch apart before it hands out its bytes, which costs more than all that we do with them
// afterwards: so the reply's bytes are walked here, wherever one server surely answers all commands of a cursor.

import type { Document } from 'mongodb';
import { InterruptedError } from '../../errors.ts';
import { ARRAY, bigInt64At, INT64, int32At, OBJECT, sizeOf } from './bson.ts';
import { type Connection, findCommand, preferenceOf, type Query, startSession, staysOnOneServer } from './session.ts';

/** Documents in one buffer; valid for as long as the caller keeps it. */
export interface Batch {
  readonly bytes: Buffer;
  /** Where each document begins. */
  readonly starts: readonly number[];
}

const KILL_MS = 2000;

/** Ends early without leaving a cursor on the server. Throws what the driver throws, or InterruptedError. */
export function readBatches(connection: Connection, query: Query, signal?: AbortSignal): AsyncGenerator<Batch> {
  return staysOnOneServer(connection, preferenceOf(connection, query))
    ? readByCommands(connection, query, signal)
    : readByCursor(connection, query, signal);
}

async function* readByCommands(connection: Connection, query: Query, signal?: AbortSignal): AsyncGenerator<Batch> {
  const { db } = connection;
  const session = startSession(connection);
  const options = { raw: true, session, readPreference: preferenceOf(connection, query), signal };
  const ask = (command: Document): Promise<Reply> => {
    const reply = db.command(command, options).then(readReply);
    // It may fail while nobody waits for it; whoever waits later hears of it all the same.
    reply.catch(() => {});
    return reply;
  };
  const more = (cursor: bigint) => ({ getMore: cursor, collection: query.collection, batchSize: query.batchSize });
  let open = 0n;
  let failed = false;
  let pending: Promise<Reply> | undefined;
  try {
    if (signal?.aborted) throw new InterruptedError();
    pending = ask(findCommand(connection, query));
    while (pending !== undefined) {
      const { cursor, batch }: Reply = await pending;
      open = cursor;
      pending = cursor === 0n ? undefined : ask(more(cursor));
      if (batch.starts.length > 0) yield batch;
      if (signal?.aborted) throw new InterruptedError();
    }
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError();
    failed = true;
    throw error;
  } finally {
    const last = await pending?.catch(() => undefined);
    const left = last?.cursor ?? open;
    if (left !== 0n && !failed) {
      const kill = { killCursors: query.collection, cursors: [left] };
      // A server that has gone must not hold up whoever wants to leave.
      const soon = AbortSignal.timeout(KILL_MS);
      await db.command(kill, { session, readPreference: options.readPreference, signal: soon }).catch(() => {});
    }
    await session.endSession().catch(() => {});
  }
}

interface Reply {
  readonly cursor: bigint;
  readonly batch: Batch;
}

/** `raw` leaves each subdocument of the reply as its bytes, and the whole batch lies in the one called `cursor`. */
function readReply(reply: Document): Reply {
  const bytes = reply.cursor as Buffer;
  const starts: number[] = [];
  let cursor = 0n;
  let at = 4;
  for (let type = bytes[at]!; type !== 0; type = bytes[at]!) {
    const end = bytes.indexOf(0, at + 1);
    const name = bytes.toString('latin1', at + 1, end);
    at = end + 1;
    if (name === 'id' && type === INT64) cursor = bigInt64At(bytes, at);
    if (type === ARRAY && (name === 'firstBatch' || name === 'nextBatch')) collectStarts(bytes, at, starts);
    at += sizeOf(type, bytes, at);
  }
  return { cursor, batch: { bytes, starts } };
}

function collectStarts(bytes: Buffer, array: number, starts: number[]): void {
  let at = array + 4;
  while (bytes[at] === OBJECT) {
    at++;
    while (bytes[at] !== 0) at++;
    starts.push(at + 1);
    at += 1 + int32At(bytes, at + 1);
  }
}

async function* readByCursor(connection: Connection, query: Query, signal?: AbortSignal): AsyncGenerator<Batch> {
  const { readConcern } = findCommand(connection, query);
  const cursor = connection.db.collection(query.collection).find(query.filter, {
    raw: true,
    batchSize: query.batchSize,
    projection: query.projection,
    sort: query.sort,
    limit: query.limit,
    readPreference: preferenceOf(connection, query),
    readConcern,
    signal,
  });
  try {
    let pending = cursor.hasNext();
    while (await pending) {
      const documents = cursor.readBufferedDocuments() as unknown as readonly Uint8Array[];
      pending = cursor.hasNext();
      pending.catch(() => {});
      yield onePiece(documents);
      if (signal?.aborted) throw new InterruptedError();
    }
  } catch (error) {
    throw signal?.aborted ? new InterruptedError() : error;
  } finally {
    await cursor.close().catch(() => {});
  }
}

/** The driver's views of one reply share its memory. */
function onePiece(documents: readonly Uint8Array[]): Batch {
  const [first] = documents;
  if (documents.every((document) => document.buffer === first!.buffer)) {
    return { bytes: Buffer.from(first!.buffer), starts: documents.map((document) => document.byteOffset) };
  }
  const bytes = Buffer.concat(documents);
  let at = 0;
  const starts = documents.map((document) => {
    at += document.length;
    return at - document.length;
  });
  return { bytes, starts };
}
