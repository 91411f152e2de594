// Runs the probes all at once, each within its own time. Whatever keeps one from an answer is a reading: `unknown`, with the reason.

import type { Config, ProbeConfig } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { unknownReading } from './each.ts';
import type { ProbeReport } from './health-report.ts';
import { type ProbeDefinition, type Reading, worstOf } from './probe.ts';
import type { Servers } from './servers.ts';

export interface ProbeRun {
  readonly config: Config;
  readonly kinds: ReadonlyMap<string, ProbeDefinition>;
  readonly servers: Servers;
  readonly now: Date;
  readonly signal?: AbortSignal;
}

/** In the order of `probes`. Throws a ConfigError for what only a server could tell was wrong with the file. */
export async function runProbes(probes: readonly ProbeConfig[], run: ProbeRun): Promise<readonly ProbeReport[]> {
  const reports = await Promise.all(probes.map((probe) => runProbe(probe, run)));
  return reports.map((report, i) => explained(report, probes[i]!.dependsOn, reports));
}

/** One fault is one failure: what follows from another probe's failure is no more than a warning, and says so. */
function explained(report: ProbeReport, dependsOn: readonly string[], all: readonly ProbeReport[]): ProbeReport {
  const fails = ({ status }: Reading) => status === 'failed';
  const cause = all.find(({ name, readings }) => dependsOn.includes(name) && readings.some(fails));
  if (cause === undefined || !report.readings.some(fails)) return report;
  const readings = report.readings.map((reading): Reading => {
    if (!fails(reading)) return reading;
    return {
      ...reading,
      status: 'warning',
      message: `${reading.message} (while ${cause.name} fails)`,
      hint: undefined,
    };
  });
  return { ...report, readings, status: worstOf(readings.map(({ status }) => status)) };
}

async function runProbe(probe: ProbeConfig, { config, kinds, servers, now, signal }: ProbeRun): Promise<ProbeReport> {
  const started = performance.now();
  const timer = new AbortController();
  const stopClock = startClock(probe.timeout, () => timer.abort());
  const ending = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
  const context = { name: probe.name, config, servers, signal: ending, timeout: probe.timeout, now };
  let readings: readonly Reading[];
  const isLate = () => ending.aborted && !signal?.aborted;
  try {
    // A driver may not look at the signal: nobody waits for it.
    readings = await Promise.race([kinds.get(probe.kind)!.run(probe.options, context), aborted(ending)]);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    readings = [unknownReading(error, isLate() ? late(probe.timeout) : signal?.aborted ? 'interrupted' : undefined)];
  } finally {
    stopClock();
  }
  const shown = probe.hint === undefined ? readings : readings.map((reading) => withHint(reading, probe.hint!));
  return {
    name: probe.name,
    kind: probe.kind,
    gate: probe.gate,
    status: worstOf(shown.map(({ status }) => status)),
    ...(isLate() && { timedOut: true as const }),
    seconds: (performance.now() - started) / 1000,
    readings: shown,
  };
}

/** What this process was too busy to hear in time, with drivers to load, is not held against a server: once more it listens as long as it was late. */
function startClock(milliseconds: number, onEnd: () => void): () => void {
  const due = performance.now() + milliseconds;
  let timer = setTimeout(() => {
    // A timer may fire a fraction of a millisecond early.
    timer = setTimeout(onEnd, Math.min(Math.max(0, performance.now() - due), milliseconds));
  }, milliseconds);
  return () => clearTimeout(timer);
}

/** A probe that looks at several things then still says which of them have an answer. */
const GRACE_MS = 100;

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => setTimeout(() => reject(signal.reason), GRACE_MS);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

function late(milliseconds: number): string {
  return `timed out after ${milliseconds < 1000 ? `${milliseconds} ms` : `${milliseconds / 1000} s`}`;
}

/** The user's own word on what to do comes before ours. */
function withHint(reading: Reading, hint: string): Reading {
  return reading.status === 'ok' ? reading : { ...reading, hint };
}
