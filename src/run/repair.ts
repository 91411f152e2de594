// repair: applies the findings of an earlier run after a person has read them. Each is looked at again first; what has healed is left alone.

import type { Candidate } from '../compare/candidate.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { now } from '../now.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { readPlan, type Selection, selects } from '../repair/select-findings.ts';
import type { Finding, Report } from '../report/report.ts';
import { comparePlan, planRun } from './find-drift.ts';
import { findWholeRun } from './find-run.ts';
import { lockReplicas } from './locks.ts';
import type { RepairOptions, RunOptions } from './options.ts';
import { policyOf, repairDrift } from './repair-drift.ts';
import { runCommand } from './run.ts';
import { readFindings } from './run-folder.ts';

export interface RepairRunOptions
  extends Omit<RunOptions, 'only' | 'keys' | 'since' | 'sample'>,
    RepairOptions,
    Selection {
  /** A plan file, as `writePlan` makes it, edited: it says which of the findings are repaired. */
  readonly plan?: string;
}

type Chosen = Pick<Finding, 'replica' | 'class' | 'key' | 'places'>;

/** `run`: the id of a run, or the end of it. Throws ConfigError for a run without such findings, LockedError when another run repairs. */
export async function repair(config: Config, run: string, given: RepairRunOptions = {}): Promise<Report> {
  const { run: id, path } = await findWholeRun(config.folder, run);
  const findings = () => chosenFindings(path, given);
  const names = await replicasOf(config, id, findings());
  const asked = { ...given, only: names, of: id };
  return runCommand('repair', config, asked, async (context, options) => {
    const lock = await lockReplicas(context.connections.source, options.apply ? names : []);
    try {
      const plan = await planRun(config, context, options, true);
      const of = (replica: ReadyReplica) => candidatesOf(findings(), replica);
      const words = `the findings of run ${id}`;
      const drift = await comparePlan(config, context, options, plan, () => ({ kind: 'findings', of, words }));
      await context.folder.finish();
      return await repairDrift(config, { ...context, lock }, drift, options, policyOf(config, options));
    } finally {
      await lock.release();
    }
  });
}

/** The findings of a run that a selection chooses, for a plan file; in the order in which they were proven. */
export async function* findingsOfRun(config: Config, run: string, selection: Selection): AsyncGenerator<Finding> {
  const { path } = await findWholeRun(config.folder, run);
  const isChosen = selects(selection);
  for await (const finding of readFindings(path)) if (isChosen(finding)) yield finding;
}

async function* chosenFindings(path: string, { plan, ...selection }: RepairRunOptions): AsyncGenerator<Chosen> {
  const isChosen = selects(selection);
  const all: AsyncIterable<Chosen> = plan === undefined ? readFindings(path) : readPlan(plan);
  for await (const finding of all) if (isChosen(finding as Finding)) yield finding;
}

async function* candidatesOf(
  findings: AsyncIterable<Chosen>,
  { config, replica }: ReadyReplica,
): AsyncGenerator<Candidate> {
  for await (const { replica: name, key, places } of findings) {
    if (name !== config.name) continue;
    yield { key: replica.mapping.key.map((field) => key[field.name] ?? ''), places, seenAt: now() };
  }
}

/** In the order of the config, on which the order of writing depends. */
async function replicasOf(config: Config, run: string, findings: AsyncIterable<Chosen>): Promise<readonly string[]> {
  const found = new Set<string>();
  for await (const { replica } of findings) found.add(replica);
  const wrong = (message: string, hint: string) => new ConfigError([{ path: '', message, hint }], config.file);
  if (found.size === 0) throw wrong(`run ${run} has no such findings`, `plumbline report ${run} shows what it found.`);
  const known = config.entities.flatMap((entity) => entity.replicas.map(({ name }) => name));
  const absent = [...found].filter((name) => !known.includes(name));
  if (absent.length > 0) {
    throw wrong(
      `run ${run} has findings in ${absent.join(', ')}, which the configuration no longer names`,
      'Choose other replicas with --replica, or use the configuration of that time.',
    );
  }
  return known.filter((name) => found.has(name));
}
