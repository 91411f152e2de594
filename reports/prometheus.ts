// Metrics as Prometheus reads them, of probes and of the last runs of replicas: the one place that --format prometheus, --textfile and --serve
// have them from. Names of probes, replicas and stores stand in labels; no message and no value of a record does.

import type { HealthReport } from '../src/health/health-report.ts';
import { type Metric, type Reading, STATUSES } from '../src/health/probe.ts';
import type { LastRun } from '../src/report/last-run.ts';
import { FINDING_CLASSES } from '../src/report/report.ts';

const PREFIX = 'plumbline_';

export interface Measured {
  readonly health?: HealthReport;
  readonly lastRuns?: readonly LastRun[];
}

/** The text format 0.0.4. What was not measured has no line: an absent number is not a nought. */
export async function* prometheus({ health, lastRuns = [] }: Measured): AsyncGenerator<string> {
  const metrics = [...(health === undefined ? [] : healthMetrics(health)), ...lastRuns.flatMap(lastRunMetrics)];
  const families = new Map<string, Metric[]>();
  for (const metric of metrics) {
    if (!Number.isFinite(metric.value)) continue;
    const family = families.get(metric.name);
    if (family === undefined) families.set(metric.name, [metric]);
    else family.push(metric);
  }
  // Most commands never need it.
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  for (const [name, family] of families) {
    const labelNames = [...new Set(family.flatMap(({ labels = {} }) => Object.keys(labels)))];
    const settings = { name: `${PREFIX}${name}`, help: family[0]!.help, labelNames, registers: [registry] };
    if (name.endsWith('_total')) {
      const counter = new Counter(settings);
      for (const { labels = {}, value } of family) counter.inc(labels, value);
    } else {
      const gauge = new Gauge(settings);
      for (const { labels = {}, value } of family) gauge.set(labels, value);
    }
  }
  yield await registry.metrics();
}

function healthMetrics({ probes, startedAt, seconds, exitCode }: HealthReport): readonly Metric[] {
  return [
    { name: 'health_timestamp_seconds', help: 'When the probes were last asked.', value: Date.parse(startedAt) / 1000 },
    { name: 'health_duration_seconds', help: 'What asking all probes took.', value: seconds },
    {
      name: 'health_exit_code',
      help: 'The exit code of health: 0 all is well, 1 something fails, 3 unknown.',
      value: exitCode,
    },
    ...probes.flatMap(({ name: probe, kind, status, seconds, readings }) => [
      {
        name: 'probe_status',
        help: 'How a probe found it: 0 ok, 1 warning, 2 failed, 3 unknown.',
        value: STATUSES.indexOf(status),
        labels: { probe, kind },
      },
      { name: 'probe_duration_seconds', help: 'What asking a probe took.', value: seconds, labels: { probe, kind } },
      ...readings.flatMap((reading) => (reading.metrics ?? []).map((metric) => ofProbe(probe, reading, metric))),
    ]),
  ];
}

/** A reading's subject tells its numbers from those of the next, where the probe has no label for it. */
function ofProbe(probe: string, { subject }: Reading, metric: Metric): Metric {
  const labels = metric.labels ?? {};
  const told = subject === undefined || Object.values(labels).includes(subject);
  return { ...metric, labels: { probe, ...(told ? {} : { subject }), ...labels } };
}

function lastRunMetrics(run: LastRun): readonly Metric[] {
  const labels = { replica: run.replica, store: run.store, entity: run.entity, scope: run.scope };
  const of = (name: string, help: string, value: number, more?: Record<string, string>): Metric => ({
    name: `replica_${name}`,
    help,
    value,
    labels: { ...labels, ...more },
  });
  const { compared } = run;
  return [
    of('last_run_timestamp_seconds', 'When the last run of a replica ended.', Date.parse(run.endedAt) / 1000),
    of('last_run_duration_seconds', 'What the last run took for a replica.', run.seconds),
    of('last_run_exit_code', 'The exit code of the run: 0 in sync, 1 drift, 3 incomplete, 4 refused.', run.exitCode),
    of('proven', 'Whether the last run compared all that it was asked for.', Number(run.proven)),
    ...(compared === undefined
      ? []
      : [
          ...FINDING_CLASSES.map((name) =>
            of('findings', 'Records that the last run found to differ, before any repair.', compared.counts[name], {
              class: name,
            }),
          ),
          of('drifted_records', 'Drifted records that were left when the last run ended.', compared.remaining),
          of('repaired_records', 'Drifted records that the last run put right and read back.', compared.repaired),
          of('in_flight_records', 'Differences that healed while the last run looked.', compared.inFlight.count),
          of(
            'in_flight_lag_seconds',
            'The longest that one of them took to heal.',
            compared.inFlight.longestLag / 1000,
          ),
          of('source_rows', 'Rows that the last run read in the source.', compared.sourceRows),
          of('rows', 'Records that the last run read in the replica.', compared.replicaRows),
          of('orphans_seen', 'Whether records that the source lacks could be seen.', Number(compared.orphansSeen)),
          of('skipped_fields', 'Fields that should have been compared and were not.', compared.skippedFields),
        ]),
  ];
}
