// Whole keys of Redis: that they come back byte for byte and expire when they would have, and that cached results do not come back at all.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { undoTable } from '../../reports/undo.ts';
import { parseConfig, reconcile, undo } from '../../src/index.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import type { Change, FetchedRow, Guarded, Replica, Store } from '../../src/stores/store.ts';
import { freshPostgres, freshRedis, sql } from '../databases.ts';
import { field } from './contract-cases.ts';
import { back, capture, deletion, outcomesOf, removeRows } from './put-back.ts';
import { connectRedis } from './redis-harness.ts';

const { url, prefix } = freshRedis();
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
  key: [field('id', { kind: 'text' })],
  fields: [field('title', { kind: 'text' }), field('city', { kind: 'text' }, { target: 'address.city' })],
};

function replicaOf(as: string, own: Mapping = mapping, more: object = {}) {
  const start = `${prefix}i${places++}:`;
  const replica: Replica = { name: 'kv.things', target: `${start}{id}`, mapping: own, options: { as, ...more } };
  return { replica, keyOf: (id: string) => `${start}${id}` };
}
const fetchOne = async (replica: Replica, id: string) => (await store.fetch(replica, [[id]]))[0]!;
const update = (expected: FetchedRow, values: FetchedRow['values']): Guarded => ({
  kind: 'update',
  row: { key: expected.key, values },
  fields: values.map((_, i) => i),
  expected,
});

describe('a hash', () => {
  test('comes back with bytes that are no text, and expires when it would have', async () => {
    const { replica, keyOf } = replicaOf('hash');
    await client.hset(keyOf('a'), 'title', 'x', 'bytes', Buffer.from([0, 255, 13, 10]), 'address.city', '');
    const expires = Date.now() + 3_600_000;
    await client.pexpireat(keyOf('a'), expires);
    const before = await client.dumpBuffer(keyOf('a'));
    const restores = await removeRows(store, replica, [await fetchOne(replica, 'a')]);
    expect(await client.exists(keyOf('a'))).toBe(0);
    expect(await outcomesOf(store, replica, restores)).toEqual(['written']);
    expect(await client.dumpBuffer(keyOf('a'))).toEqual(before);
    expect(await client.pexpiretime(keyOf('a'))).toBe(expires);
    expect(await outcomesOf(store, replica, restores)).toEqual(['moved']);
  });

  test('that holds something new since it was captured stays', async () => {
    const { replica, keyOf } = replicaOf('hash');
    await client.hset(keyOf('a'), 'title', 'x');
    const row = await fetchOne(replica, 'a');
    const [captured] = await capture(store, replica, deletion(row));
    await client.hset(keyOf('a'), 'unmapped', 'new');
    expect(await outcomesOf(store, replica, [{ ...deletion(row), image: captured!.image } as Change])).toEqual([
      'moved',
    ]);
    expect(await client.hget(keyOf('a'), 'unmapped')).toBe('new');
  });

  test('does not take the place of what stands there by now', async () => {
    const { replica, keyOf } = replicaOf('hash');
    await client.hset(keyOf('a'), 'title', 'x');
    const restores = await removeRows(store, replica, [await fetchOne(replica, 'a')]);
    await client.rpush(keyOf('a'), 'a list');
    expect(await outcomesOf(store, replica, restores)).toEqual(['refused: the key holds a list']);
    expect(await client.lrange(keyOf('a'), 0, -1)).toEqual(['a list']);
  });
});

