// Since when each probe has been in its state, and what changed from one look to the next. Pure.

import type { HealthReport, ProbeReport } from './health-report.ts';
import type { Status } from './probe.ts';

export interface ProbeState {
  readonly status: Status;
  /** ISO 8601: the first look that found it so. */
  readonly since: string;
}

/** By probe. */
export type ProbeStates = ReadonlyMap<string, ProbeState>;

export interface ProbeChange {
  readonly probe: ProbeReport;
  /** Absent at the first look. */
  readonly from?: Status;
  /** ISO 8601. */
  readonly at: string;
}

export function nextStates(
  states: ProbeStates,
  { probes, startedAt: at }: HealthReport,
): { readonly states: ProbeStates; readonly changes: readonly ProbeChange[] } {
  const changed = probes.filter(({ name, status }) => states.get(name)?.status !== status);
  const next = new Map(states);
  for (const { name, status } of changed) next.set(name, { status, since: at });
  return { states: next, changes: changed.map((probe) => ({ probe, from: states.get(probe.name)?.status, at })) };
}
