// The verdict and the exit code, from what was found. The one place that knows the table of exit codes.

import { type ReplicaReport, type Report, type RunProblem, remainingDrift } from './report.ts';

export const EXIT = { inSync: 0, drift: 1, usage: 2, incomplete: 3, refused: 4, locked: 5 } as const;

export type Verdict = Pick<Report, 'verdict' | 'exitCode'>;

/** `refused`: a safety limit said no before the first write. Incomplete wins over drift, a refusal over both. */
export function verdictOf(
  replicas: readonly ReplicaReport[],
  problems: readonly RunProblem[],
  refused: boolean,
): Verdict {
  const unproven = replicas.some(
    (replica) => replica.status === 'unproven' || replica.counts.unread > 0 || replica.coverage.skipped.length > 0,
  );
  if (refused) return { verdict: 'refused', exitCode: EXIT.refused };
  if (unproven || problems.length > 0) return { verdict: 'incomplete', exitCode: EXIT.incomplete };
  if (replicas.some((replica) => remainingDrift(replica) > 0)) return { verdict: 'drift', exitCode: EXIT.drift };
  return { verdict: 'in sync', exitCode: EXIT.inSync };
}
