// Cached results in Redis: tracked by a set for each scope, compared by when they were written, dropped when they are stale.

import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mapping, Row } from '../../src/mapping/mapping.ts';
import type { Change, FetchedRow, Replica, Store } from '../../src/stores/store.ts';
import { freshRedis } from '../databases.ts';
import { field } from './contract-cases.ts';
import { connectRedis } from './redis-harness.ts';

const { url, prefix } = freshRedis();
const TTL = 300_000;
let client: Redis;
let store: Store;
let places = 0;

beforeAll(async () => {
  client = new Redis(url);
  store = await connectRedis(url);
});
afterAll(async () => {
  await store.close();
  client.disconnect();
});

const mapping: Mapping = {
  key: [field('city', { kind: 'integer', bits: 32 })],
  fields: [field('changed_at', { kind: 'timestamp', precision: 3 })],
  version: 0,
  cache: true,
};

function newCache(withEntries = false) {
  const start = `${prefix}c${places++}:`;
  const options = { as: 'cache', ttl: '300s', ...(withEntries ? { entries: `${start}search:{city}:*` } : {}) };
  const replica: Replica = { name: 'kv.searches', target: `${start}keys:city:{city}`, mapping, options };
  const set = (city: number) => `${start}keys:city:${city}`;
  const entry = (city: number, name: string) => `${start}search:${city}:${name}`;
  /** As the application does: the result, which lives for the TTL, then its mark. */
  const cache = async (city: number, name: string, writtenAt: number, mark = true) => {
    await client.set(entry(city, name), '[]', 'PXAT', writtenAt + TTL);
    if (mark) await client.sadd(set(city), entry(city, name));
  };
  return { start, replica, set, entry, cache };
}

const canonical = (millis: number) => `${new Date(millis).toISOString().slice(0, -1)}000Z`;
async function rowsOf(replica: Replica): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of store.scan(replica)) rows.push(...page);
  return rows.sort((a, b) => Number(a.key[0]) - Number(b.key[0]));
}
const drop = (expected: FetchedRow, changedAt?: number): Change => ({
  kind: 'delete',
  expected,
  ...(changedAt === undefined ? {} : { row: { key: expected.key, values: [canonical(changedAt)] } }),
});
const outcomesOf = async (replica: Replica, ...changes: Change[]) =>
  (await store.apply(replica, changes)).map(({ outcome }) => outcome);

test('a record is a scope with what lives in it, and its value when the oldest was written', async () => {
  const { replica, set, entry, cache } = newCache();
  const now = Date.now();
  await cache(1, 'a', now - 5000);
  await cache(1, 'b', now - 9000);
  await cache(2, 'a', now - 1000);
  await client.sadd(set(1), entry(1, 'expired'));
  await client.sadd(set(3), entry(3, 'expired'));
  const rows = [
    { key: ['1'], values: [canonical(now - 9000)] },
    { key: ['2'], values: [canonical(now - 1000)] },
  ];
  expect(await rowsOf(replica)).toEqual(rows);
  const fetched = await store.fetch(replica, [['1'], ['2'], ['3'], ['4']]);
  expect(fetched.map(({ token: _, ...row }) => row)).toEqual(rows);
  const inspection = await store.inspect(replica);
  expect(inspection).toMatchObject({ problems: [], writeProblems: [], keyIsUnique: true });
  expect([...inspection.timestampPrecision]).toEqual([['changed_at', 3]]);
});

test('stale results are dropped with their marks, and dead marks with them; younger ones stay', async () => {
  const { replica, set, entry, cache } = newCache();
  const now = Date.now();
  await cache(1, 'old', now - 9000);
  await cache(1, 'young', now - 1000);
  await client.sadd(set(1), entry(1, 'expired'));
  const [row] = await store.fetch(replica, [['1']]);
  expect(await outcomesOf(replica, drop(row!, now - 5000))).toEqual(['written']);
  expect(await client.smembers(set(1))).toEqual([entry(1, 'young')]);
  expect(await client.exists(entry(1, 'old'), entry(1, 'young'))).toBe(1);
  expect(await outcomesOf(replica, drop(row!, now - 5000))).toEqual(['unchanged']);
  const [again] = await store.fetch(replica, [['1']]);
  expect(again!.values).toEqual([canonical(now - 1000)]);
  expect(await outcomesOf(replica, drop(again!))).toEqual(['written']);
  expect(await store.fetch(replica, [['1']])).toEqual([]);
});

