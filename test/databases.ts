// Databases of a test's own on the shared servers, dropped when its file is done.

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject } from 'vitest';

/** A new empty database; returns its URL. `server` is 18 or 15. */
export async function freshPostgres(server: '18' | '15' = '18'): Promise<string> {
  const url = new URL(inject(server === '18' ? 'postgres18' : 'postgres15'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  afterAll(async () => {
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
export function freshMongo(): string {
  const url = new URL(inject('mongodb'));
  url.pathname = `/test_${randomBytes(6).toString('hex')}`;
  return url.href;
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
