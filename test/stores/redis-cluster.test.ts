// What health probes ask of a Redis Cluster: two masters of the test's own, each with half of the slots.

import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Engine, freePort, startEngine } from '../../engines/engines.ts';
import { StoreError } from '../../src/errors.ts';
import { redis as kind } from '../../src/stores/redis/redis.ts';
import type { Store } from '../../src/stores/store.ts';
import { freshPostgres } from '../databases.ts';
import { askHealth } from '../health/ask-health.ts';

const PASSWORD = 'the-same-for-all';
const SOON = new AbortController().signal;
let engines: readonly Engine[] = [];
let url: string;
let cluster: Cluster;
let store: Store;

beforeAll(async () => {
  engines = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const settings = { 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) };
      return startEngine({ kind: 'redis', name: `cluster-${name}`, settings });
    }),
  );
  const nodes = engines.map((engine) => new Redis(engine.url));
  for (const node of nodes) await node.config('SET', 'requirepass', PASSWORD);
  await nodes[0]!.call('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
  await nodes[1]!.call('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
  const [, busPort] = (await nodes[1]!.config('GET', 'cluster-port')) as string[];
  const ports = engines.map((engine) => Number(new URL(engine.url).port));
  await nodes[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(ports[1]), busPort!);
  for (const node of nodes) {
    const knowsAll = async () => {
      const [info, known] = [await node.call('CLUSTER', 'INFO'), await node.call('CLUSTER', 'NODES')].map(String);
      return info!.includes('cluster_state:ok') && known!.includes(' 0-8191') && known!.includes(' 8192-16383');
    };
    await vi.waitUntil(knowsAll, { timeout: 30_000, interval: 50 });
    node.disconnect();
  }
  url = `redis+cluster://:${PASSWORD}@${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
  cluster = new Cluster(
    ports.map((port) => ({ host: '127.0.0.1', port })),
    { redisOptions: { password: PASSWORD } },
  );
  for (let i = 0; i < 100; i++) await cluster.hset(`thing:${i}`, { size: i });
  store = await kind.connect({ name: 'kv', url, options: {} });
});
afterAll(async () => {
  await store?.close();
  cluster?.disconnect();
  await Promise.all(engines.map((engine) => engine.stop()));
});

const ask = (statement: unknown) => store.probing!.ask(statement, SOON);

test('a command goes where its key is, whichever master that is', async () => {
  for (let i = 0; i < 20; i++) expect(await ask(['HGET', `thing:${i}`, 'size'])).toEqual([{ value: String(i) }]);
  expect(await ask(['MEMORY', 'USAGE', 'thing:7'])).toEqual([{ value: expect.any(Number) }]);
  const script = `return redis.call('hlen', KEYS[1])`;
  for (const key of ['thing:1', 'thing:2', 'thing:3']) {
    expect(await ask(['EVAL_RO', script, 1, key])).toEqual([{ value: 1 }]);
  }
});

test('without a key it goes to every master: numbers are added up, reports are a row each', async () => {
  const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()));
  expect(sizes).not.toContain(0);
  expect(await ask(['DBSIZE'])).toEqual([{ value: 100 }]);
  const rows = await ask(['INFO', 'server']);
  expect(new Set(rows.map(({ node }) => node)).size).toBe(2);
  expect(rows).toMatchObject([{ redis_mode: 'cluster' }, { redis_mode: 'cluster' }]);
});

test('keys by their pattern come from all masters', async () => {
  const rows = await ask({ keys: 'thing:*' });
  expect(rows.map(({ size }) => Number(size)).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test('what would write is refused here too', async () => {
  for (const words of [['HSET', 'thing:1', 'size', '0'], ['FLUSHALL'], ['DEL', 'thing:1']]) {
    await expect(ask(words)).rejects.toThrow(StoreError);
  }
  expect(await ask(['DBSIZE'])).toEqual([{ value: 100 }]);
});

test('the probe has a reading for each master', async () => {
  const stores = { kv: { kind: 'redis', url } };
  const probes = {
    cluster: { kind: 'redis', server: 'kv', window: 0 },
    servers: { kind: 'reachable', servers: ['kv'] },
  };
  const report = await askHealth({ source: await freshPostgres(), stores }, probes);
  const { readings } = report.probes[0]!;
  expect(readings.map(({ subject }) => subject).sort()).toEqual(
    engines.map((engine) => `127.0.0.1:${new URL(engine.url).port}`).sort(),
  );
  const keys = readings.map(({ metrics }) => metrics!.find(({ name }) => name === 'redis_keys')!);
  expect(keys.reduce((sum, { value }) => sum + value, 0)).toBe(100);
  expect(keys.map(({ labels }) => labels!.node)).toEqual(readings.map(({ subject }) => subject));
  expect(report.probes[1]!.readings).toMatchObject([
    { status: 'ok', message: expect.stringMatching(/^Redis .*cluster/) },
  ]);
});
