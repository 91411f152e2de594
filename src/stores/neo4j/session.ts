// One connected store: the driver, the database, and how a query is put to it. Nothing here retries: the driver's own retries
// (executeRead, executeWrite) are not used.

import type { BookmarkManager, Driver, Session, Transaction } from 'neo4j-driver';
import { InterruptedError } from '../../errors.ts';
import { type Failures, SilenceError } from './failure.ts';

export type Neo4j = typeof import('neo4j-driver');

/** What a query returns, column by column. */
export type Natives = readonly unknown[];

export interface Connection {
  readonly neo4j: Neo4j;
  readonly driver: Driver;
  /** Another driver to the same server, with connections of its own. */
  readonly open: () => Driver;
  readonly database: string | undefined;
  readonly failures: Failures;
  /** Lets a read see what was written through this store, whichever server of a cluster answers it. */
  readonly bookmarks: BookmarkManager;
  readonly fetchSize: number;
  readonly maxTransactionRows: number;
  /** Milliseconds to wait for an answer. */
  readonly patience: number;
  /** The server knows type predicates (`x IS :: DATE`, since 5.10). */
  readonly hasTypePredicates: boolean;
}

/** Something that runs queries: a transaction, or a session of its own for each. */
export type Run = (query: string, parameters?: Record<string, unknown>) => Promise<readonly Natives[]>;

/** Runs one read in a session and transaction of its own. */
export async function read(
  connection: Connection,
  query: string,
  parameters: Record<string, unknown> = {},
  milliseconds = connection.patience,
): Promise<readonly Natives[]> {
  return inSession(connection, 'READ', async (session) => {
    const result = session.run(query, parameters, { timeout: milliseconds });
    return valuesOf(await answered(connection, result));
  });
}

/** Runs `work` in one transaction, which is committed when it returns and undone when it throws. */
export async function write<Result>(connection: Connection, work: (run: Run) => Promise<Result>): Promise<Result> {
  return inSession(connection, 'WRITE', async (session) => {
    const transaction: Transaction = await answered(
      connection,
      session.beginTransaction({ timeout: connection.patience }),
    );
    try {
      const result = await work(async (query, parameters) =>
        valuesOf(await answered(connection, transaction.run(query, parameters))),
      );
      await answered(connection, transaction.commit());
      return result;
    } catch (error) {
      if (!(error instanceof SilenceError)) await transaction.rollback().catch(() => {});
      throw error;
    }
  });
}

export async function inSession<Result>(
  connection: Connection,
  defaultAccessMode: 'READ' | 'WRITE',
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = openSession(connection, defaultAccessMode);
  let silent = false;
  try {
    return await work(session);
  } catch (error) {
    silent = error instanceof SilenceError;
    throw error;
  } finally {
    // A server that is silent would hold up whoever waits for it.
    const closing = session.close().catch(() => {});
    if (!silent) await closing;
  }
}

export function openSession(
  { database, bookmarks, fetchSize, ...connection }: Connection,
  defaultAccessMode: 'READ' | 'WRITE',
  driver = connection.driver,
): Session {
  return driver.session({ defaultAccessMode, database, bookmarkManager: bookmarks, fetchSize });
}

/** What was asked, or a SilenceError when nothing comes, or an InterruptedError when the signal fires before. */
export async function answered<Answer>(
  connection: Pick<Connection, 'patience'>,
  asked: PromiseLike<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  if (signal?.aborted) {
    Promise.resolve(asked).catch(() => {});
    throw new InterruptedError();
  }
  let timer: NodeJS.Timeout | undefined;
  let abort = () => {};
  const given = new Promise<never>((_resolve, reject) => {
    // The server was told the same time, and its own word comes first.
    timer = setTimeout(
      () => reject(new SilenceError(`no answer for ${connection.patience} ms`)),
      connection.patience + GRACE,
    );
    abort = () => reject(new InterruptedError());
    signal?.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([asked, given]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

const GRACE = 2000;

function valuesOf({ records }: { readonly records: readonly { readonly length: number; get(i: number): unknown }[] }) {
  return records.map((record) => Array.from({ length: record.length }, (_, i) => record.get(i)));
}
