// drain --watch: looks now and then whether the source is back and takes writes, and drains as soon as it does.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { DrainReport } from '../contingency/drain-report.ts';
import { StoreError } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import { type DrainOptions, drainOnce } from './drain.ts';

/** Ends with the drain that was not ended by the source's going away again, or when it is interrupted. */
export async function drainWhenBack(config: Config, given: DrainOptions = {}): Promise<DrainReport> {
  let options = given;
  for (;;) {
    await untilBack(config, options);
    const { report, hasLostSource } = await drainOnce(config, options);
    if (!hasLostSource || options.signal?.aborted) return report;
    options = { ...options, resume: report.run };
  }
}

/** An interruption ends the waiting: the drain after it says so. */
async function untilBack(config: Config, { signal, onEvent }: DrainOptions): Promise<void> {
  const interval = config.contingency?.interval ?? 0;
  while (!signal?.aborted) {
    const trouble = await troubleOf(config);
    if (trouble === undefined) return;
    onEvent?.({ type: 'wait', what: `Waiting for PostgreSQL: ${trouble}`, seconds: interval / 1000 });
    await sleep(interval, undefined, { signal }).catch(() => {});
  }
}

/** Why it is not; undefined where it is, and where waiting would not help. */
async function troubleOf({ source }: Config): Promise<string | undefined> {
  const session = new Session({ name: 'source', url: source.url, readOnly: true, connections: 1 });
  try {
    const [row] = await session.query('connect', 'select pg_is_in_recovery() as standby');
    return row!.standby === 't' ? 'it is a standby in recovery' : undefined;
  } catch (error) {
    if (error instanceof StoreError && error.transient) return error.detail;
    return undefined;
  } finally {
    await session.close();
  }
}
