// One connected store: the driver's client, and what every statement carries. Parameters are bytes, as encode.ts makes them.

import type { Client, types } from 'cassandra-driver';
import type { Failures } from './failure.ts';
import { isTakenApart, type RawRows, rowsOf } from './raw-result.ts';

export type Driver = typeof import('cassandra-driver');

/** A parameter as its bytes; null is written as a tombstone, undefined leaves the column alone. */
export type Parameter = Buffer | null | undefined;

export interface Statement {
  readonly text: string;
  readonly parameters: readonly Parameter[];
}

export interface Connection {
  readonly driver: Driver;
  readonly client: Client;
  readonly failures: Failures;
  readonly keyspace: string;
  /** The role, where the URL names one. */
  readonly user: string | undefined;
  /** The class of the partitioner without its package. */
  readonly partitioner: string;
  /** The cluster's clock, microseconds since 1970. */
  readonly now: () => bigint;
  /** The server's major version. */
  readonly version: number;
  readonly readConsistency: types.consistencies;
  readonly readConsistencyName: string;
  readonly writeConsistency: types.consistencies;
  /** Rows that a page of a scan holds at most. */
  readonly fetchSize: number;
  /** Token ranges that a scan is split into, and how many of them are read at once. */
  readonly ranges: number;
  readonly parallel: number;
}

export interface Page extends RawRows {
  /** Where the next page begins; undefined after the last one. */
  readonly next: string | undefined;
}

/** Runs a statement whose first column carries the mark. */
export async function readPage(
  { client, driver, readConsistency }: Connection,
  { text, parameters }: Statement,
  fetchSize: number,
  pageState?: string,
): Promise<Page> {
  const options = { prepare: true, consistency: readConsistency, isIdempotent: true, fetchSize, pageState };
  const ask = () => client.execute(text, parameters as unknown[], options);
  let result = await ask();
  // The driver's values can't tell all that the bytes can: once more, after a connection was lost and made anew.
  if (isTakenApart(result, client)) result = await ask();
  const { bytes, start, count } = rowsOf(result, client, driver);
  return { bytes, start, count, next: result.pageState ?? undefined };
}

const FEW = 1000;

/** All rows of a statement that returns few, page by page. */
export async function* readAll(connection: Connection, statement: Statement): AsyncGenerator<Page> {
  let next: string | undefined;
  do {
    const page = await readPage(connection, statement, FEW, next);
    yield page;
    next = page.next;
  } while (next !== undefined);
}

/** Several statements make one batch, which the caller has to keep within one partition: it is then one write, and all or nothing. */
export async function write(connection: Connection, statements: readonly Statement[]): Promise<void> {
  const { client, driver, writeConsistency: consistency } = connection;
  const options = { prepare: true, consistency, isIdempotent: true };
  const bound = statements.map(({ text, parameters }) => ({
    query: text,
    params: parameters.map((parameter) => (parameter === undefined ? driver.types.unset : parameter)),
  }));
  if (bound.length === 1) await client.execute(bound[0]!.query, bound[0]!.params, options);
  else await client.batch(bound, { ...options, logged: false });
}

/** Rows of a schema table, as the driver's objects. */
export async function readSchema(
  { client, driver }: Pick<Connection, 'client' | 'driver'>,
  text: string,
  parameters: readonly string[] = [],
): Promise<types.Row[]> {
  const rows: types.Row[] = [];
  const options = { prepare: true, isIdempotent: true, consistency: driver.types.consistencies.localOne };
  for await (const row of await client.execute(text, [...parameters], options)) rows.push(row);
  return rows;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
