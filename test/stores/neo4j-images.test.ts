// Whole nodes and relationships of Neo4j: every type of property, all labels, and what hung on a node that was deleted with it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import neo4jDriverModule, { type Driver } from 'neo4j-driver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { check, parseConfig, rebuild, reconcile, undo } from '../../src/index.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import type { Change, Guarded, Replica, Store } from '../../src/stores/store.ts';
import { freshNeo4j, freshPostgres, sql } from '../databases.ts';
import { field } from './contract-cases.ts';
import { connectNeo4j } from './neo4j-harness.ts';
import { cypher, nativeText } from './neo4j-native.ts';
import { back, capture, deletion, outcomesOf, removeRows } from './put-back.ts';

const { int, types } = neo4jDriverModule;
let url: string;
let prefix: string;
let driver: Driver;
let store: Store;
let names = 0;

beforeAll(async () => {
  ({ url, prefix } = freshNeo4j());
  driver = await neo4jDriver(url);
  store = await connectNeo4j(url);
});
afterAll(async () => {
  await store?.close();
  await driver?.close();
});

const run = (query: string, parameters?: Record<string, unknown>) => cypher(driver, query, parameters);
const fresh = () => `${prefix}own${names++}`;
const mapping: Mapping = { key: [field('id', { kind: 'text' })], fields: [field('f', { kind: 'text' })] };
const replicaOf = (target: string, options: object = {}): Replica => ({
  name: `graph.${target}`,
  target,
  mapping,
  options,
});
const fetchAll = (replica: Replica, ...ids: string[]) =>
  store.fetch(
    replica,
    ids.map((id) => [id]),
  );
/** Nodes with a label, and every relationship at them with what its ends are. */
async function graphOf(label: string): Promise<readonly string[]> {
  const nodes = await run(`MATCH (n:${label}) RETURN labels(n) AS labels, properties(n) AS held`);
  const hung = await run(
    `MATCH (a)-[r]->(b) WHERE a:${label} OR b:${label}
     RETURN type(r) AS type, properties(r) AS held, a.id AS a, labels(a) AS la, b.id AS b, labels(b) AS lb`,
  );
  const text = (row: Record<string, unknown>) =>
    nativeText(Object.values(row).map((value) => (Array.isArray(value) ? [...value].sort() : value)));
  return [...nodes.map(text), ...hung.map(text)].sort();
}

const EVERYTHING = {
  id: 'a',
  f: 'Ñ',
  largest: int('9223372036854775807'),
  past: int('-9007199254740993'),
  whole: 1,
  zero: -0,
  nan: Number.NaN,
  infinite: Number.NEGATIVE_INFINITY,
  flag: false,
  bytes: Int8Array.from([0, -1, 127]),
  date: new types.Date(-44, 3, 15),
  time: new types.Time(1, 2, 3, 4, 19_800),
  localTime: new types.LocalTime(23, 59, 59, 999_999_999),
  offset: new types.DateTime(2026, 3, 4, 5, 6, 7, 8, -16_200),
  // An hour that there is twice.
  zoned: new types.DateTime(2026, 10, 25, 2, 30, 0, 5, 3600, 'Europe/Madrid'),
  local: new types.LocalDateTime(1, 2, 3, 4, 5, 6, 7),
  duration: new types.Duration(-14, 3, -5, 999_999_999),
  plane: new types.Point(int(7203), 1.5, -2),
  world: new types.Point(int(4979), -74.07, 4.6, 2600.5),
  empty: [],
  texts: ['a', '', 'b'],
  integers: [int('9007199254740993'), int(-1)],
  floats: [1, 0.1],
  flags: [true, false],
  dates: [new types.Date(2026, 1, 2)],
  points: [new types.Point(int(7203), 0, 0)],
};

test('a node comes back with all its labels and every type of property', async () => {
  const target = fresh();
  await run(`CREATE (n:${target}:${target}_more:\`${target} odd\` {}) SET n = $held`, { held: EVERYTHING });
  const replica = replicaOf(target);
  const before = await graphOf(target);
  const restores = await removeRows(store, replica, await fetchAll(replica, 'a'));
  expect(await graphOf(target)).toEqual([]);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written']);
  expect(await graphOf(target)).toEqual(before);
});

