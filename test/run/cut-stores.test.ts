// Every kind of store, its line cut in the middle of a check, a repair and a rebuild: the run ends with exit code 3 and says which replica is unproven,
// nothing is lost or half-written, and a second run completes.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Config, check, parseConfig, type Report, rebuild, reconcile } from '../../src/index.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { freshPostgres, sql } from '../databases.ts';
import { openLine } from '../line.ts';
import { startCassandra } from '../stores/cassandra-harness.ts';
import type { Harness, NativeRecord, Place } from '../stores/contract.ts';
import { field } from '../stores/contract-cases.ts';
import { startMongodb } from '../stores/mongodb-harness.ts';
import { startNeo4j } from '../stores/neo4j-harness.ts';
import { startOracle } from '../stores/oracle-harness.ts';
import { startPostgres } from '../stores/postgres-harness.ts';
import { startRedis } from '../stores/redis-harness.ts';

const RECORDS = 3000;
const mapping: Mapping = {
  key: [field('id', { kind: 'text' })],
  fields: [field('title', { kind: 'text' }), field('amount', { kind: 'integer', bits: 32 })],
};
const records: NativeRecord[] = Array.from({ length: RECORDS }, (_, i) => ({
  key: [`r${i}`],
  values: [`title ${i} ${'x'.repeat(100)}`, String(i)],
}));

const variable = (name: string) => ['$', '{', name, '}'].join('');
let source: string;

beforeAll(async () => {
  source = await freshPostgres('18');
  await sql(source, 'create table things (id text primary key, title text, amount int)');
  await sql(
    source,
    `insert into things select 'r' || i, 'title ' || i || ' ' || repeat('x', 100), i from generate_series(0, ${RECORDS - 1}) i; analyze things`,
  );
});

const STORES: Readonly<Record<string, () => Promise<Harness>>> = {
  postgres: startPostgres('15'),
  mongodb: startMongodb('field'),
  cassandra: startCassandra,
  oracle: startOracle(),
  neo4j: startNeo4j('node'),
  redis: startRedis('hash'),
};

describe.each(Object.keys(STORES))('%s', (kind) => {
  let harness: Harness;
  let place: Place;

  beforeAll(async () => {
    harness = await STORES[kind]!();
  }, 120_000);
  afterAll(() => harness?.close());

  async function configOf(url: string): Promise<Config> {
    const file = {
      source: { url: variable('SOURCE') },
      stores: { copies: { ...harness.config, url: variable('URL') } },
      entities: { things: { table: 'things', replicas: [{ store: 'copies', maxLag: '20ms', ...place.config }] } },
    };
    return parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', { SOURCE: source, URL: url });
  }

  /** The run that the line is cut in, when the first batch of it is through or so many bytes have come. */
  async function cutRun(
    start: (config: Config, onBatch: () => void) => Promise<Report>,
    cutAfter?: number,
  ): Promise<Report> {
    const line = await openLine(harness.url, cutAfter);
    const report = await start(await configOf(line.url), line.cut);
    expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
    expect(report.replicas).toMatchObject([
      { status: 'unproven', error: { message: expect.stringMatching(/copies/) } },
    ]);
    return report;
  }

  const inOrder = (found: readonly NativeRecord[]) =>
    [...found].sort((a, b) => Number(a.key[0]!.slice(1)) - Number(b.key[0]!.slice(1)));
  const options = { keep: false, batch: 200, apply: true, maxPercent: 100 };

  test('check', { timeout: 120_000 }, async () => {
    place = await harness.makePlace(mapping);
    await place.write(records);
    const report = await cutRun((config) => check(config, { keep: false }), kind === 'postgres' ? 12_000 : 200_000);
    expect(report.replicas[0]!.findings).toEqual([]);
    expect(await check(await configOf(harness.url), { keep: false })).toMatchObject({
      verdict: 'in sync',
      exitCode: 0,
    });
  });

  test.each(['repair', 'rebuild'])('%s', { timeout: 120_000 }, async (command) => {
    place = await harness.makePlace(mapping);
    // Half of the records, some of them wrong, and some that the source does not have.
    const wrong = records
      .slice(0, RECORDS / 2)
      .map((record, i) => (i % 4 === 0 ? { ...record, values: ['wrong', '0'] } : record));
    await place.write([...wrong, ...[1, 2, 3].map((i) => ({ key: [`r${RECORDS + i}`], values: ['extra', '1'] }))]);
    const run = (config: Config, onBatch?: () => void) => {
      const onEvent = (event: { type: string; records?: number }) => {
        if (event.type === 'repaired' && event.records! >= 400) onBatch?.();
      };
      if (command === 'repair') return reconcile(config, { ...options, deleteOrphans: true, onEvent });
      const [name] = config.entities.flatMap((entity) => entity.replicas.map((replica) => replica.name));
      return rebuild(config, name!, { keep: false, batch: 200, apply: true, onEvent });
    };
    await cutRun(run);
    // What stands there is what stood there before or what the source has, record for record.
    const before = new Map(wrong.map((record) => [record.key[0], record.values]));
    for (const { key, values } of await place.read()) {
      const index = Number(key[0]!.slice(1));
      if (index >= RECORDS) expect(values).toEqual(['extra', '1']);
      else expect([before.get(key[0]!), records[index]!.values]).toContainEqual(values);
    }
    expect(await run(await configOf(harness.url))).toMatchObject({ verdict: 'in sync', exitCode: 0 });
    expect(inOrder(await place.read())).toEqual(records);
  });
});
