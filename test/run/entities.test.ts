// What an entity and a scope may be: a query, filtered sides, chosen rows, conversions, keys that are not unique; and servers that die half-way.

import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, check, parseConfig, type RunOptions, reconcile } from '../../src/index.ts';
import { freshMongo, freshPostgres, sql } from '../databases.ts';
import { openLine } from '../line.ts';
import { findingsOf } from './georiesgo.ts';

let urls: { source: string; copy: string; docs: string };
let mongo: MongoClient;

beforeAll(async () => {
  urls = { source: await freshPostgres('18'), copy: await freshPostgres('15'), docs: freshMongo() };
  mongo = new MongoClient(urls.docs);
  await sql(
    urls.source,
    'create table host (id int primary key, name text); create table review (id int primary key, host_id int, stars int)',
  );
  await sql(urls.source, "insert into host select i, 'host ' || i from generate_series(1, 50) i");
  await sql(urls.source, 'insert into review select i, i % 50 + 1, i % 5 + 1 from generate_series(1, 1000) i');
});
afterAll(() => mongo.close());

function configOf(entities: string, env: Partial<typeof urls> = {}) {
  const text = `
source: { url: "\${SOURCE}" }
stores: { copy: { kind: postgres, url: "\${COPY}" }, docs: { kind: mongodb, url: "\${DOCS}" } }
entities:
${entities}`;
  const given = { ...urls, ...env };
  return parseConfig(text, '/nowhere/plumbline.yaml', { SOURCE: given.source, COPY: given.copy, DOCS: given.docs });
}

const run = (entities: string, options: RunOptions = {}) => check(configOf(entities), { keep: false, ...options });
const seen = (report: Awaited<ReturnType<typeof run>>) =>
  findingsOf(report)
    .map(
      (finding) =>
        `${finding.replica} ${finding.class} ${Object.values(finding.key)} ${finding.fields.map((field) => field.name)}`,
    )
    .sort();

test('a derived entity is compared and repaired like a table', async () => {
  const statistics = `
  statistics:
    sql: select host_id, count(*)::int as reviews, round(avg(stars), 2) as rating, array_agg(stars order by id) as recent from review group by host_id
    key: host_id
    replicas:
      - { store: docs, target: statistics, maxLag: 20ms, fields: { host_id: _id, rating: { tolerance: 0.005 } } }
      - { store: copy, target: statistics, maxLag: 20ms }`;
  await sql(urls.copy, 'create table statistics (host_id int primary key, reviews int, rating numeric, recent int[])');
  const rows = await sql(
    urls.source,
    'select host_id, count(*)::int as reviews, round(avg(stars), 2)::float8 as rating, array_agg(stars order by id) as recent from review group by host_id',
  );
  await mongo
    .db()
    .collection('statistics')
    .insertMany(rows.map(({ host_id, ...rest }) => ({ _id: host_id as never, ...rest })));
  for (const row of rows) await sql(urls.copy, 'insert into statistics values ($1, $2, $3, $4)', Object.values(row));
  expect(seen(await run(statistics))).toEqual([]);

  await mongo
    .db()
    .collection('statistics')
    .updateOne({ _id: 7 as never }, { $inc: { reviews: -1 } });
  await mongo
    .db()
    .collection('statistics')
    .updateOne({ _id: 8 as never }, { $inc: { rating: 0.001 } });
  await sql(urls.copy, 'update statistics set recent = array_append(recent, 9) where host_id = 10');
  const found = await run(statistics);
  expect(seen(found).map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
    'copy.statistics mismatched 10',
    'docs.statistics mismatched 7',
  ]);
  const repaired = await reconcile(configOf(statistics), { keep: false, apply: true });
  expect(repaired.exitCode).toBe(0);
  expect(
    await mongo
      .db()
      .collection('statistics')
      .findOne({ _id: 7 as never }),
  ).toMatchObject({ reviews: 20 });
});

test('`where` on either side, conversions and ignored columns', async () => {
  await sql(
    urls.source,
    `create table place (id int primary key, kind text, label text, note text);
    insert into place values (1, 'a', 'One', 'x'), (2, 'b', 'Two', 'y'), (3, 'a', 'Three', 'z')`,
  );
  await sql(
    urls.copy,
    `create table place (id int primary key, kind int, label text, origin text);
    insert into place values (1, 10, 'ONE', 'sync'), (3, 20, 'Three', 'sync'), (99, 10, 'Hand', 'manual')`,
  );
  const report = await run(`
  place:
    table: place
    where: kind = 'a'
    fields: { note: { ignore: true } }
    replicas:
      - { store: copy, maxLag: 20ms, where: origin = 'sync', fields: { kind: { map: { a: 10, b: 20 } }, label: { case: insensitive } } }`);
  expect(seen(report)).toEqual(['copy.place mismatched 3 kind']);
  expect(findingsOf(report)[0]!.fields).toEqual([{ name: 'kind', target: 'kind', source: '10', replica: '20' }]);
  const [replica] = report.replicas;
  expect(replica!.coverage).toMatchObject({ ignored: ['note'], orphans: true, fields: ['id', 'kind', 'label'] });
  expect(replica!.coverage.notes.join('; ')).toMatch(/kind = 'a'.*origin = 'sync'/);
});

