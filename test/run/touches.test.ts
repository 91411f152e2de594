// What a changed row touches: derived records are compared with it, alone, and repaired with it.

import { type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, check, parseConfig, reconcile, type VerifyOptions, verifySync } from '../../src/index.ts';
import { freshMongo, freshPostgres, sql } from '../databases.ts';

let urls: { source: string; copy: string; docs: string };
let mongo: MongoClient;

beforeAll(async () => {
  urls = { source: await freshPostgres('18'), copy: await freshPostgres('15'), docs: freshMongo() };
  mongo = new MongoClient(urls.docs);
  await sql(
    urls.source,
    'create table host (id int primary key, name text, changed_at timestamptz not null default now())',
  );
  await sql(
    urls.source,
    'create table review (id int primary key, host_id int, guest_id int, stars int, created_at timestamptz not null)',
  );
});
afterAll(() => mongo.close());

const statistics = () => mongo.db().collection<Document>('host_statistics');
const STATISTICS = 'select host_id, count(*)::int as total, sum(stars)::int as stars from review group by host_id';

/** 50 hosts with 20 reviews each; those of host 7 are of today, all others a year old. */
beforeEach(async () => {
  await sql(urls.source, 'truncate host, review');
  await sql(
    urls.source,
    "insert into host select i, 'host ' || i, now() - interval '1 year' from generate_series(1, 50) i",
  );
  await sql(
    urls.source,
    `insert into review select i, i % 50 + 1, i % 3, i % 5 + 1, now() - case when i % 50 = 6 then interval '1 hour' else interval '1 year' end
       from generate_series(1, 1000) i`,
  );
  await sql(
    urls.copy,
    'drop table if exists host; create table host (id int primary key, name text, changed_at timestamptz)',
  );
  for (const row of await sql(urls.source, 'select id, name, changed_at::text from host'))
    await sql(urls.copy, 'insert into host values ($1, $2, $3)', [row.id, row.name, row.changed_at]);
  await statistics().deleteMany({});
  const rows = await sql(urls.source, STATISTICS);
  await statistics().insertMany(rows.map(({ host_id, ...rest }) => ({ _id: host_id as never, ...rest })));
});

const TOUCHES = 'touches: { host_statistics: select distinct host_id from changed }';

function configOf(touches = TOUCHES, more = '') {
  const text = `
source: { url: "\${SOURCE}" }
stores: { copy: { kind: postgres, url: "\${COPY}" }, docs: { kind: mongodb, url: "\${DOCS}" } }
entities:
  host:
    table: host
    version: changed_at
    touches: { host_statistics: select id as host_id from changed }
    replicas: [{ store: copy, maxLag: 20ms }]
  review:
    table: review
    since: created_at
    ${touches}
  host_statistics:
    sql: ${STATISTICS}
    key: host_id
    replicas: [{ store: docs, maxLag: 20ms, fields: { host_id: _id } }]
${more}`;
  return parseConfig(text, '/nowhere/plumbline.yaml', { SOURCE: urls.source, COPY: urls.copy, DOCS: urls.docs });
}

const verify = (entity: string, key: string, options: VerifyOptions = {}) =>
  verifySync(configOf(), entity, [key], { keep: false, ...options });
const seen = (report: Awaited<ReturnType<typeof check>>) =>
  report.replicas
    .flatMap((replica) => replica.findings)
    .map(
      ({ replica, class: found, key, fields }) =>
        `${replica} ${found} ${Object.values(key)} ${fields.map(({ name }) => name)}`,
    )
    .sort();

describe('a window', () => {
  const DAY = { keep: false, since: 86_400_000 };

  test('holds the derived records of the rows in it, and no others', async () => {
    await statistics().updateMany({ _id: { $in: [7, 8] as never[] } }, { $set: { total: 1 } });
    const report = await check(configOf(), DAY);
    expect(report.problems).toEqual([]);
    expect(seen(report)).toEqual(['docs.host_statistics mismatched 7 total']);
    const [copy, docs] = report.replicas;
    expect(copy!.coverage.rows).toBe('0 rows of the last 1d');
    expect(docs!.coverage).toMatchObject({ rows: '1 rows touched by host and review of the last 1d', orphans: false });
    const mended = await reconcile(configOf(), { ...DAY, apply: true });
    expect(mended.exitCode).toBe(0);
    expect(await statistics().findOne({ _id: 7 as never })).toMatchObject({ total: 20 });
    expect(await statistics().findOne({ _id: 8 as never })).toMatchObject({ total: 1 });
  });

  test('goes by every entity that touches', async () => {
    await sql(urls.source, 'update host set changed_at = now() where id = 9');
    await statistics().deleteMany({ _id: { $in: [7, 8, 9] as never[] } });
    const report = await check(configOf(), { ...DAY, only: ['host_statistics'] });
    expect(seen(report)).toEqual(['docs.host_statistics missing 7 ', 'docs.host_statistics missing 9 ']);
  });

  test.each([
    ['a query that is none', 'touches: { host_statistics: selec 1 from changed }', /syntax error/],
    ['a query without the key', 'touches: { host_statistics: select id from changed }', /no column host_id/],
  ])('%s is a mistake in the configuration', async (_, touches, message) => {
    const failure = await check(configOf(touches), DAY).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect((failure as ConfigError).message).toMatch(message);
    expect((failure as ConfigError).problems[0]!.path).toBe('entities.review.touches.host_statistics');
  });

  test('an entity that nothing touches and that has no version can’t be cut', async () => {
    const guests = `  guests:
    sql: select guest_id, count(*)::int as total from review group by guest_id
    key: guest_id
    replicas: [{ store: docs, target: guests, fields: { guest_id: _id } }]`;
    await expect(check(configOf(TOUCHES, guests), DAY)).rejects.toThrow(/--since needs a version/);
  });

  test('an entity can touch only another one that there is', () => {
    expect(() => configOf('touches: { host_statistcs: select 1 }')).toThrow(/did you mean "host_statistics"/);
    expect(() => configOf('touches: { review: select 1 }')).toThrow(/does not touch itself/);
  });
});

