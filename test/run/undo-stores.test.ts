// undo in every store: a repair that inserts, updates and deletes is put back as the server held it before, to the last byte and the fields that
// nobody maps; the undo of the undo repairs again.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Config, check, parseConfig, type Report, reconcile, undo } from '../../src/index.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { freshPostgres, sql } from '../databases.ts';
import { startCassandra } from '../stores/cassandra-harness.ts';
import type { Harness, NativeRecord, Place } from '../stores/contract.ts';
import { field } from '../stores/contract-cases.ts';
import { startMongodb } from '../stores/mongodb-harness.ts';
import { toOtherSpelling } from '../stores/mongodb-native.ts';
import { startNeo4j } from '../stores/neo4j-harness.ts';
import { plainColumns, startOracle, textColumns } from '../stores/oracle-harness.ts';
import { startPostgres } from '../stores/postgres-harness.ts';
import { startRedis } from '../stores/redis-harness.ts';

const STORES: Readonly<Record<string, () => Promise<Harness>>> = {
  PostgreSQL: startPostgres('15'),
  MongoDB: startMongodb('field', toOtherSpelling),
  Cassandra: startCassandra,
  Oracle: startOracle(plainColumns),
  'Oracle, texts': startOracle(textColumns),
  'Neo4j, nodes': startNeo4j('node'),
  'Neo4j, relationships': startNeo4j('relationship'),
  'Redis, hashes': startRedis('hash'),
  'Redis, JSON': startRedis('json'),
};
const ROWS = 40;

let folder: string;
let source: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-undo-'));
  source = await freshPostgres('18');
  await sql(
    source,
    `create table things (id text primary key, title text, amount bigint, price numeric, seen_at timestamptz);
     insert into things select 'r' || i, 'title ' || i, 9007199254740993 + i, i + 0.25, timestamptz '2026-03-04 05:06:07.123Z' + i * interval '1 h'
       from generate_series(1, ${ROWS}) i;
     update things set title = null, price = null where id in ('r9', 'r10')`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const KEY = [field('id', { kind: 'text' }, { nullable: false })];
const mappingOf = ({ precision }: Harness): Mapping => ({
  key: KEY,
  fields: [
    field('title', { kind: 'text' }),
    field('amount', { kind: 'integer', bits: 64 }),
    field('price', { kind: 'decimal' }),
    field('seen_at', { kind: 'timestamp', precision }),
  ],
});

function recordOf(i: number): NativeRecord {
  const isNull = i === 9 || i === 10;
  const seenAt = new Date(Date.parse('2026-03-04T05:06:07.123Z') + i * 3_600_000).toISOString();
  return {
    key: [`r${i}`],
    values: [
      isNull ? null : `title ${i}`,
      String(9_007_199_254_740_993n + BigInt(i)),
      isNull ? null : `${i}.25`,
      `${seenAt.slice(0, -1)}000Z`,
    ],
    extra: `by hand ${i}`,
  };
}

/** 1-5 are missing, 6-10 differ, 41-43 are too many. */
function damaged(): NativeRecord[] {
  return Array.from({ length: ROWS - 2 }, (_, i) => recordOf(i + 6)).map((record, i) => {
    if (i >= 5) return record;
    const [title, amount, , seenAt] = record.values;
    const values = i % 2 === 0 ? ['wrong', null, '0.5', seenAt] : [title === null ? 'wrong' : null, amount, '7', null];
    return { ...record, values: values as NativeRecord['values'] };
  });
}

function configOf(harness: Harness, { config: words }: Place, more: object = {}): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const file = {
    source: { url: variable('SOURCE') },
    stores: { copies: { ...harness.config, url: variable('COPIES') } },
    entities: { things: { table: 'things', replicas: [{ store: 'copies', maxLag: '20ms', ...words }], ...more } },
    folder,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, COPIES: harness.url });
}

const repair = (config: Config) =>
  reconcile(config, { apply: true, deleteOrphans: true, deleteDuplicates: true, maxPercent: 100 });
