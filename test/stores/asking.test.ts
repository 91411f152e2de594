// What health probes ask of every kind of store: statements in the server's own words, answered exactly, and nothing that would write.

import cassandraDriver from 'cassandra-driver';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { connectOracle } from '../../engines/oracle.ts';
import { StoreError } from '../../src/errors.ts';
import { storeKinds } from '../../src/stores/registry.ts';
import type { Answers, Store } from '../../src/stores/store.ts';
import { freshCassandra, freshMongo, freshNeo4j, freshOracle, freshPostgres, freshRedis, sql } from '../databases.ts';

/** A server with something in it that no statement of a probe may change. */
interface Asked {
  readonly url: string;
  /** Read by the test's own driver. */
  state(): Promise<unknown>;
  close(): Promise<unknown>;
}

const SOON = new AbortController().signal;
const BIG = '9007199254740993';

/** `reads`: statement and its answer. `refuses`: what would change something. Both get what was started. */
function asking<Started extends Asked>(
  kind: string,
  start: () => Promise<Started>,
  reads: readonly (readonly [string, (started: Started) => unknown, Answers])[],
  refuses: readonly (readonly [string, (started: Started) => unknown])[],
): void {
  describe(kind, () => {
    let started: Started;
    let store: Store;
    const ask = async (statement: unknown) => store.probing!.ask(statement, SOON);

    beforeAll(async () => {
      started = await start();
      store = await storeKinds().get(kind)!.connect({ name: 'asked', url: started.url, options: {} });
    });
    afterAll(async () => {
      await store?.close();
      await started?.close();
    });

    test.each(reads)('%s', async (_, statement, answers) => {
      expect(await ask(statement(started))).toEqual(answers);
    });

    test.each(refuses)('refuses %s', async (_, statement) => {
      const before = await started.state();
      await expect(ask(statement(started))).rejects.toThrow(StoreError);
      expect(await started.state()).toEqual(before);
    });

    test('still answers afterwards, a ping too', async () => {
      await store.probing!.ping(SOON);
      const [, statement, answers] = reads[0]!;
      expect(await ask(statement(started))).toEqual(answers);
    });

    test.each([[undefined], [null], [7], [[]], [{}], ['']])('refuses %o, which is no statement', async (statement) => {
      await expect(ask(statement)).rejects.toThrow(StoreError);
    });
  });
}

asking(
  'postgres',
  async () => {
    const url = await freshPostgres();
    await sql(url, `create table things (id int8); insert into things values (1), (${BIG})`);
    await sql(
      url,
      'create function sneak() returns int8 language sql volatile as $$ insert into things values (2) returning id $$',
    );
    return { url, state: () => sql(url, 'select * from things order by id'), close: async () => {} };
  },
  [
    ['a number as its digits', () => 'select max(id) from things', [{ max: BIG }]],
    ['null, a text, a truth value', () => `select null as n, 'x' as t, true as b`, [{ n: null, t: 'x', b: 't' }]],
    ['several rows', () => 'select id from things order by id', [{ id: '1' }, { id: BIG }]],
  ],
  [
    ['an INSERT', () => 'insert into things values (2)'],
    ['a function that writes', () => 'select sneak()'],
    ['a CTE that writes', () => 'with gone as (delete from things returning id) select count(*) from gone'],
    ['DDL', () => 'drop table things'],
    ['a second statement', () => 'set transaction read write; insert into things values (2)'],
    ['the end of the transaction and a second statement', () => 'rollback; insert into things values (2)'],
  ],
);

test('a setting that a statement makes on PostgreSQL does not let the next one write', async () => {
  const url = await freshPostgres();
  await sql(url, 'create table things (id int)');
  const store = await storeKinds().get('postgres')!.connect({ name: 'asked', url, options: {} });
  for (const setting of ['set default_transaction_read_only = off', 'set session authorization default', 'commit']) {
    await store.probing!.ask(setting, SOON);
    await store.probing!.ask(`select set_config('default_transaction_read_only', 'off', false)`, SOON);
    await expect(store.probing!.ask('insert into things values (1)', SOON)).rejects.toThrow(/read-only/);
    await expect(store.probing!.session!.query('write', 'insert into things values (1)')).rejects.toThrow(/read-only/);
  }
  await store.close();
});

test('a statement that is given up is ended on PostgreSQL too', async () => {
  const url = await freshPostgres();
  const store = await storeKinds().get('postgres')!.connect({ name: 'asked', url, options: {} });
  const ending = new AbortController();
  const asked = store.probing!.ask('select pg_sleep(600)', ending.signal);
  asked.catch(() => {});
  const sleepers = () =>
    sql(
      url,
      `select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(600)' and state = 'active' and pid <> pg_backend_pid()`,
    );
  await expect.poll(sleepers).toHaveLength(1);
  ending.abort();
  await expect(asked).rejects.toThrow();
  await expect.poll(sleepers).toHaveLength(0);
  await store.close();
});

