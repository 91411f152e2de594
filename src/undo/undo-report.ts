// What an undo did, as data. docs/report.md describes every field; fields are only ever added.

import type { Report, RunProblem } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import type { UndoOutcome } from './undo.ts';

export const UNDO_SCHEMA = 'plumbline.undo/1';

export interface UndoReport {
  readonly schema: typeof UNDO_SCHEMA;
  readonly command: 'undo';
  readonly run: string;
  /** The run whose writes it put back. */
  readonly undone: string;
  readonly config: string;
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
  readonly seconds: number;
  /** False for a dry run: the outcomes then say what would be done. */
  readonly applied: boolean;
  readonly exitCode: number;
  readonly replicas: readonly UndoneReplica[];
  readonly problems: readonly RunProblem[];
  /** Where its own journal is, and `left.ndjson` with every write that was left alone; null when nothing was kept. */
  readonly folder: string | null;
}

export interface UndoneReplica {
  readonly name: string;
  readonly entity: string;
  readonly store: string;
  /** Recorded writes by what became of them. `unchanged`: the record is as it was before the run already. */
  readonly outcomes: Readonly<Record<Exclude<UndoOutcome, 'anew'>, number>>;
  /** Cached results that the run dropped. They are not put back: whoever asks for them makes them anew. Absent: none. */
  readonly anew?: number;
  /** The first of those that were left alone. */
  readonly left: readonly Left[];
}

export interface Left {
  readonly replica: string;
  /** By the source's key columns, canonical values. */
  readonly key: Readonly<Record<string, string>>;
  readonly outcome: 'moved' | 'refused';
  readonly why: string;
}

/** 0: all is as it was, 1: something was left alone, 3: not done to the end. */
export function undoExit({ replicas, problems }: Pick<UndoReport, 'replicas' | 'problems'>): number {
  if (problems.length > 0) return EXIT.incomplete;
  const isLeft = replicas.some(({ outcomes }) => outcomes.moved + outcomes.refused > 0);
  return isLeft ? EXIT.drift : EXIT.inSync;
}

/** A run's folder holds the one or the other. */
export function isUndo(report: Report | UndoReport): report is UndoReport {
  return report.schema === UNDO_SCHEMA;
}
