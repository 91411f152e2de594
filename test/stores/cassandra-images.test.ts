// Whole rows of Cassandra: what is captured of them, and that they come back with their types, the time that they have left, and at their place.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { check, parseConfig, reconcile, undo } from '../../src/index.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import type { Change, FetchedRow, Guarded, Replica, Store } from '../../src/stores/store.ts';
import { freshCassandra, freshPostgres, sql } from '../databases.ts';
import { connectCassandra } from './cassandra-harness.ts';
import { field } from './contract-cases.ts';
import { back, capture, deletion, outcomesOf, removeRows } from './put-back.ts';

let url: string;
let client: Client;
let store: Store;
let tables = 0;

beforeAll(async () => {
  url = await freshCassandra();
  client = await cassandraClient(url);
  store = await connectCassandra(url);
});
afterAll(async () => {
  await store?.close();
  await client?.shutdown();
});

const cql = async (text: string) => (await client.execute(text)).rows ?? [];
const mapping: Mapping = {
  key: [field('id', { kind: 'text' })],
  fields: [field('title', { kind: 'text' }), field('amount', { kind: 'integer', bits: 32 })],
};

/** `TABLE` in the statements is the new table's name. */
async function replicaOf(columns: string, ...statements: readonly string[]): Promise<Replica> {
  const target = `images${tables++}`;
  await cql(`CREATE TABLE ${target} (${columns})`);
  for (const statement of statements) await cql(statement.replace('TABLE', target));
  return { name: `copies.${target}`, target, mapping, options: {} };
}
const wholeOf = async ({ target }: Replica) =>
  (await cql(`SELECT JSON * FROM ${target}`)).map((row) => row['[json]'] as string).sort();
const fetchOne = async (replica: Replica, id: string) => (await store.fetch(replica, [[id]]))[0]!;
const update = (expected: FetchedRow, title: string): Guarded => ({
  kind: 'update',
  row: { key: expected.key, values: [title, ...expected.values.slice(1)] },
  fields: [0],
  expected,
});

test('every type that no mapping names comes back byte for byte', async () => {
  await cql('CREATE TYPE place (street text, number int)');
  const replica = await replicaOf(
    `id text PRIMARY KEY, title text, amount int, big bigint, many varint, price decimal, at timestamp, day date, hour time, took duration,
     bytes blob, ip inet, who uuid, made timeuuid, home frozen<place>, work place, tags set<text>, steps list<int>, counts map<text, bigint>,
     pair tuple<int, text>, near vector<float, 3>, sealed frozen<map<text, frozen<list<decimal>>>>, flag boolean, tiny tinyint, share double`,
    `INSERT INTO TABLE (id, title, amount, big, many, price, at, day, hour, took, bytes, ip, who, made, home, work, tags, steps, counts, pair, near, sealed, flag, tiny, share)
     VALUES ('a', 'x', 1, 9007199254740993, -123456789012345678901234567890, 1200.500, '2026-03-04T05:06:07.008Z', '1969-12-31', '01:02:03.000000004',
     1mo2d3h, 0x00ff, '::1', 00000000-0000-4000-8000-0000000000ff, 50554d6e-29bb-11e5-b345-feff819cdc9f, {street: 'Ñ', number: 7}, {street: 'work'},
     {'x', 'y'}, [3, 1, 3], {'k': 9007199254740993}, (1, null), [0.5, -1, 2], {'p': [1.10, 1.1]}, false, -128, 0.1)`,
    "INSERT INTO TABLE (id) VALUES ('bare')",
  );
  const before = await wholeOf(replica);
  const rows = await store.fetch(replica, [['a'], ['bare']]);
  const restores = await removeRows(store, replica, rows);
  expect(await wholeOf(replica)).toEqual([]);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await wholeOf(replica)).toEqual(before);
});

