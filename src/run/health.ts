// health: asks every probe of the config at once and reports. Writes nothing.

import { topicsOfHealth, worstTopic } from '../alerts/topics.ts';
import type { Config, ProbeConfig } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import { ConfigError } from '../errors.ts';
import { HEALTH_SCHEMA, type HealthReport, healthExit, type ProbeReport } from '../health/health-report.ts';
import type { Reading } from '../health/probe.ts';
import { probeKinds } from '../health/probe-kinds.ts';
import { runProbes } from '../health/run-probes.ts';
import { Servers } from '../health/servers.ts';
import { storeKinds } from '../stores/registry.ts';
import type { StoreDefinition } from '../stores/store.ts';
import { alert, alertProblems, exitWithAlerts } from './alert.ts';
import type { RunListener } from './events.ts';
import { makeRunId } from './run-folder.ts';

export interface HealthOptions {
  /** Names of probes; empty or absent: all. */
  readonly only?: readonly string[];
  /** Only the probes that a repair waits for. */
  readonly gates?: boolean;
  /** A warning counts as a failure. */
  readonly strict?: boolean;
  /** True: tells the receivers that the config names under `alerts`. Default false. */
  readonly alerts?: boolean;
  readonly kinds?: readonly StoreDefinition[];
  readonly signal?: AbortSignal;
  readonly onEvent?: RunListener;
}

const ONLY_REACHABLE =
  'No probes are written under health.probes, so only whether each server answers was asked. docs/health.md has every kind.';

/** Throws a ConfigError for names that are no probes; what a server does wrong is in the report. */
export async function health(config: Config, options: HealthOptions = {}): Promise<HealthReport> {
  const started = performance.now();
  const now = new Date();
  const run = makeRunId(now);
  options.onEvent?.({ type: 'run', run, command: 'health' });
  const probes = await askProbes(config, chosenProbes(config, options), options);
  const report: HealthReport = {
    schema: HEALTH_SCHEMA,
    run,
    config: config.file,
    startedAt: now.toISOString(),
    seconds: (performance.now() - started) / 1000,
    probes,
    notes: config.health.assumed ? [ONLY_REACHABLE] : undefined,
    exitCode: healthExit(probes, options.strict),
  };
  return tellOfHealth(config, report, options);
}

/** The report, with who was told of it. */
export async function tellOfHealth(
  config: Config,
  report: HealthReport,
  options: Pick<HealthOptions, 'alerts' | 'signal' | 'onEvent'>,
): Promise<HealthReport> {
  const { run, exitCode } = report;
  const topics = topicsOfHealth(report);
  const told = { run, command: 'health' as const, verdict: worstTopic(topics), exitCode, folder: null };
  const alerts = await alert(config, told, topics, options);
  if (alerts.length === 0) return report;
  const notes = alertProblems(alerts).map(({ where, message, hint }) => {
    return `${where}: ${message}${hint === undefined ? '' : `. ${hint}`}`;
  });
  return { ...report, notes: [...(report.notes ?? []), ...notes], exitCode: exitWithAlerts(exitCode, alerts), alerts };
}

/** Asks these probes at once, on connections of their own. What they say is free of secrets. */
export async function askProbes(
  config: Config,
  probes: readonly ProbeConfig[],
  { kinds: own, signal }: Pick<HealthOptions, 'kinds' | 'signal'>,
): Promise<readonly ProbeReport[]> {
  const stores = storeKinds(own);
  const kinds = new Map([...probeKinds(stores)].map(([kind, { definition }]) => [kind, definition]));
  const servers = new Servers(config, stores);
  try {
    const reports = await runProbes(probes, { config, kinds, servers, now: new Date(), signal });
    const redact = makeRedactor(configSecrets(config));
    return reports.map((probe) => ({ ...probe, readings: probe.readings.map((reading) => redacted(reading, redact)) }));
  } finally {
    await servers.close();
  }
}

/** At least one: an answer of no probe at all would read as health. */
export function chosenProbes({ health: { probes }, file }: Config, { only = [], gates = false }: HealthOptions) {
  const absent = only.filter((name) => probes.every((probe) => probe.name !== name));
  if (absent.length > 0) {
    const hint = `Probes: ${probes.map(({ name }) => name).join(', ')}.`;
    throw new ConfigError(
      absent.map((name) => ({ path: 'probe', message: `no probe is named ${JSON.stringify(name)}`, hint })),
      file,
    );
  }
  const chosen = probes.filter((probe) => (only.length === 0 || only.includes(probe.name)) && (!gates || probe.gate));
  if (chosen.length > 0) return chosen;
  const hint = 'Say `gate: true` in those that a repair has to wait for.';
  throw new ConfigError([{ path: 'health.probes', message: 'none of the probes is a gate', hint }], file);
}

function redacted(reading: Reading, redact: (text: string) => string): Reading {
  return { ...reading, message: redact(reading.message), hint: reading.hint && redact(reading.hint) };
}
