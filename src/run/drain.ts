// drain: what the contingency stores took while the source was down goes back into it, then to the replicas, and is settled where it waited. The one
// command, with undo of it, that writes to the source. Without `apply` it only says what it would do.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, ContingencyConfig } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import type { ApplyContext } from '../contingency/apply-batch.ts';
import { type BringBackContext, bringBack, tryOut } from '../contingency/bring-back.ts';
import { conflictLine, readDecisions } from '../contingency/conflict-line.ts';
import { DeadLetters } from '../contingency/dead-letters.ts';
import type { ConflictLine, DrainReport } from '../contingency/drain-report.ts';
import { DrainTally } from '../contingency/drain-tally.ts';
import { gather } from '../contingency/gather.ts';
import { connectWriter, openSourceTables, type SourceTable, sourceName } from '../contingency/source-table.ts';
import { Spool } from '../contingency/spool.ts';
import { spoolBrought } from '../contingency/stopped-drains.ts';
import { askWriter } from '../contingency/writer-server.ts';
import { InterruptedError, RefusedError, StoreError } from '../errors.ts';
import { noProgress } from '../journal/progress.ts';
import { problemOf } from '../plan/make-plan.ts';
import { Session } from '../postgres/session.ts';
import type { RunProblem } from '../report/report.ts';
import { storeKinds } from '../stores/registry.ts';
import { checkWindow, makeBrakes } from './brakes.ts';
import { askedOf, findUnfinished, startOf, withResumed, writeStart } from './checkpoint.ts';
import { chooseScheme, connect } from './connections.ts';
import { chosenStores, mayBeSensitive, openStores, usage } from './contingency-stores.ts';
import { checkDrainLimits, checkNotEmpty, checkServer, checkTables, checkWords } from './drain-guard.ts';
import { stoppedDrains, writeSettled } from './drain-runs.ts';
import { planRun } from './find-drift.ts';
import { passGates } from './gate.ts';
import { lockReplicas } from './locks.ts';
import { DEFAULT_SHOWN, type RepairOptions, type RunOptions } from './options.ts';
import { type Drained, interrupted, makeDrainReport } from './report-drain.ts';
import { tidyUp } from './retention.ts';
import { sealerOf, storesOf } from './run.ts';
import { CONFLICTS_FILE, makeRunId, RunFolder } from './run-folder.ts';
import { DrainSettler } from './settle-drained.ts';
import { tellOfDrain } from './tell.ts';

export interface DrainOptions
  extends Pick<RunOptions, 'resume' | 'shown' | 'kinds' | 'hash' | 'alerts' | 'concurrency' | 'signal' | 'onEvent'>,
    Pick<
      RepairOptions,
      | 'apply'
      | 'wait'
      | 'ignoreGates'
      | 'overwriteAhead'
      | 'maxRows'
      | 'maxDeletes'
      | 'rate'
      | 'forceEmpty'
      | 'forceWindow'
    > {
  /** Only these contingency stores, by name; default all. What waits in the others may then be brought back in the wrong order. */
  readonly stores?: readonly string[];
  /** When the source went away, ISO 8601; default: the moment of the first write that waits. */
  readonly began?: string;
  /** A conflicts.ndjson in which a person has filled in `take`. */
  readonly decisions?: string;
  /** True: the dead letters in place of what waits in the stores. */
  readonly replay?: boolean;
}

/** Writes that a dry run looks at. */
const DRY_RUN = 100_000;

interface Work {
  readonly config: Config;
  readonly contingency: ContingencyConfig;
  readonly options: DrainOptions;
  readonly run: string;
  readonly folder: RunFolder;
  readonly tally: DrainTally;
  readonly conflicts: ConflictLine[];
}

/** Throws ConfigError and LockedError; what the servers do wrong, and what the limits refuse, is in the report. */
export async function drain(config: Config, options: DrainOptions = {}): Promise<DrainReport> {
  return (await drainOnce(config, options)).report;
}

