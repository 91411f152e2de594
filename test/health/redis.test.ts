// The probe `redis`, on a Redis of the test's own: its limits, its evictions and its look-ups are set here.

import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../../engines/engines.ts';
import type { Reading } from '../../src/index.ts';
import { freshPostgres } from '../databases.ts';
import { askHealth, configOf } from './ask-health.ts';

let engine: Engine;
let redis: Redis;
let source: string;

beforeAll(async () => {
  [engine, source] = await Promise.all([startEngine({ kind: 'redis', name: 'probe' }), freshPostgres()]);
  redis = new Redis(engine.url);
});
afterAll(async () => {
  redis?.disconnect();
  await engine?.stop();
});
beforeEach(async () => {
  await redis.flushall();
  await redis.config('SET', 'maxmemory', '0');
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  await redis.config('RESETSTAT');
});

async function look(options: object = {}): Promise<Reading> {
  const stores = { cache: { kind: 'redis', url: engine.url } };
  const probe = { kind: 'redis', server: 'cache', window: '300ms', ...options };
  const { probes } = await askHealth({ source, stores }, { cache: probe });
  expect(probes[0]!.readings).toHaveLength(1);
  return probes[0]!.readings[0]!;
}

/** Goes on until the reading is there. */
async function lookWhile(work: (round: number) => Promise<unknown>, options: object = {}): Promise<Reading> {
  let isOver = false;
  const looking = look(options).finally(() => {
    isOver = true;
  });
  for (let round = 0; !isOver; round++) await work(round);
  return looking;
}

const metricOf = ({ metrics = [] }: Reading, name: string) => metrics.find((metric) => metric.name === name)?.value;

test('an idle server is fine, and says what it holds', async () => {
  await redis.mset('a', '1', 'b', '2');
  const reading = await look();
  expect(reading).toMatchObject({ status: 'ok', hint: undefined, subject: undefined });
  expect(reading.message).toMatch(/^2 keys, 0\/s evicted, 0\/s expired, memory [\d.]+ \w?B without a limit$/);
  expect(metricOf(reading, 'redis_keys')).toBe(2);
  expect(metricOf(reading, 'redis_memory_bytes')).toBeGreaterThan(100_000);
  expect(metricOf(reading, 'redis_hit_ratio')).toBeUndefined();
});

test('an empty database fails where keys are wanted; another database’s keys are not its own', async () => {
  expect(await look({ keys: { fail: 0 } })).toMatchObject({
    status: 'failed',
    message: expect.stringMatching(/^0 keys \(fails at 0 keys\)/),
    hint: expect.stringMatching(/fills it/),
  });
  await redis.set('a', '1');
  expect(await look({ keys: { fail: 0, warn: 1 } })).toMatchObject({ status: 'warning' });
  await redis.set('b', '1');
  expect(await look({ keys: { fail: 0, warn: 1 } })).toMatchObject({ status: 'ok' });
  const stores = { cache: { kind: 'redis', url: `${engine.url}/1` } };
  const probe = { kind: 'redis', server: 'cache', window: 0, keys: { fail: 0 } };
  expect((await askHealth({ source, stores }, { cache: probe })).probes[0]!.status).toBe('failed');
});

describe('memory', () => {
  const limitTo = async (share: number) => {
    const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]);
    // What was sent is held a moment longer.
    await expect.poll(used).toBeLessThan(26_000_000);
    await redis.config('SET', 'maxmemory', String(Math.round((await used()) / share)));
  };

  test('near a limit at which writes are refused: it warns, then fails', async () => {
    await redis.set('a', 'x'.repeat(20_000_000));
    await limitTo(0.88);
    expect(await look()).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/memory 2\d(\.\d)? MB of 2\d(\.\d)? MB \(noeviction\) \(warns at 80 %\)$/),
      hint: expect.stringMatching(/every write is refused/),
    });
    await limitTo(0.97);
    expect(await look()).toMatchObject({ status: 'failed', message: expect.stringMatching(/fails at 95 %/) });
    expect(await look({ memory: { warn: '99%' } })).toMatchObject({ status: 'ok' });
  });

  test('a full cache that evicts is as it should be, what it throws away is told', async () => {
    for (let i = 0; i < 100; i++) await redis.set(`a${i}`, 'x'.repeat(200_000));
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await limitTo(0.97);
    expect(await look()).toMatchObject({ status: 'ok', message: expect.stringMatching(/\(allkeys-lru\)$/) });
    const reading = await lookWhile((round) => redis.set(`b${round}`, 'x'.repeat(200_000)), { keys: {} });
    expect(reading).toMatchObject({ status: 'warning', hint: expect.stringMatching(/It is full/) });
    expect(metricOf(reading, 'redis_evicted_keys_per_second')).toBeGreaterThan(1);
    expect(reading.message).toMatch(/\/s evicted \(warns at 1\/s\)/);
  });
});

test('keys whose time is over are counted a second', async () => {
  const reading = await lookWhile(
    async (round) => {
      await redis.set(`a${round}`, '1', 'PX', 1);
      await redis.exists(`a${round - 5}`);
    },
    { expired: { fail: 1 } },
  );
  expect(reading).toMatchObject({ status: 'failed', message: expect.stringMatching(/\/s expired \(fails at 1\/s\)/) });
});

describe('look-ups that find their key', () => {
  const askFor = (hits: number, misses: number) =>
    Promise.all(Array.from({ length: hits + misses }, (_, i) => redis.get(i < hits ? 'there' : 'absent')));

  test('few in the window: all of the server’s life counts', async () => {
    await redis.set('there', '1');
    await askFor(30, 10);
    expect((await look({ hitRatio: { fail: '90%' } })).status).toBe('ok');
    await askFor(2970, 990);
    const reading = await look({ hitRatio: { warn: '80%', fail: '50%' } });
    expect(reading).toMatchObject({ status: 'warning', hint: expect.stringMatching(/never written/) });
    expect(reading.message).toMatch(/^1 key, 75 % of all 4,00\d look-ups hit \(warns at 80 %\)/);
    expect(metricOf(reading, 'redis_hit_ratio')).toBeCloseTo(0.75, 2);
  });

  test('many in the window: only they count', async () => {
    await redis.set('there', '1');
    await askFor(2000, 0);
    const reading = await lookWhile(() => askFor(0, 200), { hitRatio: { fail: '50%' } });
    expect(reading).toMatchObject({ status: 'failed' });
    expect(reading.message).toMatch(/ 0 % of [\d,]+ look-ups hit \(fails at 50 %\)/);
  });
});

test('a server of another kind is a mistake of the file', () => {
  const stores = { docs: { kind: 'mongodb', url: 'mongodb://h/d' } };
  expect(() => configOf({ source, stores }, { it: { kind: 'redis', server: 'docs' } })).toThrow(
    'a redis probe asks a server of kind redis, this one is mongodb',
  );
});