test('a result that was written again since it was read stays', async () => {
  const { replica, set, entry, cache } = newCache();
  const now = Date.now();
  await cache(1, 'a', now - 9000);
  const [row] = await store.fetch(replica, [['1']]);
  await cache(1, 'a', now);
  expect(await outcomesOf(replica, drop(row!, now - 5000))).toEqual(['moved']);
  expect(await client.exists(entry(1, 'a'))).toBe(1);
  expect(await client.smembers(set(1))).toEqual([entry(1, 'a')]);
});

test('what does not tell when it was written makes its scope unread', async () => {
  const { replica, set, entry, cache } = newCache();
  await cache(1, 'a', Date.now() - 1000);
  await client.set(entry(1, 'forever'), '[]');
  await client.sadd(set(1), entry(1, 'forever'));
  await cache(2, 'late', Date.now() + 60_000);
  await client.set(set(3), 'no set');
  const reasons = (rows: readonly Row[]) => rows.map((row) => [row.key[0], row.unread]);
  const expected = [
    ['1', expect.stringContaining(`${entry(1, 'forever')} never expires`)],
    ['2', expect.stringContaining('lives longer than `ttl`')],
    ['3', 'its key holds something else than a set'],
  ];
  expect(reasons(await rowsOf(replica))).toEqual(expected);
  expect(reasons(await store.fetch(replica, [['1'], ['2'], ['3']]))).toEqual(expected);
});

test('results that have lost their mark are found by their pattern, and dropped', async () => {
  const { replica, entry, cache } = newCache(true);
  const now = Date.now();
  await cache(1, 'marked', now - 1000);
  await cache(1, 'lost:page:2', now - 9000, false);
  await cache(7, 'lost', now - 3000, false);
  const rows = [
    { key: ['1'], values: [canonical(now - 9000)] },
    { key: ['7'], values: [canonical(now - 3000)] },
  ];
  expect(await rowsOf(replica)).toEqual(rows);
  const fetched = await store.fetch(replica, [['1'], ['7'], ['8']]);
  expect(fetched.map(({ token: _, ...row }) => row)).toEqual(rows);
  expect(await outcomesOf(replica, drop(fetched[0]!, now - 5000), drop(fetched[1]!, now))).toEqual([
    'written',
    'written',
  ]);
  expect(await client.exists(entry(1, 'lost:page:2'), entry(7, 'lost'), entry(1, 'marked'))).toBe(1);
});

test('a scope of thousands of results is read and dropped whole', async () => {
  const { replica, set, entry } = newCache();
  const now = Date.now();
  const pipeline = client.pipeline();
  const names = Array.from({ length: 2500 }, (_, i) => entry(1, `${i}`));
  for (const name of names) pipeline.set(name, '[]', 'PXAT', now - 5000 + TTL);
  pipeline.sadd(set(1), ...names);
  await pipeline.exec();
  expect(await rowsOf(replica)).toEqual([{ key: ['1'], values: [canonical(now - 5000)] }]);
  const [row] = await store.fetch(replica, [['1']]);
  expect(await outcomesOf(replica, drop(row!, now))).toEqual(['written']);
  expect(await client.exists(set(1), ...names)).toBe(0);
});

test('results are never written', async () => {
  const { replica } = newCache();
  const [outcome] = await store.apply(replica, [{ kind: 'insert', row: { key: ['1'], values: [canonical(0)] } }]);
  expect(outcome).toEqual({ outcome: 'refused', error: 'cached results are dropped, never written' });
});
