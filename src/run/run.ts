// What every command does around its work: connect, choose how to hash, keep findings, time it, build the report, close everything.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import { ConfigError, InterruptedError, RefusedError, StoreError } from '../errors.ts';
import { isOutOfRoom } from '../files/naming.ts';
import type { Journal } from '../journal/journal.ts';
import { noProgress, type ProgressOf } from '../journal/progress.ts';
import { makeSealer, type Sealer } from '../journal/seal.ts';
import { problemOf } from '../plan/make-plan.ts';
import type { Baseline } from '../report/baseline.ts';
import { lastRunsOf } from '../report/last-run.ts';
import { redactReport } from '../report/redact-report.ts';
import {
  type BacklogReport,
  type BaselineReport,
  driftOf,
  REPORT_SCHEMA,
  type ReplicaReport,
  type Report,
  type RunProblem,
  type Subject,
} from '../report/report.ts';
import { verdictOf } from '../report/verdict.ts';
import { storeKinds } from '../stores/registry.ts';
import type { HashScheme } from '../value/digest.ts';
import { type BaselineOptions, baselineReport, isWhole, readBaseline, updateBaseline } from './baseline.ts';
import { askedOf, findUnfinished, type RunStart, startOf, withResumed, writeStart } from './checkpoint.ts';
import { secondsSince } from './compare-replica.ts';
import { type Connections, chooseScheme, connect } from './connections.ts';
import { passGates } from './gate.ts';
import { chosenReplicas, keepLastRuns, scopeOf } from './last-runs.ts';
import type { Lock } from './locks.ts';
import type { BacklogChoice, RunOptions, WritingOptions } from './options.ts';
import { tidyUp } from './retention.ts';
import { makeRunId, RunFolder } from './run-folder.ts';
import { tellOfReport, tellOfSchema } from './tell.ts';

export interface RunContext {
  readonly connections: Connections;
  readonly scheme: HashScheme;
  readonly folder: RunFolder;
  /** Opened, and made, when the first write is near. */
  readonly journal: () => Promise<Journal>;
  /** What an earlier process of this run had written already. */
  readonly progress: ProgressOf;
  /** What keeps other runs from writing; absent: nothing is locked yet, or need be. */
  readonly lock?: Lock;
  /** Known drift. */
  readonly baseline?: Baseline;
}

export interface RunResult {
  readonly asOf: string | null;
  readonly replicas: readonly ReplicaReport[];
  readonly problems: readonly RunProblem[];
  readonly subject?: Subject;
  readonly backlog?: BacklogReport;
  /** A limit or a gate said no. */
  readonly refused?: RefusedError;
}

/** Runs `work` and reports. `work` gets the options that hold: those of the run that is gone on with, if one is. Throws ConfigError and LockedError; what the servers do wrong is in the report. */
export async function runCommand<Options extends RunOptions & WritingOptions>(
  command: Report['command'],
  config: Config,
  given: Options,
  work: (context: RunContext, options: Options) => Promise<RunResult>,
): Promise<Report> {
  const started = performance.now();
  const options = await withResumed(config.folder, command, given);
  const kept = options.keep ?? true;
  const redact = makeRedactor(configSecrets(config));
  const base = kept ? config.folder : await mkdtemp(join(tmpdir(), 'plumbline-'));
  try {
    const { start, folder } = await openRun(base, command, config, options, redact);
    const { run, startedAt } = start;
    options.onEvent?.({ type: 'run', run, command });
    let result: RunResult;
    let baseline: Baseline | undefined;
    try {
      // Before anything is connected: a server that is still coming up may be a store.
      if (options.apply) await passGates(config, options);
      baseline = options.baseline && (await openBaseline(options.baseline, folder, new Date(startedAt)));
      const progress = options.resume === undefined ? noProgress : await folder.progress();
      const journal = () => folder.journal(run, sealerOf(config));
      result = await connected(config, options, (connections, scheme) =>
        work({ connections, scheme, folder, journal, progress, baseline }, options),
      );
      // Not every way out of a command has done it.
      await folder.finish();
    } catch (error) {
      await folder.finish().catch(() => {});
      if (error instanceof StoreError || error instanceof InterruptedError) {
        const problem =
          error instanceof StoreError ? problemOf(error.store, error) : { where: 'run', message: 'interrupted' };
        result = { asOf: null, replicas: [], problems: [problem] };
      } else if (error instanceof RefusedError && options.resume === undefined) {
        result = { asOf: null, replicas: [], problems: [], refused: error };
      } else {
        // What was to be gone on with stays as it was, to be gone on with later.
        if (options.resume === undefined && !isOutOfRoom(error)) await folder.removeUnlessWritten();
        if (error instanceof ConfigError) await tellOfSchema(error, command, config, run, options);
        throw error;
      }
    } finally {
      await folder.closeJournal();
    }
    const known =
      baseline && (await settleBaseline(baseline, options.baseline!, result.replicas, folder, new Date(startedAt)));
    const replicas = known?.replicas ?? result.replicas;
    const report = redactReport(
      {
        schema: REPORT_SCHEMA,
        run,
        command,
        config: config.file,
        startedAt,
        seconds: secondsSince(started),
        asOf: result.asOf,
        ...verdictOf(replicas, result.problems, result.refused !== undefined, options.maxDrift),
        replicas,
        problems: result.refused === undefined ? result.problems : [...result.problems, refusal(result.refused)],
        folder: kept ? folder.path : null,
        baseline: known?.report,
        allowed: options.maxDrift,
        subject: result.subject,
        backlog: result.backlog,
      },
      redact,
    );
    if (kept) await folder.writeReport(report);
    const told = await tellOfReport(report, config, options);
    if (kept && told !== report) await folder.writeReport(told);
    if (kept) {
      // A backlog that names no record of a replica says nothing of it.
      const isMeant = (name: string) =>
        result.backlog === undefined || result.replicas.some((one) => one.name === name);
      const chosen =
        command === 'verify-sync' ? [] : chosenReplicas(config, options.only ?? []).filter(({ name }) => isMeant(name));
      await keepLastRuns(base, lastRunsOf(told, chosen, scopeOf(command, options)));
      await writeStart(folder.path, { ...start, endedAt: new Date().toISOString() });
      await tidyUp(config, options.onEvent);
    }
    return told;
  } finally {
    if (!kept) await rm(base, { recursive: true, force: true });
  }
}

