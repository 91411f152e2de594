// failback: merges what a promoted backup accepted into the old primary. Without `apply` it only says what it would do.
//
//   open → compare → decide → hold the decisions against each other → limits → merge, group by group → check → compare again

import { join } from 'node:path';
import type { Config, FailbackPolicy } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import { ConfigError, InterruptedError, RefusedError, StoreError } from '../errors.ts';
import { asConfig } from '../failback/as-config.ts';
import { readCatalog } from '../failback/catalog.ts';
import { makeConsistent } from '../failback/consistency.ts';
import { type Decision, lineOf, readDecisionLines, writesTo } from '../failback/decision.ts';
import { type DecisionContext, evidenceWords, findDecisions, takePlan } from '../failback/find-decisions.ts';
import { type Group, groupsOf } from '../failback/groups.ts';
import { type GroupResult, type MergeTable, mergeGroup } from '../failback/merge.ts';
import { openScene, type Scene } from '../failback/open.ts';
import { type FailbackReport, plannedFor } from '../failback/report.ts';
import { move, planMoves, type SequenceMove, sequencesOf } from '../failback/sequences.ts';
import { openSession } from '../failback/servers.ts';
import { type Both, onBoth, otherSide, SIDES, type Side } from '../failback/sides.ts';
import { writeWhole } from '../files/write-whole.ts';
import { noProgress } from '../journal/progress.ts';
import { isThere } from '../journal/read-journal.ts';
import { keyText } from '../mapping/mapping.ts';
import { problemOf } from '../plan/make-plan.ts';
import { isReady, type Plan } from '../plan/plan.ts';
import { shapeOfTable } from '../postgres/columns.ts';
import type { Session } from '../postgres/session.ts';
import { checkLimits } from '../repair/limits.ts';
import type { Finding, ReplicaReport, RunProblem } from '../report/report.ts';
import { isUnproven } from '../report/verdict.ts';
import { checkWindow } from './brakes.ts';
import { askedOf, findUnfinished, startOf, withResumed, writeStart } from './checkpoint.ts';
import { comparePlan, type Drift, planRun } from './find-drift.ts';
import { lockReplicas } from './locks.ts';
import type { RepairOptions, RunOptions } from './options.ts';
import { policyOf } from './repair-drift.ts';
import { type Merging, makeFailbackReport } from './report-failback.ts';
import { tidyUp } from './retention.ts';
import { connected, type RunContext, sealerOf } from './run.ts';
import { makeRunId, RunFolder } from './run-folder.ts';

export interface FailbackOptions
  extends Pick<RunOptions, 'memory' | 'concurrency' | 'shown' | 'resume' | 'signal' | 'onEvent'>,
    Pick<RepairOptions, 'apply' | 'maxRows' | 'maxPercent' | 'maxDeletes' | 'forceEmpty' | 'forceWindow'> {
  /** Writes to `there` as well what here had and it lacks, so that both are equal in the end. Default false. */
  readonly both?: boolean;
  /** In place of the config's, where a table has no rule of its own. */
  readonly policy?: FailbackPolicy;
  /** A plan file, edited: it says which side is taken for each row. */
  readonly plan?: string;
  /** Lets triggers fire for merged rows. Default false: they are kept from it, or it is refused. */
  readonly fireTriggers?: boolean;
}

/** What the locks are named: one failback at a time. */
export const FAILBACK_LOCK = 'failback';
const ROWS_FILE = 'rows.ndjson';
const LEFT_FILE = 'left.ndjson';

