// A probe that looks at several things: each has an answer of its own, and one that has none does not hide the others.

import { ConfigError, StoreError, wordsOf } from '../errors.ts';
import type { Reading } from './probe.ts';

/** All at once, in their order. What throws, or has no answer when the probe's time is up, is `unknown` by its name. */
export async function readEach<Subject>(
  subjects: readonly Subject[],
  nameOf: (subject: Subject) => string,
  signal: AbortSignal,
  look: (subject: Subject) => Promise<Omit<Reading, 'subject'>>,
): Promise<readonly Reading[]> {
  return Promise.all(
    subjects.map(async (subject): Promise<Reading> => {
      const name = nameOf(subject);
      try {
        return { ...(await inTime(look(subject), signal)), subject: name };
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        return { ...unknownReading(error, signal.aborted ? 'no answer in time' : undefined), subject: name };
      }
    }),
  );
}

/** Whoever looks does not have to look at the signal. */
export async function inTime<T>(looking: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = () => {};
  const ended = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([looking, ended]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Why there is no answer: `reason`, or what the error says. */
export function unknownReading(error: unknown, reason?: string): Reading {
  if (reason !== undefined) return { status: 'unknown', message: reason };
  return { status: 'unknown', message: wordsOf(error), hint: error instanceof StoreError ? error.hint : undefined };
}
