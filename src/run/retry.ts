// Retries what is transient and may be asked twice: connecting and fetching by key. Nothing else retries.

import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, StoreError } from '../errors.ts';
import type { RunListener } from './events.ts';

const PAUSES = [200, 1000];

export async function retrying<T>(
  verb: string,
  work: () => Promise<T>,
  listener: RunListener,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    if (signal?.aborted) throw new InterruptedError();
    try {
      return await work();
    } catch (error) {
      const pause = PAUSES[attempt];
      if (!(error instanceof StoreError) || !error.transient || pause === undefined) throw error;
      listener({ type: 'retry', verb, attempt: attempt + 1, reason: error.message });
      await sleep(pause, undefined, { signal }).catch(() => {
        throw new InterruptedError();
      });
    }
  }
}
