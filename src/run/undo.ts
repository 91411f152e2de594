// undo: puts back what a run's repair replaced, from its journal. Without `apply` it only says what it would do. It is a run of its own, with a
// journal, so that it can be undone too.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import {
  connectWriter,
  entityOfSourceName,
  openSourceTables,
  type SourceTable,
  sourceName,
} from '../contingency/source-table.ts';
import { ConfigError, InterruptedError, StoreError } from '../errors.ts';
import type { WriteEntry } from '../journal/entry.ts';
import { JOURNAL_FILE, type Journal } from '../journal/journal.ts';
import { noProgress } from '../journal/progress.ts';
import { isThere, readJournal } from '../journal/read-journal.ts';
import { problemOf } from '../plan/make-plan.ts';
import type { RunProblem } from '../report/report.ts';
import type { Store } from '../stores/store.ts';
import { type UndoContext, undoWrites } from '../undo/undo.ts';
import { UNDO_SCHEMA, type UndoReport, undoExit } from '../undo/undo-report.ts';
import { UndoTally } from '../undo/undo-tally.ts';
import { readStart, startOf, writeStart } from './checkpoint.ts';
import { secondsSince } from './compare-replica.ts';
import type { Connections } from './connections.ts';
import { isStoppedDrain, writeSettled } from './drain-runs.ts';
import { planRun } from './find-drift.ts';
import { findRun, findWholeRun, runIds } from './find-run.ts';
import { lockReplicas } from './locks.ts';
import { DEFAULT_SHOWN, type RunOptions } from './options.ts';
import { tidyUp } from './retention.ts';
import { retrying } from './retry.ts';
import { connected, redacted, sealerOf } from './run.ts';
import { makeRunId, RunFolder } from './run-folder.ts';
import { failbackConfig, undoMerge } from './undo-failback.ts';

export interface UndoOptions extends Pick<RunOptions, 'keep' | 'shown' | 'kinds' | 'signal' | 'onEvent'> {
  /** False: only says what it would do. Default false. */
  readonly apply?: boolean;
  /** Only these replicas, by name. */
  readonly replicas?: readonly string[];
  /** Only these keys, each a key's parts as text. */
  readonly keys?: readonly (readonly string[])[];
}

/** `run`: the id of a run, or the end of it. Throws ConfigError for a run that is none or wrote nothing, LockedError when another run repairs. */
export async function undo(config: Config, run: string, options: UndoOptions = {}): Promise<UndoReport> {
  const started = performance.now();
  const startedAt = new Date();
  const undone = await findWholeRun(config.folder, run);
  const path = join(undone.path, JOURNAL_FILE);
  const isFailback = await wasFailback(config, undone.path);
  // What it wrote are no replicas of the configuration, but tables of the two servers.
  const own = isFailback ? await failbackConfig(config, await writtenIn(path)) : config;
  const names = await replicasIn(own, path, undone.run, options.replicas ?? []);
  const kept = options.keep ?? true;
  const redact = makeRedactor(configSecrets(config));
  const base = kept ? config.folder : await mkdtemp(join(tmpdir(), 'plumbline-'));
  const id = makeRunId(startedAt);
  options.onEvent?.({ type: 'run', run: id, command: 'undo' });
  try {
    const folder = await RunFolder.createForUndo(base, id, redact);
    const start = startOf(id, 'undo', config.file, startedAt, { of: undone.run });
    await writeStart(folder.path, start);
    const tally = new UndoTally(names, own, options.shown ?? DEFAULT_SHOWN, (left) => folder.addLeft(left));
    const problems: RunProblem[] = [];
    try {
      const journal = () => folder.journal(id, sealerOf(config));
      const undoing: Undoing = {
        options,
        tally,
        problems,
        folder,
        journal,
        writes: {
          run: undone.run,
          path,
          sealer: sealerOf(config),
          isChosen: chooser(options.keys),
          signal: options.signal,
        },
        fetchWith: (fetch) => (replica, keys, whereabouts) =>
          retrying(
            `${replica.config.name}: fetch`,
            () => fetch(replica, keys, whereabouts),
            options.onEvent ?? (() => {}),
            options.signal,
          ),
      };
      await (isFailback ? undoMerge : undoRepair)(config, names, undoing);
    } catch (error) {
      if (error instanceof StoreError) problems.push(problemOf(error.store, error));
      else if (error instanceof InterruptedError) problems.push({ where: 'run', message: 'interrupted' });
      else {
        await folder.finish().catch(() => {});
        await folder.removeUnlessWritten();
        throw error;
      }
    } finally {
      await folder.closeJournal();
    }
    await folder.finish();
    const result = { replicas: tally.replicas(), problems: problems.map((problem) => redacted(problem, redact)) };
    const report: UndoReport = {
      schema: UNDO_SCHEMA,
      command: 'undo',
      run: id,
      undone: undone.run,
      config: config.file,
      startedAt: startedAt.toISOString(),
      seconds: secondsSince(started),
      applied: options.apply ?? false,
      exitCode: undoExit(result),
      ...result,
      folder: kept ? folder.path : null,
    };
    // What a stopped drain brought back waits again, if it was taken back whole.
    const isWhole = options.keys === undefined && (options.replicas ?? []).length === 0 && problems.length === 0;
    if (options.apply && isWhole && (await isStoppedDrain(undone.path))) await writeSettled([{ path }], id);
    if (kept) {
      await folder.writeReport(report);
      await writeStart(folder.path, { ...start, endedAt: new Date().toISOString() });
      await tidyUp(config, options.onEvent);
    }
    return report;
  } finally {
    if (!kept) await rm(base, { recursive: true, force: true });
  }
}

