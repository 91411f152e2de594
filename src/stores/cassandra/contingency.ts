// Writes that a table took while the source was down: columns such as data (JSON as text), source, postgres_pending, timestamp, operation.

import type { types } from 'cassandra-driver';
import pLimit from 'p-limit';
import { z } from 'zod';
import { InterruptedError } from '../../errors.ts';
import type { ContingencyPlace, WaitingWrite } from '../store.ts';
import { type Connection, quoted } from './session.ts';

export const contingencyOptions = z.strictObject({
  mark: z
    .string()
    .min(1)
    .optional()
    .describe('The boolean column that is true while a write waits. Default postgres_pending.'),
  after: z
    .enum(['mark', 'delete'])
    .optional()
    .describe('What becomes of a settled write: its mark is set to false, or it is deleted. Default mark.'),
});
type Options = z.infer<typeof contingencyOptions>;

const PAGE = 1000;
const AT_ONCE = 32;

interface Table {
  readonly primaryKey: readonly string[];
  readonly mark: string;
  readonly after: 'mark' | 'delete';
}

export async function* waitingWrites(
  connection: Connection,
  place: ContingencyPlace,
  signal?: AbortSignal,
): AsyncGenerator<readonly WaitingWrite[]> {
  const { client, keyspace, readConsistency: consistency, fetchSize } = connection;
  const { primaryKey, mark } = await tableOf(connection, place);
  const rows = await client.execute(`SELECT * FROM ${quoted(keyspace)}.${quoted(place.target)}`, [], {
    prepare: true,
    consistency,
    fetchSize,
    isIdempotent: true,
  });
  let page: WaitingWrite[] = [];
  for await (const row of rows) {
    if (signal?.aborted) throw new InterruptedError();
    if (row.get(mark) !== true) continue;
    page.push(writeOf(row, primaryKey));
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

export async function settleWrites(
  connection: Connection,
  place: ContingencyPlace,
  ids: readonly string[],
): Promise<void> {
  const { client, keyspace, writeConsistency: consistency } = connection;
  const { primaryKey, mark, after } = await tableOf(connection, place);
  const table = `${quoted(keyspace)}.${quoted(place.target)}`;
  const where = primaryKey.map((name) => `${quoted(name)} = ?`).join(' AND ');
  // Without IF EXISTS an update would bring back a row that somebody has deleted; with it, every write would cost a round of Paxos.
  const statement =
    after === 'delete'
      ? `DELETE FROM ${table} WHERE ${where}`
      : `UPDATE ${table} SET ${quoted(mark)} = false WHERE ${where}`;
  const limit = pLimit(AT_ONCE);
  await Promise.all(
    ids.map((id) =>
      limit(() =>
        client.execute(statement, JSON.parse(id) as unknown[], { prepare: true, consistency, isIdempotent: true }),
      ),
    ),
  );
}

async function tableOf({ client, keyspace, failures }: Connection, place: ContingencyPlace): Promise<Table> {
  const { mark = 'postgres_pending', after = 'mark' } = (place.options ?? {}) as Options;
  const verb = `read ${place.target}`;
  const table = await client.metadata.getTable(keyspace, place.target);
  if (table === null || table === undefined)
    throw failures.lasting(verb, 'there is no such table', 'Check the name under contingency.stores.');
  const primaryKey = [...table.partitionKeys, ...table.clusteringKeys].map(({ name }) => name);
  const column = table.columnsByName[mark];
  if (column === undefined)
    throw failures.lasting(
      verb,
      `it has no column ${mark}`,
      'Say under `mark` which column is true while a write waits.',
    );
  if (after === 'mark' && primaryKey.includes(mark))
    throw failures.lasting(verb, `${mark} is part of its primary key and can’t be set`, 'Use `after: delete`.');
  return { primaryKey, mark, after };
}

function writeOf(row: types.Row, primaryKey: readonly string[]): WaitingWrite {
  const plain = Object.fromEntries(row.keys().map((name) => [name, plainOf(row.get(name))]));
  return { id: JSON.stringify(primaryKey.map((name) => plain[name])), content: JSON.stringify(plain) };
}

/** What JSON can hold, and what the driver takes back for a key. Numbers beyond a double's are their digits. */
function plainOf(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return plainOf(Object.fromEntries(value));
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => plainOf(item));
  if (typeof value !== 'object') return value;
  if (Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainOf(inner)]));
  return String(value);
}