test('a relationship comes back between the ends that it had, with every type of property', async () => {
  const target = fresh();
  const ends = { from: { label: `${target}_from`, key: {} }, to: { label: `${target}_to` } };
  await run(
    `CREATE (:${target}_from {name: 'x'})-[r:${target}]->(:${target}_to {at: point({x: 1, y: 2}), n: 9007199254740993}) SET r = $held`,
    { held: EVERYTHING },
  );
  const replica = replicaOf(target, ends);
  const before = await graphOf(`${target}_from`);
  const restores = await removeRows(store, replica, await fetchAll(replica, 'a'));
  expect(await outcomesOf(store, replica, restores)).toEqual(['written']);
  expect(await graphOf(`${target}_from`)).toEqual(before);
  const again = await removeRows(store, replica, await fetchAll(replica, 'a'));
  await run(`MATCH (n:${target}_to) SET n.n = 1`);
  expect(await outcomesOf(store, replica, again)).toEqual([
    `refused: one of its ends is gone: ${target}_to by its at, n`,
  ]);
});

test('what hung on a node that was deleted with it is hung there again', async () => {
  const target = fresh();
  const city = fresh();
  await run(`CREATE CONSTRAINT FOR (n:${city}) REQUIRE n.name IS UNIQUE`);
  await run(
    `CREATE (a:${target} {id: 'a', f: 'x'}), (b:${target} {id: 'b', f: 'y'}), (c:${city} {name: 'Lima', size: 10}), (d:${city}_plain {id: 'd', n: [1, 2]})
     CREATE (a)-[:LIVES_IN {since: date('2026-01-02')}]->(c), (a)-[:LIVES_IN]->(c), (a)-[:LIVES_IN]->(c), (d)-[:KNOWS {n: 9007199254740993}]->(a),
       (a)-[:SELF]->(a), (a)-[:KNOWS]->(b), (b)-[:KNOWS]->(a), (a)-[:\`odd type\`]->(d)`,
  );
  const replica = replicaOf(target, { detach: true });
  const before = await graphOf(target);
  expect(before).toHaveLength(10);
  // Both at once: what is between them comes back once.
  const restores = await removeRows(store, replica, await fetchAll(replica, 'a', 'b'));
  expect(await graphOf(target)).toEqual([]);
  // Known again by its name, whatever else has changed.
  await run(`MATCH (n:${city}) SET n.size = 11`);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await graphOf(target)).toEqual(before);
  expect(await outcomesOf(store, replica, restores)).toEqual(['moved', 'moved']);

  // One after the other, the second first.
  const again = await removeRows(store, replica, await fetchAll(replica, 'a', 'b'));
  expect(await outcomesOf(store, replica, [again[1]!])).toEqual(['written']);
  expect(await outcomesOf(store, replica, [again[0]!])).toEqual(['written']);
  expect(await graphOf(target)).toEqual(before);
});

test('a node is not put back without what hung on it: where the other end is gone, it is said, and stops no other', async () => {
  const target = fresh();
  await run(
    `CREATE (:${target} {id: 'a', f: 'x'})-[:LIVES_IN]->(:${target}_city {name: 'Lima'}), (:${target} {id: 'b', f: 'y'})-[:KNOWS]->(:${target}_other {id: 1})`,
  );
  const replica = replicaOf(target, { detach: true });
  const restores = await removeRows(store, replica, await fetchAll(replica, 'a', 'b'));
  await run(`MATCH (n:${target}_city) DELETE n`);
  expect((await outcomesOf(store, replica, restores)).sort()).toEqual([
    `refused: the other end of its LIVES_IN is gone: ${target}_city by its name`,
    'written',
  ]);
  expect((await fetchAll(replica, 'a', 'b')).map(({ key }) => key)).toEqual([['b']]);
});

