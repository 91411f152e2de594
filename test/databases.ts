// Databases of a test's own on the shared servers, dropped when its file is done; or, by its URL, on a server of the test's
// own, which goes with all that is in it.

import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, inject } from 'vitest';
import { cassandraClient } from '../engines/cassandra.ts';
import { neo4jDriver } from '../engines/neo4j.ts';
import { connectOracle } from '../engines/oracle.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
// Not from where a database is made: that is in hooks, and vitest forgets an afterAll that comes from a hook.
afterAll(() => Promise.all(cleanUps.map((cleanUp) => cleanUp())));

function onceDone(own: string | undefined, cleanUp: () => Promise<unknown>): void {
  if (own === undefined) cleanUps.push(cleanUp);
}

/** A new empty database; returns its URL. `server` is 18 or 15. */
export async function freshPostgres(server: '18' | '15' = '18', own?: string): Promise<string> {
  const url = new URL(own ?? inject(server === '18' ? 'postgres18' : 'postgres15'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  onceDone(own, async () => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query(`drop database if exists ${name} with (force)`);
    await client.end();
  });
  const mine = new URL(url);
  mine.pathname = `/${name}`;
  return mine.href;
}

/** A URL with a database name of the test's own. */
export function freshMongo(own?: string): string {
  const url = new URL(own ?? inject('mongodb'));
  url.pathname = `/test_${randomBytes(6).toString('hex')}`;
  return url.href;
}

/** A new empty keyspace; returns its URL. */
export async function freshCassandra(own?: string): Promise<string> {
  const url = new URL(own ?? inject('cassandra'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  const administer = async (statement: string) => {
    const client = await cassandraClient(url.href, { socketOptions: { readTimeout: 60_000 } });
    try {
      await client.execute(statement);
    } finally {
      await client.shutdown();
    }
  };
  await administer(`create keyspace ${name} with replication = { 'class': 'SimpleStrategy', 'replication_factor': 1 }`);
  onceDone(own, () => administer(`drop keyspace if exists ${name}`));
  const mine = new URL(url);
  mine.pathname = `/${name}`;
  return mine.href;
}

/** A part of a server that other tests use too: what the names of one's own begin with, and are removed by in the end. */
export interface Share {
  readonly url: string;
  readonly prefix: string;
}

/** The prefix is for labels, as the Community edition has only one database: nodes, indexes and constraints go by them. */
export function freshNeo4j(own?: string): Share {
  const url = own ?? inject('neo4j');
  const prefix = `Test_${randomBytes(6).toString('hex')}_`;
  onceDone(own, async () => {
    const driver = await neo4jDriver(url);
    // Not executeQuery: IN TRANSACTIONS begins them by itself, and all nodes at once could exceed the memory.
    const session = driver.session();
    try {
      const names = async (query: string) => {
        const { records } = await session.run(query, { prefix });
        return records.map((record) => `\`${record.get('name').replaceAll('`', '``')}\``);
      };
      for (const label of await names(
        'CALL db.labels() YIELD label AS name WHERE name STARTS WITH $prefix RETURN name',
      )) {
        await session.run(`MATCH (n:${label}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 1000 ROWS`);
      }
      const mine = 'WHERE any(label IN labelsOrTypes WHERE label STARTS WITH $prefix) RETURN name';
      for (const name of await names(`SHOW CONSTRAINTS YIELD name, labelsOrTypes ${mine}`)) {
        await session.run(`DROP CONSTRAINT ${name}`);
      }
      for (const name of await names(`SHOW INDEXES YIELD name, labelsOrTypes ${mine}`)) {
        await session.run(`DROP INDEX ${name}`);
      }
    } finally {
      await session.close();
      await driver.close();
    }
  });
  return { url, prefix };
}

/** The prefix is for keys: databases by number are too few for all tests. */
export function freshRedis(own?: string): Share {
  const url = own ?? inject('redis');
  const prefix = `test_${randomBytes(6).toString('hex')}:`;
  onceDone(own, async () => {
    const client = new Redis(url);
    try {
      for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 })) {
        if (keys.length > 0) await client.unlink(keys);
      }
    } finally {
      client.disconnect();
    }
  });
  return { url, prefix };
}

/** The prefix is for tables, as a schema is a user and would take a DBA. Those that refer to others are dropped by the test. */
export function freshOracle(own?: string): Share {
  const url = own ?? inject('oracle');
  const prefix = `TEST_${randomBytes(6).toString('hex').toUpperCase()}_`;
  onceDone(own, async () => {
    const connection = await connectOracle(url);
    try {
      const tables = await connection.execute<[string]>(
        'SELECT table_name FROM user_tables WHERE SUBSTR(table_name, 1, LENGTH(:prefix)) = :prefix',
        { prefix },
      );
      for (const [table] of tables.rows!) await connection.execute(`DROP TABLE "${table}" PURGE`);
    } finally {
      await connection.close();
    }
  });
  return { url, prefix };
}

/** Runs SQL through a connection of its own, as any other program would. */
export async function sql(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query(text, values);
    return Array.isArray(result) ? [] : result.rows;
  } finally {
    await client.end();
  }
}
