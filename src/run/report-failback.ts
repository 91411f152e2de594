// The report of a failback, from what is known of it however it ended.

import type { Config } from '../config/config.ts';
import type { RefusedError } from '../errors.ts';
import { type Decision, lineOf } from '../failback/decision.ts';
import type { Group } from '../failback/groups.ts';
import type { GroupResult, MergeOutcomes, MergeTable } from '../failback/merge.ts';
import type { Scene } from '../failback/open.ts';
import { FAILBACK_SCHEMA, type FailbackReport, plannedFor, type TableReport, verdictOf } from '../failback/report.ts';
import type { SequenceMove } from '../failback/sequences.ts';
import type { Both, Side } from '../failback/sides.ts';
import type { ReplicaReport, RunProblem } from '../report/report.ts';
import { isUnproven } from '../report/verdict.ts';
import { secondsSince } from './compare-replica.ts';
import type { FailbackOptions } from './failback.ts';
import { DEFAULT_SHOWN } from './options.ts';
import { redacted, refusal } from './run.ts';

/** What is known of a failback so far. */
export interface Merging {
  readonly scene: Scene | undefined;
  readonly tables: ReadonlyMap<string, MergeTable>;
  readonly compared: readonly ReplicaReport[];
  /** By table; empty until all of them have some. */
  readonly decisions: ReadonlyMap<string, readonly Decision[]>;
  /** By table, in words. */
  readonly evidence: ReadonlyMap<string, string>;
  readonly results: readonly { readonly side: Side; readonly group: Group; readonly result: GroupResult }[];
  readonly moves: Both<readonly SequenceMove[]>;
  /** By table; undefined until all is compared again. */
  readonly unexplained: ReadonlyMap<string, number> | undefined;
  readonly problems: readonly RunProblem[];
  readonly applied: boolean;
}

export interface FailbackFrame {
  readonly config: Config;
  readonly options: FailbackOptions;
  readonly run: string;
  readonly folder: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** As performance.now() has it. */
  readonly started: number;
  readonly redact: (text: string) => string;
}

export function makeFailbackReport(
  { config, options, run, folder, startedAt, started, redact }: FailbackFrame,
  merging: Merging,
  refused: RefusedError | undefined,
): FailbackReport {
  const { scene, results, moves, problems, applied } = merging;
  const { failback } = config;
  const at = scene?.parted.at;
  const wrong = results.flatMap(({ side, result }) =>
    result.checks.flatMap((check) => (check.wrong > 0 ? [{ ...check, side }] : [])),
  );
  const facts = {
    applied,
    both: options.both ?? false,
    policy: options.policy ?? failback?.policy ?? 'manual',
    parted: {
      at: at === undefined ? null : new Date(Number(at / 1000n)).toISOString(),
      from: scene?.parted.from ?? 'it was not asked',
    },
    margin: failback?.margin ?? 0,
    servers: scene === undefined ? null : productsOf(scene),
    tables: [...merging.tables.keys()].map((name) => tableReport(name, merging, options.shown ?? DEFAULT_SHOWN)),
    checks: { made: results.reduce((sum, { result }) => sum + result.checks.length, 0), wrong },
    sequences: moves,
    takenBack: results.flatMap(({ side, group, result }) =>
      result.committed ? [] : [{ side, tables: group.tables, errors: result.errors }],
    ),
    notes: scene?.notes ?? [],
  };
  return {
    schema: FAILBACK_SCHEMA,
    command: 'failback',
    run,
    config: config.file,
    startedAt,
    seconds: secondsSince(started),
    ...facts,
    ...verdictOf({ ...facts, problems }, refused !== undefined),
    problems: [...problems, ...(refused === undefined ? [] : [refusal(refused)])].map((one) => redacted(one, redact)),
    folder,
  };
}

function tableReport(name: string, merging: Merging, most: number): TableReport {
  const { applied, unexplained } = merging;
  const decisions = merging.decisions.get(name) ?? [];
  const report = merging.compared.find(({ entity }) => entity === name);
  const count = (is: (decision: Decision) => boolean) => decisions.filter(is).length;
  const [onlyHere, conflicts] = [
    count(({ state }) => state === 'only here'),
    count(({ state }) => state === 'conflict'),
  ];
  // What nobody has decided on is not equal.
  const isWhole = report !== undefined && !isUnproven(report) && merging.decisions.has(name);
  const rows = isWhole ? { here: report.sourceRows!, there: report.replicaRows! } : null;
  const outcomes: Partial<Record<Side, MergeOutcomes>> = {};
  for (const { side, result } of merging.results) {
    const own = result.outcomes.get(name);
    if (own !== undefined) outcomes[side] = own;
  }
  const open = decisions.filter(({ take }) => take === null);
  const shown = [...open, ...decisions.filter(({ take }) => take !== null)].slice(0, most);
  return {
    name,
    evidence: merging.evidence.get(name) ?? '',
    rows,
    equal: rows && rows.here - onlyHere - conflicts,
    onlyHere,
    onlyThere: count(({ state }) => state === 'only there'),
    conflicts,
    open: open.length,
    planned: { here: plannedFor(decisions, 'here'), there: plannedFor(decisions, 'there') },
    outcomes: applied ? outcomes : undefined,
    unexplained: unexplained && (unexplained.get(name) ?? 0),
    shown: shown.map((decision) => lineOf(decision, merging.tables.get(name)!.mapping)),
  };
}

function productsOf({ servers }: Scene): Both<{ readonly product: string; readonly database: string }> {
  const of = ({ product, database }: Scene['servers']['here']) => ({ product, database });
  return { here: of(servers.here), there: of(servers.there) };
}