test('what came to a node since it was captured keeps it from being deleted', async () => {
  const target = fresh();
  await run(`CREATE (:${target} {id: 'a', f: 'x'}), (:${target}_other)`);
  const replica = replicaOf(target, { detach: true });
  const remove = async (change: string) => {
    const [row] = await fetchAll(replica, 'a');
    const [captured] = await capture(store, replica, deletion(row!));
    await run(`MATCH (n:${target}), (m:${target}_other) ${change}`);
    return outcomesOf(store, replica, [{ ...deletion(row!), image: captured!.image } as Change]);
  };
  expect(await remove('CREATE (n)-[:NEW]->(m)')).toEqual(['moved']);
  expect(await remove('MATCH (n)-[r:NEW]->() SET r.p = 1')).toEqual(['moved']);
  expect(await remove('SET n.unmapped = 1')).toEqual(['moved']);
  expect(await remove(`SET n:${target}_label`)).toEqual(['moved']);
  expect(await remove('SET m.other = 1')).toEqual(['moved']);
  expect(await remove('RETURN 1')).toEqual(['written']);
});

test('what can’t be kept is said: an end that nothing tells from others', async () => {
  const target = fresh();
  await run(`CREATE (:${target} {id: 'a', f: 'x'})-[:KNOWS]->({${prefix.slice(0, -1)}: 1})`);
  try {
    const replica = replicaOf(target, { detach: true });
    const [row] = await fetchAll(replica, 'a');
    const [captured] = await capture(store, replica, deletion(row!));
    expect(captured).toEqual({ lacks: expect.stringMatching(/the other end of its KNOWS is a node without a label/) });
  } finally {
    await run(`MATCH (n) WHERE n.${prefix.slice(0, -1)} = 1 DETACH DELETE n`);
  }
});

test('an update puts back types and absent properties', async () => {
  const target = fresh();
  await run(`CREATE (:${target} {id: 'a', f: 1.0, other: 1}), (:${target} {id: 'b'})`);
  const own: Mapping = { ...mapping, fields: [field('f', { kind: 'decimal' })] };
  const replica = { ...replicaOf(target), mapping: own };
  const before = await graphOf(target);
  const updates = (await fetchAll(replica, 'a', 'b')).map(
    (expected): Guarded => ({ kind: 'update', row: { key: expected.key, values: ['2'] }, fields: [0], expected }),
  );
  const captured = await capture(store, replica, ...updates);
  expect(await outcomesOf(store, replica, updates)).toEqual(['written', 'written']);
  const now = await fetchAll(replica, 'a', 'b');
  const restores = updates.map((change, i): Change => {
    const expected = now.find(({ key }) => key[0] === change.expected.key[0])!;
    return { ...change, row: change.expected, expected, image: captured[i]!.image } as Change;
  });
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await graphOf(target)).toEqual(before);
});

