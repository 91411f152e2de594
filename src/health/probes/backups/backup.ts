// A backup as the probe knows it, from whatever records it: a record of fields becomes a Backup, or the reason why not. Pure.

import { isAbsolute, resolve } from 'node:path';
import { parseTime } from './calendar.ts';
import type { Fields } from './options.ts';

export const KINDS = ['full', 'incremental', 'differential'] as const;
export type BackupKind = (typeof KINDS)[number];

export interface Checksum {
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512';
  /** In small letters. */
  readonly hex: string;
}

export interface Backup {
  /** What names it to a person: the key, the file, the line of the manifest. */
  readonly name: string;
  readonly kind: BackupKind;
  readonly state: 'complete' | 'running' | 'failed';
  /** When it began; where only its end is recorded, that. Its day is the one of this moment. */
  readonly startedAt: Date;
  readonly finishedAt?: Date;
  /** As recorded; of a folder's files, as found. */
  readonly bytes?: number;
  /** Absolute, or a URL. */
  readonly file?: string;
  /** As recorded, or the path of the file that holds it. */
  readonly checksum?: Checksum | { readonly sidecar: string };
}

/** A record that says nothing that can be relied on. */
export interface Unreadable {
  readonly name: string;
  readonly reason: string;
}

export interface Backups {
  /** The oldest first. */
  readonly backups: readonly Backup[];
  readonly unreadable: readonly Unreadable[];
}

export type Fact = string | number | boolean | null;

/** How records are to be read. */
export interface RecordRules {
  readonly fields: Fields;
  readonly kinds: ReadonlyMap<string, BackupKind>;
  readonly timeZone: string;
  /** What a relative file is relative to. */
  readonly folder: string;
  readonly now: Date;
}

/** A clock that is a little ahead is no reason to doubt a record. */
const AHEAD_MS = 5 * 60_000;

export function isInFuture(time: Date, now: Date): boolean {
  return +time > +now + AHEAD_MS;
}

const STATES: ReadonlyMap<string, Backup['state']> = new Map([
  ...words('complete', 'complete completed done finished success succeeded successful ok'),
  ...words('running', 'running started in_progress in-progress inprogress pending'),
  ...words('failed', 'failed failure error aborted cancelled canceled'),
]);

const ALGORITHMS: ReadonlyMap<number, Checksum['algorithm']> = new Map([
  [32, 'md5'],
  [40, 'sha1'],
  [64, 'sha256'],
  [128, 'sha512'],
]);

/** The words for kinds: ours, those of pgBackRest, and the user's. */
export function kindWords(own: Readonly<Record<string, BackupKind>>): ReadonlyMap<string, BackupKind> {
  return new Map<string, BackupKind>([
    ...KINDS.map((kind) => [kind, kind] as const),
    ['incr', 'incremental'],
    ['diff', 'differential'],
    ...Object.entries(own).map(([word, kind]) => [word.toLowerCase(), kind] as const),
  ]);
}

/** The reason in words where it can't be read. */
export function readRecord(name: string, record: Readonly<Record<string, Fact>>, rules: RecordRules): Backup | string {
  const { fields, kinds, timeZone, folder, now } = rules;
  const fact = (field: string) => {
    const value = record[field];
    return value === undefined || value === null || value === '' ? undefined : String(value).trim();
  };
  const kindWord = fact(fields.kind);
  if (kindWord === undefined) return `has no ${fields.kind}`;
  const kind = kinds.get(kindWord.toLowerCase());
  if (kind === undefined) return `${fields.kind} ${JSON.stringify(kindWord)} is no kind of backup`;

  const times = [fields.started, fields.finished].map((field) => {
    const text = fact(field);
    return { field, text, time: text === undefined ? undefined : parseTime(text, timeZone) };
  });
  for (const { field, text, time } of times) {
    if (text !== undefined && time === undefined) return `${field} ${JSON.stringify(text)} is no time`;
    if (time !== undefined && isInFuture(time, now)) return `${field} ${time.toISOString()} is in the future`;
  }
  const [started, finished] = times.map(({ time }) => time);
  const startedAt = started ?? finished;
  if (startedAt === undefined) return `has neither ${fields.started} nor ${fields.finished}`;

  const stateWord = fact(fields.status);
  const state = stateWord === undefined ? (finished ? 'complete' : 'running') : STATES.get(stateWord.toLowerCase());
  if (state === undefined) return `${fields.status} ${JSON.stringify(stateWord)} is not known`;

  const size = fact(fields.size);
  if (size !== undefined && !/^\d+$/.test(size)) return `${fields.size} ${JSON.stringify(size)} is no number of bytes`;

  const checksumField = fields.checksum.find((field) => fact(field) !== undefined);
  const checksum = checksumField === undefined ? undefined : parseChecksum(fact(checksumField)!);
  if (checksumField !== undefined && checksum === undefined) return `${checksumField} is no checksum`;

  const file = fact(fields.file);
  return {
    name,
    kind,
    state,
    startedAt,
    finishedAt: state === 'complete' ? finished : undefined,
    bytes: size === undefined ? undefined : Number(size),
    file: file === undefined || isAbsolute(file) || file.includes('://') ? file : resolve(folder, file),
    checksum,
  };
}

/** Hexadecimal digits, with or without the algorithm before them: its length says which. */
export function parseChecksum(text: string): Checksum | undefined {
  const [, digits = ''] = /^(?:[a-z\d-]+:)?([\da-f]+)$/i.exec(text) ?? [];
  const algorithm = ALGORITHMS.get(digits.length);
  return algorithm && { algorithm, hex: digits.toLowerCase() };
}

/** Sorts what was read from what could not be. */
export function sortBackups(read: readonly (readonly [name: string, outcome: Backup | string])[]): Backups {
  const backups = read.flatMap(([, outcome]) => (typeof outcome === 'string' ? [] : [outcome]));
  const unreadable = read.flatMap(([name, reason]) => (typeof reason === 'string' ? [{ name, reason }] : []));
  return { backups: backups.sort((a, b) => +a.startedAt - +b.startedAt), unreadable };
}

function words(state: Backup['state'], all: string): [string, Backup['state']][] {
  return all.split(' ').map((word) => [word, state]);
}
