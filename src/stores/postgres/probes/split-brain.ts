// `split-brain`: asks servers of one system who is primary. Two are a split brain; what each has written since they parted is said.

import { z } from 'zod';
import { StoreError, wordsOf } from '../../../errors.ts';
import { inTime } from '../../../health/each.ts';
import { sizeInWords } from '../../../health/figures.ts';
import { defineProbe, type Reading } from '../../../health/probe.ts';
import type { Session } from '../../../postgres/session.ts';

const options = z.strictObject({
  servers: z
    .array(z.string())
    .min(2, { error: 'needs at least two servers' })
    .describe('`source` and stores: every server that may be the primary.'),
});

// Where a server was promoted it still knows where it stopped to replay; one that only recovered from a crash has received nothing.
const SQL = `select pg_is_in_recovery() as standby, (select system_identifier from pg_control_system()) as system,
  extract(epoch from pg_postmaster_start_time()) as started,
  case when pg_is_in_recovery() then null else pg_current_wal_lsn() end as lsn,
  case when pg_is_in_recovery() then null else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline,
  case when not pg_is_in_recovery() and pg_last_wal_receive_lsn() is not null then pg_last_wal_replay_lsn() end as parted`;
/** Checkpoints and the end of recovery write this much by themselves. */
const HOUSEKEEPING = 1024;

interface Server {
  readonly name: string;
  readonly standby: boolean;
  readonly system: string;
  /** With its system, tells it apart: one server may go by two names, such as an address that always leads to the primary. */
  readonly started: string;
  /** Of a primary. */
  readonly lsn: string;
  readonly timeline: number;
  /** Where it left the primary that it followed. Null: unknown, or it never followed one. */
  readonly parted: string | null;
}

export const splitBrain = defineProbe<z.infer<typeof options>>({
  kind: 'split-brain',
  summary: 'Whether exactly one of several PostgreSQL servers says that it is the primary.',
  options,
  servers: ({ servers }) => servers.map((name, i) => ({ path: ['servers', i], name, own: true })),
  async run({ servers: names }, { servers, signal }) {
    const looks = names.map(async (name) => look(name, await servers.postgres(name), signal));
    const asked = await Promise.allSettled(looks.map((looking) => inTime(looking, signal)));
    const found = distinct(asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
    const unreached = asked.flatMap((answer, i) =>
      answer.status === 'rejected' ? [unreachedReading(names[i]!, answer.reason, signal)] : [],
    );
    const [first] = found;
    if (first === undefined) return unreached;
    const others = found.filter(({ system }) => system !== first.system);
    const same = found.filter(({ system }) => system === first.system);
    const roles = rolesReading(same, unreached.length === 0 && others.length === 0);
    return [
      ...(roles === undefined ? [] : [roles]),
      ...others.map((other) => foreignReading(other, first)),
      ...unreached,
    ];
  },
});

async function look(name: string, session: Session, signal: AbortSignal): Promise<Server> {
  const [row] = await session.query('ask', SQL, [], signal);
  return {
    name,
    standby: row!.standby === 't',
    system: row!.system!,
    started: row!.started!,
    lsn: row!.lsn ?? '',
    timeline: Number.parseInt(row!.timeline ?? '0', 16),
    parted: row!.parted ?? null,
  };
}

/** One server with two names counts once. */
function distinct(found: readonly Server[]): Server[] {
  const servers = new Map<string, Server>();
  for (const server of found) {
    const id = `${server.system} ${server.started}`;
    const other = servers.get(id);
    servers.set(id, other === undefined ? server : { ...other, name: `${other.name} (also ${server.name})` });
  }
  return [...servers.values()];
}

/** Undefined: no primary among those that answered, which says nothing while others did not. */
function rolesReading(found: readonly Server[], all: boolean): Reading | undefined {
  const primaries = found.filter(({ standby }) => !standby);
  const metrics = [{ name: 'primary_servers', help: 'Servers that say they are primary.', value: primaries.length }];
  if (primaries.length > 1) {
    const who = primaries.map(({ name, timeline, lsn }) => `${name} (timeline ${timeline}, at ${lsn})`);
    return {
      status: 'failed',
      message: `${listed(who)} ${both(primaries)} say primary${writtenSince(primaries)}`,
      hint: 'Keep writers away from all but one at once. What the others took stands only there: save it before you rebuild them.',
      metrics,
    };
  }
  const standbys = found.filter(({ standby }) => standby).map(({ name }) => name);
  if (primaries.length === 1) {
    const { name, timeline } = primaries[0]!;
    const rest = standbys.length === 0 ? '' : `, ${listed(standbys)} ${standbys.length === 1 ? 'is' : 'are'} standby`;
    return { status: 'ok', message: `${name} is primary (timeline ${timeline})${rest}`, metrics };
  }
  if (!all) return undefined;
  const hint = 'Nothing can be written. Promote one: SELECT pg_promote();';
  return {
    status: 'failed',
    message: `no server is primary: ${listed(standbys)} ${standbys.length === 1 ? 'is a standby' : 'are standbys'}`,
    hint,
    metrics,
  };
}

/** WAL that each primary wrote after the promoted one stopped to follow. Empty where that place is not known any more. */
function writtenSince(primaries: readonly Server[]): string {
  const promoted = primaries.toSorted((a, b) => b.timeline - a.timeline)[0]!;
  if (promoted.parted === null || primaries.every(({ timeline }) => timeline === promoted.timeline)) return '';
  const bytes = primaries.map(({ lsn }) => Number(placeOf(lsn) - placeOf(promoted.parted!)));
  if (bytes.some((count) => count < 0)) return '';
  const each = primaries.map(({ name }, i) => `${name} wrote ${sizeInWords(bytes[i]!)}`);
  const verdict = bytes.every((count) => count > HOUSEKEEPING) ? `, ${both(primaries)} have new writes` : '';
  return `; since they parted at ${promoted.parted} ${listed(each)}${verdict}`;
}

/** `16/B374D848` as the number of bytes from the log's beginning. */
function placeOf(lsn: string): bigint {
  const [high, low] = lsn.split('/') as [string, string];
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

function both(servers: readonly Server[]): string {
  return servers.length === 2 ? 'both' : 'all';
}

function foreignReading({ name, system }: Server, first: Server): Reading {
  return {
    status: 'failed',
    subject: name,
    message: `belongs to another system (${system}) than ${first.name} (${first.system})`,
    hint: 'It is no copy: one of the URLs names the wrong server.',
  };
}

function unreachedReading(name: string, error: unknown, { aborted }: AbortSignal): Reading {
  const { detail, hint } = error instanceof StoreError ? error : { detail: wordsOf(error), hint: undefined };
  const why = aborted ? 'no answer in time' : detail;
  return { status: 'unknown', subject: name, message: `may be primary as well, can’t be asked: ${why}`, hint };
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
