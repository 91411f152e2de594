// undo after a rebuild that swaps collections: the live documents become again what they were, and the undo of the undo makes them right again.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check, parseConfig, rebuild, undo } from '../../src/index.ts';
import { freshMongo, freshPostgres, sql } from '../databases.ts';

let folder: string;
let urls: { source: string; docs: string };
let mongo: MongoClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  urls = { source: await freshPostgres(), docs: freshMongo() };
  mongo = await new MongoClient(urls.docs).connect();
  await sql(
    urls.source,
    `create table host (id text primary key, total int, rating numeric);
     insert into host select 'h' || i, i, i / 4.0 from generate_series(1, 300) i`,
  );
});
afterAll(async () => {
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await rm(folder, { recursive: true, force: true });
});

const variable = (name: string) => ['$', '{', name, '}'].join('');

function configOf(target: string, key: string) {
  const file = {
    source: { url: variable('SOURCE') },
    stores: { docs: { kind: 'mongodb', url: variable('DOCS') } },
    entities: { host: { table: 'host', replicas: [{ store: 'docs', target, maxLag: '20ms', fields: { id: key } }] } },
    folder,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: urls.source, DOCS: urls.docs });
}

// 1-9 are missing, 10-19 differ, 900-902 are too many.
function documents(key: string): Document[] {
  const right = Array.from({ length: 291 }, (_, i) => i + 10).map((i) => ({ [key]: `h${i}`, total: i, rating: i / 4 }));
  const wrong = right.map((one, i) => (i >= 10 ? one : { ...one, total: 99, ...(i % 2 === 0 && { rating: null }) }));
  return [...wrong, ...[900, 901, 902].map((i) => ({ [key]: `h${i}`, total: 1, rating: 1 }))];
}

test.each(['_id', 'host_id'])('a swapped collection is put back, the key in %s', async (key) => {
  const target = `hosts_${key}`;
  const live = mongo.db().collection<Document>(target);
  await live.insertMany(documents(key));
  if (key !== '_id') await live.createIndex({ [key]: 1 }, { unique: true });
  // Documents of a new collection have an _id of their own, where that is not the key.
  const state = async () => {
    const found = await live
      .find({}, { promoteValues: false })
      .sort({ [key]: 1 })
      .toArray();
    return found.map(({ _id, ...document }) => (key === '_id' ? { _id, ...document } : document));
  };
  const before = await state();
  const config = configOf(target, key);
  const rebuilt = await rebuild(config, `docs.${target}`, { apply: true });
  expect(rebuilt.exitCode).toBe(0);
  expect(await live.countDocuments()).toBe(300);
  const after = await state();

  const undone = await undo(config, rebuilt.run, { apply: true });
  expect(undone.replicas[0]).toMatchObject({ outcomes: { restored: 22, moved: 0, refused: 0 }, left: [] });
  expect(undone.exitCode).toBe(0);
  expect(await state()).toEqual(before);
  expect((await undo(config, rebuilt.run, { apply: true })).replicas[0]!.outcomes).toMatchObject({ restored: 0 });

  expect((await undo(config, undone.run, { apply: true })).exitCode).toBe(0);
  expect(await state()).toEqual(after);
  expect((await check(config, { keep: false })).exitCode).toBe(0);
});

test('a document that could not be read is put back too; an undo of that has to leave it alone, and says why', async () => {
  const live = mongo.db().collection<Document>('unreadable');
  await live.insertMany(documents('_id'));
  await live.updateOne({ _id: 'h50' as never }, { $set: { total: 'many' } });
  const config = configOf('unreadable', '_id');
  const rebuilt = await rebuild(config, 'docs.unreadable', { apply: true });
  expect(await live.findOne({ _id: 'h50' as never })).toMatchObject({ total: 50 });
  const undone = await undo(config, rebuilt.run, { apply: true });
  expect(undone.replicas[0]!.outcomes).toMatchObject({ restored: 23, moved: 0, refused: 0 });
  expect(await live.findOne({ _id: 'h50' as never })).toMatchObject({ total: 'many' });
  const again = await undo(config, undone.run, { apply: true });
  expect(again.replicas[0]).toMatchObject({
    outcomes: { restored: 22, refused: 1 },
    left: [{ key: { id: 'h50' }, why: expect.stringContaining('total') }],
  });
});
