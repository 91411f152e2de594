// The journal of a run's writes: what stood there, and what is to stand there, is on disk before a store is told to write. Appends only.

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { naming } from '../files/naming.ts';
import { syncFolder } from '../files/write-whole.ts';
import { keyText, type Mapping, type Row } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import type { RepairReport } from '../report/report.ts';
import { type Captured, type Change, type Image, MOST_IMAGE_BYTES, type Outcome } from '../stores/store.ts';
import {
  type BatchEntry,
  type DrainEntry,
  isWithheld,
  JOURNAL_SCHEMA,
  type JournalEntry,
  type Kept,
  type KeptImage,
  type KeptRow,
  sealPlace,
  type WriteEntry,
} from './entry.ts';
import { lastWrite, readJournal } from './read-journal.ts';
import type { Sealer } from './seal.ts';

export const JOURNAL_FILE = 'journal.ndjson';
/** Of one write to the file, about: a batch of large records makes no text that is too long. */
const APPENDED = 16 * 1024 * 1024;

/** Writes that were recorded, and those that can't be put back whole: a sensitive value was not kept, or a record not in full. */
export interface JournalCounts {
  readonly writes: number;
  readonly withheld: number;
}

export class Journal {
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly run: string;
  private readonly sealer: Sealer | undefined;
  private last: number;
  private readonly counts = new Map<string, { writes: number; withheld: number }>();
  /** Writes of earlier processes whose outcome nobody knows, by record: what is recorded of one again is the same write, tried again. */
  private readonly unsettled = new Map<string, number>();
  /** A line may be torn then, and nothing may stand behind it. */
  private isBroken = false;

  private constructor(path: string, file: FileHandle, run: string, sealer: Sealer | undefined, last: number) {
    this.path = path;
    this.file = file;
    this.run = run;
    this.sealer = sealer;
    this.last = last;
  }

