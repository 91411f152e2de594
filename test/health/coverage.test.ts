// The probe `coverage`: two numbers of any two servers, or the rows of an entity that stand in a replica.

import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { freshCassandra, freshMongo, freshPostgres, freshRedis, sql } from '../databases.ts';
import { askHealth, configOf, type Parts } from './ask-health.ts';

const { url: cacheUrl, prefix } = freshRedis();
let parts: Parts;
let redis: Redis;
let mongo: MongoClient;

/** 4,704 episodes of two projects, vectors of 3 for `withVector` of them. */
beforeAll(async () => {
  const source = await freshPostgres();
  await sql(
    source,
    `create table episodes (id uuid primary key, project text not null, vector real[]);
     insert into episodes select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, case when i <= 20 then 'a' else 'b' end,
       case when i <= 4700 then array[1, 2, 3] when i = 4701 then array[1, 2] end from generate_series(1, 4704) i`,
  );
  redis = new Redis(cacheUrl);
  const pipeline = redis.pipeline();
  const { id: ids } = {
    id: Array.from({ length: 20 }, (_, i) => `00000000-0000-4000-8000-${String(i + 1).padStart(12, '0')}`),
  };
  for (const id of ids) pipeline.hset(`${prefix}episode:${id}`, { project: 'a' });
  // Of another type: it is there, and can't be read.
  pipeline.set(`${prefix}episode:00000000-0000-4000-8000-000000004704`, 'x');
  pipeline.hset(`${prefix}episode:00000000-0000-4000-8000-999999999999`, { project: 'nobody knows it' });
  await pipeline.exec();
  const docs = freshMongo();
  mongo = await new MongoClient(docs).connect();
  await mongo
    .db()
    .collection('episodes')
    .insertMany(ids.slice(0, 7).map((id) => ({ _id: id as never, project: 'a' })));
  const analytics = await freshCassandra();
  const client = await cassandraClient(analytics);
  await client.execute('CREATE TABLE episodes (project text, id uuid, PRIMARY KEY (project, id))');
  for (const id of ids.slice(0, 3)) await client.execute(`INSERT INTO episodes (project, id) VALUES ('a', ${id})`);
  // Not where the source says that it belongs.
  await client.execute(`INSERT INTO episodes (project, id) VALUES ('b', ${ids[3]})`);
  await client.shutdown();
  const plain = { ignore: ['vector'] };
  parts = {
    source,
    stores: {
      recall: { kind: 'redis', url: cacheUrl },
      docs: { kind: 'mongodb', url: docs },
      analytics: { kind: 'cassandra', url: analytics },
    },
    entities: {
      episodes: {
        table: 'episodes',
        replicas: [
          { store: 'recall', target: `${prefix}episode:{id}`, as: 'hash', ...plain },
          { store: 'docs', fields: { id: '_id' }, ...plain },
          { store: 'analytics', ...plain },
        ],
      },
    },
  };
});
afterAll(async () => {
  redis?.disconnect();
  await mongo?.db().dropDatabase();
  await mongo?.close();
});

const all = { server: 'source', query: 'select count(*) from episodes' };
const having = (condition: string) => ({ server: 'source', query: `${all.query} where ${condition}` });
const words = 'episodes have one';

