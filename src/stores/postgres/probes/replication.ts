// `replication`: asked on the server that sends. Its role, and of each standby: does it stream, how far is it behind in bytes and in time.

import { z } from 'zod';
import { countInWords, durationInWords, sizeInWords } from '../../../health/figures.ts';
import { defineProbe, type Metric, type Reading, worstOf } from '../../../health/probe.ts';
import { durationThresholds, limitReached, orElse, sizeThresholds, statusOf } from '../../../health/thresholds.ts';
import type { Rows } from '../../../postgres/session.ts';
import { hidden, LAG, numberOf } from './monitoring.ts';

const options = z.strictObject({
  server: z.string().describe('`source` or a store: the server that sends.'),
  role: z
    .enum(['primary', 'standby'])
    .default('primary')
    .describe('What it has to be. Default primary; a standby may send on to others.'),
  standbys: z
    .union([z.int().nonnegative(), z.array(z.string().min(1)).min(1)])
    .default(1)
    .describe('How many standbys have to stream, or the application_name of each that has to. Default 1.'),
  synchronous: z
    .int()
    .nonnegative()
    .default(0)
    .describe('How many of them have to be synchronous (sync or quorum). Default 0.'),
  lag: orElse(durationThresholds, LAG).describe(
    'Time that a standby may be behind. Default { warn: 100ms, fail: 5s }.',
  ),
  bytes: orElse(sizeThresholds, { warn: 16e6, fail: 256e6 }).describe(
    'WAL that a standby may be behind. Default { warn: 16MB, fail: 256MB }.',
  ),
});
type Options = z.infer<typeof options>;

// Subscribers of logical replication and running base backups are no standbys.
const SQL = `with here as (
  select pg_is_in_recovery() as standby, current_user as role,
    case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
      else pg_current_wal_lsn() end as lsn
)
select here.standby, here.role, sender.pid, sender.application_name, sender.state, sender.sync_state,
  pg_wal_lsn_diff(here.lsn, sender.sent_lsn) as sent, pg_wal_lsn_diff(here.lsn, sender.write_lsn) as written,
  pg_wal_lsn_diff(here.lsn, sender.flush_lsn) as flushed, pg_wal_lsn_diff(here.lsn, sender.replay_lsn) as replayed,
  extract(epoch from sender.replay_lag) * 1000 as lag
from here left join (
  select * from pg_stat_replication sender
  where sender.state is distinct from 'backup'
    and not exists (select from pg_replication_slots where active_pid = sender.pid and slot_type = 'logical')
) sender on true
order by sender.application_name, sender.backend_start`;

const STAGES = ['sent', 'written', 'flushed', 'replayed'] as const;
type Stage = (typeof STAGES)[number];

interface Standby {
  readonly name: string;
  readonly state: string;
  readonly sync: string;
  /** It replays what it gets; a program that only receives WAL (pg_receivewal) does not. */
  readonly streaming: boolean;
  /** Bytes of WAL that have not come so far. */
  readonly behind: Readonly<Record<Stage, number>>;
  /** Milliseconds; null: not known. */
  readonly lag: number | null;
}

export const replication = defineProbe<Options>({
  kind: 'replication',
  summary: 'The role of a PostgreSQL server, and whether its standbys stream and keep up.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run(options, { servers, signal }) {
    const { server } = options;
    const rows = await (await servers.postgres(server)).query('ask', SQL, [], signal);
    const role = rows[0]!.standby === 't' ? 'standby' : 'primary';
    if (role !== options.role) {
      const hint = 'After a failover, let its URL name the new primary.';
      return [{ status: 'failed', message: `is a ${role}, should be ${options.role}`, hint }];
    }
    const standbys = readStandbys(rows, server);
    const count = countReading(role, standbys, options);
    const each = standbys.map((standby) => standbyReading(standby, options));
    const metrics = [...(count.metrics ?? []), ...standbys.flatMap(metricsOf)];
    if (each.length !== 1) return [{ ...count, metrics }, ...each];
    const [only] = each as [Reading];
    return [
      {
        status: worstOf([count.status, only.status]),
        message: `${count.message}, ${only.message}`,
        hint: count.hint ?? only.hint,
        metrics,
      },
    ];
  },
});