asking(
  'mongodb',
  async () => {
    const url = freshMongo();
    const client = new MongoClient(url);
    const things = client.db().collection<{ _id: number }>('things');
    const { Long, Decimal128, Binary } = await import('mongodb');
    await things.insertMany([
      {
        _id: 1,
        big: Long.fromString(BIG),
        exact: Decimal128.fromString('1.5'),
        at: new Date(0),
        in: { list: [true, null] },
      },
      { _id: 2, bytes: new Binary(Buffer.from([1, 255])) },
    ] as never[]);
    return {
      url,
      state: async () => [await things.find().toArray(), (await client.db().listCollections().toArray()).length],
      close: async () => {
        await client.db().dropDatabase();
        await client.close();
      },
    };
  },
  [
    [
      'a count',
      () => ({ collection: 'things', pipeline: [{ $match: { _id: { $gt: 0 } } }, { $count: 'n' }] }),
      [{ n: 2 }],
    ],
    [
      'every type, fields of fields by their path',
      () => ({ collection: 'things', pipeline: [{ $match: { _id: 1 } }] }),
      [{ _id: 1, big: BIG, exact: 1.5, at: '1970-01-01T00:00:00.000Z', 'in.list.0': true, 'in.list.1': null }],
    ],
    ['bytes', () => ({ collection: 'things', pipeline: [{ $match: { _id: 2 } }] }), [{ _id: 2, bytes: '01ff' }]],
    [
      'Extended JSON, as YAML can write it',
      () => ({
        collection: 'things',
        pipeline: [{ $match: { at: { $gte: { $date: '1970-01-01T00:00:00Z' } } } }, { $project: { _id: 1 } }],
      }),
      [{ _id: 1 }],
    ],
    ['a command', () => ({ count: 'things', query: { _id: { $lt: 2 } } }), [{ n: 1, ok: 1 }]],
  ],
  [
    ['$out', () => ({ collection: 'things', pipeline: [{ $match: {} }, { $out: 'copy' }] })],
    ['$merge', () => ({ collection: 'things', pipeline: [{ $merge: { into: 'copy' } }] })],
    ['$out within another stage', () => ({ collection: 'things', pipeline: [{ $facet: { a: [{ $out: 'copy' }] } }] })],
    ['an insert', () => ({ insert: 'things', documents: [{ _id: 3 }] })],
    ['a drop', () => ({ dropDatabase: 1 })],
    ['a command that begins harmlessly', () => ({ findAndModify: 'things', query: {}, remove: true, ping: 1 })],
    ['an aggregate command', () => ({ aggregate: 'things', pipeline: [{ $out: 'copy' }], cursor: {} })],
  ],
);

asking(
  'cassandra',
  async () => {
    const url = await freshCassandra();
    const client = await cassandraClient(url);
    await client.execute(
      'CREATE TABLE things (id bigint PRIMARY KEY, v varint, d decimal, at timestamp, u uuid, l list<bigint>, b blob)',
    );
    await client.execute(
      'INSERT INTO things (id, v, d, at, u, l, b) VALUES (?, ?, ?, ?, ?, ?, ?)',
      [
        cassandraDriver.types.Long.fromString(BIG),
        cassandraDriver.types.Integer.fromString('12'),
        cassandraDriver.types.BigDecimal.fromString('1.50'),
        new Date(0),
        '00000000-0000-4000-8000-0000000000ff',
        [cassandraDriver.types.Long.fromNumber(1)],
        Buffer.from([1, 255]),
      ],
      { prepare: true },
    );
    return {
      url,
      state: async () => (await client.execute('SELECT * FROM things')).rows,
      close: () => client.shutdown(),
    };
  },
  [
    ['a count', () => 'SELECT count(*) FROM things', [{ count: 1 }]],
    [
      'every type',
      () => '/* of */ -- all\n select id, v, d, at, u, l, b FROM things',
      [
        {
          id: BIG,
          v: 12,
          d: '1.50',
          at: '1970-01-01T00:00:00.000Z',
          u: '00000000-0000-4000-8000-0000000000ff',
          l: '[1]',
          b: '01ff',
        },
      ],
    ],
  ],
  [
    ['an INSERT', () => 'INSERT INTO things (id) VALUES (2)'],
    ['a batch', () => 'BEGIN BATCH INSERT INTO things (id) VALUES (2); APPLY BATCH'],
    ['TRUNCATE', () => 'TRUNCATE things'],
    ['a second statement', () => 'SELECT * FROM things; TRUNCATE things'],
    ['USE', () => 'USE system'],
    ['a write behind a comment', () => '/* SELECT */ DELETE FROM things WHERE id = 1'],
  ],
);

