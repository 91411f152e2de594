// The reports of earlier runs: one of them as it was, or what they come to over time.

import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { DRAIN_SCHEMA, type DrainReport, isDrain } from '../contingency/drain-report.ts';
import { ConfigError } from '../errors.ts';
import { FAILBACK_SCHEMA, type FailbackReport, isFailback } from '../failback/report.ts';
import { readJson } from '../files/read-json.ts';
import { type History, historyOf } from '../report/history.ts';
import { REPORT_SCHEMA, type Report } from '../report/report.ts';
import { UNDO_SCHEMA, type UndoReport } from '../undo/undo-report.ts';
import { findRun, isAlone, REPORT_FILE, runIds, startOfId } from './find-run.ts';
import { isChosen } from './options.ts';

type ReplicaRun = Report | UndoReport;
/** Of what writes to the source, which says nothing of a replica's drift. */
type SourceRun = FailbackReport | DrainReport;

export interface KeptReport {
  /** `folder`: where it is now; null where nothing but the report was kept. */
  readonly report: ReplicaRun | SourceRun;
  readonly path: string;
}

/** `words`: the id of a run, or the end of it. Throws a ConfigError for a run without a report that can be read. */
export async function readReport(config: Config, words: string): Promise<KeptReport> {
  const { run, path } = await findRun(config.folder, words);
  const report = await reportIn(path);
  if (report !== undefined && isOfSource(report)) return { report: { ...report, folder: path }, path };
  if (report !== undefined) return { report: { ...report, folder: (await isAlone(path)) ? null : path }, path };
  const hint =
    'Was it killed? plumbline check --resume goes on with it; findings.ndjson in its folder has what it had found.';
  throw new ConfigError([{ path: '', message: `run ${run} has no report that can be read`, hint }], config.file);
}

export interface HistoryOptions {
  /** Names of replicas, stores or entities; empty or absent: everything. */
  readonly only?: readonly string[];
  /** Only runs that began at most this many milliseconds ago. */
  readonly since?: number;
  /** The newest so many. Default 20. */
  readonly last?: number;
}

const DEFAULT_LAST = 20;
const SCHEMAS: ReadonlySet<string> = new Set([REPORT_SCHEMA, UNDO_SCHEMA, FAILBACK_SCHEMA, DRAIN_SCHEMA]);

/** Reads no more reports than it takes; findings stay where they are. */
export async function history(config: Config, options: HistoryOptions = {}): Promise<History> {
  const { only = [], since = Number.POSITIVE_INFINITY, last = DEFAULT_LAST } = options;
  const isMeant = (names: { readonly name: string; readonly store: string; readonly entity: string }) =>
    isChosen(only, [names.name, names.store, names.entity]);
  const reports: ReplicaRun[] = [];
  for (const id of await runIds(config.folder)) {
    if (reports.length >= last || Date.now() - startOfId(id).getTime() > since) break;
    const report = await reportIn(join(config.folder, 'runs', id));
    if (report === undefined || isOfSource(report)) continue;
    const counts = report.replicas.length === 0 || report.replicas.some(isMeant);
    if (counts) reports.push(report);
  }
  return historyOf(config.file, reports, isMeant);
}

/** Undefined where there is none, or one that another version wrote. */
async function reportIn(folder: string): Promise<ReplicaRun | SourceRun | undefined> {
  const report = await readJson<ReplicaRun | SourceRun>(join(folder, REPORT_FILE));
  const isKnown = report !== undefined && SCHEMAS.has(report.schema);
  return isKnown ? report : undefined;
}

function isOfSource(report: ReplicaRun | SourceRun): report is SourceRun {
  return isFailback(report) || isDrain(report);
}
