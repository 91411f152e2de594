// `standby`: asked on the standby itself. Is it one, does it receive, does it replay, and how far behind is its replay.

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { durationInWords, sizeInWords } from '../../../health/figures.ts';
import { defineProbe, type Metric, type Reading } from '../../../health/probe.ts';
import { durationThresholds, limitReached, orElse, statusOf } from '../../../health/thresholds.ts';
import type { Rows, Session } from '../../../postgres/session.ts';
import { hidden, LAG, numberOf } from './monitoring.ts';

const options = z.strictObject({
  server: z.string().describe('The store that has to be a standby.'),
  lag: orElse(durationThresholds, LAG).describe(
    'Time that its replay may be behind. Default { warn: 100ms, fail: 5s }.',
  ),
});

const SQL = `select pg_is_in_recovery() as standby, current_user as role,
  case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() end as pause,
  pg_last_wal_receive_lsn() as received,
  pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) as behind,
  receiver.pid, receiver.status, receiver.sender_host, receiver.sender_port
from (select 1) as one left join pg_stat_wal_receiver receiver on true`;

/** What arrived is replayed a moment later: only what has not gone by then is held against the clock. */
const MOMENT_MS = 500;
const LOOK_MS = 20;

export const standby = defineProbe<z.infer<typeof options>>({
  kind: 'standby',
  summary: 'Whether a PostgreSQL standby receives and replays, asked on the standby.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run({ server, lag: limits }, { servers, signal }) {
    const session = await servers.postgres(server);
    const [row] = (await session.query('ask', SQL, [], signal)) as [Rows[number]];
    if (row.standby !== 't') {
      const hint = 'If it was promoted on purpose, point the URLs at it; if not, keep writers away from it.';
      return [{ status: 'failed', message: 'is a primary, should be a standby', hint }];
    }
    if (row.pid !== null && row.status === null) throw hidden(server, 'pg_stat_wal_receiver', row.role);
    const paused = row.pause !== 'not paused';
    const streaming = row.status === 'streaming';
    const behind = Math.max(0, numberOf(row.behind) ?? 0);
    const lag = paused || !streaming ? null : await replayLag(session, row.received!, behind, signal);
    const metrics = metricsOf({ paused, streaming, behind, lag });
    const faults = [...(paused ? [pausedReading(row, behind)] : []), ...(streaming ? [] : [receiverReading(row)])];
    if (faults.length > 0) return faults.map((reading, i) => (i === 0 ? { ...reading, metrics } : reading));
    const status = statusOf(lag!, limits);
    const words = `standby, streaming from ${row.sender_host}:${row.sender_port}`;
    const far = `lag ${sizeInWords(behind)} / ${durationInWords(lag!)}${limitReached(status, limits, durationInWords)}`;
    const hint =
      'Its replay is slow or waits: look for long queries there (max_standby_streaming_delay) and at its disk.';
    return [{ status, message: `${words}, ${far}`, hint: status === 'ok' ? undefined : hint, metrics }];
  },
});

function pausedReading({ pause }: Rows[number], behind: number): Reading {
  const left = behind > 0 ? `, ${sizeInWords(behind)} received and not replayed` : '';
  return {
    status: 'failed',
    message: `replay is ${pause === 'paused' ? 'paused' : 'about to pause'}${left}`,
    hint: 'Resume it: SELECT pg_wal_replay_resume(); where its log speaks of insufficient settings, raise those first.',
  };
}

function receiverReading({ status }: Rows[number]): Reading {
  return {
    status: 'failed',
    message:
      status === null ? 'receives nothing: it has no WAL receiver' : `does not stream: its receiver is ${status}`,
    hint: 'Does the primary run, and do primary_conninfo and its password still hold? The log of the standby says.',
  };
}

/**
 * Milliseconds from now on until what had arrived is replayed; if that takes longer than a moment, the age of the last transaction that was.
 * That age alone would be no lag: after an hour without writes the first one would look an hour late.
 */
async function replayLag(session: Session, received: string, behind: number, signal: AbortSignal): Promise<number> {
  if (behind === 0) return 0;
  const began = performance.now();
  const sql = `select pg_last_wal_replay_lsn() >= $1::pg_lsn as replayed,
    extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 as age`;
  for (;;) {
    const [row] = (await session.query('ask', sql, [received], signal)) as [Rows[number]];
    const waited = performance.now() - began;
    if (row.replayed === 't') return waited;
    if (waited > MOMENT_MS) return Math.max(waited, numberOf(row.age) ?? 0);
    await sleep(LOOK_MS, undefined, { signal });
  }
}

function metricsOf(found: { paused: boolean; streaming: boolean; behind: number; lag: number | null }): Metric[] {
  const { paused, streaming, behind, lag } = found;
  const metrics: Metric[] = [
    { name: 'standby_replay_paused', help: 'Whether replay is paused: 1 or 0.', value: Number(paused) },
    { name: 'standby_receiver_streaming', help: 'Whether the WAL receiver streams: 1 or 0.', value: Number(streaming) },
    { name: 'standby_replay_lag_bytes', help: 'WAL that was received and not replayed.', value: behind },
  ];
  const help = 'Time that replay is behind what was received.';
  return lag === null ? metrics : [...metrics, { name: 'standby_replay_lag_seconds', help, value: lag / 1000 }];
}
