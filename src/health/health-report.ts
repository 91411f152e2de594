// What a health run found, and its exit code. Data only; the renderers format it. docs/health.md describes every field.

import type { AlertOutcome } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import type { Reading, Status } from './probe.ts';

export const HEALTH_SCHEMA = 'plumbline.health/1';

export interface ProbeReport {
  readonly name: string;
  readonly kind: string;
  /** A repair does not start while it is failed or unknown. */
  readonly gate: boolean;
  /** The worst of its readings. */
  readonly status: Status;
  /** It was given up when its time was up: whoever it asked may still be silent. */
  readonly timedOut?: true;
  readonly seconds: number;
  readonly readings: readonly Reading[];
}

export interface HealthReport {
  readonly schema: typeof HEALTH_SCHEMA;
  /** The run's id. */
  readonly run: string;
  /** The config file. */
  readonly config: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly probes: readonly ProbeReport[];
  /** What else is to be known of the run, one sentence each. */
  readonly notes?: readonly string[];
  readonly exitCode: number;
  /** Who was told of it, or should have been; absent where nothing was due. */
  readonly alerts?: readonly AlertOutcome[];
}

/** 0: nothing failed (a warning is no failure, unless `strict`), 1: something did, 3: something could not be asked. */
export function healthExit(probes: readonly Pick<ProbeReport, 'status'>[], strict = false): number {
  const has = (status: Status) => probes.some((probe) => probe.status === status);
  if (has('unknown')) return EXIT.incomplete;
  return has('failed') || (strict && has('warning')) ? EXIT.drift : EXIT.inSync;
}

/** The readings that make a probe what it is. */
export function worstReadings({ status, readings }: Pick<ProbeReport, 'status' | 'readings'>): readonly Reading[] {
  return readings.filter((reading) => reading.status === status);
}

/** Their words: `standby-1: lag 3.1 MB; standby-2: not connected`. */
export function worstWords(probe: Pick<ProbeReport, 'status' | 'readings'>): string {
  return worstReadings(probe)
    .map(({ subject, message }) => (subject === undefined ? message : `${subject}: ${message}`))
    .join('; ');
}