/** Throws ConfigError and LockedError; what the servers do wrong, and refusals, are in the report. */
export async function failback(config: Config, given: FailbackOptions = {}): Promise<FailbackReport> {
  const started = performance.now();
  const options = await withResumed(config.folder, 'failback', given);
  const redact = makeRedactor(configSecrets(config));
  const now = new Date();
  const before =
    typeof options.resume === 'string' ? await findUnfinished(config.folder, 'failback', options.resume) : undefined;
  const run = before?.run ?? makeRunId(now);
  const startedAt = before?.startedAt ?? now.toISOString();
  const folder =
    before === undefined
      ? await RunFolder.create(config.folder, run, redact)
      : await RunFolder.resume(config.folder, run, redact);
  const start = startOf(run, 'failback', config.file, new Date(startedAt), askedOf(options));
  await writeStart(folder.path, start);
  options.onEvent?.({ type: 'run', run, command: 'failback' });
  const work = new Failback(config, options, folder, run);
  let refused: RefusedError | undefined;
  try {
    await work.play();
    await folder.finish();
  } catch (error) {
    await folder.finish().catch(() => {});
    if (error instanceof StoreError) work.problems.push(problemOf(error.store, error));
    else if (error instanceof InterruptedError) work.problems.push({ where: 'run', message: 'interrupted' });
    else if (error instanceof RefusedError && options.resume === undefined) refused = error;
    else {
      if (options.resume === undefined) await folder.removeUnlessWritten();
      throw error;
    }
  } finally {
    await folder.closeJournal();
  }
  const frame = { config, options, run, folder: folder.path, startedAt, started, redact };
  const report = makeFailbackReport(frame, work, refused);
  await folder.writeReport(report);
  await writeStart(folder.path, { ...start, endedAt: new Date().toISOString() });
  await tidyUp(config, options.onEvent);
  return report;
}

/** One failback, and what is known of it so far. */
class Failback implements Merging {
  readonly problems: RunProblem[] = [];
  scene: Scene | undefined;
  tables = new Map<string, MergeTable>();
  compared: readonly ReplicaReport[] = [];
  decisions: ReadonlyMap<string, readonly Decision[]> = new Map();
  readonly evidence = new Map<string, string>();
  readonly results: { readonly side: Side; readonly group: Group; readonly result: GroupResult }[] = [];
  readonly moves: Record<Side, SequenceMove[]> = { here: [], there: [] };
  unexplained: Map<string, number> | undefined;
  applied = false;
  private readonly config: Config;
  private readonly options: FailbackOptions;
  private readonly folder: RunFolder;
  private readonly run: string;
  private readonly writes: readonly Side[];

  constructor(config: Config, options: FailbackOptions, folder: RunFolder, run: string) {
    this.config = config;
    this.options = options;
    this.folder = folder;
    this.run = run;
    this.writes = options.both ? SIDES : ['here'];
  }

  async play(): Promise<void> {
    const { config, options } = this;
    options.onEvent?.({ type: 'stage', stage: 'connect' });
    const scene = await openScene(config, { writes: this.writes, fireTriggers: options.fireTriggers ?? false });
    this.scene = scene;
    try {
      const { here, there } = config.failback!;
      const own = asConfig(config, scene.tables, { source: here, side: 'there', store: there });
      const asked = { ...options, only: [] };
      await connected(own, asked, async (connections, scheme) => {
        const lock = await lockReplicas(connections.source, options.apply ? [FAILBACK_LOCK] : []);
        try {
          const context: RunContext = {
            connections,
            scheme,
            folder: this.folder,
            journal: () => this.folder.journal(this.run, sealerOf(config)),
            progress: noProgress,
          };
          const plan = await planRun(own, context, asked, false);
          this.tables = await tablesOf(plan, scene);
          await this.work(own, context, plan, lock.check);
        } finally {
          await lock.release();
        }
      });
    } finally {
      await scene.close();
    }
  }

  private async work(own: Config, context: RunContext, plan: Plan, mayGoOn: () => Promise<void>): Promise<void> {
    const { options, folder } = this;
    const drift = await comparePlan(own, context, { ...options, shown: 0 }, plan, () => ({ kind: 'all' }));
    await folder.finish();
    this.compared = drift.replicas;
    this.problems.push(...drift.problems, ...unprovenOf(drift));
    await this.decide(this.problems.length === 0);
    if (this.problems.length > 0) return;
    await this.planSequences();
    if (!options.apply) return;
    await this.checkLimits();
    this.applied = true;
    options.onEvent?.({ type: 'stage', stage: 'repair' });
    for (const side of this.writes) await this.merge(side, context, mayGoOn);
    await this.compareAgain(own, context, plan);
  }