test('--since takes the window by the source’s clock and can’t see orphans; --key and --sample look up too', async () => {
  for (const url of [urls.source, urls.copy])
    await sql(url, 'create table event (id int primary key, at timestamptz not null, v int)');
  for (const url of [urls.source, urls.copy])
    await sql(url, `insert into event select i, now() - i * interval '1 hour', i from generate_series(1, 300) i`);
  await sql(urls.copy, 'truncate event');
  const rows = await sql(urls.source, 'select id, at::text, v from event');
  for (const row of rows) await sql(urls.copy, 'insert into event values ($1, $2, $3)', Object.values(row));
  await sql(urls.copy, 'update event set v = -1 where id in (5, 200); insert into event values (999, now(), 1)');
  const event = `
  event: { table: event, version: at, replicas: [{ store: copy, maxLag: 20ms }] }`;
  const recent = await run(event, { since: 24 * 3_600_000 });
  expect(seen(recent)).toEqual(['copy.event mismatched 5 v']);
  expect(recent.replicas[0]).toMatchObject({
    strategy: 'lookup',
    coverage: { orphans: false, rows: '23 rows of the last 1d' },
  });
  expect(seen(await run(event, { keys: [['200'], ['6']] }))).toEqual(['copy.event mismatched 200 v']);
  expect(seen(await run(event, { keys: [['999']] }))).toEqual(['copy.event orphan 999 ']);
  await expect(run(event, { keys: [['nope']] })).rejects.toThrow(ConfigError);
  await expect(run(event, { keys: [['12345']] })).rejects.toThrow(/no such record/);
  expect(seen(await run(event, { sample: 1 }))).toEqual(['copy.event mismatched 200 v', 'copy.event mismatched 5 v']);
  expect(seen(await run(event))).toEqual([
    'copy.event mismatched 200 v',
    'copy.event mismatched 5 v',
    'copy.event orphan 999 ',
  ]);
});

test('a key that stands twice in the source is unread, not drift and not a match', async () => {
  for (const url of [urls.source, urls.copy])
    await sql(url, `create table twin (code text, v int); insert into twin values ('a', 1), ('b', 2)`);
  await sql(urls.source, `insert into twin values ('b', 3)`);
  const report = await run(`
  twin: { table: twin, key: code, replicas: [{ store: copy, maxLag: 20ms }] }`);
  expect(seen(report)).toEqual(['copy.twin unread b ']);
  expect(report.exitCode).toBe(3);
  // Sums could not tell two copies that cancel out: they are refused where the key may repeat.
  await expect(
    run(
      `
  twin: { table: twin, key: code, replicas: [{ store: copy }] }`,
      { memory: 10 },
    ),
  ).rejects.toThrow(/unique index/);
});

test('a source value without a word in the map is unread', async () => {
  for (const url of [urls.source, urls.copy]) await sql(url, `create table state (id int primary key, s text)`);
  await sql(urls.source, `insert into state values (1, 'on'), (2, 'new')`);
  await sql(urls.copy, `insert into state values (1, '1'), (2, 'new')`);
  const report = await run(`
  state: { table: state, replicas: [{ store: copy, maxLag: 20ms, fields: { s: { map: { on: 1, off: 0 } } } }] }`);
  expect(seen(report)).toEqual(['copy.state unread 2 ']);
});

describe('a server that dies half-way', () => {
  const cutAfter = async (target: string, bytes: number) => (await openLine(target, bytes)).url;

  beforeAll(async () => {
    const rows = `select i, md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) from generate_series(1, 20000) i`;
    for (const url of [urls.source, urls.copy])
      await sql(url, `create table big (id int primary key, v text); insert into big ${rows}; analyze big`);
    await mongo
      .db()
      .collection('big')
      .insertMany((await sql(urls.source, 'select id as _id, v from big')) as never);
  });
  const big = `
  big:
    table: big
    replicas: [{ store: copy, maxLag: 20ms }, { store: docs, maxLag: 20ms, fields: { id: _id } }]`;

  test.each([
    'copy',
    'docs',
  ] as const)('store %s: it is unproven, the other is proven, exit 3, no drift', async (store) => {
    const config = configOf(big, { [store]: await cutAfter(urls[store], store === 'docs' ? 300_000 : 12_000) });
    const report = await check(config, { keep: false });
    expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
    const statuses = Object.fromEntries(report.replicas.map((replica) => [replica.store, replica.status]));
    expect(statuses).toEqual({ copy: 'proven', docs: 'proven', [store]: 'unproven' });
    expect(findingsOf(report)).toEqual([]);
    expect(report.replicas.find((replica) => replica.store === store)!.error!.message).toMatch(/^(copy|docs)/);
  });

  test('the source: nothing is proven, exit 3, no drift', async () => {
    const config = configOf(big, { source: await cutAfter(urls.source, 60_000) });
    const report = await check(config, { keep: false });
    expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
    expect(findingsOf(report)).toEqual([]);
    expect(report.replicas.map((replica) => replica.status)).not.toContain('proven');
  });
});
