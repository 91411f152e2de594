// Starts a streaming standby of a PostgreSQL that this process started: its data folder copied while it works, as
// pg_basebackup does it, which npm's binaries lack. Read it, promote it (`SELECT pg_promote()`), break it.

import { randomUUID } from 'node:crypto';
import { appendFile, chown, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyCluster } from './copy-cluster.ts';
import { engineName, type LocalEngine, type Progress } from './engine.ts';
import { startLocally } from './local-engine.ts';
import { dataFolder, postgresRecipe, settingLines } from './postgres.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';

export interface StandbyRequest {
  /** Also its application_name, by which the primary's pg_stat_replication shows it. */
  readonly name: string;
  /** A physical slot to make on the primary: it keeps what the standby has not had, and stays when the standby is stopped. */
  readonly slot?: string;
  /** On top of the primary's. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Resolves once it answers queries, with what the primary held when the copy was done; it streams a moment later. It
 * follows the primary through down() and up(). `primary` is no standby itself. User and password are the primary's.
 */
export async function startStandby(
  primary: LocalEngine,
  { name, slot, settings = {} }: StandbyRequest,
  onProgress: Progress = () => {},
): Promise<LocalEngine> {
  const from = dataFolder(primary.folder);
  const version = (await readFile(join(from, 'PG_VERSION'), 'utf8')).trim() as '15' | '18';
  const binaries = await findPostgres(version);
  const request = { kind: 'postgres', version, name } as const;
  const password = new URL(primary.url).password;
  return startLocally(request, onProgress, {
    ...postgresRecipe(binaries, password),
    prepare: async (folder) => {
      onProgress(`${engineName(request)}: copying ${primary.name}`);
      const to = dataFolder(folder);
      if (binaries.user !== undefined) await chown(folder, binaries.user.uid, binaries.user.gid);
      const label = await backUp(primary.url, slot, () => copyCluster(from, to, binaries.user));
      const follow = {
        primary_conninfo: conninfo(primary.url, name),
        primary_slot_name: slot ?? '',
        // After an outage of the primary; five seconds otherwise.
        wal_retrieve_retry_interval: '100ms',
      };
      await writeOwned(join(to, 'backup_label'), label, binaries);
      await writeOwned(join(to, 'standby.signal'), '', binaries);
      // Last, as the primary may have been promoted from a standby itself.
      await appendFile(join(to, 'postgresql.auto.conf'), settingLines(follow));
      await appendFile(join(to, 'postgresql.conf'), settingLines(settings));
    },
  });
}

/** Runs `copy` within a backup of the server; returns what has to lie in the copy as `backup_label`. */
async function backUp(url: string, slot: string | undefined, copy: () => Promise<void>): Promise<string> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, application_name: 'plumbline-engines' });
  client.on('error', () => {});
  await client.connect();
  try {
    // Before the backup starts, so that the slot keeps its log from the first byte on.
    if (slot !== undefined) {
      await client.query(
        `SELECT pg_create_physical_replication_slot($1, true)
         WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)`,
        [slot],
      );
    }
    await client.query('SELECT pg_backup_start($1, true)', [randomUUID()]);
    await copy();
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    return rows[0]!.labelfile;
  } finally {
    // Without its stop, a backup ends with its session.
    await client.end();
  }
}

function conninfo(url: string, name: string): string {
  const { hostname, port, username, password } = new URL(url);
  return `host=${hostname} port=${port} user=${username} password=${password} application_name='${name}'`;
}

async function writeOwned(path: string, text: string, { user }: PostgresBinaries): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (user !== undefined) await chown(path, user.uid, user.gid);
}