describe('verify-sync', () => {
  test('looks at what the record touches as well', async () => {
    await statistics().updateOne({ _id: 7 as never }, { $set: { total: 19 } });
    const report = await verify('host', '7');
    expect(report.subject).toMatchObject({ entity: 'host', key: { id: '7' }, exists: true });
    expect(report.exitCode).toBe(1);
    expect(seen(report)).toEqual(['docs.host_statistics mismatched 7 total']);
    expect(report.replicas.map(({ name, records }) => [name, records])).toEqual([
      ['copy.host', [{ key: { id: '7' } }]],
      ['docs.host_statistics', [{ key: { host_id: '7' } }]],
    ]);
    expect(await verify('host', '8')).toMatchObject({ exitCode: 0, verdict: 'in sync' });
  });

  test('a record without copies of its own is still a way to what it touches', async () => {
    await statistics().deleteOne({ _id: 7 as never });
    const report = await verify('review', '6');
    expect(report.subject).toMatchObject({ exists: true, key: { id: '6' } });
    expect(seen(report)).toEqual(['docs.host_statistics missing 7 ']);
  });

  test('repairs these records and no others', async () => {
    await statistics().updateMany({ _id: { $in: [7, 8] as never[] } }, { $set: { total: 1 } });
    await sql(urls.copy, "update host set name = 'wrong' where id in (7, 8)");
    const report = await verify('host', '7', { apply: true });
    expect(report).toMatchObject({ exitCode: 0, verdict: 'in sync' });
    expect(report.replicas.map((replica) => replica.repair!.outcomes.written)).toEqual([1, 1]);
    expect(await statistics().findOne({ _id: 7 as never })).toMatchObject({ total: 20 });
    expect(await statistics().findOne({ _id: 8 as never })).toMatchObject({ total: 1 });
    expect(await sql(urls.copy, 'select id, name from host where id in (7, 8) order by id')).toEqual([
      { id: 7, name: 'host 7' },
      { id: 8, name: 'wrong' },
    ]);
    const again = await verify('host', '7', { apply: true });
    expect(again.replicas.map((replica) => replica.repair!.outcomes.written)).toEqual([0, 0]);
  });

  test('gives every field of both sides where that is asked for', async () => {
    await sql(urls.copy, "update host set name = 'wrong' where id = 7");
    await statistics().deleteOne({ _id: 7 as never });
    const report = await verify('host', '7', { fields: true });
    const [copy, docs] = report.replicas.map((replica) => replica.records![0]!.fields);
    expect(copy).toMatchObject([
      { name: 'name', source: 'host 7', replica: 'wrong', equal: false },
      { name: 'changed_at', equal: true },
    ]);
    expect(docs).toEqual([
      { name: 'total', target: 'total', source: '20', equal: false },
      { name: 'stars', target: 'stars', source: expect.any(String), equal: false },
    ]);
  });

  test('a key that stands nowhere is most likely mistyped', async () => {
    await expect(verify('host', '7000')).rejects.toThrow(/no such record/);
  });
});

describe('copies that are too many', () => {
  test.each([false, true])('the one that is nearest stays, the others go (wrong as well: %s)', async (isWrong) => {
    await mongo
      .db()
      .collection('twice')
      .drop()
      .catch(() => {});
    const twice = mongo.db().collection<Document>('twice');
    const [row] = await sql(urls.source, `select * from (${STATISTICS}) s where host_id = 7`);
    const near = isWrong ? { ...row, total: 3 } : row!;
    await twice.insertMany([
      { ...row, total: 1, stars: 1 },
      { ...near, nickname: 'kept' },
      { ...row, total: 2, stars: 2 },
    ]);
    const text = `
source: { url: "\${SOURCE}" }
stores: { docs: { kind: mongodb, url: "\${DOCS}" } }
entities:
  host_statistics:
    sql: select * from (${STATISTICS}) s where host_id = 7
    key: host_id
    replicas: [{ store: docs, target: twice, maxLag: 20ms }]`;
    const config = parseConfig(text, '/nowhere/plumbline.yaml', { SOURCE: urls.source, DOCS: urls.docs });
    const options = { keep: false, apply: true, maxPercent: 100 };
    const left = await reconcile(config, options);
    expect(left).toMatchObject({
      exitCode: 1,
      replicas: [{ repair: { left: { duplicate: 1 }, outcomes: { written: 0 } } }],
    });
    expect(await twice.countDocuments()).toBe(3);
    const mended = await reconcile(config, { ...options, deleteDuplicates: true });
    expect(mended).toMatchObject({ exitCode: 0, verdict: 'in sync' });
    expect(await twice.find({}, { projection: { _id: 0 } }).toArray()).toEqual([{ ...row, nickname: 'kept' }]);
  });
});
