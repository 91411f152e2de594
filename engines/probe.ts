// From a URL to what the server behind it says it is, by a real query through the real driver. An error means that
// no query was answered; it never writes.

import { MongoClient } from 'mongodb';
import pg from 'pg';
import type { Engine } from './engine.ts';

const TIMEOUT_MS = 5_000;

export type Probed = Pick<Engine, 'version' | 'standIn'>;

export async function probe(kind: Engine['kind'], url: string): Promise<Probed> {
  return kind === 'postgres' ? probePostgres(url) : probeMongodb(url);
}

async function probePostgres(url: string): Promise<Probed> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    application_name: 'plumbline-engines',
  });
  // A server that stops between connect and end emits here, and an error without a listener would end the host.
  client.on('error', () => {});
  await client.connect();
  try {
    const result = await client.query<{ server_version: string }>('SHOW server_version');
    return { version: `PostgreSQL ${result.rows[0]!.server_version}`, standIn: false };
  } finally {
    await client.end();
  }
}

async function probeMongodb(url: string): Promise<Probed> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: TIMEOUT_MS, appName: 'plumbline-engines' });
  try {
    const info = await client.db('admin').command({ buildInfo: 1 });
    // Our stand-in signs its buildInfo, so that it is known for one behind a URL too.
    return typeof info.standIn === 'string'
      ? { version: `${info.standIn} (as MongoDB ${info.version})`, standIn: true }
      : { version: `MongoDB ${info.version}`, standIn: false };
  } finally {
    await client.close();
  }
}
