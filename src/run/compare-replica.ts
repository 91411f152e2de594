// One replica through compare and confirm: tallies verdicts, hands findings on, and turns what went wrong into an unproven replica.

import type { Candidate, RowCounts } from '../compare/candidate.ts';
import { type CompareOptions, chosenCandidates, type EntityComparison } from '../compare/compare-entity.ts';
import type { Config } from '../config/config.ts';
import { type ConfirmOptions, confirm, type Verdict } from '../confirm/confirm.ts';
import { makeFinding } from '../confirm/make-finding.ts';
import { InterruptedError, StoreError } from '../errors.ts';
import type { Key } from '../mapping/mapping.ts';
import { now } from '../now.ts';
import { problemOf } from '../plan/make-plan.ts';
import type { EntityPlan, ReadyReplica, ReplicaPlan, UnreachableReplica } from '../plan/plan.ts';
import type { Baseline } from '../report/baseline.ts';
import { type Coverage, type Finding, noCounts, type ReplicaReport, type RunProblem } from '../report/report.ts';
import type { Choice, Snapshot, Source } from '../source/source.ts';
import type { HashScheme } from '../value/digest.ts';
import type { Readers } from '../workers/readers.ts';
import type { RunListener } from './events.ts';
import { retrying } from './retry.ts';

export interface ReplicaContext {
  readonly config: Config;
  readonly source: Source;
  readonly scheme: HashScheme;
  readonly entityPlan: EntityPlan;
  readonly batch: number;
  readonly shown: number;
  readonly listener: RunListener;
  /** Known drift. */
  readonly baseline?: Baseline;
  /** What whole replicas are compared with. */
  readonly snapshot?: Snapshot;
  /** Threads that read large replicas, where there are any. */
  readonly readers?: Readers;
  readonly signal?: AbortSignal;
}

/** What is compared: whole replicas, chosen rows, or given keys. */
export type Scope =
  | { readonly kind: 'all'; readonly comparison: EntityComparison }
  | { readonly kind: 'choice'; readonly choice: Choice; readonly words: string; readonly options: CompareOptions }
  /** `mayBeDeleted`: see `Chosen`. */
  | { readonly kind: 'keys'; readonly keys: readonly Key[]; readonly mayBeDeleted?: true }
  /** Findings of an earlier run, which are looked at again. */
  | {
      readonly kind: 'findings';
      readonly of: (replica: ReadyReplica) => AsyncIterable<Candidate>;
      readonly words: string;
    };

export function confirmOptions(context: ReplicaContext, replica: ReadyReplica, nominated: boolean): ConfirmOptions {
  const { config, source, scheme, entityPlan, listener, signal } = context;
  const { mapping } = replica.replica;
  const { maxLag } = replica.config;
  return {
    replica: replica.config.name,
    entity: replica.entity.name,
    mapping,
    scheme,
    maxLag,
    interval: config.confirm.interval,
    giveUp: config.confirm.giveUp ?? Math.max(10 * maxLag, 5000),
    nominated,
    keysPerLook: Math.min(context.batch, replica.store.limits.fetchKeys),
    fetchSource: (keys) =>
      retrying('source: fetch', () => source.fetch(entityPlan.relation, mapping, keys), listener, signal),
    fetchReplica: (keys, whereabouts) =>
      retrying(
        `${replica.config.name}: fetch`,
        () => replica.store.fetch(replica.replica, keys, whereabouts),
        listener,
        signal,
      ),
    placed: replica.inspection.placed,
    hasMoved: context.snapshot && (() => source.hasMoved(context.snapshot!)),
    signal,
  };
}

/** Compares one replica. Every finding goes to `keep` as it is proven. Never throws what a server did; throws our own bugs. */
export async function compareReplica(
  context: ReplicaContext,
  replica: ReadyReplica,
  scope: Scope,
  keep: (finding: Finding) => Promise<void>,
): Promise<ReplicaReport> {
  const started = performance.now();
  const rows: RowCounts = { source: 0, replica: 0 };
  const counts = noCounts();
  let known = 0;
  const inFlight = { count: 0, longestLag: 0 };
  const findings: Finding[] = [];
  let error: RunProblem | undefined;
  let inspected = false;
  let nowhere = 0;
  try {
    const nominated = scope.kind === 'all' && replica.strategy !== 'records';
    const candidates = candidatesOf(context.entityPlan, replica, scope, rows);
    const looking = confirmOptions(context, replica, nominated);
    for await (const seen of confirm(candidates, looking)) {
      const verdict = scope.kind === 'keys' && scope.mayBeDeleted ? withUnfindable(seen, replica, looking) : seen;
      if (verdict.kind === 'in flight') {
        inFlight.count++;
        inFlight.longestLag = Math.max(inFlight.longestLag, verdict.lag);
      } else if (verdict.kind === 'finding') {
        const accepted = context.baseline?.accepts(verdict.finding);
        const finding = accepted ? { ...verdict.finding, known: accepted.expires ?? 'for good' } : verdict.finding;
        counts[finding.class]++;
        if (accepted !== undefined) known++;
        if (findings.length < context.shown) findings.push(finding);
        context.listener({ type: 'finding', finding });
        await keep(finding);
      }
      if (verdict.kind === 'equal' && !verdict.exists) nowhere++;
      if (scope.kind !== 'all') tallyLookup(verdict, rows);
      else if (!nominated) tallySource(verdict, rows);
    }
    inspected = true;
  } catch (thrown) {
    if (thrown instanceof InterruptedError)
      error = { where: replica.config.name, message: 'interrupted before it was compared to the end' };
    else if (thrown instanceof StoreError) error = problemOf(replica.config.name, thrown);
    else throw thrown;
  }
  context.listener({ type: 'compared', replica: replica.config.name });
  return {
    ...head(replica),
    strategy: replica.strategy,
    cache: replica.replica.mapping.cache,
    why: replica.why,
    status: error === undefined ? 'proven' : 'unproven',
    error,
    sourceRows: inspected ? rows.source : null,
    replicaRows: inspected ? rows.replica : null,
    counts,
    known: context.baseline === undefined ? undefined : known,
    inFlight,
    coverage: coverageOf(context, replica, scope, rows, nowhere),
    findings,
    seconds: secondsSince(started),
  };
}

