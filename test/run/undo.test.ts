// undo: a run's writes are put back from its journal, in PostgreSQL and MongoDB; what changed since is left alone and named; an undo can be undone.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Config, parseConfig, reconcile, undo } from '../../src/index.ts';
import { freshMongo, freshPostgres, sql } from '../databases.ts';

let folder: string;
let source: string;
let copy: string;
let docs: MongoClient;
let docsUrl: string;

const variable = (name: string) => ['$', '{', name, '}'].join('');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  [source, copy] = [await freshPostgres('18'), await freshPostgres('15')];
  docsUrl = freshMongo();
  docs = await new MongoClient(docsUrl).connect();
});
afterAll(async () => {
  await docs?.db().dropDatabase();
  await docs?.close();
  await rm(folder, { recursive: true, force: true });
});

const COLUMNS = 'id text primary key, title text, amount int, secret text';

beforeEach(async () => {
  for (const url of [source, copy]) await sql(url, `drop table if exists things; create table things (${COLUMNS})`);
  await sql(source, "insert into things select 'r' || i, 'title ' || i, i, 'pw' || i from generate_series(1, 40) i");
  // 1-5 missing, 6-10 wrong, 41-43 too many; the copy has a column that nobody maps.
  await sql(copy, "alter table things add note text default 'by hand'");
  await sql(copy, "insert into things select 'r' || i, 'title ' || i, i, 'pw' || i from generate_series(6, 43) i");
  await sql(
    copy,
    "update things set title = 'wrong', amount = null, secret = 'old' where id in ('r6','r7','r8','r9','r10')",
  );
  await docs.db().collection('things').deleteMany({});
  const documents = Array.from({ length: 38 }, (_, i) => {
    const wrong = i < 5;
    const title = wrong ? 'wrong' : `title ${i + 6}`;
    return { _id: `r${i + 6}` as never, title, amount: i + 6, secret: wrong ? 'old' : `pw${i + 6}`, note: 'by hand' };
  });
  await docs.db().collection('things').insertMany(documents);
});

function config(key?: string, sensitive = false): Config {
  const fields = sensitive ? { secret: { sensitive: true } } : {};
  const file = {
    source: { url: variable('SOURCE') },
    stores: { copy: { kind: 'postgres', url: variable('COPY') }, docs: { kind: 'mongodb', url: variable('DOCS') } },
    entities: {
      things: {
        table: 'things',
        fields,
        replicas: [
          { store: 'copy', maxLag: '20ms' },
          { store: 'docs', maxLag: '20ms', fields: { id: '_id' } },
        ],
      },
    },
    ...(key === undefined ? {} : { journal: { key: variable('KEY') } }),
    folder,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), {
    SOURCE: source,
    COPY: copy,
    DOCS: docsUrl,
    KEY: key,
  });
}

async function state(): Promise<object> {
  const rows = await sql(copy, 'select * from things order by id');
  const documents = await docs.db().collection('things').find().sort({ _id: 1 }).toArray();
  return { rows, documents };
}

const repair = (own: Config) => reconcile(own, { apply: true, deleteOrphans: true, maxPercent: 100 });

test('a repair is put back as it was, unmapped fields included, and the undo of the undo repairs again', async () => {
  const before = await state();
  const repaired = await repair(config());
  expect(repaired.exitCode).toBe(0);
  expect(repaired.replicas.map(({ repair }) => repair?.journal)).toEqual([
    { writes: 13, withheld: 0 },
    { writes: 13, withheld: 0 },
  ]);
  const after = await state();

  const dry = await undo(config(), repaired.run);
  expect(dry).toMatchObject({ applied: false, exitCode: 0 });
  expect(dry.replicas.map(({ outcomes }) => outcomes.restored)).toEqual([13, 13]);
  expect(await state()).toEqual(after);

  const undone = await undo(config(), repaired.run.slice(-4), { apply: true });
  expect(undone).toMatchObject({ applied: true, exitCode: 0, undone: repaired.run });
  expect(undone.replicas.map(({ outcomes }) => outcomes)).toEqual([
    { restored: 13, unchanged: 0, moved: 0, refused: 0 },
    { restored: 13, unchanged: 0, moved: 0, refused: 0 },
  ]);
  expect(await state()).toEqual(before);

  expect((await undo(config(), repaired.run, { apply: true })).replicas[0]!.outcomes).toEqual({
    restored: 0,
    unchanged: 13,
    moved: 0,
    refused: 0,
  });
  expect((await undo(config(), undone.run, { apply: true })).exitCode).toBe(0);
  expect(await state()).toEqual(after);
});