/** What an undo has, whatever it undoes. */
export interface Undoing {
  readonly options: UndoOptions;
  readonly tally: UndoTally;
  readonly problems: RunProblem[];
  readonly folder: RunFolder;
  readonly journal: () => Promise<Journal>;
  readonly writes: Omit<UndoContext, 'replicaOf' | 'fetch' | 'journal' | 'repeats' | 'mayGoOn'>;
  /** Fetches once more what fails for a moment. */
  readonly fetchWith: (fetch: UndoContext['fetch']) => UndoContext['fetch'];
}

async function undoRepair(config: Config, names: readonly string[], undoing: Undoing): Promise<void> {
  const { options, tally, problems, folder, journal, writes, fetchWith } = undoing;
  await connected(config, { ...options, only: names }, async (connections, scheme) => {
    const lock = await lockReplicas(connections.source, options.apply ? names : []);
    let writer: Store | undefined;
    try {
      writer = await writerFor(config, names, options);
      const context = { connections, scheme, folder, journal, progress: noProgress };
      const copies = names.filter((name) => entityOfSourceName(config, name) === undefined);
      if (copies.length > 0)
        problems.push(...tally.usePlan(await planRun(config, context, { ...options, only: copies }, true)));
      for (const { ready } of writer === undefined ? [] : await sourceTables(config, connections, writer, names))
        tally.ready.set(ready.config.name, ready);
      const replicaOf = (name: string) => tally.ready.get(name);
      const fetch = fetchWith((replica, keys, whereabouts) => replica.store.fetch(replica.replica, keys, whereabouts));
      const own = options.apply ? await journal() : undefined;
      for await (const batch of undoWrites({ ...writes, journal: own, mayGoOn: lock.check, replicaOf, fetch }))
        await tally.add(batch);
    } finally {
      await writer?.close();
      await lock.release();
    }
  });
}

/** For what a drain wrote to the source. Throws a ConfigError where nothing may write there. */
async function writerFor(config: Config, names: readonly string[], { apply, signal }: UndoOptions) {
  const own = names.filter((name) => entityOfSourceName(config, name) !== undefined);
  if (own.length === 0) return undefined;
  if (apply && config.contingency?.writerUrl === undefined) {
    const hint = 'It is the source’s URL with a role that may write to its tables.';
    const message = `${own.join(', ')} can’t be put back without it`;
    throw new ConfigError([{ path: 'contingency.writerUrl', message, hint }], config.file);
  }
  return connectWriter(config, signal);
}

async function sourceTables(
  config: Config,
  { source }: Connections,
  writer: Store,
  names: readonly string[],
): Promise<readonly SourceTable[]> {
  const entities = names.flatMap((name) => entityOfSourceName(config, name) ?? []);
  return [...(await openSourceTables(config, source, writer, entities)).values()];
}

/** Whether a run merged two servers, or undid one that did. */
async function wasFailback(config: Config, path: string): Promise<boolean> {
  const start = await readStart(path);
  if (start?.command !== 'undo') return start?.command === 'failback';
  const before = String(start.asked.of);
  if (!(await runIds(config.folder)).includes(before)) return false;
  return wasFailback(config, (await findRun(config.folder, before)).path);
}

/** Names of the replicas that a journal has writes of. */
async function writtenIn(path: string): Promise<readonly string[]> {
  const written = new Set<string>();
  if (await isThere(path))
    for await (const entry of readJournal(path)) if (entry.type === 'write') written.add(entry.replica);
  return [...written];
}

/** Of the run's journal, in the order of the config, the source first. */
async function replicasIn(
  config: Config,
  path: string,
  run: string,
  only: readonly string[],
): Promise<readonly string[]> {
  const tables = config.entities.filter(({ table }) => table !== undefined);
  const copies = config.entities.flatMap((entity) => entity.replicas.map(({ name }) => name));
  const known = [...tables.map(sourceName), ...copies];
  const written = await writtenIn(path);
  const chosen = written.filter((name) => only.length === 0 || only.includes(name));
  const wrong = (message: string, hint: string) => new ConfigError([{ path: '', message, hint }], config.file);
  if (written.length === 0) throw wrong(`run ${run} wrote nothing`, 'There is nothing to undo.');
  if (chosen.length === 0)
    throw wrong(`run ${run} wrote nothing to ${only.join(', ')}`, `It wrote to ${written.join(', ')}.`);
  const absent = chosen.filter((name) => !known.includes(name));
  if (absent.length > 0) {
    throw wrong(
      `run ${run} wrote to ${absent.join(', ')}, which the configuration no longer names`,
      'Undo it with the configuration of that time.',
    );
  }
  return known.filter((name) => chosen.includes(name));
}

function chooser(keys: UndoOptions['keys']): (entry: WriteEntry) => boolean {
  if (keys === undefined) return () => true;
  const wanted = new Set(keys.map((key) => JSON.stringify(key)));
  return ({ key }) => wanted.has(JSON.stringify(key));
}
