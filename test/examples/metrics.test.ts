// Every metric that an alert, a test of one or a panel names is one that a real run exports: of probes on a primary with a standby and on a folder of
// backups, and of a check and a repair.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type LocalEngine, startLocalEngine, startStandby } from '../../engines/engines.ts';
import { parseConfig } from '../../src/index.ts';
import { check } from '../../src/run/check.ts';
import { health } from '../../src/run/health.ts';
import { readLastRuns } from '../../src/run/last-runs.ts';
import { freshFolder } from '../commands/plumbline.ts';
import { freshRedis, sql } from '../databases.ts';
import { backupSet, writeSidecars } from '../health/backups/backup-set.ts';
import { openQueue } from '../queues.ts';
import { samplesOf, textOf } from '../reports/prometheus.ts';
import { metricsIn } from './promql.ts';
import { examples } from './tools.ts';

const cache = freshRedis();
const variable = (name: string) => ['$', '{', name, '}'].join('');
let servers: LocalEngine[] = [];
let exported: ReadonlySet<string>;

beforeAll(async () => {
  const primary = await startLocalEngine({ kind: 'postgres', version: '18', name: 'metrics-primary' });
  servers = [primary];
  const standby = await startStandby(primary, { name: 'metrics-standby', slot: 'metrics' });
  servers.push(standby);
  await sql(
    primary.url,
    `create table orders (id int primary key); insert into orders values (1);
     create table outbox (id int primary key, aggregate_type text, aggregate_id text, created_at timestamptz, processed_at timestamptz)`,
  );
  const jobs = openQueue('bullmq', cache, 'sync');
  await jobs.add({ entityType: 'orders', id: 1 });
  const [folder, backups] = await Promise.all([freshFolder(), backupSet()]);
  await writeSidecars(backups);
  const file = {
    source: { url: variable('PRIMARY') },
    stores: {
      standby: { kind: 'postgres', url: variable('STANDBY') },
      cache: { kind: 'redis', url: variable('CACHE') },
    },
    entities: { orders: { table: 'orders', replicas: [{ store: 'standby' }] } },
    queues: {
      sync: { store: 'cache', prefix: cache.prefix, jobs: { entity: 'data.entityType', key: 'data.id' } },
    },
    outbox: { table: 'outbox' },
    health: {
      timeout: '20s',
      probes: {
        primary: { kind: 'replication', server: 'source' },
        replay: { kind: 'standby', server: 'standby' },
        slots: { kind: 'slots', server: 'source' },
        nightly: { kind: 'backups', folder: backups.folder, pattern: 'ha-{kind}-{time}.dump' },
        jobs: { kind: 'queue', queue: 'sync' },
        events: { kind: 'outbox' },
        orders: { kind: 'query', server: 'source', query: 'select count(*) from orders' },
      },
    },
  };
  const env = { PRIMARY: primary.url, STANDBY: standby.url, CACHE: cache.url };
  const config = parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), env);
  await check(config);
  const [report, lastRuns] = [await health(config), await readLastRuns(config)];
  expect(report.probes.filter(({ status }) => status === 'unknown')).toEqual([]);
  exported = new Set(samplesOf(await textOf({ health: report, lastRuns })).map(({ name }) => name));
}, 300_000);

afterAll(() => Promise.all(servers.map((server) => server.stop())));

test('alerts and their tests name only metrics that are exported', async () => {
  const { groups } = parse(await readFile(join(examples, 'prometheus/rules.yml'), 'utf8'));
  const rules = groups.flatMap(({ rules }: { rules: { expr: string }[] }) => rules.map(({ expr }) => expr));
  const tests = await Promise.all(
    ['health.test.yml', 'drift.test.yml'].map(async (name) =>
      parse(await readFile(join(examples, 'prometheus', name), 'utf8')),
    ),
  );
  const series = tests.flatMap(({ tests }) =>
    tests.flatMap(({ input_series }: { input_series: { series: string }[] }) =>
      input_series.map(({ series }) => series),
    ),
  );
  expect(notExported([...rules, ...series])).toEqual([]);
});

test('panels and the choice of a replica name only metrics that are exported', async () => {
  const { panels, templating } = JSON.parse(await readFile(join(examples, 'grafana/plumbline.json'), 'utf8'));
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }: { expr: string }) => expr));
  const choices = templating.list.flatMap(
    ({ query }: { query: string }) => /^label_values\((\w+),/.exec(query)?.slice(1) ?? [],
  );
  expect(choices).toHaveLength(1);
  expect(expressions.length).toBeGreaterThan(20);
  expect(notExported([...expressions, ...choices])).toEqual([]);
});

/** But for what Prometheus itself says of each target. */
function notExported(expressions: readonly string[]): string[] {
  const named = new Set(expressions.flatMap(metricsIn));
  named.delete('up');
  return [...named].filter((name) => !exported.has(name));
}