test('a record that changed since is left alone and named', async () => {
  const repaired = await repair(config());
  await sql(copy, "update things set amount = 7 where id = 'r1'");
  await sql(copy, "delete from things where id = 'r6'");
  await sql(copy, "insert into things (id, title) values ('r41', 'somebody else')");
  const undone = await undo(config(), repaired.run, { apply: true, replicas: ['copy.things'] });
  expect(undone).toMatchObject({ exitCode: 1, replicas: [{ name: 'copy.things' }] });
  expect(undone.replicas[0]!.outcomes).toEqual({ restored: 10, unchanged: 0, moved: 3, refused: 0 });
  expect(undone.replicas[0]!.left.map(({ key }) => key.id).sort()).toEqual(['r1', 'r41', 'r6']);
  const left = await readFile(join(undone.folder!, 'left.ndjson'), 'utf8');
  expect(left.trim().split('\n')).toHaveLength(3);
  expect(await sql(copy, "select amount from things where id in ('r1', 'r41') order by id")).toEqual([
    { amount: 7 },
    { amount: null },
  ]);
});

test('one record of one replica', async () => {
  const repaired = await repair(config());
  const undone = await undo(config(), repaired.run, { apply: true, replicas: ['docs.things'], keys: [['r7']] });
  expect(undone.replicas).toMatchObject([{ name: 'docs.things', outcomes: { restored: 1 } }]);
  expect(
    await docs
      .db()
      .collection('things')
      .findOne({ _id: 'r7' as never }),
  ).toMatchObject({ title: 'wrong' });
  expect(
    await docs
      .db()
      .collection('things')
      .findOne({ _id: 'r8' as never }),
  ).toMatchObject({ title: 'title 8' });
});

test('sensitive values are nowhere in the journal; sealed they come back, without a key they can’t and it is said', async () => {
  const before = await state();
  const key = 'b'.repeat(64);
  const repaired = await repair(config(key, true));
  const journal = await readFile(join(repaired.folder!, 'journal.ndjson'), 'utf8');
  expect(journal).not.toMatch(/"pw\d+"|"old"/);
  expect((await undo(config(undefined, true), repaired.run, { apply: false })).exitCode).toBe(1);
  expect((await undo(config(key, true), repaired.run, { apply: true })).exitCode).toBe(0);
  expect(await state()).toEqual(before);

  const bare = await repair(config(undefined, true));
  expect(await readFile(join(bare.folder!, 'journal.ndjson'), 'utf8')).not.toMatch(/"pw\d+"|"old"/);
  // 5 updates and 3 deletions replace a secret; the 5 that were missing had none.
  expect(bare.replicas[0]!.repair!.journal).toEqual({ writes: 13, withheld: 8 });
  const undone = await undo(config(undefined, true), bare.run, { apply: true });
  expect(undone.exitCode).toBe(1);
  expect(undone.replicas[0]!.outcomes).toEqual({ restored: 5, unchanged: 0, moved: 0, refused: 8 });
  expect(undone.replicas[0]!.left[0]!.why).toMatch(/not kept/);
});

test('an update that replaced nothing sensitive is undone even where the record as a whole was not kept', async () => {
  await sql(copy, "update things set amount = 6, secret = 'pw6' where id = 'r6'");
  await docs
    .db()
    .collection('things')
    .updateOne({ _id: 'r6' as never }, { $set: { secret: 'pw6' } });
  const repaired = await repair(config(undefined, true));
  expect(repaired.replicas.map(({ repair }) => repair?.journal)).toEqual([
    { writes: 13, withheld: 7 },
    { writes: 13, withheld: 7 },
  ]);
  const undone = await undo(config(undefined, true), repaired.run, { apply: true, keys: [['r6'], ['r7']] });
  expect(undone.replicas.map(({ outcomes }) => outcomes)).toMatchObject([
    { restored: 1, refused: 1 },
    { restored: 1, refused: 1 },
  ]);
  const [row] = await sql(copy, "select title, note from things where id = 'r6'");
  expect(row).toEqual({ title: 'wrong', note: 'by hand' });
  expect(
    await docs
      .db()
      .collection('things')
      .findOne({ _id: 'r6' as never }),
  ).toMatchObject({ title: 'wrong', note: 'by hand' });
});

test('a line that a kill tore off is no entry, and the journal goes on behind it', async () => {
  const before = await state();
  const repaired = await repair(config());
  const path = join(repaired.folder!, 'journal.ndjson');
  await writeFile(path, `${await readFile(path, 'utf8')}{"type":"write","n":99,"repl`);
  expect((await undo(config(), repaired.run, { apply: true })).exitCode).toBe(0);
  expect(await state()).toEqual(before);
});

test('a run that wrote nothing, or that there is not, is a mistake', async () => {
  const dry = await reconcile(config(), {});
  await expect(undo(config(), dry.run)).rejects.toThrow(/wrote nothing/);
  await expect(undo(config(), 'zzzz')).rejects.toThrow(/there is no run zzzz/);
});
