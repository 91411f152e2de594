// What a health probe asks: a query, in a transaction that only reads.

import type { Metadata } from 'oracledb';
import { digitsAnswer, jsonAnswer } from '../answer.ts';
import type { Answer, Answers } from '../store.ts';
import { READ_ONLY_SQL } from './dictionary-sql.ts';
import type { Connection, Driver, Session } from './session.ts';

const COMMENTS = /^(\s+|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/;

export async function askQuery(
  session: Session,
  connection: Connection,
  statement: unknown,
  signal: AbortSignal,
): Promise<Answers> {
  if (typeof statement !== 'string' || !/^(select|with)\b/i.test(statement.replace(COMMENTS, ''))) {
    throw session.failures.lasting('ask', 'the query is no SELECT', 'A probe only reads.');
  }
  const stop = () => void connection.break().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    // What a look-up has read on this connection may count as a transaction.
    await connection.rollback();
    await connection.execute(READ_ONLY_SQL);
    // The server takes a query without its end.
    const result = await connection.execute<unknown[]>(statement.replace(/;\s*$/, ''), [], {
      ...session.fetchOptions(),
      maxRows: 0,
    });
    await connection.rollback();
    const columns = result.metaData ?? [];
    return (result.rows ?? []).map((row) =>
      Object.fromEntries(columns.map((column, i) => [column.name, answerOf(session.driver, column, row[i])])),
    );
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function answerOf(driver: Driver, { dbType }: Pick<Metadata<unknown>, 'dbType'>, value: unknown): Answer {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return dbType === driver.DB_TYPE_NUMBER ? digitsAnswer(value) : value;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (!(value instanceof Date)) return jsonAnswer(value);
  const isZoned = dbType === driver.DB_TYPE_TIMESTAMP_TZ || dbType === driver.DB_TYPE_TIMESTAMP_LTZ;
  if (isZoned) return value.toISOString();
  // The driver takes a time without a zone for one of this machine's.
  const asShown = new Date(value.getTime() - value.getTimezoneOffset() * 60_000);
  return asShown.toISOString().replace('Z', '');
}