const outcomesOf = ({ replicas }: { replicas: readonly { outcomes: object }[] }) => replicas[0]!.outcomes;

function expectRepaired(report: Report, written: number): void {
  expect(report.replicas[0]!.repair).toMatchObject({
    outcomes: { written, moved: 0, refused: 0 },
    journal: { withheld: 0 },
  });
  expect(report.exitCode).toBe(0);
}

describe.each(Object.entries(STORES))('%s', { timeout: 240_000 }, (_, start) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await start();
  }, 120_000);
  afterAll(() => harness?.close());

  test('a repair is put back as it was, and the undo of the undo repairs again', async () => {
    const place = await harness.makePlace(mappingOf(harness));
    await place.write(damaged());
    const config = configOf(harness, place);
    const before = await place.whole();

    const repaired = await repair(config);
    expectRepaired(repaired, 13);
    const after = await place.whole();
    expect(after).toHaveLength(ROWS);

    const undone = await undo(config, repaired.run, { apply: true });
    expect(outcomesOf(undone)).toEqual({ restored: 13, unchanged: 0, moved: 0, refused: 0 });
    expect(undone.exitCode).toBe(0);
    expect(await place.whole()).toEqual(before);
    expect(outcomesOf(await undo(config, repaired.run, { apply: true }))).toMatchObject({ unchanged: 13 });

    expect((await undo(config, undone.run, { apply: true })).exitCode).toBe(0);
    expect(await place.whole()).toEqual(after);
    expect((await check(config, { keep: false })).exitCode).toBe(0);
  });

  test('what changed since is left alone and named, the rest is put back', async () => {
    const place = await harness.makePlace(mappingOf(harness));
    await place.write(damaged());
    const config = configOf(harness, place);
    const repaired = await repair(config);
    await place.set(['r1'], 1, '7');
    await place.remove(['r6']);
    await place.write([{ key: ['r41'], values: ['somebody else', null, null, null] }]);
    const undone = await undo(config, repaired.run, { apply: true });
    expect(undone.exitCode).toBe(1);
    expect(outcomesOf(undone)).toEqual({ restored: 10, unchanged: 0, moved: 3, refused: 0 });
    expect(undone.replicas[0]!.left.map(({ key }) => key.id).sort()).toEqual(['r1', 'r41', 'r6']);
    const records = new Map((await place.read()).map((record) => [record.key[0], record]));
    expect(records.get('r1')!.values[1]).toBe('7');
    expect(records.has('r6')).toBe(false);
    expect(records.get('r41')!.values[0]).toBe('somebody else');
    expect(records.get('r42')!.extra).toBe('by hand 42');
  });

  test('records of one key that were too many come back, in each of their states', async (context) => {
    if (!harness.canDuplicate) return context.skip();
    const place = await harness.makePlace(mappingOf(harness), { unguarded: true });
    const all = Array.from({ length: ROWS }, (_, i) => recordOf(i + 1));
    const other = (i: number): NativeRecord => ({
      ...recordOf(i),
      values: ['other', null, null, null],
      extra: 'other',
    });
    // 1: a copy that is alike; 2: another one; 3: neither is right; 50: an orphan, twice.
    await place.write([
      ...all.filter((_, i) => i !== 2),
      recordOf(1),
      other(2),
      other(3),
      other(3),
      other(50),
      other(50),
    ]);
    const config = configOf(harness, place);
    const before = await place.whole();

    const repaired = await repair(config);
    expectRepaired(repaired, 4);
    expect(await place.whole()).toHaveLength(ROWS);

    const undone = await undo(config, repaired.run, { apply: true });
    expect(outcomesOf(undone)).toMatchObject({ moved: 0, refused: 0 });
    expect(await place.whole()).toEqual(before);

    expect((await undo(config, undone.run, { apply: true })).exitCode).toBe(0);
    expect((await check(config, { keep: false })).exitCode).toBe(0);
  });
});
