// Copies the data folder of a PostgreSQL at work, within a backup that its caller has started: what a restore needs and
// nothing else, by the list of PostgreSQL's own basebackup.c. What vanishes meanwhile is left out; its log knows of it.

import { chown, copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgramUser } from './logged-process.ts';

/** Folders whose content belongs to one run of one server. The log is streamed instead. */
const EMPTIED = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_wal',
]);
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|backup_label.*|tablespace_map.*|backup_manifest|pg_internal\.init.*|pgsql_tmp.*)$/;
/** The last file of all: what it says of the others must not be older than they are. */
const CONTROL = join('global', 'pg_control');

/** `user`: whom the copy shall belong to. There are no tablespaces. */
export async function copyCluster(from: string, to: string, user: ProgramUser | undefined): Promise<void> {
  const own = async (path: string) => {
    if (user !== undefined) await chown(path, user.uid, user.gid);
  };
  const copyOne = async (path: string) => {
    await copyFile(join(from, path), join(to, path));
    await own(join(to, path));
  };
  const copyAll = async (path: string): Promise<void> => {
    await mkdir(join(to, path), { mode: 0o700 });
    await own(join(to, path));
    if (EMPTIED.has(path)) return;
    for (const entry of await readdir(join(from, path), { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (LEFT_OUT.test(entry.name) || inner === CONTROL) continue;
      await (entry.isDirectory() ? copyAll(inner) : copyOne(inner)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  };
  await copyAll('');
  await copyOne(CONTROL);
}
