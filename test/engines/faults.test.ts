// The faults that a test can give a local server: killed, shut down, paused, and up again on the same port and the same data. Cassandra,
// Neo4j and the stand-in for Oracle are killed in test/run/killed-stores.test.ts.

import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { type EngineRequest, type LocalEngine, startLocalEngine } from '../../engines/engines.ts';
import { withDescendants } from '../../engines/process-tree.ts';
import { sql } from '../databases.ts';
import { isAlive } from './is-alive.ts';

const SLOW_MS = 120_000;
const started: LocalEngine[] = [];

afterEach(async () => {
  for (const engine of started.splice(0)) {
    await engine.stop();
    expect(existsSync(engine.folder)).toBe(false);
  }
});

async function start(request: EngineRequest): Promise<LocalEngine> {
  const engine = await startLocalEngine({ ...request, name: 'faults' });
  started.push(engine);
  return engine;
}

async function aliveOf(processes: readonly number[]): Promise<number[]> {
  const alive = await Promise.all(processes.map(isAlive));
  return processes.filter((_, i) => alive[i]);
}

describe('a server that is down', () => {
  test.each([
    'SIGKILL',
    'SIGINT',
  ] as const)('by %s takes no connection, and comes up with the same address and the same rows', {
    timeout: SLOW_MS,
  }, async (signal) => {
    const engine = await start({ kind: 'postgres' });
    const { url, pid } = engine;
    await sql(url, 'create table orders (id int); insert into orders select generate_series(1, 1000)');
    await engine.down(signal);
    await expect(sql(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await engine.up();
    expect(await sql(engine.url, 'select count(*)::int as count from orders')).toEqual([{ count: 1000 }]);
    expect(engine.url).toBe(url);
    expect(engine.pid).not.toBe(pid);
  });

  test('by SIGKILL ends in the middle of what it does, with all its processes', { timeout: SLOW_MS }, async () => {
    const engine = await start({ kind: 'postgres' });
    const client = new pg.Client({ connectionString: engine.url });
    client.on('error', () => {});
    await client.connect();
    // On a busy machine the server's helpers are still being started when it takes its first connection.
    await expect.poll(() => withDescendants(engine.pid).length, { timeout: 20_000 }).toBeGreaterThan(5);
    const processes = withDescendants(engine.pid);
    const failure = expect(client.query('select pg_sleep(60)')).rejects.toThrow(/terminated unexpectedly|ECONNRESET/);
    engine.signal('SIGKILL');
    await failure;
    await engine.down();
    await expect.poll(() => aliveOf(processes), { timeout: 20_000 }).toEqual([]);
    await engine.up();
    expect(await sql(engine.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('has kept what a durable Redis had acknowledged', { timeout: SLOW_MS }, async () => {
    const engine = await start({ kind: 'redis', durable: true });
    const client = new Redis(engine.url);
    client.on('error', () => {});
    try {
      for (let i = 0; i < 200; i++) await client.set(`order:${i}`, i);
      await engine.down();
      await engine.up();
      expect(await client.dbsize()).toBe(200);
    } finally {
      client.disconnect();
    }
  });

  test('has lost everything if it is the stand-in for MongoDB, which can’t be durable', {
    timeout: SLOW_MS,
  }, async () => {
    await expect(start({ kind: 'mongodb', durable: true })).rejects.toThrow(/in memory only/);
    const engine = await start({ kind: 'mongodb', memory: '256m' });
    const client = await new MongoClient(engine.url).connect();
    try {
      const orders = client.db('shop').collection('orders');
      await orders.insertOne({ total: 1 });
      await engine.down();
      await engine.up();
      expect(await orders.countDocuments()).toBe(0);
    } finally {
      await client.close();
    }
  });

  test('can go down twice, come up once, and be stopped while it is down', { timeout: SLOW_MS }, async () => {
    const engine = await start({ kind: 'redis' });
    await expect(engine.up()).rejects.toThrow(/it is up/);
    await engine.down();
    await engine.down();
    engine.signal('SIGCONT');
    await engine.up();
    await engine.down();
    await engine.stop();
    await expect(engine.up()).rejects.toThrow(/was stopped/);
  });
});

describe('a server that is paused', () => {
  test('answers nothing until it goes on', { timeout: SLOW_MS }, async () => {
    const engine = await start({ kind: 'postgres' });
    const client = new pg.Client({ connectionString: engine.url });
    await client.connect();
    try {
      engine.signal('SIGSTOP');
      let isAnswered = false;
      const answer = client.query('select 1 as one').then(({ rows }) => {
        isAnswered = true;
        return rows;
      });
      // The system takes the connection for it, but nobody greets.
      const other = new pg.Client({ connectionString: engine.url, connectionTimeoutMillis: 500 });
      await expect(other.connect()).rejects.toThrow(/timeout/);
      expect(isAnswered).toBe(false);
      engine.signal('SIGCONT');
      expect(await answer).toEqual([{ one: 1 }]);
    } finally {
      await client.end();
    }
  });

  test('can be stopped', { timeout: SLOW_MS }, async () => {
    const engine = await start({ kind: 'postgres' });
    const processes = withDescendants(engine.pid);
    engine.signal('SIGSTOP');
    await engine.stop();
    expect(await aliveOf(processes)).toEqual([]);
  });
});
