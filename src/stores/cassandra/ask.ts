// What a health probe asks: a SELECT. CQL has no other statement that only reads, and none that holds two.

import type { types } from 'cassandra-driver';
import { digitsAnswer, integerAnswer, jsonAnswer } from '../answer.ts';
import type { Answer, Answers } from '../store.ts';
import { type Connection, type Driver, quoted } from './session.ts';

const COMMENTS = /^(\s+|--[^\n]*(\n|$)|\/\/[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/;
const ROWS_A_PAGE = 1000;

export async function askKeyspace(connection: Connection, statement: unknown): Promise<Answers> {
  const { client, driver, failures, keyspace, readConsistency: consistency } = connection;
  if (typeof statement !== 'string' || !/^select\b/i.test(statement.replace(COMMENTS, ''))) {
    throw failures.lasting('ask', 'the query is no SELECT', 'A probe only reads.');
  }
  // The driver remembers it for all its connections. Every other statement names its keyspace.
  if (client.keyspace !== keyspace) await client.execute(`USE ${quoted(keyspace)}`);
  const options = { consistency, isIdempotent: true, fetchSize: ROWS_A_PAGE };
  const rows: Record<string, Answer>[] = [];
  for await (const row of await client.execute(statement, [], options)) {
    rows.push(Object.fromEntries(row.keys().map((name) => [name, answerOf(driver, row.get(name))])));
  }
  return rows;
}

function answerOf(driver: Driver, value: unknown): Answer {
  const plain = plainOf(driver.types, value);
  return typeof plain === 'object' && plain !== null ? jsonAnswer(plain) : (plain as Answer);
}

/** As JSON would have it. */
function plainOf(cql: typeof types, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') return value;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (value instanceof Date) return value.toISOString();
  if (value instanceof cql.Long || value instanceof cql.Integer) return integerAnswer(BigInt(value.toString()));
  if (value instanceof cql.BigDecimal) return digitsAnswer(value.toString());
  if (Array.isArray(value)) return value.map((item) => plainOf(cql, item));
  if (value instanceof cql.Tuple) return value.values().map((item: unknown) => plainOf(cql, item));
  // Collections and user types come as plain objects, the others print themselves.
  if (Object.getPrototypeOf(value) !== Object.prototype) return String(value);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainOf(cql, item)]));
}
