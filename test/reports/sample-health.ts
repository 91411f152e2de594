// Health reports as the renderers get them: all well, the first screen that one should see, warnings alone, and hostile text.

import { HEALTH_SCHEMA, type HealthReport, healthExit, type ProbeReport } from '../../src/health/health-report.ts';
import { type Reading, worstOf } from '../../src/health/probe.ts';

function probe(name: string, kind: string, ...readings: Reading[]): ProbeReport {
  return {
    name,
    kind,
    gate: false,
    status: worstOf(readings.map(({ status }) => status)),
    seconds: 0.012,
    readings,
  };
}

function report(probes: readonly ProbeReport[], more: Partial<HealthReport> = {}): HealthReport {
  return {
    schema: HEALTH_SCHEMA,
    run: '20261122-020003-k3f9',
    config: 'plumbline.yaml',
    startedAt: '2026-11-22T02:00:03.412Z',
    seconds: 3.004,
    probes,
    exitCode: healthExit(probes),
    ...more,
  };
}

const primary = probe('primary', 'replication', {
  status: 'ok',
  message: 'primary, 1 standby streaming, lag 0.4 MB / 31 ms',
  metrics: [
    { name: 'replication_lag_bytes', help: 'WAL that a standby has yet to replay.', value: 419_430 },
    { name: 'replication_lag_seconds', help: 'How far a standby trails.', value: 0.031, labels: { standby: 'ha2' } },
  ],
});
const slots = probe(
  'slots',
  'slots',
  { status: 'ok', subject: 'physical_slot_1', message: 'active, holding 0.4 MB of WAL' },
  {
    status: 'failed',
    subject: 'physical_slot_2',
    message: 'inactive for 3 h, holding 18.2 GB of WAL (limit 5 GB)',
    hint: 'drop it or bring its standby back: the disk fills in about 9 h at this rate',
    metrics: [{ name: 'slot_retained_bytes', help: 'WAL that a slot holds back.', value: 18.2e9 }],
  },
);
const outbox = probe('outbox', 'outbox', {
  status: 'warning',
  message: '214 unprocessed, oldest 6 min 12 s (warns at 5 min)',
});
const embeddings = probe('embeddings', 'coverage', {
  status: 'failed',
  message: '0 of 4,704 episodes have one (wants 99 %)',
});
const backups = probe('backups', 'backups', { status: 'unknown', message: 'timed out after 3 s' });
const cache = probe('cache', 'redis', {
  status: 'ok',
  message: '1,204 keys, 12 MB, hit ratio 94 %',
  metrics: [{ name: 'redis_evicted_keys_total', help: 'Keys evicted since the server started.', value: 17 }],
});

const HOSTILE = `a\u001b[2J"b\\\u202e|<b>*_\n\u200b漢字 ${'x'.repeat(130)} ${'漢'.repeat(70)}`;
const manySubjects = Array.from(
  { length: 30 },
  (_, i): Reading => ({ status: 'ok', subject: `queue-${i}`, message: 'nothing waits' }),
);

export const healthSamples: Readonly<Record<string, HealthReport>> = {
  fine: report([primary, cache]),
  sick: report([primary, slots, outbox, embeddings, backups, cache]),
  warned: report([primary, outbox], { notes: ['Only two probes were asked.'] }),
  unknown: report([backups, cache]),
  hostile: report(
    [
      probe(`${HOSTILE}`, 'query', { status: 'failed', subject: HOSTILE, message: HOSTILE, hint: HOSTILE }),
      probe('queues', 'queue', { status: 'warning', message: 'one of many' }, ...manySubjects),
    ],
    { config: `/srv/${HOSTILE}.yaml`, notes: [HOSTILE] },
  ),
};