describe('a string', () => {
  const plain: Mapping = { ...mapping, fields: [field('title', { kind: 'text' })] };

  test.each(['hash', 'json', 'string'])('whose time has run out since is not put back (%s)', async (as) => {
    const { replica, keyOf } = replicaOf(as, as === 'string' ? plain : mapping);
    if (as === 'hash') await client.hset(keyOf('a'), 'title', 'x');
    else await client.set(keyOf('a'), as === 'json' ? '{"title": "x"}' : 'x');
    const row = await fetchOne(replica, 'a');
    await client.pexpire(keyOf('a'), 3_600_000);
    const [captured] = await capture(store, replica, deletion(row));
    const image = { ...(captured!.image as object), expires: String(Date.now() - 1) };
    await client.del(keyOf('a'));
    expect(await outcomesOf(store, replica, [back(row, image)])).toEqual([
      'refused: the time that it had to live has run out since',
    ]);
    expect(await client.exists(keyOf('a'))).toBe(0);
  });

  test('of JSON comes back to the last blank, and expires when it would have', async () => {
    const { replica, keyOf } = replicaOf('json');
    const text =
      ' { "title" : "\\u00d1", "big": 9007199254740993.10, "address" : {"zip":1, "city":"x"} , "title2":null}\n';
    const expires = Date.now() + 3_600_000;
    await client.set(keyOf('a'), text, 'PXAT', expires);
    const restores = await removeRows(store, replica, [await fetchOne(replica, 'a')]);
    expect(await outcomesOf(store, replica, restores)).toEqual(['written']);
    expect(await client.get(keyOf('a'))).toBe(text);
    expect(await client.pexpiretime(keyOf('a'))).toBe(expires);
  });

  test.each([
    ['a member that was away', '{ "a": 1 }', ['new', 'Lima']],
    ['a member of an object that was away', '{"title": "x", "address": {"zip": 1}}', ['y', 'Lima']],
    ['an object that was null', '{"title":null,"address":null,"b":[]}', ['y', 'Lima']],
    ['the first member of several', '{"title" : "x" , "b":2}', [null, null]],
    ['the only member', '{}', ['x', null]],
    ['another spelling', '{"title": "\\u0061","address":{"city":"\\u0062"}}', ['x', 'y']],
  ])('of JSON: %s is as it was again', async (_, text, values) => {
    const { replica, keyOf } = replicaOf('json');
    await client.set(keyOf('a'), text);
    const row = await fetchOne(replica, 'a');
    const [captured] = await capture(store, replica, update(row, values));
    expect(await outcomesOf(store, replica, [update(row, values)])).toEqual(['written']);
    expect(await client.get(keyOf('a'))).not.toBe(text);
    const restore = { ...update(await fetchOne(replica, 'a'), row.values), image: captured!.image } as Change;
    expect(await outcomesOf(store, replica, [restore])).toEqual(['written']);
    expect(await client.get(keyOf('a'))).toBe(text);
  });

  test('of JSON keeps what was added beside the member', async () => {
    const { replica, keyOf } = replicaOf('json');
    await client.set(keyOf('a'), '{"b":1}');
    const row = await fetchOne(replica, 'a');
    const [captured] = await capture(store, replica, update(row, ['x', 'Lima']));
    await outcomesOf(store, replica, [update(row, ['x', 'Lima'])]);
    await client.set(keyOf('a'), '{"title":"x","address":{"zip":1,"city":"Lima"},"b":2}');
    const restore = { ...update(await fetchOne(replica, 'a'), row.values), image: captured!.image } as Change;
    expect(await outcomesOf(store, replica, [restore])).toEqual(['written']);
    expect(await client.get(keyOf('a'))).toBe('{"address":{"zip":1},"b":2}');
  });

  test('that is too large to keep is said to be so', async () => {
    const { replica, keyOf } = replicaOf('string', plain);
    await client.setrange(keyOf('a'), 40 * 2 ** 20, 'x');
    const [captured] = await capture(store, replica, deletion(await fetchOne(replica, 'a')));
    expect(captured).toEqual({ lacks: 'its key holds 40 MB, which is too much to keep' });
    await client.del(keyOf('a'));
  });
});

test('a member comes back into its set; a set that went with its last member expires when it would have', async () => {
  const own: Mapping = { key: [field('id', { kind: 'text' }), field('tag', { kind: 'text' })], fields: [] };
  const { replica, keyOf } = replicaOf('set', own, { member: 'tag' });
  await client.sadd(keyOf('a'), 'x');
  await client.sadd(keyOf('b'), 'x', 'y');
  const expires = Date.now() + 3_600_000;
  await client.pexpireat(keyOf('a'), expires);
  const rows = await store.fetch(replica, [
    ['a', 'x'],
    ['b', 'x'],
  ]);
  const restores = await removeRows(store, replica, rows);
  expect(await client.exists(keyOf('a'))).toBe(0);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await client.smembers(keyOf('a'))).toEqual(['x']);
  expect((await client.smembers(keyOf('b'))).sort()).toEqual(['x', 'y']);
  expect(await client.pexpiretime(keyOf('a'))).toBe(expires);
  expect(await client.pexpiretime(keyOf('b'))).toBe(-1);
  expect(await outcomesOf(store, replica, restores)).toEqual(['moved', 'moved']);
});

test('cached results that a repair dropped are left to be made anew, and an undo says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  try {
    const source = await freshPostgres();
    await sql(
      source,
      'create table city (id int primary key, changed_at timestamptz); insert into city values (1, now())',
    );
    const start = `${prefix}cache:`;
    const entry = `${start}search:1:hotels`;
    const expires = Date.now() + 100_000;
    await client.set(entry, '[]', 'PXAT', expires);
    await client.sadd(`${start}keys:1`, entry);
    const variable = (name: string) => ['$', '{', name, '}'].join('');
    const replica = { store: 'kv', target: `${start}keys:{id}`, as: 'cache', ttl: '300s', maxLag: '20ms' };
    const file = {
      source: { url: variable('SOURCE') },
      stores: { kv: { kind: 'redis', url: variable('KV') } },
      entities: { city: { table: 'city', version: 'changed_at', replicas: [replica] } },
      folder,
    };
    const config = parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, KV: url });
    const repaired = await reconcile(config, { apply: true, maxPercent: 100 });
    expect(repaired.replicas[0]!.repair).toMatchObject({ outcomes: { written: 1 }, journal: { withheld: 0 } });
    expect(await client.exists(entry)).toBe(0);
    const undone = await undo(config, repaired.run, { apply: true });
    expect(undone).toMatchObject({
      exitCode: 0,
      replicas: [{ outcomes: { restored: 0, moved: 0 }, anew: 1, left: [] }],
    });
    expect([...undoTable(undone, 100, false)].join('')).toContain('1 left: cached results are made anew');
    expect(await client.exists(entry)).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
