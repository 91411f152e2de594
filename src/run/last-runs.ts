// The last run of each replica, on disk: one small file a replica and scope, so that two runs at once never write the same one by halves and
// nobody has to search all runs.

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { readJson } from '../files/read-json.ts';
import { writeWhole } from '../files/write-whole.ts';
import { type ChosenReplica, LAST_RUN_SCHEMA, type LastRun, type RunScope, SCOPES } from '../report/last-run.ts';
import type { Report } from '../report/report.ts';
import { isLookup } from './choose.ts';
import { isChosen, type RunOptions } from './options.ts';

/** `base` is the config's folder. */
export async function keepLastRuns(base: string, runs: readonly LastRun[]): Promise<void> {
  if (runs.length === 0) return;
  await mkdir(join(base, 'latest'), { recursive: true, mode: 0o700 });
  for (const run of runs) {
    await writeWhole(fileOf(base, run.replica, run.scope), [`${JSON.stringify(run, null, 2)}\n`], 0o600);
  }
}

/** Of the replicas that the config has now, in its order; those that never ran are left out. */
export async function readLastRuns(config: Config): Promise<readonly LastRun[]> {
  const names = config.entities.flatMap(({ replicas }) => replicas.map(({ name }) => name));
  const files = names.flatMap((name) => SCOPES.map((scope) => fileOf(config.folder, name, scope)));
  const runs = await Promise.all(files.map(readLastRun));
  return runs.filter((run) => run !== undefined);
}

/** Those that `only` chooses, as a run's options have it. */
export function chosenReplicas(config: Config, only: readonly string[]): readonly ChosenReplica[] {
  return config.entities.flatMap((entity) =>
    entity.replicas
      .filter(({ name, store }) => isChosen(only, [name, store, entity.name]))
      .map(({ name, store }) => ({ name, store, entity: entity.name })),
  );
}

/** What looks at chosen records in any other way than by age or by chance looks at their keys: a backlog's, or an earlier run's findings. */
export function scopeOf(command: Report['command'], options: RunOptions): RunScope {
  const { keys, from, since, sample } = options;
  if (command === 'repair' || keys !== undefined || from !== undefined) return 'keys';
  if (since !== undefined) return 'since';
  if (sample !== undefined) return 'sample';
  return isLookup(options) ? 'keys' : 'all';
}

/** Undefined where there is none, or one that another version wrote. */
async function readLastRun(file: string): Promise<LastRun | undefined> {
  const run = await readJson<LastRun>(file);
  return run?.schema === LAST_RUN_SCHEMA ? run : undefined;
}

const LONGEST_NAME = 80;

/** A name can hold what a file's can't: the hash tells apart what looks alike then. */
function fileOf(base: string, replica: string, scope: RunScope): string {
  const readable = replica.replace(/[^\w.-]+/g, '_').slice(0, LONGEST_NAME);
  const hash = createHash('sha256').update(replica).digest('hex').slice(0, 8);
  return join(base, 'latest', `${readable}.${hash}.${scope}.json`);
}