test('values live on as long as they had to, each element of a collection by itself', async () => {
  const replica = await replicaOf(
    'id text PRIMARY KEY, title text, amount int, note text, tags set<text>, steps list<int>, counts map<text, int>',
    "INSERT INTO TABLE (id, title, amount, tags, counts) VALUES ('a', 'x', 1, {'b'}, {'k': 1})",
    // All of them, as the driver can't read a list with nulls in it.
    "UPDATE TABLE USING TTL 5000 SET steps = [1] WHERE id = 'a'",
    "UPDATE TABLE USING TTL 9000 SET note = 'mortal', tags = tags + {'a'}, steps = steps + [2], counts['l'] = 2 WHERE id = 'a'",
    "UPDATE TABLE USING TTL 3000 SET steps = steps + [3], counts['m'] = 3 WHERE id = 'a'",
    "UPDATE TABLE USING TTL 9000 SET steps = steps + [2] WHERE id = 'a'",
  );
  const lives = async () => {
    const parts = ['title', 'note', "tags['a']", "tags['b']", "counts['k']", "counts['l']", "counts['m']", 'steps'];
    const list = parts.map((part, i) => `TTL(${part}) AS t${i}`);
    const [row] = await cql(`SELECT ${list.join(', ')} FROM ${replica.target}`);
    const rounded = (seconds: number | null) => seconds && Math.ceil(seconds / 1000) * 1000;
    return Object.fromEntries(parts.map((part, i) => [part, [row!.get(`t${i}`)].flat().map(rounded)]));
  };
  const [before, livesBefore] = [await wholeOf(replica), await lives()];
  expect(livesBefore).toEqual({
    title: [null],
    note: [9000],
    "tags['a']": [9000],
    "tags['b']": [null],
    "counts['k']": [null],
    "counts['l']": [9000],
    "counts['m']": [3000],
    steps: [5000, 9000, 3000, 9000],
  });
  const restores = await removeRows(store, replica, [await fetchOne(replica, 'a')]);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written']);
  expect(await wholeOf(replica)).toEqual(before);
  expect(await lives()).toEqual(livesBefore);
});

test('what has expired since does not come back, and it is said', async () => {
  const replica = await replicaOf(
    'id text PRIMARY KEY, title text, amount int, note text',
    "INSERT INTO TABLE (id, title, amount) VALUES ('a', 'old', 1)",
    "UPDATE TABLE USING TTL 4 SET note = 'mortal' WHERE id = 'a'",
    "INSERT INTO TABLE (id, title) VALUES ('b', 'old') USING TTL 4",
  );
  const b = await fetchOne(replica, 'b');
  const [captured] = await capture(store, replica, update(b, 'new'));
  // The same write again without an end, so that the record is still there.
  await cql(`INSERT INTO ${replica.target} (id, title) VALUES ('b', 'new') USING TTL 0`);
  const restores = await removeRows(store, replica, [await fetchOne(replica, 'a')]);
  await pause(4500);
  const change = { ...update(await fetchOne(replica, 'b'), 'old'), image: captured!.image } as Change;
  expect(await outcomesOf(store, replica, [...restores, change])).toEqual([
    'refused: the time that its note had to live has run out since',
    'refused: the time that its title had to live has run out since',
  ]);
  expect(await wholeOf(replica)).toEqual(['{"id": "b", "amount": null, "note": null, "title": "new"}']);
});

test('parts of a user-defined type that expire at different times are only written together, and it is said', async () => {
  await cql('CREATE TYPE IF NOT EXISTS place (street text, number int)');
  const replica = await replicaOf(
    'id text PRIMARY KEY, title text, amount int, home place',
    "INSERT INTO TABLE (id, title, home) VALUES ('a', 'x', {street: 'Ñ', number: 7})",
    "UPDATE TABLE USING TTL 1000 SET home.number = 8 WHERE id = 'a'",
  );
  const row = await fetchOne(replica, 'a');
  const [captured] = await capture(store, replica, deletion(row));
  expect(captured!.lacks).toMatch(/fields of its home expire at different times/);
  expect(await outcomesOf(store, replica, [back(row, captured!.image)])).toEqual([
    expect.stringMatching(/^refused: .* home expire/),
  ]);
});

test('the undo of a write wins over it, however late that is dated, and is no later than need be', async () => {
  const replica = await replicaOf(
    'id text PRIMARY KEY, title text, amount int',
    "INSERT INTO TABLE (id, title, amount) VALUES ('a', 'old', 1) USING TIMESTAMP 4102444800000000",
    "INSERT INTO TABLE (id, title, amount) VALUES ('b', 'old', 1) USING TIMESTAMP 1000",
  );
  const a = await fetchOne(replica, 'a');
  const [captured] = await capture(store, replica, update(a, 'new'));
  expect(await outcomesOf(store, replica, [update(a, 'new')])).toEqual(['written']);
  const restore = { ...update(await fetchOne(replica, 'a'), 'old'), image: captured!.image } as Change;
  expect(await outcomesOf(store, replica, [restore])).toEqual(['written']);
  const restores = await removeRows(store, replica, [await fetchOne(replica, 'b')]);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written']);
  const times = await cql(`SELECT id, title, WRITETIME(title) AS written FROM ${replica.target}`);
  expect(times.map(({ id, title, written }) => `${id} ${title} ${written}`).sort()).toEqual([
    'a old 4102444800000002',
    'b old 1001',
  ]);
});