async function openBaseline(options: BaselineOptions, folder: RunFolder, now: Date): Promise<Baseline> {
  const baseline = await readBaseline(options, now);
  // What an earlier process of this run found has met its entries too.
  if (Object.keys(folder.done.compared).length > 0)
    for await (const finding of folder.findings()) baseline.accepts(finding);
  return baseline;
}

/** Once all is found: what the baseline says, and with `update` the file anew, after which all that was found is known. */
async function settleBaseline(
  baseline: Baseline,
  options: BaselineOptions,
  replicas: readonly ReplicaReport[],
  folder: RunFolder,
  now: Date,
): Promise<{ readonly replicas: readonly ReplicaReport[]; readonly report: BaselineReport }> {
  const { update = false } = options;
  const report = baselineReport(baseline, replicas, update);
  if (!update) return { replicas, report };
  await updateBaseline(baseline, options, replicas, folder.findings(), now);
  const accepted = replicas.map((replica) =>
    isWhole(replica) ? { ...replica, known: driftOf(replica.counts) } : replica,
  );
  return { replicas: accepted, report };
}

/** A new run, or the one to go on with, which `withResumed` has found. */
async function openRun(
  base: string,
  command: Report['command'],
  config: Config,
  options: RunOptions,
  redact: (text: string) => string,
): Promise<{ readonly start: RunStart; readonly folder: RunFolder }> {
  const asked = askedOf(options);
  if (typeof options.resume === 'string') {
    const known = await findUnfinished(base, command, options.resume);
    const folder = await RunFolder.resume(base, known.run, redact);
    const start = startOf(known.run, command, config.file, new Date(known.startedAt), asked);
    await writeStart(folder.path, start);
    return { start, folder };
  }
  const now = new Date();
  const start = startOf(makeRunId(now), command, config.file, now, asked);
  const folder = await RunFolder.create(base, start.run, redact);
  await writeStart(folder.path, start);
  return { start, folder };
}

/** Connects what the chosen replicas need, chooses how to hash, and closes everything after `work`. */
export async function connected<T>(
  config: Config,
  options: RunOptions,
  work: (connections: Connections, scheme: HashScheme) => Promise<T>,
): Promise<T> {
  const listener = options.onEvent ?? (() => {});
  listener({ type: 'stage', stage: 'connect' });
  const connections = await connect(
    config,
    storesOf(config, options.only ?? [], options.from),
    storeKinds(options.kinds),
    listener,
    options.signal,
  );
  try {
    return await work(connections, await chooseScheme(connections, options.hash));
  } finally {
    await connections.close();
  }
}

/** The stores that the chosen replicas need, and the one that holds the queue. */
export function storesOf(config: Config, only: readonly string[], from?: BacklogChoice): ReadonlySet<string> {
  const queue = from !== undefined && 'queue' in from ? config.queues.get(from.queue) : undefined;
  const stores = chosenReplicas(config, only).map(({ store }) => store);
  return new Set(queue === undefined ? stores : [...stores, queue.store]);
}

/** What the report says of it. */
export function refusal({ by, message, flag, hint }: RefusedError): RunProblem {
  const lifted = flag === undefined ? '' : `If that is right, run it again with ${flag}.`;
  return { where: by, message, hint: [hint, 'Nothing was written.', lifted].filter(Boolean).join(' ') };
}

export function redacted({ where, message, hint }: RunProblem, redact: (text: string) => string): RunProblem {
  return { where, message: redact(message), hint: hint && redact(hint) };
}

export function sealerOf({ journal: { key } }: Config): Sealer | undefined {
  return key === undefined ? undefined : makeSealer(key);
}