  /** In the run's folder; one that is there already is added to, its torn last line taken away. */
  static async open(folder: string, run: string, sealer?: Sealer): Promise<Journal> {
    const path = join(folder, JOURNAL_FILE);
    const file = await open(path, 'a+', 0o600);
    try {
      const { n, end } = await lastWrite(path);
      await file.truncate(end);
      const journal = new Journal(path, file, run, sealer, n);
      if (n > 0) for await (const entry of readJournal(path)) journal.recall(entry);
      await journal.append([{ type: 'journal', schema: JOURNAL_SCHEMA, run, at: new Date().toISOString() }]);
      await file.sync();
      await syncFolder(folder);
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** On disk when this resolves. `captured` is what was taken of the records that stand there, by change. Returns what takes the outcomes. */
  async intend(
    replica: ReadyReplica,
    changes: readonly Change[],
    captured: readonly (Captured | undefined)[],
  ): Promise<(outcomes: readonly Outcome[]) => Promise<void>> {
    const settle = await this.prepare(replica, changes, captured);
    // The data and its length, which is all that a reader needs.
    await naming(this.path, () => this.file.datasync());
    return settle;
  }

  /** As `intend`, but on disk only with the next entry that is. */
  async prepare(
    replica: ReadyReplica,
    changes: readonly Change[],
    captured: readonly (Captured | undefined)[],
  ): Promise<(outcomes: readonly Outcome[]) => Promise<void>> {
    const numbers: number[] = [];
    let lines: string[] = [];
    let length = 0;
    for (const [i, change] of changes.entries()) {
      const [line, { n }] = this.writeLine(replica, change, captured[i]);
      numbers.push(n);
      lines.push(line);
      length += line.length;
      if (length < APPENDED) continue;
      await this.write(lines.join(''));
      [lines, length] = [[], 0];
    }
    await this.write(lines.join(''));
    return async (outcomes) => {
      const pairs = outcomes.map(({ outcome }, i) => [numbers[i]!, outcome] as const);
      await this.append([{ type: 'outcome', outcomes: pairs }]);
    };
  }

  /** With everything before it on disk when this resolves: the transaction may commit. */
  async drained(entry: Omit<DrainEntry, 'type'>): Promise<void> {
    await this.append([{ type: 'drain', ...entry }]);
    await this.file.datasync();
  }

  async done(batch: Omit<BatchEntry, 'type'>): Promise<void> {
    await this.append([{ type: 'batch', ...batch }]);
  }

  /** What was built beside the replica has taken its place. On disk when this resolves. */
  async swapped(replica: string, built: RepairReport): Promise<void> {
    await this.append([{ type: 'swap', replica, built }]);
    await naming(this.path, () => this.file.datasync());
  }

  countsOf(replica: string): JournalCounts {
    return this.counts.get(replica) ?? { writes: 0, withheld: 0 };
  }

  async close(): Promise<void> {
    try {
      await this.file.sync();
    } finally {
      await this.file.close();
    }
  }

  private async append(entries: readonly JournalEntry[]): Promise<void> {
    await this.write(entries.map(lineOf).join(''));
  }

  /** Throws from the first failure on: what follows half a line can't be read. */
  private async write(text: string): Promise<void> {
    if (this.isBroken) throw new Error(`${this.path}: a line could not be written whole`);
    try {
      await naming(this.path, () => this.file.appendFile(text));
    } catch (error) {
      this.isBroken = true;
      throw error;
    }
  }

  /** Without the image, if that is too large. */
  private writeLine(
    replica: ReadyReplica,
    change: Change,
    captured: Captured | undefined,
  ): readonly [string, WriteEntry] {
    let entry = this.writeEntry(replica, change, captured);
    let line = lineOf(entry);
    if (entry.image !== undefined && line.length > MOST_IMAGE_BYTES) {
      const lacks = `it takes more than the ${MOST_IMAGE_BYTES / 2 ** 20} MB that are kept of a record`;
      entry = { ...entry, image: undefined, lacks: change.kind === 'delete' ? lacks : undefined };
      line = lineOf(entry);
    }
    this.count(entry);
    return [line, entry];
  }

  private writeEntry(
    { config, entity, replica }: ReadyReplica,
    change: Change,
    captured: Captured | undefined,
  ): WriteEntry {
    this.last += 1;
    const n = this.last;
    const { mapping } = replica;
    const { before, after } = sidesOf(change);
    const keep = (row: Row | null, side: string) => row && this.keptRow(mapping, row, n, side);
    const image = change.kind === 'insert' ? undefined : captured?.image;
    return {
      type: 'write',
      n,
      replica: config.name,
      entity: entity.name,
      key: (before ?? after)!.key,
      place: (before ?? after)!.place,
      kind: change.kind,
      beside: change.kind === 'update' ? undefined : change.beside,
      fields: change.kind === 'update' ? change.fields.map((index) => mapping.fields[index]!.name) : undefined,
      before: keep(before, 'before'),
      after: keep(after, 'after'),
      image: image === undefined ? undefined : this.keptImage(mapping, image, n),
      lacks: change.kind === 'delete' ? captured?.lacks : undefined,
    };
  }

  /** What an earlier process of this run has recorded. */
  private recall(entry: JournalEntry): void {
    if (entry.type === 'write') {
      this.count(entry);
      this.unsettled.set(recordOf(entry), entry.n);
    } else if (entry.type === 'outcome') {
      const settled = new Set(entry.outcomes.map(([n]) => n));
      for (const [record, n] of this.unsettled) if (settled.has(n)) this.unsettled.delete(record);
    } else if (entry.type === 'swap') this.unsettled.clear();
  }

  private count(entry: WriteEntry): void {
    if (this.unsettled.delete(recordOf(entry))) return;
    const counts = this.counts.get(entry.replica) ?? { writes: 0, withheld: 0 };
    counts.writes += 1;
    if (losesBy(entry)) counts.withheld += 1;
    this.counts.set(entry.replica, counts);
  }

  private keptRow({ fields }: Mapping, row: Row, n: number, side: string): KeptRow {
    const kept = fields.map(({ name, sensitive }, i): [string, Kept] => {
      const value = row.values[i]!;
      if (!sensitive || value === null) return [name, value];
      return [name, this.sealed(value, sealPlace(this.run, n, `${side} ${name}`))];
    });
    return Object.fromEntries(kept);
  }

  /** It holds every field, so one that is sensitive makes it so. */
  private keptImage({ key, fields }: Mapping, image: Image, n: number): KeptImage {
    if (![...key, ...fields].some(({ sensitive }) => sensitive)) return { image };
    return this.sealed(JSON.stringify(image), sealPlace(this.run, n, 'image'));
  }

  private sealed(text: string, place: string) {
    return this.sealer === undefined ? ({ withheld: true } as const) : { sealed: this.sealer.seal(text, place) };
  }
}

function recordOf({ replica, key, kind }: WriteEntry): string {
  return JSON.stringify([replica, keyText(key), kind]);
}

/** The record before and after the change; null where none stands. */
function sidesOf(change: Change): { readonly before: Row | null; readonly after: Row | null } {
  switch (change.kind) {
    case 'insert':
      return { before: null, after: change.row };
    case 'delete':
      return { before: change.expected, after: null };
    case 'update': {
      const values = change.expected.values.map((value, i) =>
        change.fields.includes(i) ? change.row.values[i]! : value,
      );
      return { before: change.expected, after: { ...change.expected, values } };
    }
  }
}

function lineOf(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** Whether it replaces a value or removes a record that is not kept, so that it can't be undone whole. */
function losesBy({ kind, fields, before, image, lacks }: WriteEntry): boolean {
  if (kind === 'delete' && (isWithheld(image) || lacks !== undefined)) return true;
  const replaced = Object.entries(before ?? {}).filter(([name]) => kind === 'delete' || fields?.includes(name));
  return replaced.some(([, kept]) => isWithheld(kept));
}
