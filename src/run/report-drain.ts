// The report of a drain, from what is known of it however it ended.

import type { Config } from '../config/config.ts';
import { DeadLetters } from '../contingency/dead-letters.ts';
import { type ConflictLine, DRAIN_SCHEMA, type DrainReport, verdictOfDrain } from '../contingency/drain-report.ts';
import type { DrainTally } from '../contingency/drain-tally.ts';
import type { Gathered } from '../contingency/gather.ts';
import type { InterruptedError, RefusedError } from '../errors.ts';
import type { RunProblem } from '../report/report.ts';
import { secondsSince } from './compare-replica.ts';
import { redacted, refusal } from './run.ts';
import type { DrainSettler } from './settle-drained.ts';

export interface Drained {
  gathered?: Gathered;
  began?: string;
  settler?: DrainSettler;
  /** A dry run that has looked at so many writes, and not at the rest. */
  lookedAt?: number;
}

export interface DrainFrame {
  readonly config: Config;
  readonly run: string;
  readonly folder: string;
  readonly applied: boolean;
  readonly tally: DrainTally;
  readonly conflicts: readonly ConflictLine[];
  readonly startedAt: Date;
  /** As performance.now() has it. */
  readonly started: number;
  readonly redact: (text: string) => string;
}

export function interrupted({ message }: InterruptedError, { failedCount }: DrainTally): RunProblem {
  const waiting = failedCount === 0 ? '' : `, with ${failedCount} refused writes to be tried again`;
  return { where: 'run', message: `${message}${waiting}`, hint: 'plumbline drain --apply --resume goes on with it.' };
}

export function makeDrainReport(
  { config, run, folder, applied, tally, conflicts, startedAt, started, redact }: DrainFrame,
  { gathered, began, settler, lookedAt }: Drained,
  found: readonly RunProblem[],
  refused: RefusedError | undefined,
): DrainReport {
  const partial = { where: 'run', message: `a dry run looks at the first ${lookedAt?.toLocaleString('en')} writes` };
  const problems = [...found, ...(settler?.problems ?? [])].map((problem) => redacted(problem, redact));
  if (lookedAt !== undefined) problems.push({ ...partial, hint: undefined });
  const result = {
    applied: applied,
    began: began ?? null,
    stores: [...(gathered?.stores ?? [])].map(([name, counts]) => ({
      name,
      ...counts,
      settled: settler?.settled.get(name) ?? 0,
    })),
    entities: tally.inOrder(config.entities.map(({ name }) => name)),
    replicas: settler?.replicaReports ?? [],
    conflicts,
    deadWrites: tally.deadWrites,
    dead: tally.dead,
    failedWrites: tally.failedCount,
    failed: tally.failedWrites,
    unsettled: settler?.unsettled ?? 0,
    problems: refused === undefined ? problems : [...problems, refusal(refused)],
  };
  return {
    schema: DRAIN_SCHEMA,
    command: 'drain',
    run,
    config: config.file,
    startedAt: startedAt.toISOString(),
    seconds: secondsSince(started),
    ...verdictOfDrain({ ...result, problems }, refused !== undefined),
    ...result,
    folder,
    deadLetters: applied && tally.deadWrites > 0 ? new DeadLetters(config.folder, run, undefined).path : null,
  };
}
