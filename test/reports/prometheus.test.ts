// Metrics, read back by an independent parser: names, types, labels, and what was not measured has no line.

import { describe, expect, test } from 'vitest';
import { LAST_RUN_SCHEMA, type LastRun, lastRunsOf } from '../../src/report/last-run.ts';
import { samplesOf, textOf } from './prometheus.ts';
import { healthSamples } from './sample-health.ts';
import { samples as reports } from './sample-reports.ts';

const lastRun: LastRun = {
  schema: LAST_RUN_SCHEMA,
  replica: 'docs.incidents',
  entity: 'incidents',
  store: 'docs',
  scope: 'all',
  run: '20261122-020003-k3f9',
  command: 'reconcile',
  endedAt: '2026-11-22T02:01:00.500Z',
  seconds: 6.1,
  exitCode: 1,
  proven: true,
  compared: {
    sourceRows: 1_000_000,
    replicaRows: 999_988,
    counts: { missing: 12, stale: 0, ahead: 1, mismatched: 0, orphan: 0, duplicate: 0, unread: 0 },
    remaining: 1,
    repaired: 12,
    inFlight: { count: 37, longestLag: 410 },
    orphansSeen: true,
    skippedFields: 0,
  },
};
const labels = { replica: 'docs.incidents', store: 'docs', entity: 'incidents', scope: 'all' };

describe('of a health run', () => {
  test('each probe has a status and what it took, and its own numbers under its name', async () => {
    const text = await textOf({ health: healthSamples.sick });
    await expect(text).toMatchFileSnapshot('../golden/health-sick.prom');
    const samples = samplesOf(text);
    const status = samples.filter(({ name }) => name === 'plumbline_probe_status');
    expect(status.map(({ labels, value }) => [labels.probe, value])).toEqual([
      ['primary', 0],
      ['slots', 2],
      ['outbox', 1],
      ['embeddings', 2],
      ['backups', 3],
      ['cache', 0],
    ]);
    expect(samples).toContainEqual({
      name: 'plumbline_replication_lag_seconds',
      type: 'GAUGE',
      labels: { probe: 'primary', standby: 'ha2' },
      value: 0.031,
    });
  });

  test('a number of one of several subjects names it, once', async () => {
    const metric = (value: number, labels?: Record<string, string>) => [
      { name: 'queue_jobs', help: 'Jobs that wait.', value, labels },
    ];
    const readings = [
      { status: 'ok', subject: 'mail', message: '3 wait', metrics: metric(3) },
      { status: 'ok', subject: 'sms', message: '4 wait', metrics: metric(4, { queue: 'sms' }) },
    ] as const;
    const probes = [{ ...healthSamples.fine!.probes[0]!, name: 'queues', readings }];
    const samples = samplesOf(await textOf({ health: { ...healthSamples.fine!, probes } }));
    expect(samples.filter(({ name }) => name === 'plumbline_queue_jobs').map(({ labels }) => labels)).toEqual([
      { probe: 'queues', subject: 'mail' },
      { probe: 'queues', queue: 'sms' },
    ]);
  });

  test('what is no number is not measured', async () => {
    const metrics = [Number.NaN, Number.POSITIVE_INFINITY].map((value) => ({
      name: 'lost_total',
      help: 'Lost.',
      value,
    }));
    const readings = [{ status: 'unknown', message: '', metrics }] as const;
    const probes = [{ ...healthSamples.fine!.probes[0]!, readings }];
    const samples = samplesOf(await textOf({ health: { ...healthSamples.fine!, probes } }));
    expect(samples.map(({ name }) => name)).not.toContain('plumbline_lost_total');
  });

  test('what only grows is a counter', async () => {
    const samples = samplesOf(await textOf({ health: healthSamples.fine }));
    expect(samples).toContainEqual({
      name: 'plumbline_redis_evicted_keys_total',
      type: 'COUNTER',
      labels: { probe: 'cache' },
      value: 17,
    });
  });

  test('hostile names come back as they were, and no message is in it', async () => {
    const health = healthSamples.hostile!;
    const text = await textOf({ health });
    const [first] = samplesOf(text).filter(({ name }) => name === 'plumbline_probe_status');
    expect(first!.labels.probe).toBe(health.probes[0]!.name);
    expect(await textOf({ health: healthSamples.sick })).not.toContain('inactive');
  });
});

describe('of the last run of a replica', () => {
  test('findings by class, what is left, when, how long, how much was covered, and the exit code', async () => {
    const text = await textOf({ lastRuns: [lastRun] });
    await expect(text).toMatchFileSnapshot('../golden/last-run.prom');
    const samples = samplesOf(text);
    const value = (name: string, more = {}) =>
      samples.find(
        (one) => one.name === `plumbline_replica_${name}` && sorted(one.labels) === sorted({ ...labels, ...more }),
      )?.value;
    expect(value('findings', { class: 'missing' })).toBe(12);
    expect(value('findings', { class: 'stale' })).toBe(0);
    expect(value('drifted_records')).toBe(1);
    expect(value('last_run_timestamp_seconds')).toBe(Date.parse(lastRun.endedAt) / 1000);
    expect(value('last_run_exit_code')).toBe(1);
    expect(value('proven')).toBe(1);
    expect(value('in_flight_lag_seconds')).toBe(0.41);
  });

  test('a run that could not compare says so, and counts nothing', async () => {
    const samples = samplesOf(
      await textOf({ lastRuns: [{ ...lastRun, exitCode: 3, proven: false, compared: undefined }] }),
    );
    expect(samples.map(({ name, value }) => [name, value])).toEqual([
      ['plumbline_replica_last_run_timestamp_seconds', expect.any(Number)],
      ['plumbline_replica_last_run_duration_seconds', 6.1],
      ['plumbline_replica_last_run_exit_code', 3],
      ['plumbline_replica_proven', 0],
    ]);
  });

  test.each(Object.entries(reports))('of the report "%s" reads back', async (_name, report) => {
    const chosen = report.replicas.map(({ name, store, entity }) => ({ name, store, entity }));
    const lastRuns = lastRunsOf(report, [...chosen, { name: 'docs.absent', store: 'docs', entity: 'absent' }], 'all');
    const samples = samplesOf(await textOf({ lastRuns }));
    const proven = samples.filter(({ name }) => name === 'plumbline_replica_proven');
    expect(proven).toHaveLength(report.replicas.length + 1);
    expect(proven.at(-1)!.value).toBe(0);
    for (const { value } of samples) expect(value).not.toBeNaN();
  });
});

test('nothing measured is an empty text', async () => {
  expect((await textOf({})).trim()).toBe('');
});

function sorted(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort());
}
