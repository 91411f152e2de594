// One number, asked in a server's own words.

import { z } from 'zod';
import { StoreError } from '../errors.ts';
import type { Servers } from './servers.ts';

/** A statement in a server's own words. */
export const statement = z
  .union([
    z.string().min(1, { error: 'must not be empty' }),
    z.array(z.union([z.string(), z.number()])).min(1, { error: 'needs at least one word' }),
    z.record(z.string(), z.unknown()),
  ])
  .describe(
    'SQL, CQL, Cypher, a Redis command as a list of words or { keys: pattern }, or { collection, pipeline } or a command of MongoDB. Reads only.',
  );

export interface Question {
  readonly server: string;
  readonly query: z.infer<typeof statement>;
  /** The column that holds the number; undefined: the first one. */
  readonly column?: string;
}

/** A number, as its server told it. */
export interface Figure {
  readonly value: number;
  /** `4,704`; exactly, where it is larger than a double holds. */
  readonly words: string;
}

/** Throws a StoreError where the answer is none, or is not one. */
export async function askNumber(servers: Servers, question: Question, signal: AbortSignal): Promise<Figure> {
  const { server, query, column } = question;
  const wrong = (what: string, hint?: string) => new StoreError(server, 'ask', `a number is wanted, ${what}`, { hint });
  const [row, ...others] = await servers.ask(server, query, signal);
  if (row === undefined) throw wrong('the answer is no row');
  if (others.length > 0)
    throw wrong(`the answer has ${others.length + 1} rows`, 'Let the statement count or sum them.');
  if (column !== undefined && !(column in row))
    throw wrong(`the answer has no ${column}`, `It has ${Object.keys(row).join(', ')}.`);
  const answer = column === undefined ? Object.values(row)[0] : row[column];
  const value = answer === null || answer === '' ? Number.NaN : Number(answer);
  if (Number.isNaN(value)) throw wrong(`the answer is ${JSON.stringify(answer)}`);
  const text = typeof answer === 'boolean' ? String(value) : String(answer);
  return { value, words: /^-?\d+$/.test(text) ? BigInt(text).toLocaleString('en-US') : text };
}
