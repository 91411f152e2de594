// When the two servers parted: the time of the last transaction that both have. A row that was written later was written on one side only.
//
// Not the time of the promotion: what here had committed before that and not sent any more looks older than the promotion, and would be taken
// for deleted there.

import { RefusedError, StoreError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import { areCopies, type Server } from './servers.ts';
import type { Both } from './sides.ts';

export interface Parted {
  /** Microseconds since 1970; undefined: not known, so that no time tells anything. */
  readonly at: bigint | undefined;
  /** How that is known, or why it is not; a sentence without its full stop. */
  readonly from: string;
}

const LSN = /^[0-9A-F]+\/[0-9A-F]+$/i;
/** Log that is looked through for the last commit before a place in it. */
const WINDOW = 16 * 2 ** 20;

/** `words`: of the config; undefined: there is asked. */
export async function findParted(words: string | undefined, servers: Both<Server>, here: Session): Promise<Parted> {
  const known = areCopies(servers) ? (servers.there.lastReplayed?.at ?? undefined) : undefined;
  const asked: Parted = { at: known, from: 'there says when the last transaction from here reached it' };
  if (words === undefined) {
    if (known !== undefined) return asked;
    const why = areCopies(servers)
      ? 'it was restarted since, or no transaction from here came after it was started'
      : 'it is no copy of here';
    return {
      at: undefined,
      from: `there does not know it (${why}): set failback.parted to the time of the last transaction from here that there has`,
    };
  }
  if (LSN.test(words))
    return known === undefined
      ? { at: await timeOf(words, here), from: `failback.parted, ${words} in the log of here` }
      : asked;
  const at = BigInt(Math.round(Date.parse(words) * 1000));
  if (Number.isNaN(Date.parse(words))) throw new RefusedError(`failback.parted: ${words} is no time`);
  if (at > BigInt(Date.now()) * 1000n)
    throw new RefusedError('failback.parted lies in the future', undefined, {
      hint: 'It is when the two servers parted.',
    });
  // A later time would take what here never sent for deleted there.
  if (known !== undefined && known < at)
    return {
      at: known,
      from: 'there says so; failback.parted is later than the last transaction from here that reached it',
    };
  return { at, from: 'failback.parted' };
}

/** The last commit before a place in the log of here, which must still have it. */
async function timeOf(lsn: string, here: Session): Promise<bigint> {
  const hint =
    'Give the time of the last transaction from here that there has (its log, or pg_last_xact_replay_timestamp() before it was restarted). A place in the log needs the extension pg_walinspect on here, the right to use it, and the log of that time.';
  let at: string | null | undefined;
  try {
    const [row] = await here.query(
      'read its log',
      `select (extract(epoch from substring(description from '^[0-9-]+ [0-9:.]+[^;]*')::timestamptz) * 1000000)::int8::text as at
         from pg_get_wal_records_info(greatest($1::pg_lsn - $2::numeric, '0/1000028'), pg_current_wal_flush_lsn())
        where resource_manager = 'Transaction' and record_type like 'COMMIT%' and end_lsn <= $1::pg_lsn
        order by end_lsn desc limit 1`,
      [lsn, WINDOW],
    );
    at = row?.at;
  } catch (error) {
    if (!(error instanceof StoreError) || error.transient) throw error;
    throw new RefusedError(`failback.parted: here can’t tell the time of ${lsn}: ${error.detail}`, undefined, { hint });
  }
  if (at === null || at === undefined)
    throw new RefusedError(`failback.parted: the log of here has no commit shortly before ${lsn}`, undefined, { hint });
  return BigInt(at);
}