/** A record that the source does not have can't be looked for where a store finds records only by what else is in them. */
export function withUnfindable(verdict: Verdict, { inspection }: ReadyReplica, options: ConfirmOptions): Verdict {
  if (!inspection.placed || verdict.kind !== 'equal' || verdict.exists) return verdict;
  const reason = 'the source has no such row, so where the replica would keep it can’t be told';
  return {
    kind: 'finding',
    key: verdict.key,
    finding: makeFinding({ class: 'unread', reason }, verdict.key, now(), options),
  };
}

/** The report of a replica that could not even be looked at. */
export function unreachableReport(
  replica: Omit<UnreachableReplica, 'problem'> & { readonly problem: RunProblem },
): ReplicaReport {
  return {
    ...head(replica),
    strategy: 'lookup',
    why: 'it could not be reached',
    status: 'unproven',
    error: replica.problem,
    sourceRows: null,
    replicaRows: null,
    counts: noCounts(),
    inFlight: { count: 0, longestLag: 0 },
    coverage: {
      fields: [],
      ignored: [],
      skipped: [],
      orphans: false,
      rows: 'nothing',
      notes: [],
      maxLag: replica.config.maxLag,
    },
    findings: [],
    seconds: 0,
  };
}

function head(replica: Pick<ReplicaPlan, 'config' | 'entity' | 'kind'>) {
  return { name: replica.config.name, entity: replica.entity.name, store: replica.config.store, kind: replica.kind };
}

async function* candidatesOf(
  plan: EntityPlan,
  replica: ReadyReplica,
  scope: Scope,
  rows: RowCounts,
): AsyncGenerator<Candidate> {
  if (scope.kind === 'all') yield* scope.comparison.candidates(replica, rows);
  else if (scope.kind === 'choice') yield* chosenCandidates(plan, replica, scope.choice, scope.options);
  else if (scope.kind === 'findings') yield* scope.of(replica);
  else for (const key of scope.keys) yield { key, seenAt: now() };
}

/** For records that are all looked at, the scan has counted the replica's side. */
function tallySource(verdict: Verdict, rows: RowCounts): void {
  if (verdict.kind !== 'finding' || verdict.finding.class !== 'orphan') rows.source++;
}

/** For chosen keys every verdict is one row looked up. */
function tallyLookup(verdict: Verdict, rows: RowCounts): void {
  const found = verdict.kind === 'finding' ? verdict.finding.class : undefined;
  if (verdict.kind === 'equal' ? verdict.exists : found !== 'orphan') rows.source++;
  if (verdict.kind === 'equal' ? verdict.exists : found !== 'missing') rows.replica++;
}

function coverageOf(
  context: ReplicaContext,
  replica: ReadyReplica,
  scope: Scope,
  rows: RowCounts,
  nowhere: number,
): Coverage {
  const { mapping } = replica.replica;
  const notes = [...replica.notes];
  if (replica.inspection.placed && scope.kind !== 'all')
    notes.push('records are looked for where the source says they stand: copies elsewhere can’t be seen');
  if (context.scheme.algorithm === 'md5')
    notes.push('rows were hashed with md5: a server’s own hashes differ from ours');
  if (nowhere > 0) notes.push(`${nowhere} of the keys stand on neither side`);
  return {
    fields: [...mapping.key, ...mapping.fields].map((field) => field.name),
    ignored: replica.ignored,
    skipped: [],
    orphans: scope.kind === 'all',
    rows: rowsWords(scope, rows),
    notes,
    maxLag: replica.config.maxLag,
  };
}

function rowsWords(scope: Scope, rows: RowCounts): string {
  if (scope.kind === 'all') return 'every row';
  if (scope.kind === 'findings') return scope.words;
  if (scope.kind === 'keys') return scope.keys.length === 1 ? '1 key' : `${scope.keys.length} keys`;
  return `${rows.source.toLocaleString('en')} rows ${scope.words}`;
}

export function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