test.each([
  'reconcile',
  'rebuild',
])('%s of nodes and relationships is undone, what hung on orphans included', async (command) => {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  try {
    const source = await freshPostgres();
    await sql(
      source,
      `create table person (id text primary key, name text); create table knows (a text, b text, since int, primary key (a, b));
       insert into person select 'p' || i, 'name ' || i from generate_series(1, 20) i;
       insert into knows select 'p' || i, 'p' || i + 1, i from generate_series(1, 19) i`,
    );
    const [person, knows] = [fresh(), fresh()];
    await run(`CREATE CONSTRAINT FOR (n:${person}) REQUIRE n.id IS UNIQUE`);
    // 1 and 2 are missing, 3 has another name, 21 and 22 are too many and know each other and a city.
    await run(
      `UNWIND range(3, 22) AS i CREATE (:${person} {id: 'p' + i, name: CASE i WHEN 3 THEN 'wrong' ELSE 'name ' + i END, note: i})`,
    );
    await run(
      `UNWIND range(4, 21) AS i MATCH (a:${person} {id: 'p' + i}), (b:${person} {id: 'p' + (i + 1)}) CREATE (a)-[:${knows} {since: i, note: 'by hand'}]->(b)`,
    );
    await run(
      `MATCH (a:${person} {id: 'p21'}), (b:${person} {id: 'p4'}) CREATE (a)-[:IN {n: 1}]->(:${person}_city {name: 'Lima'}), (b)-[:LIKES]->(a), (a)-[:${knows} {since: 99}]->(b)`,
    );
    const variable = (name: string) => ['$', '{', name, '}'].join('');
    const end = (column: string) => ({ label: person, key: { [column]: 'id' } });
    const nodes = { store: 'graph', target: person, detach: true, maxLag: '20ms' };
    const file = {
      source: { url: variable('SOURCE') },
      stores: { graph: { kind: 'neo4j', url: variable('GRAPH') } },
      entities: {
        person: { table: 'person', replicas: [nodes] },
        knows: {
          table: 'knows',
          key: ['a', 'b'],
          replicas: [{ store: 'graph', target: knows, from: end('a'), to: end('b'), maxLag: '20ms' }],
        },
      },
      folder,
    };
    const config = parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, GRAPH: url });
    const before = await graphOf(person);
    const runs: string[] = [];
    if (command === 'reconcile') {
      const repaired = await reconcile(config, { apply: true, deleteOrphans: true, maxPercent: 100 });
      expect(repaired.replicas.map(({ repair }) => repair?.outcomes.refused)).toEqual([0, 0]);
      runs.push(repaired.run);
    } else {
      for (const name of [`graph.${person}`, `graph.${knows}`]) {
        runs.push((await rebuild(config, name, { apply: true })).run);
      }
    }
    expect((await check(config, { keep: false })).exitCode).toBe(0);
    const after = await graphOf(person);
    const undone: string[] = [];
    for (const one of runs.toReversed()) {
      const report = await undo(config, one, { apply: true });
      expect(report.replicas.map(({ left }) => left)).toEqual(report.replicas.map(() => []));
      undone.push(report.run);
    }
    expect(await graphOf(person)).toEqual(before);
    for (const one of undone.toReversed()) expect((await undo(config, one, { apply: true })).exitCode).toBe(0);
    expect(await graphOf(person)).toEqual(after);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a record whose image is not kept is deleted, counted, and not put back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  try {
    const source = await freshPostgres();
    await sql(source, "create table person (id text primary key, name text); insert into person values ('p1', 'x')");
    const person = fresh();
    const other = prefix.slice(0, -1);
    await run(
      `CREATE (:${person} {id: 'p1', name: 'x'}), (:${person} {id: 'p2', name: 'y'})-[:KNOWS]->({${other}: 2})`,
    );
    const variable = (name: string) => ['$', '{', name, '}'].join('');
    const file = {
      source: { url: variable('SOURCE') },
      stores: { graph: { kind: 'neo4j', url: variable('GRAPH') } },
      entities: {
        person: { table: 'person', replicas: [{ store: 'graph', target: person, detach: true, maxLag: '20ms' }] },
      },
      folder,
    };
    const config = parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, GRAPH: url });
    const repaired = await reconcile(config, { apply: true, deleteOrphans: true, maxPercent: 100 });
    expect(repaired.replicas[0]!.repair).toMatchObject({
      outcomes: { written: 1 },
      journal: { writes: 1, withheld: 1 },
    });
    const undone = await undo(config, repaired.run, { apply: true });
    expect(undone).toMatchObject({ exitCode: 1, replicas: [{ outcomes: { restored: 0, refused: 1 } }] });
    expect(undone.replicas[0]!.left[0]!.why).toMatch(/can’t be put back whole: the other end of its KNOWS/);
    await run(`MATCH (n) WHERE n.${other} = 2 DETACH DELETE n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a restore of one that is there says so', async () => {
  const target = fresh();
  await run(`CREATE (:${target} {id: 'a', f: 'x'})`);
  const replica = replicaOf(target);
  const [row] = await fetchAll(replica, 'a');
  const [captured] = await capture(store, replica, deletion(row!));
  expect(await outcomesOf(store, replica, [back(row!, captured!.image)])).toEqual(['moved']);
});
