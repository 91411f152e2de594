// What drains that did not come to their end have brought back already: their journals say what they were about, and the source, which remembers of every
// transaction whether it committed, says what came of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../errors.ts';
import type { DrainEntry } from '../journal/entry.ts';
import { readJournal } from '../journal/read-journal.ts';
import type { Session } from '../postgres/session.ts';
import { type Effect, rowVersion } from './apply-batch.ts';
import type { Spooled } from './gather.ts';
import type { Spool } from './spool.ts';

export interface Stopped {
  /** Its journal. */
  readonly path: string;
}

export interface Brought {
  /** Ids of their transactions, as rows carry them. */
  readonly ours: Set<string>;
  /** When the source went away, as the first of them had it. */
  readonly began?: string;
}

const PATIENCE_MS = 60_000;
const INTERVAL_MS = 200;

/** Adds a word to the spool for each write that a stopped drain has brought back. `system`: the source's cluster. */
export async function spoolBrought(
  stopped: readonly Stopped[],
  spool: Spool,
  session: Session,
  system: string,
): Promise<Brought> {
  const ours = new Set<string>();
  let began: string | undefined;
  for (const { path } of stopped) {
    for await (const entry of readJournal(path)) {
      if (entry.type !== 'drain' || entry.system !== system) continue;
      if (began === undefined || entry.began < began) began = entry.began;
      if (entry.xid !== undefined && !(await hasCommitted(session, entry.xid))) continue;
      if (entry.xid !== undefined) ours.add(rowVersion(entry.xid));
      for (const [order, effect] of (entry as DrainEntry).writes)
        await spool.add(order, { brought: effect as Effect } satisfies Spooled);
    }
  }
  return { ours, began };
}

/** False too for a transaction that is so long ago that the server has forgotten it: then the rows themselves decide. */
async function hasCommitted(session: Session, xid: string): Promise<boolean> {
  const giveUp = Date.now() + PATIENCE_MS;
  for (;;) {
    // One from the future is of another life of the cluster, which was put back from a backup since.
    const [row] = await session.query(
      'ask for a transaction',
      'select case when $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot()) then pg_xact_status($1::text::xid8) end as status',
      [xid],
    );
    if (row!.status !== 'in progress') return row!.status === 'committed';
    // Its process was killed; the server notices when it next has something to tell it.
    if (Date.now() > giveUp) {
      throw new StoreError(
        session.name,
        'ask for a transaction',
        `transaction ${xid} of a stopped drain is still open`,
        {
          hint: 'End its session (pg_stat_activity, application_name plumbline) and run the drain again.',
        },
      );
    }
    await sleep(INTERVAL_MS);
  }
}
