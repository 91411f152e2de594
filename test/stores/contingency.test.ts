// What MongoDB and Cassandra give back of the writes that they took, written by the native drivers, and what becomes of those that are settled.

import { Binary, Decimal128, Double, Long, MongoClient, ObjectId, UUID } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { cassandra } from '../../src/stores/cassandra/cassandra.ts';
import { mongodb } from '../../src/stores/mongodb/mongodb.ts';
import type { Store, WaitingWrite } from '../../src/stores/store.ts';
import { freshCassandra, freshMongo } from '../databases.ts';

const RUN = '20261122-020003-k3f9';

async function waiting(store: Store, target: string, options: unknown): Promise<readonly WaitingWrite[]> {
  const all: WaitingWrite[] = [];
  for await (const page of store.contingency!.waiting({ target, options })) all.push(...page);
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}

describe('mongodb', () => {
  const url = freshMongo();
  let client: MongoClient;
  let store: Store;

  beforeAll(async () => {
    client = await new MongoClient(url).connect();
    store = await mongodb.connect({ name: 'docs', url, options: {} });
  });
  afterAll(async () => {
    await store?.close();
    await client?.db().dropDatabase();
    await client?.close();
  });

  const take = async (target: string, count = 3) => {
    const documents = Array.from({ length: count }, (_, i) => ({
      _id: new ObjectId(String(i + 1).padStart(24, '0')),
      data: { id: `inc_${i}` },
      source: 'temp',
      postgres_pending: true,
    }));
    await client.db().collection(target).insertMany(documents);
    await client.db().collection(target).insertOne({ source: 'temp', postgres_pending: false });
  };

  test('says every value so that nothing is lost', async () => {
    await client
      .db()
      .collection('values')
      .insertOne({
        source: 'temp',
        postgres_pending: true,
        timestamp: new Date('2026-11-22T01:02:03.004Z'),
        data: {
          long: Long.fromString('9007199254740993'),
          decimal: Decimal128.fromString('1.10'),
          nan: new Double(Number.NaN),
          bytes: new Binary(Buffer.from('ff00', 'hex')),
          uuid: new UUID('00112233-4455-6677-8899-aabbccddeeff'),
          list: [1, null, 'x'],
        },
      });
    const [write] = await waiting(store, 'values', undefined);
    expect(write!.unread).toBeUndefined();
    expect(write!.content).toContain('"long": 9007199254740993');
    expect(JSON.parse(write!.content)).toMatchObject({
      timestamp: '2026-11-22T01:02:03.004Z',
      data: {
        decimal: 1.1,
        nan: 'NaN',
        bytes: 'ff00',
        uuid: '00112233445566778899aabbccddeeff',
        list: [1, null, 'x'],
      },
    });
  });

  test('marks what is settled, by default', async () => {
    await take('marked');
    const [first, second] = await waiting(store, 'marked', undefined);
    await store.contingency!.settle({ target: 'marked', options: undefined }, [first!.id, second!.id], RUN);
    await store.contingency!.settle({ target: 'marked', options: undefined }, [first!.id], RUN);
    expect(await waiting(store, 'marked', undefined)).toHaveLength(1);
    expect(await client.db().collection('marked').countDocuments({ postgres_pending: false, drained_by: RUN })).toBe(2);
  });

  test('deletes it, or moves it, on demand', async () => {
    for (const after of ['delete', 'archive'] as const) {
      await take(after);
      const [first] = await waiting(store, after, { after });
      await store.contingency!.settle({ target: after, options: { after } }, [first!.id], RUN);
      expect(await waiting(store, after, { after })).toHaveLength(2);
      expect(await client.db().collection(after).countDocuments()).toBe(3);
    }
    expect(await client.db().collection('archive_drained').find().toArray()).toMatchObject([
      { data: { id: 'inc_0' }, postgres_pending: false, drained_by: RUN },
    ]);
  });

  test('goes by a filter of one’s own, and says when there is no such collection', async () => {
    await client
      .db()
      .collection('own')
      .insertMany([{ state: 'open' }, { state: 'closed' }]);
    expect(await waiting(store, 'own', { waiting: { state: 'open' } })).toHaveLength(1);
    await expect(waiting(store, 'nowhere', undefined)).rejects.toThrow(/there is no such collection/);
  });
});

describe('cassandra', () => {
  let url: string;
  let client: Awaited<ReturnType<typeof cassandraClient>>;
  let store: Store;

  beforeAll(async () => {
    url = await freshCassandra();
    client = await cassandraClient(url);
    store = await cassandra.connect({ name: 'analytics', url, options: {} });
  });
  afterAll(async () => {
    await store?.close();
    await client?.shutdown();
  });

  const table = async (name: string) => {
    await client.execute(
      `create table ${name} (day text, n bigint, id uuid, data text, count bigint, price decimal, at timestamp, postgres_pending boolean, primary key (day, n, id))`,
    );
    for (let n = 1; n <= 3; n++) {
      await client.execute(
        `insert into ${name} (day, n, id, data, count, price, at, postgres_pending) values ('2026-11-22', ${n}, 00112233-4455-6677-8899-aabbccddeeff, '{"id": ${n}}', 9007199254740993, 1.10, '2026-11-22T01:02:03.004Z', ${n < 3})`,
      );
    }
  };

  test('says every value so that nothing is lost, of what waits alone', async () => {
    await table('told');
    const writes = await waiting(store, 'told', undefined);
    expect(writes).toHaveLength(2);
    expect(JSON.parse(writes[0]!.content)).toEqual({
      day: '2026-11-22',
      n: '1',
      id: '00112233-4455-6677-8899-aabbccddeeff',
      data: '{"id": 1}',
      count: '9007199254740993',
      price: '1.10',
      at: '2026-11-22T01:02:03.004Z',
      postgres_pending: true,
    });
  });

  test('marks what is settled, or deletes it on demand', async () => {
    for (const after of ['mark', 'delete'] as const) {
      await table(after === 'mark' ? 'marked' : 'deleted');
      const target = after === 'mark' ? 'marked' : 'deleted';
      const [first] = await waiting(store, target, { after });
      await store.contingency!.settle({ target, options: { after } }, [first!.id], RUN);
      expect(await waiting(store, target, { after })).toHaveLength(1);
      const { rows } = await client.execute(`select n from ${target}`);
      expect(rows).toHaveLength(after === 'mark' ? 3 : 2);
    }
  });

  test('says when there is no such table or mark', async () => {
    await table('marks');
    await expect(waiting(store, 'nowhere', undefined)).rejects.toThrow(/there is no such table/);
    await expect(waiting(store, 'marks', { mark: 'pending' })).rejects.toThrow(/it has no column pending/);
  });
});