describe('two numbers', () => {
  test.each([
    ['vector is null and false', {}, 'failed', '0 of 4,704 episodes have one (wants 99 %)'],
    ['array_length(vector, 1) = 3', {}, 'ok', '4,700 of 4,704 episodes have one'],
    ['array_length(vector, 1) = 3', { fail: '100%' }, 'failed', '4,700 of 4,704 episodes have one (wants 100 %)'],
    ['vector is not null', { warn: 100, fail: 90 }, 'warning', '4,701 of 4,704 episodes have one (wants 100 %)'],
    ['true', { fail: 100 }, 'ok', '4,704 of 4,704 episodes have one'],
  ])('where %s, with %o', async (condition, limits, status, message) => {
    const probe = { kind: 'coverage', words, whole: all, part: having(condition), ...limits };
    expect((await askHealth(parts, { it: probe })).probes[0]).toMatchObject({
      status,
      readings: [{ status, message }],
    });
  });

  test('of two servers, and each in its own words', async () => {
    const probe = {
      kind: 'coverage',
      words: 'episodes are cached',
      whole: having(`project = 'a'`),
      part: { server: 'docs', query: { collection: 'episodes', pipeline: [{ $count: 'n' }] } },
      fail: '10%',
      warn: '50%',
    };
    const { probes } = await askHealth(parts, { it: probe });
    expect(probes[0]!.readings).toEqual([
      {
        status: 'warning',
        message: '7 of 20 episodes are cached (wants 50 %)',
        hint: undefined,
        metrics: [
          expect.objectContaining({ name: 'coverage_ratio', value: 0.35 }),
          expect.objectContaining({ name: 'coverage_whole', value: 20 }),
          expect.objectContaining({ name: 'coverage_part', value: 7 }),
        ],
      },
    ]);
  });

  test('of nothing there is nothing missing', async () => {
    const probe = { kind: 'coverage', whole: having('false'), part: having('false') };
    expect((await askHealth(parts, { it: probe })).probes[0]!.readings).toMatchObject([
      { status: 'ok', message: '0 of 0' },
    ]);
  });

  test.each([
    ['several rows', 'select 1 union select 2', /2 rows/],
    ['no row', 'select 1 where false', /no row/],
    ['a text', `select 'many'`, /"many"/],
    ['null', 'select null', /null/],
  ])('%s are no number: unknown', async (_, query, message) => {
    const probe = { kind: 'coverage', whole: all, part: { server: 'source', query } };
    const { probes, exitCode } = await askHealth(parts, { it: probe });
    expect(probes[0]!.readings).toMatchObject([{ status: 'unknown', message: expect.stringMatching(message) }]);
    expect(exitCode).toBe(3);
  });

  test('a column may be named', async () => {
    const query = 'select 1 as one, count(*) as n from episodes';
    const probe = (column: string) => ({ kind: 'coverage', whole: all, part: { server: 'source', query, column } });
    const { probes } = await askHealth(parts, { it: probe('n'), none: probe('m') });
    expect(probes.map(({ readings }) => readings[0]!.message)).toEqual([
      '4,704 of 4,704',
      expect.stringMatching(/the answer has no m$/),
    ]);
  });
});

describe('the rows of an entity that stand in a replica, by their key', () => {
  test.each([
    ['a key pattern of Redis', `recall.${prefix}episode:{id}`, 20],
    ['a collection', 'docs.episodes', 7],
    ['a table where the key alone finds nothing', 'analytics.episodes', 3],
  ])('%s', async (_, replica, found) => {
    const probe = { kind: 'coverage', replica, words: 'episodes are reachable', timeout: '30s' };
    expect((await askHealth(parts, { it: probe })).probes[0]!.readings).toMatchObject([
      {
        status: 'failed',
        message: `${found} of 4,704 episodes are reachable (wants 99 %)`,
        hint: expect.stringMatching(/^plumbline check \S+ tells which are missing\.$/),
      },
    ]);
  });

  test('within the entity’s own condition', async () => {
    const { episodes } = parts.entities as { episodes: object };
    const narrowed = { ...parts, entities: { episodes: { ...episodes, where: `project = 'a'` } } };
    const probe = { kind: 'coverage', replica: `recall.${prefix}episode:{id}` };
    expect((await askHealth(narrowed, { it: probe })).probes[0]).toMatchObject({
      status: 'ok',
      readings: [{ message: '20 of 20' }],
    });
  });
});

test.each([
  [{ whole: all }, 'needs whole and part, or replica'],
  [{ whole: all, part: all, replica: 'docs.episodes' }, 'needs whole and part, or replica'],
  [{ replica: 'docs' }, 'no replica is named "docs"'],
  [{ replica: 'docs.episode' }, 'did you mean "docs.episodes"?'],
  [{ whole: all, part: { server: 'dosc', query: 'x' } }, 'no server is named "dosc"; did you mean "docs"?'],
  [{ whole: all, part: { server: 'docs' } }, 'missing'],
  [{ whole: all, part: { server: 'docs', query: 'x', colum: 'n' } }, 'unknown key'],
  [{ whole: all, part: all, fail: '120%' }, 'is no percentage'],
])('%o is a mistake of the file', (options, problem) => {
  expect(() => configOf(parts, { it: { kind: 'coverage', ...options } })).toThrow(problem);
});
