// A part of a server that is the demo's own: a database, a keyspace, or a prefix where the server has only one database for all.

import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { cassandraClient } from '../../engines/cassandra.ts';
import type { Engine, EngineKind } from '../../engines/engines.ts';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { connectOracle } from '../../engines/oracle.ts';

export interface Part {
  /** With the database or keyspace in it. */
  readonly url: string;
  /** What names in it begin with; empty unless the database is shared. */
  readonly prefix: string;
  /** Nothing to do on a server that was started for the demo: it takes its data with it. */
  drop(): Promise<void>;
}

interface Kind {
  /** Returns the part's URL, or only what its names begin with. */
  open(url: string, name: string): Promise<{ readonly url: string } | { readonly prefix: string }>;
  drop(url: string, name: string): Promise<void>;
}

export async function openPart({ kind, url }: Engine, isLent: boolean, name: string): Promise<Part> {
  const opened = { url, prefix: '', ...(await KINDS[kind].open(url, name)) };
  const drop = async () => {
    if (isLent) await KINDS[kind].drop(url, name);
  };
  // A server of the demo's own is not shared: its names can be plain.
  return { url: opened.url, prefix: isLent ? opened.prefix : '', drop };
}

const KINDS: Readonly<Record<EngineKind, Kind>> = {
  postgres: {
    open: async (url, name) => {
      await inPostgres(url, `CREATE DATABASE ${name}`);
      return { url: withPath(url, name) };
    },
    drop: (url, name) => inPostgres(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  },
  mongodb: { open: async (url, name) => ({ url: mongodbUrl(url, name) }), drop: dropMongodb },
  cassandra: {
    open: async (url, name) => {
      const replication = `{ 'class': 'SimpleStrategy', 'replication_factor': 1 }`;
      await inCassandra(url, `CREATE KEYSPACE ${name} WITH replication = ${replication}`);
      return { url: withPath(url, name) };
    },
    drop: (url, name) => inCassandra(url, `DROP KEYSPACE IF EXISTS ${name}`),
  },
  // A schema is a user there, which would take a DBA to make.
  oracle: { open: async (_, name) => ({ prefix: oraclePrefix(name) }), drop: dropOracle },
  // The Community edition has one database.
  neo4j: { open: async (_, name) => ({ prefix: `${name}_` }), drop: dropNeo4j },
  redis: { open: async (_, name) => ({ prefix: `${name}:` }), drop: dropRedis },
};

function withPath(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Not `new URL`: the hosts of a replica set are no valid host to it. */
function mongodbUrl(url: string, name: string): string {
  const [, server, database, query] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?([^?]*)\??(.*)$/.exec(url)!;
  const parameters = new URLSearchParams(query);
  // A database in the URL is also where its user is looked for.
  if (server!.includes('@') && !parameters.has('authSource')) parameters.set('authSource', database || 'admin');
  const rest = parameters.size === 0 ? '' : `?${parameters}`;
  return `${server}/${name}${rest}`;
}

const oraclePrefix = (name: string) => `${name.toUpperCase()}_`;

async function inPostgres(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function inCassandra(url: string, statement: string): Promise<void> {
  const client = await cassandraClient(url, { socketOptions: { readTimeout: 60_000 } });
  try {
    await client.execute(statement);
  } finally {
    await client.shutdown();
  }
}

async function dropMongodb(url: string, name: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db(name).dropDatabase();
  } finally {
    await client.close();
  }
}

async function dropOracle(url: string, name: string): Promise<void> {
  const connection = await connectOracle(url);
  try {
    const prefix = oraclePrefix(name);
    const { rows } = await connection.execute<[string]>(
      'SELECT table_name FROM user_tables WHERE SUBSTR(table_name, 1, LENGTH(:prefix)) = :prefix',
      { prefix },
    );
    for (const [table] of rows!) await connection.execute(`DROP TABLE "${table}" PURGE`);
  } finally {
    await connection.close();
  }
}

async function dropNeo4j(url: string, name: string): Promise<void> {
  const driver = await neo4jDriver(url);
  // Not executeQuery: IN TRANSACTIONS begins them by itself.
  const session = driver.session();
  try {
    const named = async (query: string) => {
      const { records } = await session.run(query, { prefix: `${name}_` });
      return records.map((record) => `\`${record.get('name')}\``);
    };
    for (const label of await named(
      'CALL db.labels() YIELD label AS name WHERE name STARTS WITH $prefix RETURN name',
    )) {
      await session.run(`MATCH (n:${label}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 1000 ROWS`);
    }
    const mine = 'WHERE any(label IN labelsOrTypes WHERE label STARTS WITH $prefix) RETURN name';
    for (const constraint of await named(`SHOW CONSTRAINTS YIELD name, labelsOrTypes ${mine}`)) {
      await session.run(`DROP CONSTRAINT ${constraint}`);
    }
    for (const index of await named(`SHOW INDEXES YIELD name, labelsOrTypes ${mine}`)) {
      await session.run(`DROP INDEX ${index}`);
    }
  } finally {
    await session.close();
    await driver.close();
  }
}

async function dropRedis(url: string, name: string): Promise<void> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  client.on('error', () => {});
  try {
    for await (const keys of client.scanStream({ match: `${name}:*`, count: 1000 })) {
      if (keys.length > 0) await client.unlink(keys);
    }
  } finally {
    client.disconnect();
  }
}
