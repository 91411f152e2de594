// Servers for the occasion, each with a database of the demo's own, so that a server which somebody lent loses nothing.

import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { type Engine, startEngines } from '../../engines/engines.ts';
import type { Targets } from '../../fixtures/georiesgo/stores.ts';
import { StoreError, wordsOf } from '../../src/errors.ts';

export interface DemoServers {
  readonly source: Engine;
  readonly backup: Engine;
  readonly docs: Engine;
  /** In a database of the demo's own on each. */
  readonly targets: Required<Pick<Targets, 'source' | 'postgres' | 'mongodb' | 'database'>>;
  stop(): Promise<void>;
}

export async function startServers(onProgress: (line: string) => void): Promise<DemoServers> {
  const engines = await startEngines(
    [
      { kind: 'postgres', version: '18' },
      { kind: 'postgres', version: '15' },
      { kind: 'mongodb', memory: '1g' },
    ],
    onProgress,
  ).catch((cause: unknown) => {
    throw new StoreError('demo', 'start servers', wordsOf(cause), { cause });
  });
  const [source, backup, docs] = engines as [Engine, Engine, Engine];
  const database = `plumbline_demo_${randomBytes(4).toString('hex')}`;
  const remove = async () => {
    await Promise.allSettled([
      administer(source.url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
      administer(backup.url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
      dropMongodb(docs.url, database),
    ]);
  };
  const stop = async () => {
    // A server that was started here takes its data with it.
    if (engines.some((engine) => engine.pid === undefined)) await remove();
    await Promise.allSettled(engines.map((engine) => engine.stop()));
  };
  try {
    await administer(source.url, `CREATE DATABASE ${database}`);
    if (backup.url === source.url) throw new Error('source and backup are the same server');
    await administer(backup.url, `CREATE DATABASE ${database}`);
  } catch (cause) {
    await stop();
    throw new StoreError('demo', 'create its databases', wordsOf(cause), { cause });
  }
  const targets = {
    source: inDatabase(source.url, database),
    postgres: inDatabase(backup.url, database),
    mongodb: docs.url,
    database,
  };
  return { source, backup, docs, targets, stop };
}

function inDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function dropMongodb(url: string, database: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db(database).dropDatabase();
  } finally {
    await client.close();
  }
}
