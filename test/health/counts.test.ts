// The probe `counts`: both sides counted exactly, each replica judged by itself, through the engine's own plan.

import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { health } from '../../src/index.ts';
import { freshMongo, freshPostgres, freshRedis, sql } from '../databases.ts';
import { askHealth, configOf, type Parts, silentServer } from './ask-health.ts';

const { url: cacheUrl, prefix } = freshRedis();
let parts: Parts;
let backup: string;
let mongo: MongoClient;
let redis: Redis;

/** 1,000 rows in the source, 900 of them live; backup has 899, docs 800 and 50 that are another's, cache 1,002. */
beforeAll(async () => {
  const source = await freshPostgres();
  const rows = (count: number) => `insert into things select i, 't' || i, i <= 900 from generate_series(1, ${count}) i`;
  const table = 'create table things (id int primary key, title text not null, live boolean not null)';
  await sql(source, `${table}; ${rows(1000)}`);
  backup = await freshPostgres('15');
  await sql(backup, `${table}; ${rows(899)}`);
  const docs = freshMongo();
  mongo = await new MongoClient(docs).connect();
  const documents = (from: number, count: number, tenant: string) =>
    Array.from({ length: count }, (_, i) => ({ _id: (from + i) as never, title: 'x', tenant }));
  await mongo
    .db()
    .collection('things')
    .insertMany([...documents(1, 800, 'ours'), ...documents(5000, 50, 'theirs')]);
  redis = new Redis(cacheUrl);
  const pipeline = redis.pipeline();
  for (let i = 1; i <= 1002; i++) pipeline.set(`${prefix}thing:${i}`, JSON.stringify({ title: `t${i}` }));
  await pipeline.exec();
  const live = { ignore: ['live'] };
  parts = {
    source,
    stores: {
      backup: { kind: 'postgres', url: backup },
      docs: { kind: 'mongodb', url: docs },
      cache: { kind: 'redis', url: cacheUrl },
    },
    entities: {
      things: {
        table: 'things',
        replicas: [
          { store: 'backup', ...live },
          { store: 'cache', target: `${prefix}thing:{id}`, as: 'json', ...live },
        ],
      },
      current: {
        table: 'things',
        where: 'live',
        replicas: [{ store: 'docs', target: 'things', where: { tenant: 'ours' }, fields: { id: '_id' }, ...live }],
      },
    },
  };
});
afterAll(async () => {
  await mongo?.db().dropDatabase();
  await mongo?.close();
  redis?.disconnect();
});

const cacheName = `cache.${prefix}thing:{id}`;

test('each replica has a reading, with exact figures and what to do', async () => {
  const { probes, exitCode } = await askHealth(parts, { counts: { kind: 'counts' } });
  expect(exitCode).toBe(1);
  expect(probes[0]!.readings).toEqual([
    {
      status: 'failed',
      subject: 'backup.things',
      message: '1,000 rows in the source, 899 records here: 101 fewer (fails above 100)',
      hint: 'plumbline check backup.things tells which.',
      metrics: [
        expect.objectContaining({ name: 'source_rows', value: 1000, labels: { replica: 'backup.things' } }),
        expect.objectContaining({ name: 'replica_records', value: 899 }),
      ],
    },
    expect.objectContaining({
      status: 'ok',
      subject: cacheName,
      message: '1,000 rows in the source, 1,002 records here: 2 more',
      hint: undefined,
    }),
    expect.objectContaining({
      status: 'ok',
      subject: 'docs.things',
      message: '900 rows in the source, 800 records here: 100 fewer',
    }),
  ]);
});

describe('a limit is a number of rows or a share of the source’s', () => {
  test.each([
    [{ fail: 101 }, 'ok', ''],
    [{ fail: 100 }, 'failed', ' (fails above 100)'],
    [{ warn: 100, fail: 500 }, 'warning', ' (warns above 100)'],
    [{ fail: '10%' }, 'failed', ' (fails above 10 %)'],
    [{ fail: '10.1%' }, 'ok', ''],
    [{ warn: '0.5 %', fail: '50%' }, 'warning', ' (warns above 0.5 %)'],
  ])('%o', async (limits, status, end) => {
    const { probes } = await askHealth(parts, { counts: { kind: 'counts', replicas: ['backup.things'], ...limits } });
    expect(probes[0]!.readings).toMatchObject([{ status, message: expect.stringMatching(/ fewer/) }]);
    expect(probes[0]!.readings[0]!.message.replace(/^.* fewer/, '')).toBe(end);
  });
});

test('a store or an entity stands for its replicas', async () => {
  const subjects = async (...replicas: string[]) =>
    (await askHealth(parts, { counts: { kind: 'counts', replicas } })).probes[0]!.readings.map((it) => it.subject);
  expect(await subjects('docs')).toEqual(['docs.things']);
  expect(await subjects('things')).toEqual(['backup.things', cacheName]);
});

test('what is wrong with one replica says nothing of the others', async () => {
  const silent = await silentServer();
  const broken: Parts = {
    ...parts,
    stores: {
      ...parts.stores,
      hung: { kind: 'postgres', url: `postgres://nobody@127.0.0.1:${silent.port}/x` },
      gone: { kind: 'mongodb', url: 'mongodb://127.0.0.1:1/x' },
    },
    entities: {
      things: {
        table: 'things',
        ignore: undefined,
        replicas: [
          { store: 'hung' },
          { store: 'gone', fields: { id: '_id' } },
          { store: 'backup', target: 'elsewhere' },
          { store: 'backup', ignore: ['live'] },
        ],
      },
    },
  };
  const { probes, exitCode } = await askHealth(broken, { counts: { kind: 'counts', timeout: '8s', fail: 200 } });
  silent.close();
  expect(exitCode).toBe(3);
  expect(probes[0]!.readings).toMatchObject([
    { status: 'unknown', subject: 'hung.things', message: 'no answer in time' },
    { status: 'unknown', subject: 'gone.things', message: expect.stringMatching(/connection refused/) },
    { status: 'unknown', subject: 'backup.elsewhere', message: expect.stringMatching(/no table/) },
    { status: 'ok', subject: 'backup.things' },
  ]);
});

test('a name that is none, and what has no count, are mistakes of the file', async () => {
  expect(() => configOf(parts, { counts: { kind: 'counts', replicas: ['docs.thing'] } })).toThrow(
    'no replica is named "docs.thing"; did you mean "docs.things"?',
  );
  const cached: Parts = {
    ...parts,
    entities: {
      things: {
        table: 'things',
        version: 'id',
        replicas: [{ store: 'cache', target: 'keys:{id}', as: 'cache', ttl: '5m' }],
      },
    },
  };
  await expect(health(configOf(cached, { counts: { kind: 'counts' } }))).rejects.toThrow('none of them can be counted');
});
