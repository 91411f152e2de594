// What every command does around its work: connect, choose how to hash, keep findings, time it, build the report, close everything.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import { InterruptedError, type RefusedError, StoreError } from '../errors.ts';
import { problemOf } from '../plan/make-plan.ts';
import { redactReport } from '../report/redact-report.ts';
import { REPORT_SCHEMA, type ReplicaReport, type Report, type RunProblem, type Subject } from '../report/report.ts';
import { verdictOf } from '../report/verdict.ts';
import { storeKinds } from '../stores/registry.ts';
import type { HashScheme } from '../value/digest.ts';
import { secondsSince } from './compare-replica.ts';
import { type Connections, chooseScheme, connect } from './connections.ts';
import { isChosen, type RunOptions } from './options.ts';
import { makeRunId, RunFolder } from './run-folder.ts';

export interface RunContext {
  readonly connections: Connections;
  readonly scheme: HashScheme;
  readonly folder: RunFolder;
}

export interface RunResult {
  readonly asOf: string | null;
  readonly replicas: readonly ReplicaReport[];
  readonly problems: readonly RunProblem[];
  readonly subject?: Subject;
  /** A limit said no. */
  readonly refused?: RefusedError;
}

/** Runs `work` and reports. Throws ConfigError and LockedError; what the servers do wrong is in the report. */
export async function runCommand(
  command: Report['command'],
  config: Config,
  options: RunOptions,
  work: (context: RunContext) => Promise<RunResult>,
): Promise<Report> {
  const started = performance.now();
  const startedAt = new Date();
  const run = makeRunId(startedAt);
  const kept = options.keep ?? true;
  const redact = makeRedactor(configSecrets(config));
  const base = kept ? config.folder : await mkdtemp(join(tmpdir(), 'plumbline-'));
  try {
    const folder = await RunFolder.create(base, run, redact);
    let result: RunResult;
    try {
      result = await connected(config, options, (connections, scheme) => work({ connections, scheme, folder }));
    } catch (error) {
      await folder.finish().catch(() => {});
      if (error instanceof StoreError || error instanceof InterruptedError) {
        const problem =
          error instanceof StoreError ? problemOf(error.store, error) : { where: 'run', message: 'interrupted' };
        result = { asOf: null, replicas: [], problems: [problem] };
      } else {
        await folder.remove();
        throw error;
      }
    }
    const report = redactReport(
      {
        schema: REPORT_SCHEMA,
        run,
        command,
        config: config.file,
        startedAt: startedAt.toISOString(),
        seconds: secondsSince(started),
        asOf: result.asOf,
        ...verdictOf(result.replicas, result.problems, result.refused !== undefined),
        replicas: result.replicas,
        problems: result.refused === undefined ? result.problems : [...result.problems, refusal(result.refused)],
        folder: kept ? folder.path : null,
        subject: result.subject,
      },
      redact,
    );
    if (kept) await folder.writeReport(report);
    return report;
  } finally {
    if (!kept) await rm(base, { recursive: true, force: true });
  }
}

async function connected<T>(
  config: Config,
  options: RunOptions,
  work: (connections: Connections, scheme: HashScheme) => Promise<T>,
): Promise<T> {
  const listener = options.onEvent ?? (() => {});
  listener({ type: 'stage', stage: 'connect' });
  const connections = await connect(
    config,
    storesOf(config, options.only ?? []),
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

/** The stores that the chosen replicas need. */
export function storesOf(config: Config, only: readonly string[]): ReadonlySet<string> {
  const replicas = config.entities.flatMap((entity) =>
    entity.replicas.map((replica) => ({ entity: entity.name, ...replica })),
  );
  const chosen = replicas.filter(({ name, store, entity }) => isChosen(only, [name, store, entity]));
  return new Set(chosen.map((replica) => replica.store));
}

function refusal(error: RefusedError): RunProblem {
  const hint =
    error.flag === undefined
      ? 'Nothing was written.'
      : `Nothing was written. If that is right, run it again with ${error.flag}.`;
  return { where: 'limits', message: error.message, hint };
}
