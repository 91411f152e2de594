// What is to become of one row in which the two servers differ, as data: in memory, in the run's folder, and in a plan file that a person edits.

import { createHash } from 'node:crypto';
import { ConfigError } from '../errors.ts';
import { readLines } from '../files/lines.ts';
import type { Key, Mapping, Row } from '../mapping/mapping.ts';
import type { Value } from '../value/field-type.ts';
import type { Side } from './sides.ts';

export const STATES = ['only here', 'only there', 'conflict'] as const;
/** `conflict`: both have the row, and it differs. */
export type State = (typeof STATES)[number];

/** Values of the columns that references and unique indexes are about. */
export type Links = Readonly<Record<string, Value>>;

export interface Decision {
  readonly table: string;
  readonly key: Key;
  readonly state: State;
  /** Of a conflict: the columns that differ. */
  readonly fields: readonly SideDifference[];
  /** The side whose row (or lack of one) is right; null: open, for a person. */
  take: Side | null;
  /** Why, in a few words. */
  why: string;
  /** A person said so, or the way was barred by another row: it is not changed any more. */
  settled?: 'said' | 'kept';
  /** Stands for the two rows as they were read. */
  readonly read: string;
  readonly links: Readonly<Record<Side, Links | null>>;
}

export interface SideDifference {
  readonly name: string;
  readonly here?: Value;
  readonly there?: Value;
  readonly sensitive?: true;
}

/** A line of rows.ndjson, and of a plan file. */
export interface DecisionLine {
  readonly take: Side | null;
  readonly table: string;
  /** By column. */
  readonly key: Readonly<Record<string, string>>;
  readonly state: State;
  readonly fields: readonly SideDifference[];
  readonly why: string;
  readonly read: string;
}

/** Does a decision write to this side? */
export function writesTo({ take }: Pick<Decision, 'take'>, side: Side): boolean {
  return take !== null && take !== side;
}

export function lineOf(decision: Decision, mapping: Mapping): DecisionLine {
  const { take, table, key, state, fields, why, read } = decision;
  const named = Object.fromEntries(mapping.key.map((field, i) => [field.name, key[i] ?? '']));
  return { take, table, key: named, state, fields, why, read };
}

/** The same for the same two rows, different if a value of either has changed. */
export function readMark(here: Row | undefined, there: Row | undefined): string {
  const text = JSON.stringify([here?.values ?? null, there?.values ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** What a file of decisions says, line by line. Lines that start with # are nobody's. Throws a ConfigError that names the line. */
export async function* readDecisionLines(path: string): AsyncGenerator<DecisionLine> {
  let number = 0;
  try {
    for await (const line of readLines(path)) {
      number += 1;
      if (line.trim() !== '' && !line.trimStart().startsWith('#')) yield parsed(line, `${path}:${number}`);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ConfigError([{ path: '--plan', message: `there is no file ${path}` }]);
  }
}

function parsed(line: string, path: string): DecisionLine {
  const wrong = (message: string) =>
    new ConfigError([{ path, message, hint: 'failback --write-plan FILE writes one anew.' }]);
  let given: Partial<DecisionLine>;
  try {
    given = JSON.parse(line);
  } catch {
    throw wrong('is no JSON: a line was changed by more than its "take"');
  }
  if (given.take !== 'here' && given.take !== 'there' && given.take !== null)
    throw wrong('"take" is neither "here", "there" nor null');
  const { table, key, state, read } = given;
  if (typeof table !== 'string' || typeof key !== 'object' || key === null || !STATES.includes(state!) || !read)
    throw wrong('it names no table, key, state or read mark');
  return given as DecisionLine;
}
