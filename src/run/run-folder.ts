// A run's folder: run.json says what was asked, findings.ndjson holds the findings as they are proven, checkpoint.json what is compared to the end,
// journal.ndjson what was written, report.json, written whole at the end, what came of it.

import { randomInt } from 'node:crypto';
import { appendFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrainReport } from '../contingency/drain-report.ts';
import type { FailbackReport } from '../failback/report.ts';
import { LineFile } from '../files/line-file.ts';
import { readLines } from '../files/lines.ts';
import { writeWhole } from '../files/write-whole.ts';
import { JOURNAL_FILE, Journal } from '../journal/journal.ts';
import { type ProgressOf, readProgress, readSwap } from '../journal/progress.ts';
import type { Sealer } from '../journal/seal.ts';
import type { Finding, RepairReport, ReplicaReport, Report } from '../report/report.ts';
import type { Left, UndoReport } from '../undo/undo-report.ts';
import { type Checkpoint, NOTHING_COMPARED, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { REPORT_FILE } from './find-run.ts';

const FINDINGS_FILE = 'findings.ndjson';
const LEFT_FILE = 'left.ndjson';
export const CONFLICTS_FILE = 'conflicts.ndjson';
/** 32 that nobody mistakes for another, in the order in which names are sorted. */
const LETTERS = '23456789abcdefghijkmnpqrstuvwxyz';

/** `20261122-020003-k3f9`: UTC to the second, two letters for the millisecond, so that ids sort by age, and two by chance. */
export function makeRunId(now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const milliseconds = now.getUTCMilliseconds();
  const letters = [milliseconds >> 5, milliseconds & 31, randomInt(32), randomInt(32)];
  return `${time}-${letters.map((letter) => LETTERS[letter]).join('')}`;
}

export class RunFolder {
  readonly path: string;
  private readonly lines: LineFile;
  private readonly redact: (text: string) => string;
  private checkpoint: Checkpoint;
  /** One checkpoint after the other: replicas end side by side. */
  private saving: Promise<void> = Promise.resolve();
  private opened: Promise<Journal> | undefined;

  private constructor(path: string, lines: LineFile, redact: (text: string) => string, checkpoint: Checkpoint) {
    this.path = path;
    this.lines = lines;
    this.redact = redact;
    this.checkpoint = checkpoint;
  }

  /** `base` is the config's folder. Only its owner may read it: findings hold data. `redact` takes secrets out of reasons. */
  static async create(base: string, run: string, redact: (text: string) => string): Promise<RunFolder> {
    return RunFolder.open(join(base, 'runs', run), redact, FINDINGS_FILE);
  }

  /** Of an undo: what was left alone takes the place of findings. */
  static async createForUndo(base: string, run: string, redact: (text: string) => string): Promise<RunFolder> {
    return RunFolder.open(join(base, 'runs', run), redact, LEFT_FILE);
  }

  /** Of a drain, new or to go on with: conflicts take the place of findings. */
  static async ofDrain(base: string, run: string, redact: (text: string) => string): Promise<RunFolder> {
    const path = join(base, 'runs', run);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return new RunFolder(path, await LineFile.open(join(path, CONFLICTS_FILE), true), redact, NOTHING_COMPARED);
  }

  /** To go on with a run: findings of replicas that were not compared to the end are taken away. */
  static async resume(base: string, run: string, redact: (text: string) => string): Promise<RunFolder> {
    const path = join(base, 'runs', run);
    await removeParts(path);
    const checkpoint = await readCheckpoint(path);
    await keepFindings(path, (finding) => Object.hasOwn(checkpoint.compared, finding.replica));
    return new RunFolder(path, await LineFile.open(join(path, FINDINGS_FILE), true), redact, checkpoint);
  }

  private static async open(path: string, redact: (text: string) => string, lines: string): Promise<RunFolder> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return new RunFolder(path, await LineFile.open(join(path, lines), false), redact, NOTHING_COMPARED);
  }

  /** A folder inside this one for findings of its own. */
  async part(name: string): Promise<RunFolder> {
    return RunFolder.open(join(this.path, name), this.redact, FINDINGS_FILE);
  }

  async add(finding: Finding): Promise<void> {
    await this.lines.add(finding.reason === undefined ? finding : { ...finding, reason: this.redact(finding.reason) });
  }

  async addLeft(left: Left): Promise<void> {
    await this.lines.add({ ...left, why: this.redact(left.why) });
  }

  /** On disk when this returns. */
  async addConflict(conflict: object): Promise<void> {
    await this.lines.add(conflict);
    await this.lines.sync();
  }

  /** Replicas that an earlier process of this run compared to the end, by name; and the source's clock at its first snapshot. */
  get done(): Checkpoint {
    return this.checkpoint;
  }

  /** From now on the replica need not be compared again. Its findings are on disk before that is said. */
  async setDone(report: ReplicaReport, asOf: string | null): Promise<void> {
    const compared = { ...this.checkpoint.compared, [report.name]: report };
    const checkpoint = { asOf: this.checkpoint.asOf ?? asOf, compared };
    this.checkpoint = checkpoint;
    const before = this.saving;
    this.saving = before.then(async () => {
      await this.lines.sync();
      await writeCheckpoint(this.path, checkpoint);
    });
    await this.saving;
  }

  /** Of a run whose findings are to be found anew. */
  async startOver(): Promise<void> {
    this.checkpoint = NOTHING_COMPARED;
    await writeCheckpoint(this.path, NOTHING_COMPARED);
    await this.lines.clear();
  }

  /** Adds lines of JSON to another file of the folder. */
  async append(file: string, lines: readonly object[]): Promise<void> {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    if (text !== '') await appendFile(join(this.path, file), text, { mode: 0o600 });
  }

  /** Everything that was added is on disk when this returns. */
  finish(): Promise<void> {
    return this.lines.close();
  }

  writeReport(report: Report | UndoReport | FailbackReport | DrainReport): Promise<void> {
    return writeWhole(join(this.path, REPORT_FILE), [`${JSON.stringify(report, null, 2)}\n`], 0o600);
  }

  /** The journal of the run's writes: opened at the first call, to be closed by `closeJournal`. */
  journal(run: string, sealer: Sealer | undefined): Promise<Journal> {
    this.opened ??= Journal.open(this.path, run, sealer);
    return this.opened;
  }

  async closeJournal(): Promise<void> {
    await (await this.opened)?.close();
  }

  /** What an earlier process of this run has written already. */
  async progress(): Promise<ProgressOf> {
    return readProgress(join(this.path, JOURNAL_FILE));
  }

  /** What an earlier process of this run had built of the replica and put in its place. */
  async swapped(replica: string): Promise<RepairReport | undefined> {
    return readSwap(join(this.path, JOURNAL_FILE), replica);
  }

  findings(): AsyncGenerator<Finding> {
    return readFindings(this.path);
  }

  /** Unless it holds a journal: that is kept, whatever happened. */
  async removeUnlessWritten(): Promise<void> {
    if (this.opened === undefined) await rm(this.path, { recursive: true, force: true });
  }
}

/** What a kill left of files that were to appear whole. */
async function removeParts(path: string): Promise<void> {
  for (const name of await readdir(path)) if (/^\..*\.part$/.test(name)) await rm(join(path, name), { force: true });
}

async function keepFindings(path: string, isKept: (finding: Finding) => boolean): Promise<void> {
  const file = join(path, FINDINGS_FILE);
  const kept = await LineFile.open(`${file}.part`, false);
  try {
    for await (const finding of readFindings(path)) if (isKept(finding)) await kept.add(finding);
  } finally {
    await kept.close();
  }
  await rename(`${file}.part`, file);
}

/** The findings of a run's folder, one at a time. */
export async function* readFindings(path: string): AsyncGenerator<Finding> {
  for await (const line of readLines(join(path, FINDINGS_FILE))) {
    const finding = line === '' ? undefined : parsed(line);
    if (finding !== undefined) yield finding;
  }
}

/** A last line that a kill tore off is none. */
function parsed(line: string): Finding | undefined {
  try {
    return JSON.parse(line) as Finding;
  } catch {
    return undefined;
  }
}
