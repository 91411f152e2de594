// Keeps a repair below so many records a second, however fast the server is.

import { setTimeout as sleep } from 'node:timers/promises';

export interface Pace {
  /** Most records to write before asking again. */
  readonly batch: number;
  /** Waits until so many more records may have been written. */
  after(records: number, signal?: AbortSignal): Promise<void>;
}

export function makePace(rate: number | undefined): Pace {
  if (rate === undefined) return { batch: Number.POSITIVE_INFINITY, after: async () => {} };
  let dueAt: number | undefined;
  return {
    // Half a second's worth, so that the rate holds within any second and not on average alone.
    batch: Math.max(1, Math.floor(rate / 2)),
    async after(records, signal) {
      const now = performance.now();
      dueAt = Math.max(dueAt ?? now, now - 1000) + (1000 * records) / rate;
      if (dueAt > now) await sleep(dueAt - now, undefined, { signal }).catch(() => {});
    },
  };
}
