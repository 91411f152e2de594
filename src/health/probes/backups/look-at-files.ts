// Are the files there, of the recorded size, with the recorded checksum? Reads them as streams, the newest first, as long as it may.

import { stat } from 'node:fs/promises';
import { wordsOf } from '../../../errors.ts';
import { countInWords, durationInWords, sizeInWords } from '../../figures.ts';
import { type Reading, type Status, worstOf } from '../../probe.ts';
import type { Backup, Checksum } from './backup.ts';
import { checksumOf, readSidecar, Unfinished } from './checksum.ts';

export interface LookedAt {
  readonly readings: readonly Reading[];
  /** Backups whose file is not what it should be. */
  readonly bad: ReadonlySet<Backup>;
}

/** What is wrong with one file; absent: nothing. */
type Trouble = readonly [status: Status, message: string] | undefined;

const NAMED = 3;

/** `complete`: the newest first. */
export async function lookAtFiles(
  complete: readonly Backup[],
  wanted: { readonly files: number; readonly checksums: number },
  signal: AbortSignal,
): Promise<LookedAt> {
  const looked = complete.slice(0, wanted.files);
  if (looked.length === 0) return { readings: [], bad: new Set() };
  const found = await Promise.all(looked.map(async (backup) => ({ backup, trouble: await troubleOf(backup) })));
  const there = found.flatMap(({ backup, trouble }) => (trouble === undefined ? [backup] : []));
  const wrong = found.flatMap(({ trouble }) => (trouble === undefined ? [] : [trouble]));
  const bad = new Set(found.flatMap(({ backup, trouble }) => (trouble?.[0] === 'failed' ? [backup] : [])));
  const readings: Reading[] = [
    {
      ...summary(
        'files',
        wrong,
        `${countInWords(looked.length, 'file is there', 'files are there')}, with the recorded size`,
      ),
      hint:
        wrong.length === 0
          ? undefined
          : 'Bring it back from where backups are copied to, or take a new full backup now.',
      metrics: [
        { name: 'backup_files_checked', help: 'Backup files that were looked for.', value: looked.length },
        { name: 'backup_files_bad', help: 'Backup files that are missing or of another size.', value: bad.size },
      ],
    },
  ];
  const toRead = there.slice(0, wanted.checksums);
  if (toRead.length > 0) readings.push(await readChecksums(toRead, bad, signal));
  return { readings, bad };
}

async function troubleOf({ name, file, bytes }: Backup): Promise<Trouble> {
  if (file === undefined) return ['unknown', `${name} names no file`];
  if (file.includes('://')) return ['unknown', `${file} is no file of this machine`];
  try {
    const found = await stat(file);
    if (!found.isFile()) return ['unknown', `${file} is no file`];
    if (bytes !== undefined && bytes !== found.size) {
      return ['failed', `${file} has ${bytesExactly(found.size)}, recorded ${bytesExactly(bytes)}`];
    }
    return found.size === 0 ? ['failed', `${file} is empty`] : undefined;
  } catch (error) {
    const isGone = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    return isGone ? ['failed', `${file} is missing`] : ['unknown', wordsOf(error)];
  }
}

/** Adds to `bad` what does not match. */
async function readChecksums(backups: readonly Backup[], bad: Set<Backup>, signal: AbortSignal): Promise<Reading> {
  const began = performance.now();
  const wrong: Exclude<Trouble, undefined>[] = [];
  let mismatched = 0;
  // One after the other: two would only share the disk.
  for (const backup of backups) {
    const trouble = await checksumTrouble(backup, began, signal);
    if (trouble !== undefined) wrong.push(trouble);
    if (trouble?.[0] === 'failed') {
      bad.add(backup);
      mismatched += 1;
    }
  }
  const of = backups.length === 1 ? `the newest file has its` : `the newest ${backups.length} files have their`;
  return {
    ...summary('checksums', wrong, `${of} recorded checksum`),
    hint: hintOf(wrong, mismatched),
    metrics: [
      { name: 'backup_checksums_checked', help: 'Backup files whose checksum was computed.', value: backups.length },
      { name: 'backup_checksums_bad', help: 'Backup files whose checksum is not the recorded one.', value: mismatched },
    ],
  };
}

async function checksumTrouble(backup: Backup, began: number, signal: AbortSignal): Promise<Trouble> {
  const file = backup.file!;
  try {
    const recorded = await recordedChecksum(backup);
    if (recorded === undefined) return ['unknown', `no checksum of ${file} is recorded`];
    const { algorithm, hex } = recorded;
    const computed = await checksumOf(file, algorithm, signal);
    return computed === hex
      ? undefined
      : ['failed', `${file} has the ${algorithm} ${start(computed)}, recorded ${start(hex)}`];
  } catch (error) {
    if (!(error instanceof Unfinished)) return ['unknown', wordsOf(error)];
    const read = sizeInWords(error.bytesRead);
    const all = backup.bytes === undefined ? '' : ` of ${sizeInWords(backup.bytes)}`;
    return ['unknown', `${file}: only ${read}${all} could be read in ${durationInWords(performance.now() - began)}`];
  }
}

async function recordedChecksum({ checksum, file }: Backup): Promise<Checksum | undefined> {
  return checksum !== undefined && 'sidecar' in checksum ? readSidecar(checksum.sidecar, file!) : checksum;
}

function summary(subject: string, wrong: readonly Exclude<Trouble, undefined>[], fine: string): Reading {
  if (wrong.length === 0) return { status: 'ok', subject, message: fine };
  const more = wrong.length > NAMED ? `; and ${wrong.length - NAMED} more` : '';
  const worstFirst = [...wrong].sort((a, b) => (worstOf([a[0], b[0]]) === a[0] ? -1 : 1));
  return {
    status: worstOf(wrong.map(([status]) => status)),
    subject,
    message:
      worstFirst
        .slice(0, NAMED)
        .map(([, message]) => message)
        .join('; ') + more,
  };
}

function hintOf(wrong: readonly unknown[], mismatched: number): string | undefined {
  if (mismatched > 0) return 'It can’t be relied on: take a new full backup now, then look at the disk.';
  return wrong.length === 0
    ? undefined
    : 'Record a checksum, give the probe a longer `timeout`, or write `checksums: 0` to leave it to another probe.';
}

function bytesExactly(bytes: number): string {
  return countInWords(bytes, 'byte');
}

function start(hex: string): string {
  return `${hex.slice(0, 12)}…`;
}
