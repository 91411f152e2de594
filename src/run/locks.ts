// One writer a replica: advisory locks on the source, which PostgreSQL releases when the session ends, however it ends. Reading takes none.

import { LockedError, StoreError } from '../errors.ts';
import type { Source } from '../source/source.ts';

export interface Lock {
  /** Throws a StoreError when the session that held the locks is gone, and they with it: another run may be writing by now. */
  check(): Promise<void>;
  release(): Promise<void>;
}

const NO_LOCK: Lock = { check: async () => {}, release: async () => {} };

/** Takes all locks or throws LockedError. */
export async function lockReplicas(source: Source, replicas: readonly string[]): Promise<Lock> {
  if (replicas.length === 0) return NO_LOCK;
  const client = await source.session.take('lock');
  const check = async () => {
    try {
      await client.query('select');
    } catch (cause) {
      const hint = '--resume goes on with it.';
      throw new StoreError('source', 'lock', 'the connection that held the lock is gone', {
        cause,
        transient: true,
        hint,
      });
    }
  };
  const release = async () => {
    try {
      await client.query('select pg_advisory_unlock_all()');
      client.release();
    } catch {
      client.release(true); // the session is gone, and its locks with it
    }
  };
  try {
    for (const name of [...replicas].sort()) {
      const { rows } = await client.query(
        `select pg_try_advisory_lock(hashtextextended('plumbline ' || $1, 0)) as taken`,
        [name],
      );
      if (rows[0].taken !== 't') throw new LockedError(`another run is repairing ${name}`);
    }
    return { check, release };
  } catch (error) {
    await release();
    throw error instanceof LockedError ? error : source.session.explain('lock', error);
  }
}