/** `hasLostSource`: the source went away, and may come back. */
export async function drainOnce(
  config: Config,
  given: DrainOptions,
): Promise<{ readonly report: DrainReport; readonly hasLostSource: boolean }> {
  const started = performance.now();
  const { contingency } = config;
  if (contingency === undefined)
    throw usage(
      'contingency',
      'the config has no contingency stores',
      'Say under `contingency` what takes the writes.',
    );
  const options = await withResumed(config.folder, 'drain', given);
  const redact = makeRedactor(configSecrets(config));
  const { run, startedAt } = await startRun(config, options);
  options.onEvent?.({ type: 'run', run, command: 'drain' });
  const folder = await RunFolder.ofDrain(config.folder, run, redact);
  const start = startOf(run, 'drain', config.file, startedAt, askedOf(options));
  await writeStart(folder.path, start);
  const tally = new DrainTally(options.shown ?? DEFAULT_SHOWN);
  const work: Work = { config, contingency, options, run, folder, tally, conflicts: [] };
  const drained: Drained = {};
  const problems: RunProblem[] = [];
  let refused: RefusedError | undefined;
  let hasLostSource = false;
  try {
    if (options.apply) {
      if (contingency.writerUrl === undefined)
        throw usage(
          'contingency.writerUrl',
          'it is not set',
          'It is the source’s URL with a role that may write to its tables; nothing else ever uses it.',
        );
      await passGates(config, options);
      checkWindow(config, options);
    }
    await drainConnected(work, drained);
  } catch (error) {
    drained.settler?.abandon();
    if (error instanceof StoreError) {
      problems.push(problemOf(error.store, error));
      hasLostSource = error.store === 'source' && error.transient;
    } else if (error instanceof InterruptedError) problems.push(interrupted(error, tally));
    else if (error instanceof RefusedError && options.resume === undefined) refused = error;
    else {
      await folder.finish().catch(() => {});
      if (options.resume === undefined) await folder.removeUnlessWritten();
      throw error;
    }
  } finally {
    await folder.closeJournal();
  }
  await folder.finish();
  const frame = { config, run, folder: folder.path, applied: options.apply ?? false, startedAt, started, redact };
  const report = makeDrainReport({ ...frame, tally, conflicts: work.conflicts }, drained, problems, refused);
  await folder.writeReport(report);
  const told = await tellOfDrain(report, config, options);
  if (told !== report) await folder.writeReport(told);
  await writeStart(folder.path, { ...start, endedAt: new Date().toISOString() });
  await tidyUp(config, options.onEvent);
  return { report: told, hasLostSource };
}

async function startRun(config: Config, { resume }: DrainOptions): Promise<{ run: string; startedAt: Date }> {
  if (resume !== undefined) {
    const known = await findUnfinished(config.folder, 'drain', String(resume));
    return { run: known.run, startedAt: new Date(known.startedAt) };
  }
  const now = new Date();
  return { run: makeRunId(now), startedAt: now };
}

