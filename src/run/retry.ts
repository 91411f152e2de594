// Retries what is transient and may be asked twice: connecting, fetching by key, and sending an alert. Nothing else retries.

import { setTimeout as sleep } from 'node:timers/promises';
import { DeliveryError, InterruptedError, StoreError } from '../errors.ts';
import type { RunListener } from './events.ts';

const PAUSES = [200, 1000];
/** What a receiver may ask us to wait at most. */
export const LONGEST_ASKED = 30_000;

export async function retrying<T>(
  verb: string,
  work: () => Promise<T>,
  listener: RunListener,
  signal?: AbortSignal,
  pauses: readonly number[] = PAUSES,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    if (signal?.aborted) throw new InterruptedError();
    try {
      return await work();
    } catch (error) {
      const pause = pauses[attempt];
      const isOurs = error instanceof StoreError || error instanceof DeliveryError;
      if (!isOurs || !error.transient || pause === undefined) throw error;
      listener({ type: 'retry', verb, attempt: attempt + 1, reason: error.message });
      const asked = error instanceof DeliveryError ? Math.min(error.retryAfter ?? 0, LONGEST_ASKED) : 0;
      await sleep(Math.max(pause, asked), undefined, { signal }).catch(() => {
        throw new InterruptedError();
      });
    }
  }
}
