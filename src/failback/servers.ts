// Who the two servers are, and whether a failback between them makes sense. Refusals end here, before a row is read.

import type { FailbackServer } from '../config/config.ts';
import { RefusedError } from '../errors.ts';
import { postgresTls, Session, serverVersion } from '../postgres/session.ts';
import { type Both, onBoth, type Side } from './sides.ts';

export interface Server {
  readonly side: Side;
  readonly product: string;
  readonly inRecovery: boolean;
  /** Copies of one cluster have one. */
  readonly system: string;
  /** With its system and port, tells a server from its copies. */
  readonly started: string;
  readonly port: string;
  readonly database: string;
  /** Commit times of rows can be asked for; `oldest`: the first transaction whose time is kept, where that is known. */
  readonly commits: { readonly oldest: string | undefined } | undefined;
  /** Rows of subscriptions that are enabled, by table. */
  readonly subscribed: readonly string[];
  /** May leave triggers unfired: session_replication_role. */
  readonly mayReplicate: boolean;
  /** Of a promoted server that was not restarted: the last transaction that it had from its primary, microseconds since 1970, and where it stopped. */
  readonly lastReplayed: { readonly at: bigint | null; readonly lsn: string } | undefined;
}

const IDENTITY = `select pg_is_in_recovery() as recovery, (select system_identifier::text from pg_control_system()) as system,
    extract(epoch from pg_postmaster_start_time())::text as started, current_setting('port') as port, current_database() as database,
    current_setting('track_commit_timestamp') as commit_times, (select oldest_commit_ts_xid::text from pg_control_checkpoint()) as oldest,
    case when pg_last_wal_receive_lsn() is not null then pg_last_wal_replay_lsn()::text end as lsn,
    (extract(epoch from pg_last_xact_replay_timestamp()) * 1000000)::int8::text as replayed,
    (select coalesce(json_agg(distinct r.srrelid::regclass::text), '[]') from pg_subscription_rel r join pg_subscription s on s.oid = r.srsubid
      where s.subenabled and s.subdbid = (select oid from pg_database where datname = current_database()))::text as subscribed`;

export async function lookAtServers(sessions: Both<Session>): Promise<Both<Server>> {
  return onBoth(async (side) => lookAt(side, sessions[side]));
}

export async function lookAt(side: Side, session: Session): Promise<Server> {
  const product = await serverVersion(session);
  const [row] = await session.query('inspect', IDENTITY);
  return {
    side,
    product,
    inRecovery: row!.recovery === 't',
    system: row!.system!,
    started: row!.started!,
    port: row!.port!,
    database: row!.database!,
    commits: row!.commit_times === 'on' ? { oldest: row!.oldest === '0' ? undefined : row!.oldest! } : undefined,
    subscribed: JSON.parse(row!.subscribed!),
    mayReplicate: await mayReplicate(session),
    lastReplayed:
      row!.lsn === null ? undefined : { lsn: row!.lsn!, at: row!.replayed === null ? null : BigInt(row!.replayed!) },
  };
}

/** Asked by doing it, in a transaction that is rolled back: how the right is given depends on the version. */
async function mayReplicate(session: Session): Promise<boolean> {
  return session.using('inspect', async (client) => {
    await client.query('begin read only');
    try {
      await client.query('set local session_replication_role = replica');
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === '42501') return false;
      throw error;
    } finally {
      await client.query('rollback');
    }
  });
}

/** Throws a RefusedError that says what to do instead. */
export function checkServers({ here, there }: Both<Server>, tables: readonly string[] | undefined): void {
  const no = (message: string, hint: string) => new RefusedError(message, undefined, { hint });
  const isOne = here.system === there.system && here.started === there.started && here.port === there.port;
  if (isOne && here.database === there.database)
    throw no(
      'here and there are the same database of the same server',
      'failback.here.url has to lead to the old primary, failback.there.url to the backup that was promoted. An address that moves with the primary leads to one of them for both.',
    );
  if (here.inRecovery)
    throw no(
      'here is a standby: it takes no writes',
      'If it follows the promoted backup already, there is nothing to bring back by rows. Else start it without standby.signal, kept away from applications, and run this again.',
    );
  if (there.inRecovery)
    throw no(
      'there is still a standby: it took no writes of its own',
      'Failback merges what a promoted backup accepted. Are the two URLs the right way round?',
    );
  for (const { side, subscribed } of [here, there]) {
    const own = subscribed.filter((name) => tables === undefined || tables.includes(name));
    if (own.length > 0)
      throw no(
        `${side} is fed by an active subscription: ${own.slice(0, 5).join(', ')}`,
        'Replication would write while rows are merged. ALTER SUBSCRIPTION … DISABLE, and run this again.',
      );
  }
}

/** Copies of one cluster: transactions have the same ids on both, up to where they parted. */
export function areCopies({ here, there }: Both<Server>): boolean {
  return here.system === there.system;
}

export function openSession(side: Side, { url, tls }: FailbackServer, readOnly: boolean): Session {
  const connections = readOnly ? 4 : 2;
  return new Session({ name: side, url, tls: postgresTls(tls, url, `failback.${side}`), readOnly, connections });
}
