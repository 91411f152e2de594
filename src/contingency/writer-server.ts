// What is asked of the source's server before anything is written to it.

import type { Session } from '../postgres/session.ts';

export interface WriterServer {
  readonly database: string;
  /** Tells the cluster from all others, its copies excepted. */
  readonly system: string;
  /** Of the cluster's life: a promotion or a recovery to a point in time begins another, in which a transaction of the last may not have happened. */
  readonly life: string;
  readonly isStandby: boolean;
  /** It keeps when each transaction committed. */
  readonly tracksCommits: boolean;
}

export async function askWriter(session: Session): Promise<WriterServer> {
  const [row] = await session.query(
    'connect',
    `select current_database() as database, system_identifier::text as system, pg_is_in_recovery() as standby,
       case when pg_is_in_recovery() then '' else substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) end as timeline,
       current_setting('track_commit_timestamp') as tracks
     from pg_control_system()`,
  );
  return {
    database: row!.database!,
    system: row!.system!,
    life: `${row!.system}/${row!.timeline}`,
    isStandby: row!.standby === 't',
    tracksCommits: row!.tracks === 'on',
  };
}
