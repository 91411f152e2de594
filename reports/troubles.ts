// What went wrong in a run, each thing once though it may have stopped many replicas, safe to show.

import type { Report, RunProblem } from '../src/report/report.ts';
import { oneLine } from './text.ts';

export interface Trouble {
  readonly where: string;
  /** With `where` in front. */
  readonly text: string;
  readonly hint?: string;
  /** Replicas that it left unproven. */
  readonly replicas: readonly string[];
}

export function troublesOf(report: Report): readonly Trouble[] {
  const troubles = new Map<string, Trouble>();
  const add = (problem: RunProblem, replicas: readonly string[]) => {
    const where = oneLine(problem.where);
    const message = oneLine(problem.message);
    // A store's own message starts with its name already.
    const text = message.startsWith(`${where}:`) ? message : `${where}: ${message}`;
    const known = troubles.get(text);
    const hint = known?.hint ?? (problem.hint && oneLine(problem.hint));
    troubles.set(text, { where, text, hint, replicas: [...(known?.replicas ?? []), ...replicas] });
  };
  for (const problem of report.problems) add(problem, []);
  for (const replica of report.replicas) if (replica.error) add(replica.error, [oneLine(replica.name)]);
  return [...troubles.values()];
}