async function drainConnected(work: Work, drained: Drained): Promise<void> {
  const { config, contingency, options, run } = work;
  const { onEvent = () => {}, signal } = options;
  onEvent({ type: 'stage', stage: 'connect' });
  const wanted = chosenStores(config, contingency, options);
  const names = new Set([
    ...storesOf(config, []),
    ...wanted.flatMap(({ store }) => (store === undefined ? [] : [store])),
  ]);
  const connections = await connect(config, names, storeKinds(options.kinds), onEvent, signal);
  const entities = config.entities.filter(({ table }) => table !== undefined);
  const url = contingency.writerUrl ?? config.source.url;
  const writer = new Session({ name: 'source', url, readOnly: !options.apply, connections: 2 });
  try {
    const stores = openStores(wanted, connections);
    const server = await askWriter(writer);
    checkServer(contingency, server, await askWriter(connections.source.session));
    const lock = await lockReplicas(connections.source, options.apply ? entities.map(sourceName) : []);
    const store = await connectWriter(config, signal);
    try {
      const context = {
        connections,
        scheme: await chooseScheme(connections, options.hash),
        folder: work.folder,
        journal: () => work.folder.journal(run, sealerOf(config)),
        progress: noProgress,
      };
      const plan = await planRun(config, context, options, true);
      const tables = await openSourceTables(config, connections.source, store, entities);
      const settler = new DrainSettler({ config, context, plan, stores, run, options });
      drained.settler = settler;
      const spool = new Spool(work.folder.path);
      try {
        onEvent({ type: 'stage', stage: 'gather' });
        const own = {
          contingency,
          tableOf: (entity: string) => tables.get(entity),
          stores,
          sealer: sealerOf(config),
          onItems: (name: string, items: number) => onEvent({ type: 'items', backlog: name, items }),
          signal,
        };
        const gathered = await gather(spool, own);
        drained.gathered = gathered;
        checkWords(gathered, config);
        const writes = spool.length;
        const stopped = await stoppedDrains(config.folder, run);
        const { ours, began } = await spoolBrought(stopped, spool, connections.source.session, server.life);
        drained.began = earliest(options.began ?? gathered.first, began);
        if (options.apply) {
          const written = [...tables.values()].filter(({ entity }) => gathered.entities.has(entity.name));
          checkTables(written, config.file);
          const { maxRows, maxDeletes } = config.limits;
          checkDrainLimits(writes, gathered.deletes, {
            maxRows: options.maxRows ?? maxRows,
            maxDeletes: options.maxDeletes ?? maxDeletes,
          });
          if (!options.forceEmpty) await checkNotEmpty(connections.source, plan, gathered.entities);
        }
        const apply = await applyContext(work, drained, tables, writer, server, ours);
        const bring: BringBackContext = {
          ...own,
          apply,
          tally: work.tally,
          deadLetters: new DeadLetters(config.folder, run, sealerOf(config)),
          isSensitive: (entity) => mayBeSensitive(config, entity),
          settle: settler,
          tries: contingency.tries,
          folder: work.folder.path,
          ...makeBrakes(config, options, lock),
          onRecords: countRecords(writes, onEvent),
          onWait: (count, milliseconds) =>
            onEvent({
              type: 'wait',
              what: `${count} ${count === 1 ? 'write waits' : 'writes wait'} for the next try`,
              seconds: milliseconds / 1000,
            }),
        };
        onEvent({ type: 'stage', stage: 'drain' });
        if (options.apply) await bringBack(spool, bring);
        else if (!(await tryOut(spool, bring, DRY_RUN))) drained.lookedAt = DRY_RUN;
        if (options.apply && settler.unsettled === 0) await writeSettled(stopped, run);
      } finally {
        await spool.remove();
      }
    } finally {
      await store.close();
      await lock.release();
    }
  } finally {
    await writer.close();
    await connections.close();
  }
}

async function applyContext(
  { config, contingency, options, folder, run, conflicts }: Work,
  { began = '' }: Drained,
  tables: ReadonlyMap<string, SourceTable>,
  writer: Session,
  { life, tracksCommits }: { readonly life: string; readonly tracksCommits: boolean },
  ours: Set<string>,
): Promise<ApplyContext> {
  const decisions = options.decisions === undefined ? undefined : await readDecisions(options.decisions);
  const recorded = new Set(await conflictsIn(folder.path));
  const tableOf = (entity: string) => tables.get(entity)!;
  return {
    tableOf,
    rulesOf: ({ order, write }) => ({
      rule: contingency.conflictsOf.get(write.entity) ?? contingency.conflicts,
      began,
      taken: decisions?.get(order),
    }),
    writer,
    journal: options.apply ? await folder.journal(run, sealerOf(config)) : undefined,
    wouldBe: options.apply ? undefined : new Map(),
    system: life,
    began,
    tracksCommits,
    ours,
    async record(placed, conflict) {
      if (recorded.has(placed.order)) return;
      recorded.add(placed.order);
      const line = conflictLine(placed, conflict, tableOf(placed.write.entity));
      if (conflicts.length < (options.shown ?? DEFAULT_SHOWN)) conflicts.push(line);
      await folder.addConflict(line);
    },
  };
}

/** Of a drain that is gone on with: what it has recorded already. */
async function conflictsIn(path: string): Promise<readonly string[]> {
  const text = await readFile(join(path, CONFLICTS_FILE), 'utf8');
  return text.split('\n').flatMap((line) => {
    try {
      return [(JSON.parse(line) as ConflictLine).write];
    } catch {
      return [];
    }
  });
}

function earliest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

function countRecords(expected: number, onEvent: NonNullable<DrainOptions['onEvent']>): (records: number) => void {
  let total = 0;
  return (records) => {
    total += records;
    onEvent({ type: 'repaired', replica: 'source', records: total, expected });
  };
}
