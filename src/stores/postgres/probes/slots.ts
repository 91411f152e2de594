// `slots`: replication slots that nobody uses any more, and the WAL that each keeps from being removed.

import { z } from 'zod';
import { countInWords, durationInWords, sizeInWords } from '../../../health/figures.ts';
import { defineProbe, type Metric, type Reading, type Status, worstOf } from '../../../health/probe.ts';
import {
  durationThresholds,
  limitReached,
  orElse,
  size,
  sizeThresholds,
  statusOf,
} from '../../../health/thresholds.ts';
import type { Rows } from '../../../postgres/session.ts';
import { numberOf } from './monitoring.ts';

const options = z.strictObject({
  server: z.string().describe('`source` or a store: the server that holds the slots.'),
  expected: z.array(z.string().min(1)).default([]).describe('Slots that have to be there. Default none.'),
  ignore: z.array(z.string().min(1)).default([]).describe('Slots that are not looked at. Default none.'),
  inactive: orElse(durationThresholds, { warn: 600_000, fail: 3_600_000 }).describe(
    'How long a slot may be unused; PostgreSQL 17 and newer know it. Default { warn: 10m, fail: 1h }.',
  ),
  retained: orElse(sizeThresholds, { warn: 1e9, fail: 5e9 }).describe(
    'WAL that a slot may hold back. Default { warn: 1GB, fail: 5GB }.',
  ),
  space: size.optional().describe('What the disk can hold of WAL: lets the probe say when it will be full.'),
});
type Options = z.infer<typeof options>;

// Columns that only newer versions have are read by name, and are null elsewhere.
const SQL = `select slot.slot_name, slot.active, slot.wal_status, slot.safe_wal_size,
  pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
    slot.restart_lsn) as retained,
  to_jsonb(slot) ->> 'invalidation_reason' as reason,
  (to_jsonb(slot) ->> 'synced')::boolean as synced,
  extract(epoch from clock_timestamp() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz) * 1000 as inactive
from pg_replication_slots slot order by slot.slot_name`;

/** Shorter than this says nothing about a rate. */
const RATE_MS = 60_000;

interface Slot {
  readonly name: string;
  /** A slot that a standby keeps in step with its primary's is in use there. */
  readonly active: boolean;
  /** Milliseconds; null: in use, or the server does not know. */
  readonly inactive: number | null;
  readonly retained: number;
  /** `reserved`, `extended`, `unreserved`, `lost`; null: it holds nothing yet. */
  readonly walStatus: string | null;
  readonly reason: string | null;
  /** Bytes until the server gives it up; null: it never will. */
  readonly safe: number | null;
}

export const slots = defineProbe<Options>({
  kind: 'slots',
  summary: 'Replication slots that are unused, hold back too much WAL, are lost or absent.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run(options, { servers, signal }) {
    const rows = await (await servers.postgres(options.server)).query('ask', SQL, [], signal);
    const found = rows.map(readSlot).filter(({ name }) => !options.ignore.includes(name));
    const absent = options.expected.filter((name) => found.every((slot) => slot.name !== name));
    const metrics = found.flatMap(metricsOf);
    const bad = found.map((slot) => slotReading(slot, options)).filter(({ status }) => status !== 'ok');
    const readings = [...bad, ...absent.map(absentReading)];
    if (readings.length === 0) return [{ status: 'ok', message: summary(found), metrics }];
    return readings.map((reading, i) => (i === 0 ? { ...reading, metrics } : reading));
  },
});

function readSlot(row: Rows[number]): Slot {
  const active = row.active === 't' || row.synced === 't';
  return {
    name: row.slot_name!,
    active,
    inactive: active ? null : numberOf(row.inactive),
    retained: Math.max(0, numberOf(row.retained) ?? 0),
    walStatus: row.wal_status ?? null,
    reason: row.reason ?? null,
    safe: numberOf(row.safe_wal_size),
  };
}

function slotReading(slot: Slot, { inactive, retained, space }: Options): Reading {
  const { name, active, walStatus } = slot;
  if (walStatus === 'lost') {
    return {
      status: 'failed',
      subject: name,
      message: `lost${slot.reason === null ? '' : ` (${slot.reason})`}: what its standby needs is removed`,
      hint: 'Its standby can’t follow any more: build it anew, and drop the slot.',
    };
  }
  const idle: Status = active ? 'ok' : slot.inactive === null ? 'warning' : statusOf(slot.inactive, inactive);
  const held = statusOf(slot.retained, retained);
  const status = worstOf([idle, held, walStatus === 'unreserved' ? 'failed' : 'ok']);
  const known =
    slot.inactive === null
      ? ''
      : ` for ${durationInWords(slot.inactive)}${limitReached(idle, inactive, durationInWords)}`;
  const use = active ? 'active' : `inactive${known}`;
  const wal = `holding ${sizeInWords(slot.retained)} of WAL${limitReached(held, retained, sizeInWords)}`;
  const soon = walStatus === 'unreserved' ? ', the next checkpoint may remove it' : '';
  return {
    status,
    subject: name,
    message: `${use}, ${wal}${soon}`,
    hint: status === 'ok' ? undefined : hintFor(slot, space),
  };
}

function hintFor(slot: Slot, space: number | undefined): string {
  if (slot.active) return 'Its standby or subscriber is behind: see why it does not keep up.';
  const until = end(slot, space);
  return `Drop it (SELECT pg_drop_replication_slot('${slot.name}')) or bring its standby back${until === '' ? '.' : `: ${until}`}`;
}

function end(slot: Slot, space: number | undefined): string {
  const left = timeLeft(slot, space);
  if (left === null) return '';
  return `${slot.safe === null ? 'the disk fills' : 'it is lost'} in about ${durationInWords(left)} at this rate`;
}

/** Milliseconds until there is no room for more, at the rate at which the log grew while the slot was unused. Null: that or the room is not known. */
export function timeLeft({ inactive, retained, safe }: Pick<Slot, 'inactive' | 'retained' | 'safe'>, space?: number) {
  const room = safe ?? (space === undefined ? 0 : space - retained);
  return inactive === null || inactive < RATE_MS || retained === 0 || room <= 0 ? null : (room / retained) * inactive;
}

function absentReading(name: string): Reading {
  return {
    status: 'failed',
    subject: name,
    message: 'there is no such slot',
    hint: `Create it: SELECT pg_create_physical_replication_slot('${name}', true);`,
  };
}

function summary(found: readonly Slot[]): string {
  if (found.length === 0) return 'no slot';
  const unused = found.filter(({ active }) => !active).length;
  const most = sizeInWords(Math.max(...found.map(({ retained }) => retained)));
  return `${countInWords(found.length, 'slot')}${unused === 0 ? '' : `, ${unused} inactive`}, holding ${most} of WAL`;
}

function metricsOf({ name, active, inactive, retained }: Slot): Metric[] {
  const labels = { slot: name };
  const metrics: Metric[] = [
    { name: 'slot_active', help: 'Whether a slot is in use: 1 or 0.', value: Number(active), labels },
    { name: 'slot_retained_bytes', help: 'WAL that a slot holds back.', value: retained, labels },
  ];
  const help = 'How long a slot is unused.';
  if (!active && inactive === null) return metrics;
  return [...metrics, { name: 'slot_inactive_seconds', help, value: (inactive ?? 0) / 1000, labels }];
}