  /**
   * A run that is gone on with keeps its decisions: what it has written since looks newer than it is. `isWhole`: all was compared; otherwise they are
   * for the report alone.
   */
  private async decide(isWhole: boolean): Promise<void> {
    const { config, options, folder, tables } = this;
    const scene = this.scene!;
    const context: DecisionContext = { config, scene, tables, policy: options.policy, signal: options.signal };
    for (const [name, own] of tables) this.evidence.set(name, evidenceWords(own, context));
    const file = join(folder.path, ROWS_FILE);
    if (options.resume !== undefined && (await isThere(file))) {
      this.decisions = await readDecisions(file, tables);
      return;
    }
    const decisions = await findDecisions(folder.findings(), context);
    if (options.plan !== undefined) {
      const lines = [];
      for await (const line of readDecisionLines(options.plan)) lines.push(line);
      takePlan(decisions, lines, tables);
    }
    await makeConsistent(decisions, { sessions: scene.sessions, tables, references: scene.catalogs.here.references });
    this.decisions = decisions;
    if (!isWhole) return;
    const lines = [...decisions].flatMap(([name, all]) =>
      all.map((decision) => `${JSON.stringify(lineOf(decision, tables.get(name)!.mapping))}\n`),
    );
    await writeWhole(file, lines, 0o600);
  }

  private async planSequences(): Promise<void> {
    const { sessions, catalogs, tables } = this.scene!;
    const known = new Map(tables.map((table) => [table.name, table]));
    for (const side of this.writes) {
      const sequences = [...catalogs[side].sequences.values()];
      this.moves[side] = [...(await planMoves(sessions[side], sequences, catalogs[otherSide(side)], known))];
    }
  }

  /** Those of a repair, for each table of each side that is written. */
  private async checkLimits(): Promise<void> {
    const { options } = this;
    checkWindow(this.config, options);
    const policy = policyOf(this.config, options);
    for (const side of this.writes)
      for (const report of this.compared) {
        const name = report.entity;
        const [sourceRows, replicaRows] =
          side === 'there' ? [report.sourceRows, report.replicaRows] : [report.replicaRows, report.sourceRows];
        const planned = { ...plannedFor(this.decisions.get(name)!, side), left: {} };
        checkLimits({ ...report, name: `${side}.${name}`, sourceRows, replicaRows }, planned, policy, undefined);
      }
  }

  private async merge(side: Side, context: RunContext, mayGoOn: () => Promise<void>): Promise<void> {
    const { config, options } = this;
    const scene = this.scene!;
    const catalogs = await onBoth((one) => readCatalog(scene.sessions[one]));
    const writer = openSession(side, config.failback![side], false);
    this.moves[side] = [];
    try {
      const journal = await context.journal();
      const groups = groupsOf([...this.tables.keys()], catalogs[side].references);
      const written = new Map<string, number>();
      for (const group of groups) {
        await mayGoOn();
        const expected = group.tables.reduce((sum, name) => sum + this.writesIn(name, side), 0);
        const result = await mergeGroup(group, this.decisions, {
          side,
          writer,
          origin: scene.sessions[otherSide(side)],
          tables: this.tables,
          catalogs,
          replicates: scene.replicates[side],
          journal,
          onRecords: (table, records) => {
            written.set(table, (written.get(table) ?? 0) + records);
            options.onEvent?.({
              type: 'repaired',
              replica: `${side}.${table}`,
              records: written.get(table)!,
              expected,
            });
          },
          signal: options.signal,
        });
        this.results.push({ side, group, result });
        this.moves[side].push(...result.moves);
        await this.folder.append(
          LEFT_FILE,
          result.left.map((left) => ({ side, ...left })),
        );
      }
      this.moves[side].push(...(await moveTheRest(side, writer, catalogs)));
    } finally {
      await writer.close();
    }
  }

  private writesIn(name: string, side: Side): number {
    return this.decisions.get(name)!.filter((decision) => writesTo(decision, side)).length;
  }

  /** All rows once more. What is still different has to be what the decisions leave different. */
  private async compareAgain(own: Config, context: RunContext, plan: Plan): Promise<void> {
    const folder = await this.folder.part('after');
    const drift = await comparePlan(own, { ...context, folder }, { ...this.options, shown: 0 }, plan, () => ({
      kind: 'all',
    }));
    await folder.finish();
    this.problems.push(...drift.problems, ...unprovenOf(drift));
    this.unexplained = await unexplainedIn(folder.findings(), this.decisions, this.tables, this.writes);
  }
}

