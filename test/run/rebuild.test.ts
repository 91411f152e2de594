// Rebuilding a replica beside the live one: verified, swapped at once, whatever happens on the way.

import { type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { check, parseConfig, type RebuildOptions, rebuild } from '../../src/index.ts';
import { freshMongo, freshPostgres, sql } from '../databases.ts';

const HOSTS = 3000;
let urls: { source: string; docs: string };
let mongo: MongoClient;

beforeAll(async () => {
  urls = { source: await freshPostgres(), docs: freshMongo() };
  mongo = new MongoClient(urls.docs);
  await sql(urls.source, 'create table review (id serial primary key, host_id int not null, stars int not null)');
  await sql(
    urls.source,
    `insert into review (host_id, stars) select i % ${HOSTS}, i % 5 + 1 from generate_series(1, 9000) i`,
  );
});
afterAll(() => mongo.close());

const live = () => mongo.db().collection<Document>('host_statistics');

const config = (more = '') =>
  parseConfig(
    `
source: { url: "\${SOURCE}" }
stores: { docs: { kind: mongodb, url: "\${DOCS}" } }
entities:
  host_statistics:
    sql: select host_id, count(*)::int as total, round(avg(stars), 2) as rating from review group by host_id
    key: host_id
    replicas: [{ store: docs, maxLag: 20ms${more} }]`,
    '/nowhere/plumbline.yaml',
    { SOURCE: urls.source, DOCS: urls.docs },
  );
const run = (options: RebuildOptions = {}, more = '') =>
  rebuild(config(more), 'docs.host_statistics', { keep: false, ...options });
const isInSync = async () => (await check(config(), { keep: false })).exitCode === 0;

/** Every third host is gone, every third is wrong, and there are hosts too many. */
beforeEach(async () => {
  await live()
    .drop()
    .catch(() => {});
  for (const { name } of await mongo.db().listCollections().toArray())
    if (name.includes('__plumbline_')) await mongo.db().dropCollection(name);
  const rows = await sql(
    urls.source,
    'select host_id, count(*)::int as total, round(avg(stars), 2)::float8 as rating from review group by 1',
  );
  const kept = rows.filter((row) => Number(row.host_id) % 3 !== 0);
  const documents = kept.map((row) => (Number(row.host_id) % 3 === 1 ? { ...row, total: 99 } : row));
  await live().insertMany([...documents, ...[0, 1, 2].map((i) => ({ host_id: 900_000 + i, total: 1, rating: 1 }))]);
  await live().createIndex({ host_id: 1 }, { unique: true });
  await live().createIndex({ rating: -1 }, { name: 'best' });
});

test('without --apply nothing is written, and it says what would be', async () => {
  const before = await live().find().toArray();
  const report = await run();
  expect(report).toMatchObject({ command: 'rebuild', verdict: 'drift', exitCode: 1 });
  expect(report.replicas[0]!.repair).toMatchObject({
    applied: false,
    planned: { insert: 1000, update: 1000, delete: 3 },
  });
  expect(await live().find().toArray()).toEqual(before);
});

test('readers see the old collection or the new one, whole, and nothing in between', async () => {
  let reading = true;
  const seen: string[] = [];
  const reader = (async () => {
    while (reading) {
      const documents = await live().find({}, { batchSize: 10_000 }).toArray();
      seen.push(`${documents.length} documents, ${documents.filter(({ total }) => total === 99).length} wrong`);
    }
  })();
  const report = await run({ apply: true });
  reading = false;
  await reader;
  expect(report).toMatchObject({ verdict: 'in sync', exitCode: 0 });
  expect(report.replicas[0]!.repair).toMatchObject({ applied: true, outcomes: { written: HOSTS, refused: 0 } });
  expect(seen.length).toBeGreaterThan(3);
  expect([...new Set(seen)]).toEqual(
    ['2003 documents, 1000 wrong', '3000 documents, 0 wrong'].slice(0, new Set(seen).size),
  );
  expect(await isInSync()).toBe(true);
  const indexes = (await live().indexes()).map(({ key, unique }) => ({ key, unique: unique ?? false }));
  expect(indexes).toContainEqual({ key: { host_id: 1 }, unique: true });
  expect(indexes).toContainEqual({ key: { rating: -1 }, unique: false });
  expect(await mongo.db().listCollections().toArray()).toHaveLength(1);
});

test('a rebuild that was interrupted leaves the live records alone and goes on where it was', async () => {
  const before = await live().find().toArray();
  const controller = new AbortController();
  let written = 0;
  const report = await run({
    apply: true,
    batch: 100,
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type !== 'repaired') return;
      written = event.records;
      if (written >= 500) controller.abort();
    },
  });
  expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
  // What is missing beside the live records is not missing from them.
  expect(report.replicas).toMatchObject([{ replicaRows: null, counts: { missing: 0 }, findings: [] }]);
  expect(await live().find().toArray()).toEqual(before);
  let more = 0;
  const again = await run({
    apply: true,
    onEvent: (event) => {
      if (event.type === 'repaired') more = Math.max(more, event.records);
    },
  });
  // The report is of the whole place, however many runs have built it.
  expect(again).toMatchObject({ exitCode: 0, replicas: [{ repair: { outcomes: { written: HOSTS } } }] });
  expect(more).toBe(HOSTS - written);
  expect(await isInSync()).toBe(true);
});

test('fields that the mapping does not name are not lost without a word', async () => {
  await live().updateOne({ host_id: 1 }, { $set: { nickname: 'Pepa' } });
  const report = await run({ apply: true });
  expect(report).toMatchObject({ verdict: 'refused', exitCode: 4 });
  expect(report.problems[0]!.message).toContain('nickname');
  const inPlace = await run({ apply: true, inPlace: true });
  expect(inPlace).toMatchObject({ verdict: 'in sync', exitCode: 0 });
  expect(await live().findOne({ host_id: 1 })).toMatchObject({ nickname: 'Pepa', total: 3 });
  expect(await run({ apply: true, discardUnmapped: true })).toMatchObject({ exitCode: 0 });
  expect(await live().countDocuments({ nickname: { $exists: true } })).toBe(0);
});

test('a source that looks empty is no reason to empty the replica', async () => {
  await sql(urls.source, 'alter table review rename to kept; create table review (like kept)');
  try {
    for (const inPlace of [false, true]) {
      const report = await run({ apply: true, inPlace });
      expect(report).toMatchObject({ verdict: 'refused', exitCode: 4 });
    }
    expect(await live().countDocuments()).toBe(2003);
  } finally {
    await sql(urls.source, 'drop table review; alter table kept rename to review');
  }
});

test('a replica that shares its collection is mended in place', async () => {
  await live().insertOne({ host_id: 5_000_000, total: 1, kind: 'other' });
  await live().updateMany({ kind: { $exists: false } }, { $set: { kind: 'host' } });
  const report = await run({ apply: true }, ', where: { kind: host }');
  expect(report.replicas[0]!.repair!.outcomes).toMatchObject({ written: 2003, refused: 0 });
  expect(await live().countDocuments({ kind: 'other' })).toBe(1);
});

test('an unknown replica is a mistake in the command', () => {
  expect(() => rebuild(config(), 'docs.nothing')).toThrow(/no replica has that name/);
});
