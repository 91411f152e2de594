// One writer a replica: advisory locks on the source, which PostgreSQL releases when the session ends, however it ends. Reading takes none.

import { LockedError } from '../errors.ts';
import type { Source } from '../source/source.ts';

/** Takes all locks or throws LockedError. Returns what releases them. */
export async function lockReplicas(source: Source, replicas: readonly string[]): Promise<() => Promise<void>> {
  if (replicas.length === 0) return async () => {};
  const client = await source.session.take('lock');
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
    return release;
  } catch (error) {
    await release();
    throw error instanceof LockedError ? error : source.session.explain('lock', error);
  }
}