async function tablesOf(plan: Plan, { sessions, catalogs, tables }: Scene): Promise<Map<string, MergeTable>> {
  const merged = new Map<string, MergeTable>();
  for (const { entity, relation, replicas } of plan.entities) {
    const table = tables.find(({ name }) => name === entity.name)!;
    const [ready] = replicas;
    if (ready === undefined || !isReady(ready)) {
      const problem = ready?.problem;
      throw new StoreError('there', 'connect', problem?.message ?? 'it is gone', { hint: problem?.hint });
    }
    const shape = await shapeOfTable(sessions.there, table.qualified);
    if (shape === null) throw new StoreError('there', 'inspect', `${table.name} is gone`);
    merged.set(table.name, {
      name: table.name,
      table,
      ready,
      mapping: ready.replica.mapping,
      relations: { here: { shape: relation.shape, side: 'replica' }, there: { shape, side: 'replica' } },
      uniques: catalogs.here.tables.get(table.name)!.uniques.filter(({ primary, valid }) => !primary && valid),
    });
  }
  return merged;
}

function unprovenOf({ replicas }: Drift): RunProblem[] {
  return replicas.filter(isUnproven).map(({ entity, error, counts }) => ({
    where: entity,
    message: error?.message ?? `${counts.unread} rows could not be compared`,
    hint: error?.hint ?? 'Nothing is merged while a row can’t be compared.',
  }));
}

/** Sequences that no column names: only what the other server gave out is known of them. */
async function moveTheRest(side: Side, writer: Session, catalogs: Both<Awaited<ReturnType<typeof readCatalog>>>) {
  const sequences = sequencesOf(catalogs[side], undefined).filter(({ movable }) => movable);
  const moves = await planMoves(writer, sequences, catalogs[otherSide(side)], new Map());
  await move(writer, catalogs[side], moves);
  return moves;
}

/** By table: rows that differ although both sides should be equal, or the side that was not written should not differ. */
async function unexplainedIn(
  findings: AsyncIterable<Finding>,
  decisions: ReadonlyMap<string, readonly Decision[]>,
  tables: ReadonlyMap<string, MergeTable>,
  writes: readonly Side[],
): Promise<Map<string, number>> {
  const known = new Map<string, Decision>();
  for (const all of decisions.values())
    for (const decision of all) known.set(`${decision.table} ${keyText(decision.key)}`, decision);
  const unexplained = new Map<string, number>();
  for await (const { entity: name, key } of findings) {
    const own = tables.get(name)!.mapping.key.map((field) => key[field.name] ?? '');
    const decision = known.get(`${name} ${keyText(own)}`);
    const isLeft =
      decision?.take === null || (decision !== undefined && !writes.some((side) => writesTo(decision, side)));
    if (!isLeft) unexplained.set(name, (unexplained.get(name) ?? 0) + 1);
  }
  return unexplained;
}

async function readDecisions(
  file: string,
  tables: ReadonlyMap<string, MergeTable>,
): Promise<ReadonlyMap<string, readonly Decision[]>> {
  const decisions = new Map([...tables.keys()].map((name): [string, Decision[]] => [name, []]));
  for await (const { take, table, key, state, fields, why, read } of readDecisionLines(file)) {
    const own = tables.get(table);
    if (own === undefined)
      throw new ConfigError([{ path: table, message: 'the run had this table, the configuration has it no more' }]);
    const parts = own.mapping.key.map((field) => key[field.name] ?? '');
    decisions
      .get(table)!
      .push({ table, key: parts, state, fields, take, why, read, links: { here: null, there: null } });
  }
  return decisions;
}

/** The decisions of a run, for a plan file; in the order of its tables. */
export async function* decisionsOf(report: FailbackReport): AsyncGenerator<string> {
  for await (const line of readDecisionLines(join(report.folder, ROWS_FILE))) yield `${JSON.stringify(line)}\n`;
}