asking(
  'oracle',
  async () => {
    const { url, prefix } = freshOracle();
    const connection = await connectOracle(url);
    const table = `"${prefix}THINGS"`;
    await connection.execute(
      `CREATE TABLE ${table} (ID NUMBER(38) PRIMARY KEY, T VARCHAR2(10), AT_DATE DATE, B RAW(2))`,
    );
    await connection.execute(
      `INSERT INTO ${table} (ID, T, AT_DATE, B) VALUES (${BIG}, 'x', TO_DATE('2026-01-02 03:04:05', 'YYYY-MM-DD HH24:MI:SS'), HEXTORAW('01FF'))`,
    );
    await connection.commit();
    return {
      url,
      table,
      state: async () => {
        const { rows } = await connection.execute(`SELECT * FROM ${table}`);
        await connection.rollback();
        return rows;
      },
      close: () => connection.close(),
    };
  },
  [
    ['a count', ({ table }) => `SELECT COUNT(*) AS N FROM ${table};`, [{ N: 1 }]],
    [
      'every type',
      ({ table }) => `SELECT ID, T, AT_DATE, B, NULL AS NOTHING FROM ${table}`,
      [{ ID: BIG, T: 'x', AT_DATE: '2026-01-02T03:04:05.000', B: '01ff', NOTHING: null }],
    ],
    [
      'WITH',
      ({ table }) => `-- what there is\nWITH Q AS (SELECT ID FROM ${table}) SELECT COUNT(*) AS N FROM Q`,
      [{ N: 1 }],
    ],
  ],
  [
    ['an INSERT', ({ table }) => `INSERT INTO ${table} (ID) VALUES (2)`],
    ['a block', ({ table }) => `BEGIN INSERT INTO ${table} (ID) VALUES (2); COMMIT; END;`],
    ['a lock', ({ table }) => `SELECT ID FROM ${table} FOR UPDATE`],
    ['DDL', ({ table }) => `DROP TABLE ${table}`],
    ['the end of the transaction', () => 'COMMIT'],
    ['a write behind a comment', ({ table }) => `/* SELECT */ DELETE FROM ${table}`],
  ],
);

asking(
  'neo4j',
  async () => {
    const { url, prefix } = freshNeo4j();
    const driver = await neo4jDriver(url);
    const label = `${prefix}Thing`;
    await driver.executeQuery(`CREATE (:${label} {id: ${BIG}, at: date('2026-01-02'), tags: ['a', 'b']})`);
    return {
      url,
      label,
      state: async () => (await driver.executeQuery(`MATCH (n:${label}) RETURN n.id, labels(n)`)).records,
      close: () => driver.close(),
    };
  },
  [
    ['a count', ({ label }) => `MATCH (n:${label}) RETURN count(n) AS n`, [{ n: 1 }]],
    [
      'every type',
      ({ label }) => `MATCH (n:${label}) RETURN n.id AS id, n.at AS at, n.tags AS tags, 1.5 AS f, true AS b, null AS x`,
      [{ id: BIG, at: '2026-01-02', tags: '["a","b"]', f: 1.5, b: true, x: null }],
    ],
  ],
  [
    ['CREATE', ({ label }) => `CREATE (:${label} {id: 2})`],
    ['SET within a read', ({ label }) => `MATCH (n:${label}) SET n.id = 2 RETURN n`],
    ['transactions of its own', ({ label }) => `MATCH (n:${label}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS`],
    ['an index', ({ label }) => `CREATE INDEX FOR (n:${label}) ON (n.id)`],
    ['a procedure that writes', ({ label }) => `CALL db.createLabel('${label}2')`],
    ['a user', () => `CREATE USER sneak SET PASSWORD 'longer than it'`],
  ],
);

