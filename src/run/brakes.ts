// What holds a repair back while it works: the maintenance window, the rate, and the health gate.

import type { Config } from '../config/config.ts';
import { InterruptedError, RefusedError } from '../errors.ts';
import { makePace, type Pace } from '../repair/pace.ts';
import { isWithin } from '../repair/window.ts';
import { passGates } from './gate.ts';
import type { Lock } from './locks.ts';
import type { RepairOptions, RunOptions } from './options.ts';

export interface Brakes {
  readonly pace: Pace;
  /**
   * Asked before each batch. Waits while the gate is closed; throws an InterruptedError when it stays so or the window has closed, a StoreError when
   * the lock is lost.
   */
  readonly mayGoOn: () => Promise<void>;
}

export const NO_BRAKES: Brakes = { pace: makePace(undefined), mayGoOn: async () => {} };

/** Between two looks at the gate: asking connects anew. */
const ASKED_EVERY_MS = 10_000;

/** The gate has let the repair begin when these are made. */
export function makeBrakes(
  config: Config,
  options: RunOptions & RepairOptions,
  lock?: Lock,
  askedEvery = ASKED_EVERY_MS,
): Brakes {
  const wait = Math.max(options.wait ?? 0, config.limits.pause);
  let askedAt = performance.now();
  return {
    pace: makePace(options.rate ?? config.limits.rate),
    async mayGoOn() {
      if (performance.now() - askedAt > askedEvery) {
        await passGates(config, { ...options, wait }).catch((error: unknown) => {
          if (!(error instanceof RefusedError)) throw error;
          throw new InterruptedError(`interrupted: ${error.message}; --resume goes on when it is open`);
        });
        askedAt = performance.now();
      }
      if (!isWindowOpen(config, options))
        throw new InterruptedError('interrupted: the maintenance window closed; --resume goes on in the next one');
      await lock?.check();
    },
  };
}

/** Throws a RefusedError: before a long comparison that nothing could be written after. */
export function checkWindow(config: Config, options: RepairOptions): void {
  if (isWindowOpen(config, options)) return;
  const { timeZone } = config.limits;
  const time = new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit' });
  throw new RefusedError(`it is ${time.format(new Date())} in ${timeZone}, outside of limits.window`, '--force-window');
}

function isWindowOpen({ limits: { windows, timeZone } }: Config, { forceWindow }: RepairOptions): boolean {
  return forceWindow === true || windows.length === 0 || isWithin(windows, new Date(), timeZone);
}
