// The verdict and the exit code, from what was found. The one place that knows the table of exit codes.

import { type ReplicaReport, type Report, type RunProblem, remainingDrift } from './report.ts';

export const EXIT = { inSync: 0, drift: 1, usage: 2, incomplete: 3, refused: 4, locked: 5 } as const;

export type Verdict = Pick<Report, 'verdict' | 'exitCode'>;

/** A match that could not be looked at is no match, whatever else was proven. */
export function isUnproven(replica: ReplicaReport): boolean {
  return replica.status === 'unproven' || replica.counts.unread > 0 || replica.coverage.skipped.length > 0;
}

/** `refused`: a safety limit said no before the first write. Incomplete wins over drift, a refusal over both. */
export function verdictOf(
  replicas: readonly ReplicaReport[],
  problems: readonly RunProblem[],
  refused: boolean,
  allowed: Report['allowed'] = {},
): Verdict {
  const unproven = replicas.some(isUnproven);
  if (refused) return { verdict: 'refused', exitCode: EXIT.refused };
  if (unproven || problems.length > 0) return { verdict: 'incomplete', exitCode: EXIT.incomplete };
  if (replicas.some((replica) => remainingDrift(replica) > 0))
    return { verdict: 'drift', exitCode: isAllowed(replicas, allowed) ? EXIT.inSync : EXIT.drift };
  return { verdict: 'in sync', exitCode: EXIT.inSync };
}

/** `rows`: of all replicas together; `percent`: of the larger side of each. */
function isAllowed(replicas: readonly ReplicaReport[], { rows, percent }: NonNullable<Report['allowed']>): boolean {
  if (rows === undefined && percent === undefined) return false;
  const drift = replicas.map(remainingDrift);
  if (rows !== undefined && drift.reduce((sum, count) => sum + count, 0) > rows) return false;
  return replicas.every(({ sourceRows, replicaRows }, i) => {
    const size = Math.max(sourceRows ?? 0, replicaRows ?? 0, 1);
    return percent === undefined || (100 * drift[i]!) / size <= percent;
  });
}
