// A week of real backup files as a job would leave them, and their records; each test then damages something.

import { createHash } from 'node:crypto';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshFolder } from '../../commands/plumbline.ts';

/** Wednesday noon. */
export const NOW = new Date('2026-11-25T12:00:00Z');

export interface Record {
  type: string;
  status?: string;
  started_at?: string | null;
  finished_at?: string | null;
  size?: number | null;
  file?: string | null;
  sha256?: string | null;
}

export interface BackupSet {
  readonly folder: string;
  /** By the day on which it began. Two and a half weeks, so that each kind has several earlier ones. */
  readonly records: Map<string, Record>;
  path(day: string): string;
}

/** Full on Mondays, incremental or differential until Saturday, at 02:00 UTC. The last one is today's. */
export async function backupSet(): Promise<BackupSet> {
  const folder = await freshFolder();
  const records = new Map<string, Record>();
  for (let at = Date.parse('2026-11-09T02:00:00Z'); at <= +NOW; at += 86_400_000) {
    const weekday = new Date(at).getUTCDay();
    if (weekday === 0) continue;
    const type = weekday === 1 ? 'full' : weekday < 4 ? 'incremental' : 'differential';
    const day = new Date(at).toISOString().slice(0, 10);
    const bytes = Buffer.alloc((weekday === 1 ? 40_000 : 4_000) + weekday * 10, day);
    const file = `ha-${type}-${day.replaceAll('-', '')}T0200.dump`;
    await write(join(folder, file), bytes, at);
    records.set(day, {
      type,
      status: 'completed',
      started_at: new Date(at).toISOString(),
      finished_at: new Date(at + 20 * 60_000).toISOString(),
      size: bytes.length,
      file,
      sha256: sha256(bytes),
    });
  }
  return { folder, records, path: (day) => join(folder, records.get(day)!.file!) };
}

/** As sha256sum writes it. */
export async function writeSidecars({ folder, records }: BackupSet): Promise<void> {
  for (const { file, sha256 } of records.values()) {
    await writeFile(join(folder, `${file}.sha256`), `${sha256}  ${file}\n`);
  }
}

/** Modified then, as if it had been written then. */
export async function write(path: string, bytes: Uint8Array, at: number): Promise<void> {
  await writeFile(path, bytes);
  await utimes(path, at / 1000, at / 1000);
}

export async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[1234]! ^= 1;
  await writeFile(path, bytes);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
