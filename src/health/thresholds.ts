// From a measured number to a status. Pure; the schemas are what a probe's options are built from.

import { z } from 'zod';
import { durationPattern, parseDuration, parsePercent, percentPattern } from '../config/duration.ts';
import type { Status } from './probe.ts';

/** The value from which on it warns, and from which on it fails. Either may be left out. */
export interface Thresholds {
  readonly warn?: number;
  readonly fail?: number;
}

/** `higher`: the larger, the worse. */
export function statusOf(value: number, { warn, fail }: Thresholds, worse: 'higher' | 'lower' = 'higher'): Status {
  const beyond = (limit: number | undefined) =>
    limit !== undefined && (Number.isNaN(value) || (worse === 'higher' ? value >= limit : value <= limit));
  return beyond(fail) ? 'failed' : beyond(warn) ? 'warning' : 'ok';
}

/** `{ warn: 100, fail: 1000 }` in plain numbers. */
export const numberThresholds = z.strictObject({ warn: z.number().optional(), fail: z.number().optional() });

/** A duration, in milliseconds once parsed. */
export const durationOption = z
  .union([
    z.number().nonnegative(),
    z.string().regex(durationPattern, { error: 'is no duration; write 500ms, 2s or 5m' }),
  ])
  .transform((words) => parseDuration(words)!);

/** `{ warn: 100ms, fail: 5s }`, in milliseconds once parsed. */
export const durationThresholds = z.strictObject({ warn: durationOption.optional(), fail: durationOption.optional() });

const NO_PERCENTAGE = 'is no percentage; write 50%';

/** `99%` or `99`. */
export const percentOption = z
  .union([
    z.number().min(0, { error: NO_PERCENTAGE }).max(100, { error: NO_PERCENTAGE }),
    z.string().regex(percentPattern, { error: NO_PERCENTAGE }),
  ])
  .transform((words, context) => {
    const percent = parsePercent(words);
    if (percent === undefined) context.addIssue(NO_PERCENTAGE);
    return percent ?? 0;
  });

/** `{ warn: 80%, fail: 95% }`, in percent once parsed. */
export const percentThresholds = z.strictObject({ warn: percentOption.optional(), fail: percentOption.optional() });

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const sizePattern = /^\d+(\.\d+)?\s*([kmgt]i?)?b?$/i;
/** `512MB`, `5GB`, `1GiB`; a bare number counts bytes. */
export const size = z
  .union([z.number().nonnegative(), z.string().regex(sizePattern, { error: 'is no size; write 512MB, 5GB or 1GiB' })])
  .transform((words) => {
    if (typeof words === 'number') return words;
    return Number.parseFloat(words) * SIZES[words.replace(/[\d.\s]/g, '').toLowerCase()]!;
  });

/** `{ warn: 1GB, fail: 5GB }`, in bytes once parsed. */
export const sizeThresholds = z.strictObject({ warn: size.optional(), fail: size.optional() });

/** For an option: what is not given is as in `defaults`. */
export function orElse<Schema extends z.ZodType<Thresholds>>(schema: Schema, defaults: Thresholds) {
  return schema.optional().transform((given): Thresholds => ({ ...defaults, ...given }));
}

/** For the end of a message: ` (fails at 5 GB)`. Nothing while it is ok. */
export function limitReached(status: Status, { warn, fail }: Thresholds, inWords: (limit: number) => string): string {
  if (status === 'failed') return ` (fails at ${inWords(fail!)})`;
  return status === 'warning' ? ` (warns at ${inWords(warn!)})` : '';
}

export interface Measured {
  readonly status: Status;
  /** `2 failed (warns at 1)`. */
  readonly words: string;
}

/** A number held against its thresholds. `inWords` says it and the limits alike; `more` stands behind it: `failed`. */
export function measured(
  value: number,
  thresholds: Thresholds,
  inWords: (value: number) => string,
  more?: string,
): Measured {
  const status = statusOf(value, thresholds);
  const words = more === undefined ? inWords(value) : `${inWords(value)} ${more}`;
  return { status, words: `${words}${limitReached(status, thresholds, inWords)}` };
}

const conditionPattern = /^(<=|>=|!=|==?|<|>)\s*(-?\d+(\.\d+)?)$/;

/** `> 100`, `!= 0`: when a free query's answer is bad. */
export const condition = z.string().regex(conditionPattern, { error: 'is no condition; write > 100, <= 5 or != 0' });

export function holds(words: string, value: number): boolean {
  const [, operator, text] = conditionPattern.exec(words)!;
  const limit = Number(text);
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '!=':
      return value !== limit;
    default:
      return value === limit;
  }
}
