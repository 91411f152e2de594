// What a failback found and did, as data. docs/failback.md describes it; fields are only ever added.

import type { FailbackPolicy } from '../config/config.ts';
import type { RunProblem } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import type { CheckResult } from './checks.ts';
import { type Decision, type DecisionLine, writesTo } from './decision.ts';
import type { MergeOutcomes } from './merge.ts';
import type { SequenceMove } from './sequences.ts';
import { type Both, otherSide, type Side } from './sides.ts';

export const FAILBACK_SCHEMA = 'plumbline.failback/1';

export interface FailbackReport {
  readonly schema: typeof FAILBACK_SCHEMA;
  readonly command: 'failback';
  readonly run: string;
  readonly config: string;
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
  readonly seconds: number;
  /** False for a dry run: nothing was written. */
  readonly applied: boolean;
  /** Whether there is written as well. */
  readonly both: boolean;
  readonly policy: FailbackPolicy;
  /** When the servers parted, ISO 8601; null: not known. */
  readonly parted: { readonly at: string | null; readonly from: string };
  /** Milliseconds before it in which no time tells anything. */
  readonly margin: number;
  readonly servers: Both<{ readonly product: string; readonly database: string }> | null;
  /** `merged`: here holds everything; `to merge`: a dry run found work; `open`: a person has to decide, or a group was taken back. */
  readonly verdict: 'merged' | 'to merge' | 'open' | 'incomplete' | 'refused';
  readonly exitCode: number;
  readonly tables: readonly TableReport[];
  /** Constraints, counts and sequences that were asked after writing, and those that did not hold. */
  readonly checks: { readonly made: number; readonly wrong: readonly (CheckResult & { readonly side: Side })[] };
  readonly sequences: Both<readonly SequenceMove[]>;
  /** Groups of tables that were taken back whole. */
  readonly takenBack: readonly {
    readonly side: Side;
    readonly tables: readonly string[];
    readonly errors: readonly string[];
  }[];
  readonly notes: readonly string[];
  readonly problems: readonly RunProblem[];
  /** Where rows.ndjson (every row that differs), left.ndjson and the journal are. */
  readonly folder: string;
}

export interface TableReport {
  readonly name: string;
  /** What tells when its rows were written. */
  readonly evidence: string;
  /** Null where it was not compared to the end. */
  readonly rows: Both<number> | null;
  readonly equal: number | null;
  readonly onlyHere: number;
  readonly onlyThere: number;
  readonly conflicts: number;
  /** Rows among all of those that a person has to decide. */
  readonly open: number;
  readonly planned: Both<Planned>;
  readonly outcomes?: Readonly<Partial<Record<Side, MergeOutcomes>>>;
  /** Rows that a comparison after writing found different, although they should be equal. */
  readonly unexplained?: number;
  /** The first rows that differ, those that are open before the others. */
  readonly shown: readonly DecisionLine[];
}

export interface Planned {
  readonly insert: number;
  readonly update: number;
  readonly delete: number;
}

export function isFailback(report: { readonly schema: string }): report is FailbackReport {
  return report.schema === FAILBACK_SCHEMA;
}

/** What a decision does to the row of this side. */
export function actionOn({ state, take }: Pick<Decision, 'state' | 'take'>, side: Side): keyof Planned | undefined {
  if (!writesTo({ take }, side)) return undefined;
  if (state === 'conflict') return 'update';
  return state === `only ${otherSide(side)}` ? 'insert' : 'delete';
}

export function plannedFor(decisions: readonly Decision[], side: Side): Planned {
  const planned = { insert: 0, update: 0, delete: 0 };
  for (const decision of decisions) {
    const action = actionOn(decision, side);
    if (action !== undefined) planned[action]++;
  }
  return planned;
}

type Judged = Pick<FailbackReport, 'applied' | 'both' | 'tables' | 'takenBack' | 'problems'>;

/** The one place that turns what was done into an exit code. */
export function verdictOf(report: Judged, refused: boolean): Pick<FailbackReport, 'verdict' | 'exitCode'> {
  const { tables, problems, takenBack, applied, both } = report;
  if (refused) return { verdict: 'refused', exitCode: EXIT.refused };
  if (problems.length > 0 || tables.some(({ rows }) => rows === null))
    return { verdict: 'incomplete', exitCode: EXIT.incomplete };
  const left = ({ open, outcomes = {}, unexplained = 0 }: TableReport) =>
    open + unexplained + Object.values(outcomes).reduce((sum, { moved, refused: no }) => sum + moved + no, 0);
  const count = ({ insert, update, delete: deletes }: Planned) => insert + update + deletes;
  const writes = tables.reduce((sum, { planned }) => sum + count(planned.here) + (both ? count(planned.there) : 0), 0);
  if (takenBack.length > 0 || tables.some((table) => left(table) > 0)) return { verdict: 'open', exitCode: EXIT.drift };
  if (!applied && writes > 0) return { verdict: 'to merge', exitCode: EXIT.drift };
  return { verdict: 'merged', exitCode: EXIT.inSync };
}