asking(
  'redis',
  async () => {
    const { url, prefix } = freshRedis();
    const redis = new Redis(url);
    await redis.set(`${prefix}big`, BIG);
    await redis.rpush(`${prefix}list`, 'a', '7');
    return {
      url,
      prefix,
      state: async () => [
        await redis.keys(`${prefix}*`),
        await redis.get(`${prefix}big`),
        await redis.lrange(`${prefix}list`, 0, -1),
        await redis.ttl(`${prefix}list`),
      ],
      close: async () => redis.disconnect(),
    };
  },
  [
    ['a text', ({ prefix }) => ['GET', `${prefix}big`], [{ value: BIG }]],
    ['a number', ({ prefix }) => ['llen', `${prefix}list`], [{ value: 2 }]],
    ['a list', ({ prefix }) => ['LRANGE', `${prefix}list`, 0, -1], [{ value: 'a' }, { value: '7' }]],
    ['nothing', ({ prefix }) => ['GET', `${prefix}none`], [{ value: null }]],
    ['a part of a container', ({ prefix }) => ['OBJECT', 'ENCODING', `${prefix}list`], [{ value: 'listpack' }]],
    [
      'a script that only reads',
      ({ prefix }) => ['EVAL_RO', `return redis.call('llen', KEYS[1])`, 1, `${prefix}list`],
      [{ value: 2 }],
    ],
  ],
  [
    ['SET', ({ prefix }) => ['SET', `${prefix}big`, '1']],
    ['GETDEL', ({ prefix }) => ['GETDEL', `${prefix}big`]],
    ['SORT, which may store', ({ prefix }) => ['SORT', `${prefix}list`, 'ALPHA', 'STORE', `${prefix}sorted`]],
    ['EXPIRE', ({ prefix }) => ['EXPIRE', `${prefix}list`, '100']],
    ['a script', ({ prefix }) => ['EVAL', `return redis.call('del', KEYS[1])`, '1', `${prefix}list`]],
    [
      'a script that breaks its word',
      ({ prefix }) => ['EVAL_RO', `return redis.call('del', KEYS[1])`, 1, `${prefix}list`],
    ],
    ['KEYS', () => ['KEYS', '*']],
    ['FLUSHALL', () => ['FLUSHALL']],
    ['CONFIG GET, which tells passwords', () => ['CONFIG', 'GET', '*']],
    ['MEMORY PURGE', () => ['MEMORY', 'PURGE']],
    ['a transaction', () => ['MULTI']],
    ['waiting', ({ prefix }) => ['BLPOP', `${prefix}none`, '0']],
    ['a subscription', () => ['SUBSCRIBE', 'news']],
    ['another database', () => ['SELECT', '1']],
    ['a command that there is not', () => ['FETCH', 'x']],
    ['a number that the driver would round', ({ prefix }) => ['BITFIELD_RO', `${prefix}big`, 'GET', 'i64', '0']],
  ],
);

test('keys of Redis by their pattern: what hashes and JSON hold, exactly, in any number', async () => {
  const { url, prefix } = freshRedis();
  const redis = new Redis(url);
  await redis.hset(`${prefix}a:1`, { type: 'full', size: '12', key: 'not its name' });
  await redis.set(`${prefix}a:2`, `{"type": "full", "size": ${BIG}, "of": {"b": [1, null]}, "ok": true, "none": null}`);
  await redis.set(`${prefix}a:3`, 'no JSON');
  await redis.rpush(`${prefix}a:4`, 'x');
  await redis.set(`${prefix}b:1`, '{}');
  for (let i = 0; i < 3000; i++) redis.hset(`${prefix}many:${i}`, { i });
  await redis.ping();
  const store = await storeKinds().get('redis')!.connect({ name: 'asked', url, options: {} });
  const rows = await store.probing!.ask({ keys: `${prefix}a:*` }, SOON);
  expect([...rows].sort((a, b) => (a.key! < b.key! ? -1 : 1))).toEqual([
    { key: `${prefix}a:1`, type: 'full', size: '12' },
    { key: `${prefix}a:2`, type: 'full', size: BIG, of: '{"b": [1, null]}', ok: true, none: null },
    { key: `${prefix}a:3` },
    { key: `${prefix}a:4` },
  ]);
  const many = await store.probing!.ask({ keys: `${prefix}many:*` }, SOON);
  expect(new Set(many.map(({ i }) => i)).size).toBe(3000);
  await store.close();
  redis.disconnect();
});

test('Redis tells of itself: INFO is one row of its fields, DBSIZE and MEMORY are numbers', async () => {
  const store = await storeKinds()
    .get('redis')!
    .connect({ name: 'asked', url: inject('redis'), options: {} });
  const [info] = await store.probing!.ask(['INFO'], SOON);
  expect(info).toMatchObject({ redis_mode: 'standalone', role: 'master', used_memory: expect.any(Number) });
  for (const words of [['DBSIZE'], ['MEMORY', 'USAGE', 'nothing'], ['PING']]) {
    expect(await store.probing!.ask(words, SOON)).toHaveLength(1);
  }
  await store.close();
});
