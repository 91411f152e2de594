// While a writer changes the source and a replicator follows: no false drift, planted damage is still found, a repair never overwrites what is newer,
// and a hot record counts as in flight while its replica follows, as stale when the replicator is stopped.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reservedIncidents } from '../../fixtures/georiesgo/damages.ts';
import { startTraffic, type Traffic } from '../../fixtures/georiesgo/traffic.ts';
import { type Config, reconcile } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';
import { configOf } from './counter-config.ts';
import { checkAll, expectedWords, findingsOf, foundWords, type Georiesgo, openGeoriesgo } from './georiesgo.ts';

/** The stand-in for Oracle does one thing at a time: while a table of it is read, a change may wait for seconds. */
function withPatience(config: Config): Config {
  const entities = config.entities.map((entity) => ({
    ...entity,
    replicas: entity.replicas.map((replica) => (replica.store === 'legacy' ? { ...replica, maxLag: 10_000 } : replica)),
  }));
  return { ...config, entities };
}

describe('georiesgo under load, replicator up to 500 ms behind', () => {
  let georiesgo: Georiesgo;
  let config: Config;
  let traffic: Traffic;
  const rows = 3000;

  beforeAll(async () => {
    georiesgo = await openGeoriesgo(rows);
    config = withPatience(georiesgo.config);
    traffic = await startTraffic(georiesgo.urls, {
      writesPerSecond: 20,
      lag: 500,
      seed: 3,
      hotKeys: 2,
      avoid: reservedIncidents(7, rows),
    });
  });
  afterAll(async () => {
    await traffic.stop();
    await georiesgo.close();
  });

  test('20 checks, fewer on a busy machine, report no false drift', { timeout: 240_000 }, async () => {
    const started = performance.now();
    let inFlight = 0;
    for (let i = 0; i < 20 && (i < 5 || performance.now() - started < 60_000); i++) {
      const report = await checkAll(config, { only: ['incidents'] });
      expect(foundWords(report)).toEqual([]);
      expect(report).toMatchObject({ verdict: 'in sync', exitCode: 0 });
      inFlight += report.replicas.reduce((sum, replica) => sum + replica.inFlight.count, 0);
    }
    expect(inFlight).toBeGreaterThan(0); // there was something to be wrong about
  });

  test('damage planted under load is found, and only that', async () => {
    const chosen = georiesgo.damages.filter(
      (damage) =>
        /^\w+-incident-(missing|stale|orphan|ahead|by-hand)/.test(damage.name) && typeof damage.expect !== 'string',
    );
    expect(chosen.length).toBeGreaterThan(5);
    const planted = [];
    for (const damage of chosen) planted.push({ damage, planted: await damage.plant(georiesgo.native) });
    const report = await checkAll(config, { only: ['incidents'] });
    expect(foundWords(report)).toEqual(expectedWords(planted));
    expect(report.exitCode).toBe(1);
  });

  test('repair under load takes, and overwrites nothing newer; a second one writes nothing', {
    timeout: 180_000,
  }, async () => {
    const options = { only: ['incidents'], keep: false, apply: true, deleteOrphans: true, overwriteAhead: true };
    const first = await reconcile(config, options);
    expect(first).toMatchObject({ verdict: 'in sync', exitCode: 0 });
    expect(first.replicas.reduce((sum, replica) => sum + replica.repair!.outcomes.written, 0)).toBeGreaterThan(5);
    const second = await reconcile(config, options);
    for (const replica of second.replicas) expect(replica.repair!.outcomes.written).toBe(0);
    expect(second.exitCode).toBe(0);
    // The replicator is conditional on the version: had a repair put back an older row, the copies would differ for good.
    await traffic.stop();
    const settled = await checkAll(config, { only: ['incidents'] });
    expect(findingsOf(settled)).toEqual([]);
  });
});

describe.each([
  ['with a version', true],
  ['without a version', false],
])('a record that changes faster than we look, %s', (_, versioned) => {
  let source: pg.Client;
  let replica: pg.Client;
  let config: Config;
  let writing = true;
  let replicating = true;
  let loop: Promise<void>;

  beforeAll(async () => {
    const urls = { source: await freshPostgres('18'), replica: await freshPostgres('15') };
    for (const url of Object.values(urls))
      await sql(url, 'create table counters (id int primary key, n bigint, updated_at timestamptz)');
    for (const url of Object.values(urls))
      await sql(url, `insert into counters values (1, 0, '2026-01-01Z'), (2, 0, '2026-01-01Z')`);
    source = new pg.Client({ connectionString: urls.source });
    replica = new pg.Client({ connectionString: urls.replica });
    await Promise.all([source.connect(), replica.connect()]);
    config = configOf(urls, versioned, 1000);
    // About 200 writes a second; the replica is given each value some 60 ms later.
    loop = (async () => {
      const values: { at: number; row: unknown[] }[] = [];
      for (let n = 1; writing; n++) {
        const { rows } = await source.query(
          'update counters set n = $1, updated_at = clock_timestamp() where id = 1 returning n::text, updated_at::text',
          [n],
        );
        values.push({ at: Date.now() + 60, row: [rows[0].n, rows[0].updated_at] });
        while (replicating && values.length > 0 && values[0]!.at <= Date.now()) {
          const { row } = values.shift()!;
          await replica.query('update counters set n = $1, updated_at = $2 where id = 1', row);
        }
        await sleep(3);
      }
    })();
  });
  afterAll(async () => {
    writing = false;
    await loop;
    await Promise.all([source.end(), replica.end()]);
  });

  test('is in flight while its replica follows within maxLag', async () => {
    for (let i = 0; i < 5; i++) {
      const report = await checkAll(config);
      expect(findingsOf(report)).toEqual([]);
      expect(report.exitCode).toBe(0);
      expect(report.replicas[0]!.inFlight.longestLag).toBeLessThanOrEqual(1000 + 500);
    }
  });

  test('is drift when the replicator is stopped', async () => {
    replicating = false;
    await sleep(100);
    const report = await checkAll(config);
    expect(findingsOf(report).map((finding) => [finding.class, finding.key])).toEqual([
      [versioned ? 'stale' : 'mismatched', { id: '1' }],
    ]);
    expect(report.exitCode).toBe(1);
  });
});
