// What the flags' words mean: durations, sizes, shares, counts, keys. Text in, value out; UsageError where it is none.

import { parseDuration, parsePercent } from '../src/config/duration.ts';
import { fromTimestampText, ValueError } from '../src/value/canonical.ts';
import { UsageError } from './usage-error.ts';

/** Milliseconds. A bare number is refused: nobody who types `--since 7` means milliseconds. */
export function durationOf(words: string): number {
  const milliseconds = /^[\d.\s]*$/.test(words) ? undefined : parseDuration(words);
  if (milliseconds === undefined || milliseconds === 0) {
    throw new UsageError(`"${words}" is no duration`, 'Write a number and its unit, such as 90s, 30m, 12h or 7d.');
  }
  return milliseconds;
}

/** A moment, canonical. One without a zone is refused: it may be meant in any. */
export function momentOf(words: string): string {
  const hint = 'Write it in ISO 8601 with its zone, such as 2026-11-22T01:14:00Z.';
  if (!/(Z|[+-]\d\d(:?\d\d)?)$/.test(words.trim())) throw new UsageError(`"${words}" is no moment with a zone`, hint);
  try {
    return fromTimestampText(words.trim(), 6);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new UsageError(error.message, hint);
  }
}

/** A share between 0 and 1. The sign is asked for, because 0.01 could be either. */
export function shareOf(words: string): number {
  const percent = words.trim().endsWith('%') ? parsePercent(words) : undefined;
  if (percent === undefined || percent === 0) {
    throw new UsageError(`"${words}" is no share`, 'Write a percentage with its sign, such as 1% or 0.5%.');
  }
  return percent / 100;
}

/** Percent from 0 to 100; the sign may be left out. */
export function percentOf(words: string): number {
  const percent = parsePercent(words);
  if (percent === undefined) throw new UsageError(`"${words}" is no percentage`, 'Write a number from 0 to 100.');
  return percent;
}

const UNITS: Readonly<Record<string, number>> = {
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
const SMALLEST = 1e6;

/** Bytes. */
export function sizeOf(words: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]i?b)$/i.exec(words.trim());
  const bytes = match ? Math.floor(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!) : 0;
  if (bytes < SMALLEST) {
    throw new UsageError(`"${words}" is no size`, 'Write a number and its unit, at least 1MB, such as 512MB or 2GiB.');
  }
  return bytes;
}

/** A whole number of at least `least`. Thousands may be set apart by commas or underscores. */
export function countOf(words: string, least: number): number {
  const count = /^\d+$/.test(words.replace(/(?<=\d)[,_](?=\d)/g, '')) ? Number(words.replace(/[,_]/g, '')) : -1;
  if (!Number.isSafeInteger(count) || count < least) {
    throw new UsageError(`"${words}" is no number of at least ${least}`);
  }
  return count;
}

const LAST_PORT = 65_535;

export function portOf(words: string): number {
  const port = countOf(words, 0);
  if (port > LAST_PORT) throw new UsageError(`"${words}" is no port`, `Ports go up to ${LAST_PORT}.`);
  return port;
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/**
 * A key's parts as text: the words as they stand, or the elements of a JSON array. Numbers keep their digits, however
 * many. A lone key that is itself a JSON array goes into one: `["[1,2]"]`.
 */
export function keyOf(words: string): readonly string[] {
  if (!/^\s*\[.*\]\s*$/s.test(words)) return [words];
  const hint = 'A key of several columns is a JSON array of its parts, such as \'["inc_7", 4]\'.';
  let parts: unknown;
  try {
    parts = JSON.parse(words.replace(STRING_OR_NUMBER, (token) => (token[0] === '"' ? token : JSON.stringify(token))));
  } catch {
    throw new UsageError(`${words} is no JSON array`, hint);
  }
  const texts = (parts as unknown[]).map((part) => (typeof part === 'boolean' ? String(part) : part));
  const wrong = texts.find((part) => typeof part !== 'string');
  if (texts.length === 0 || wrong !== undefined) {
    throw new UsageError(
      `${words} is no key: ${texts.length === 0 ? 'it is empty' : `${wrong} is no part of one`}`,
      hint,
    );
  }
  return texts as string[];
}