function readStandbys(rows: Rows, server: string): Standby[] {
  const seen = new Map<string, number>();
  return rows.flatMap((row): Standby[] => {
    if (row.pid === null) return [];
    if (row.state === null) throw hidden(server, 'pg_stat_replication', row.role);
    const given = row.application_name || 'unnamed';
    const times = (seen.get(given) ?? 0) + 1;
    seen.set(given, times);
    const far = (stage: Stage) => Math.max(0, numberOf(row[stage]) ?? 0);
    return [
      {
        name: times === 1 ? given : `${given}#${times}`,
        state: row.state!,
        sync: row.sync_state!,
        streaming: row.state === 'streaming' && row.replayed !== null,
        behind: { sent: far('sent'), written: far('written'), flushed: far('flushed'), replayed: far('replayed') },
        // The server keeps the last measured lag for a while; one that has replayed everything has none.
        lag: row.replayed !== null && far('replayed') === 0 ? 0 : numberOf(row.lag),
      },
    ];
  });
}

function countReading(role: string, standbys: readonly Standby[], { standbys: wanted, synchronous }: Options): Reading {
  const streaming = standbys.filter((standby) => standby.streaming);
  const coming = standbys.filter(({ state }) => state === 'catchup' || state === 'startup');
  const metrics: Metric[] = [
    { name: 'replication_standbys', help: 'Standbys that stream from this server.', value: streaming.length },
  ];
  const lacks = (of: readonly Standby[]) =>
    typeof wanted === 'number'
      ? of.length < wanted
      : wanted.some((name) => of.every((standby) => standby.name !== name));
  if (lacks(streaming)) {
    const absent =
      typeof wanted === 'number' ? [] : wanted.filter((name) => streaming.every((each) => each.name !== name));
    const words = typeof wanted === 'number' ? `${streaming.length} of ${wanted} standbys` : `${absent.join(', ')} not`;
    return {
      status: lacks([...streaming, ...coming]) ? 'failed' : 'warning',
      message: `${role}, ${words} streaming`,
      hint: 'Does the standby run, and does its primary_conninfo lead here? Its log says why it does not connect.',
      metrics,
    };
  }
  const inStep = streaming.filter(({ sync }) => sync === 'sync' || sync === 'quorum').length;
  if (inStep < synchronous) {
    return {
      status: 'failed',
      message: `${role}, ${inStep} of ${synchronous} standbys synchronous`,
      hint: 'Commits wait, or stand on one server only: look at synchronous_standby_names and at whom it names.',
      metrics,
    };
  }
  return { status: 'ok', message: `${role}, ${countInWords(streaming.length, 'standby')} streaming`, metrics };
}

function standbyReading(standby: Standby, { lag, bytes }: Options): Reading {
  const { name, state, sync, behind, streaming } = standby;
  if (state === 'streaming' && !streaming)
    return { status: 'ok', subject: name, message: 'receives WAL, replays none' };
  const time = standby.lag === null ? 'ok' : statusOf(standby.lag, lag);
  const far = statusOf(behind.replayed, bytes);
  const status = worstOf([time, far, streaming ? 'ok' : 'warning']);
  const limit = `${limitReached(time, lag, durationInWords)}${limitReached(far, bytes, sizeInWords)}`;
  const hint = status === 'ok' ? undefined : whereItWaits(behind);
  return { status, subject: name, message: `${streaming ? sync : state}, ${lagWords(standby)}${limit}`, hint };
}

/** `lag 0.4 MB / 31 ms`. */
function lagWords({ behind, lag }: Standby): string {
  return `lag ${sizeInWords(behind.replayed)}${lag === null ? '' : ` / ${durationInWords(lag)}`}`;
}

function whereItWaits({ sent, flushed, replayed }: Standby['behind']): string {
  const inTransit = flushed - sent;
  const unreplayed = replayed - flushed;
  if (sent >= inTransit && sent >= unreplayed)
    return 'Most of it is not sent yet: look at the load here and at the network.';
  if (inTransit >= unreplayed)
    return 'Most of it is sent but not on disk there: look at the network and at the standby’s disk.';
  return 'Most of it is there but not replayed: look for long queries on the standby, a paused replay, a slow disk.';
}

function metricsOf({ name, behind, lag }: Standby): Metric[] {
  const bytes = STAGES.map((stage) => ({
    name: 'replication_lag_bytes',
    help: 'WAL that a standby has not sent, written, flushed or replayed yet.',
    value: behind[stage],
    labels: { standby: name, stage },
  }));
  if (lag === null) return bytes;
  const help = 'Time that a standby’s replay is behind.';
  return [...bytes, { name: 'replication_lag_seconds', help, value: lag / 1000, labels: { standby: name } }];
}
