// `sessions`: how much a PostgreSQL server has to do. Marked as a gate it makes a repair wait while others need the server.

import { z } from 'zod';
import { countInWords, durationInWords, percentInWords } from '../../../health/figures.ts';
import { defineProbe, type Reading, worstOf } from '../../../health/probe.ts';
import {
  durationThresholds,
  measured,
  numberThresholds,
  orElse,
  percentThresholds,
} from '../../../health/thresholds.ts';
import { hidden } from './monitoring.ts';

const options = z.strictObject({
  server: z.string().describe('`source` or a store of kind postgres.'),
  active: orElse(numberThresholds, {}).describe('Sessions that are at work. Default: none is too many.'),
  waiting: orElse(numberThresholds, { warn: 5, fail: 50 }).describe(
    'Sessions that wait for a lock. Default { warn: 5, fail: 50 }.',
  ),
  oldest: orElse(durationThresholds, {}).describe('Age of the oldest transaction. Default: none is too old.'),
  connections: orElse(percentThresholds, { warn: 80, fail: 95 }).describe(
    'Share of max_connections in use. Default { warn: 80%, fail: 95% }.',
  ),
});
type Options = z.infer<typeof options>;

// This session is no load. Of a session that a role may not look at, neither state nor kind is told.
const SQL = `select current_user as role,
  count(*) filter (where state <> 'idle') as active,
  count(*) filter (where wait_event_type = 'Lock') as waiting,
  count(*) filter (where backend_type is null) as hidden,
  count(*) as sessions,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as room,
  coalesce(extract(epoch from clock_timestamp() - min(xact_start)) * 1000, 0) as oldest
from pg_stat_activity where coalesce(backend_type, 'client backend') = 'client backend' and pid <> pg_backend_pid()`;

export const sessions = defineProbe<Options>({
  kind: 'sessions',
  summary: 'How many sessions of a PostgreSQL server are at work or wait for locks.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run(options, { servers, signal }) {
    const [row] = await (await servers.postgres(options.server)).query('ask', SQL, [], signal);
    if (Number(row!.hidden) > 0) throw hidden(options.server, 'pg_stat_activity', row!.role);
    return [judge(row!, options)];
  },
});

function judge(row: Readonly<Record<string, string | null>>, options: Options): Reading {
  const [active, waiting, all, room, oldest] = ['active', 'waiting', 'sessions', 'room', 'oldest'].map((name) =>
    Number(row[name]),
  ) as [number, number, number, number, number];
  const share = (100 * all) / Math.max(1, room);
  const parts = [
    measured(active, options.active, (value) => countInWords(value, 'session'), 'at work'),
    measured(waiting, options.waiting, (value) => value.toLocaleString('en-US'), 'waiting for a lock'),
    measured(oldest, options.oldest, durationInWords, 'the oldest transaction'),
    measured(share, options.connections, percentInWords, 'of the connections in use'),
  ];
  const status = worstOf(parts.map((part) => part.status));
  return {
    status,
    message: parts.map(({ words }) => words).join(', '),
    hint: status === 'ok' ? undefined : 'SELECT * FROM pg_stat_activity ORDER BY xact_start tells who it is.',
    metrics: [
      { name: 'postgres_sessions_active', help: 'Sessions that are at work.', value: active },
      { name: 'postgres_sessions_waiting', help: 'Sessions that wait for a lock.', value: waiting },
      { name: 'postgres_sessions', help: 'Sessions, idle ones too.', value: all },
      { name: 'postgres_oldest_transaction_seconds', help: 'Age of the oldest transaction.', value: oldest / 1000 },
    ],
  };
}