test('a column that no mapping names, changed since it was captured, keeps its row from being deleted', async () => {
  const replica = await replicaOf(
    'id text PRIMARY KEY, title text, amount int, note text',
    "INSERT INTO TABLE (id, title, note) VALUES ('a', 'x', 'old')",
  );
  const row = await fetchOne(replica, 'a');
  const [captured] = await capture(store, replica, deletion(row));
  await cql(`UPDATE ${replica.target} SET note = 'new' WHERE id = 'a'`);
  expect(await outcomesOf(store, replica, [{ ...deletion(row), image: captured!.image } as Change])).toEqual(['moved']);
  expect((await wholeOf(replica)).join()).toContain('"note": "new"');
});

test('a column that is another by now is told from the one that was captured', async () => {
  const replica = await replicaOf(
    'id text PRIMARY KEY, title text, amount int, note text',
    "INSERT INTO TABLE (id, title, note) VALUES ('a', 'x', 'old')",
  );
  const restores = await removeRows(store, replica, [await fetchOne(replica, 'a')]);
  await cql(`ALTER TABLE ${replica.target} DROP note`);
  const later = await connectCassandra(url);
  expect(await outcomesOf(later, replica, restores)).toEqual([
    `refused: ${replica.target} has no column note any more`,
  ]);
  await later.close();
});

test('rows of several tables, moved and left behind, go back to where they stood', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  try {
    const source = await freshPostgres();
    await sql(
      source,
      `create table stay (id text primary key, guest text not null, day date not null, amount int);
       insert into stay values ('r1', 'ann', '2026-01-01', 1), ('r2', 'bob', '2026-01-02', 2), ('r3', 'cyd', '2026-01-03', 3), ('r4', 'dan', '2026-01-04', 4)`,
    );
    await cql(
      'CREATE TABLE by_guest (guest text, day date, id text, amount int, note text, PRIMARY KEY (guest, day, id))',
    );
    await cql('CREATE TABLE by_day (day date, id text, guest text, amount int, note text, PRIMARY KEY (day, id))');
    for (const values of [
      // Left behind under an old guest, beside its place; and one that is nowhere else.
      "('old', '2026-01-01', 'r1', 1, 'left behind')",
      "('ann', '2026-01-01', 'r1', 1, 'at home')",
      "('old', '2026-01-02', 'r2', 2, 'not at home')",
      "('dan', '2026-01-04', 'r4', 99, 'wrong')",
      "('eve', '2026-01-05', 'r5', 5, 'too many')",
    ]) {
      await cql(`INSERT INTO by_guest (guest, day, id, amount, note) VALUES ${values} USING TTL 9000`);
      const [guest, day, ...rest] = values.slice(1, -1).split(', ');
      const moved = `(${[day, rest[0], guest, ...rest.slice(1)].join(', ')})`;
      await cql(`INSERT INTO by_day (day, id, guest, amount, note) VALUES ${moved}`);
    }
    const variable = (name: string) => ['$', '{', name, '}'].join('');
    const file = {
      source: { url: variable('SOURCE') },
      stores: { copies: { kind: 'cassandra', url: variable('COPIES') } },
      entities: {
        stay: {
          table: 'stay',
          replicas: ['by_guest', 'by_day'].map((target) => ({ store: 'copies', target, maxLag: '20ms' })),
        },
      },
      folder,
    };
    const config = parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, COPIES: url });
    const state = async () => [
      ...(await cql('SELECT JSON * FROM by_guest')).map((row) => row['[json]'] as string).sort(),
      ...(await cql('SELECT JSON * FROM by_day')).map((row) => row['[json]'] as string).sort(),
    ];
    const before = await state();
    const repaired = await reconcile(config, {
      apply: true,
      deleteOrphans: true,
      deleteDuplicates: true,
      maxPercent: 100,
    });
    expect(repaired.exitCode).toBe(0);
    const [byGuest] = repaired.replicas;
    expect(byGuest!.counts).toMatchObject({ missing: 1, duplicate: 1, orphan: 1 });
    const after = await state();
    expect(after).not.toEqual(before);
    const undone = await undo(config, repaired.run, { apply: true });
    expect(undone.replicas.map(({ left }) => left)).toEqual([[], []]);
    expect(undone.exitCode).toBe(0);
    expect(await state()).toEqual(before);
    const [lives] = await cql("SELECT TTL(note) AS note FROM by_guest WHERE guest = 'old'");
    expect(lives!.note).toBeGreaterThan(8000);
    expect((await undo(config, undone.run, { apply: true })).exitCode).toBe(0);
    expect(await state()).toEqual(after);
    expect((await check(config, { keep: false })).exitCode).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
