// Everything that the verbs need to know about one replica: its words, which keys are its own, and how a record stands in one.

import type { Problem } from '../../errors.ts';
import type { Key, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Replica } from '../store.ts';
import type { Format } from './format.ts';
import { type Habits, learnHabits, NO_HABITS, withKeyAsFields } from './habits.ts';
import { HashFormat } from './hash-format.ts';
import { JsonFormat } from './json-format.ts';
import { globMatcher, KeyPattern, readPattern } from './key-pattern.ts';
import { type Words, wordProblems, wordsOf } from './options.ts';
import { surveyKeys } from './scan-keys.ts';
import type { Session } from './session.ts';
import { StringFormat } from './string-format.ts';
import { whereProblem } from './where.ts';

export interface Access {
  readonly replica: Replica;
  readonly words: Words;
  readonly pattern: KeyPattern;
  /** For a cache: where its entries are, marked or not. */
  readonly entries?: KeyPattern;
  /** Keys that look like the target and are none of it. */
  readonly excepts: (key: string) => boolean;
  /** Undefined where several records share a key. */
  readonly format?: Format;
  /** Another one, for a reader of its own. */
  makeFormat(): Format | undefined;
  /** A look at some of the records. Taken once, when it is needed. */
  survey(): Promise<AccessSurvey>;
}

export interface AccessSurvey {
  readonly estimate: number;
  /** What a message or a permission may be tried with. */
  readonly anyKey: string;
  readonly habits: Habits;
}

export function makeAccess(session: Session, replica: Replica): Access | readonly Problem[] {
  const words = wordsOf(replica);
  const whereTrouble = whereProblem(replica);
  const problems = [...wordProblems(replica, words), ...(whereTrouble === undefined ? [] : [whereTrouble])];
  const fields = replica.mapping.key.filter((field) => words.as !== 'set' || field.name !== words.member);
  const pattern = readPattern(replica.target, fields, 'target');
  const entries = words.entries === undefined ? undefined : readPattern(words.entries, fields, 'entries', true);
  for (const read of [pattern, entries])
    if (read !== undefined && !(read instanceof KeyPattern)) problems.push(...read);
  if (problems.length > 0 || !(pattern instanceof KeyPattern)) return problems;
  let survey: Promise<AccessSurvey> | undefined;
  return {
    replica,
    words,
    pattern,
    entries: entries instanceof KeyPattern ? entries : undefined,
    excepts: globMatcher(words.except),
    format: formatOf(session, replica, words),
    makeFormat: () => formatOf(session, replica, words),
    survey: () => {
      survey ??= takeSurvey(session, replica, words, pattern);
      // What failed once is asked again.
      survey.catch(() => {
        survey = undefined;
      });
      return survey;
    },
  };
}

function formatOf(session: Session, replica: Replica, words: Words): Format | undefined {
  switch (words.as) {
    case 'hash':
      return new HashFormat(session, replica, words);
    case 'json':
      return new JsonFormat(replica, words);
    case 'string':
      return new StringFormat(replica, words);
    default:
      return undefined;
  }
}

const SAMPLES = 50;

async function takeSurvey(
  session: Session,
  replica: Replica,
  words: Words,
  pattern: KeyPattern,
): Promise<AccessSurvey> {
  const excepts = globMatcher(words.except);
  const isOurs = (key: string) => !excepts(key) && 'values' in (pattern.parse(key) ?? {});
  const { keys, estimate } = await surveyKeys(session, pattern.glob, isOurs, SAMPLES);
  const anyKey = keys[0] ?? pattern.example;
  const { mapping } = replica;
  // A plain string has no room for the key's columns.
  const isPlain = words.as === 'string';
  if (words.as === 'set') {
    const sizes = (await session.ask(keys.map((key) => ['scard', key]))).filter((size) => typeof size === 'number');
    const members = sizes.reduce((sum, size) => sum + size, 0) / Math.max(sizes.length, 1);
    return { estimate: Math.round(estimate * members), anyKey, habits: NO_HABITS };
  }
  const format = formatOf(session, isPlain ? replica : { ...replica, mapping: withKeyAsFields(mapping) }, words);
  if (format === undefined || keys.length === 0) return { estimate, anyKey, habits: NO_HABITS };
  const habits = await learnHabits(session, format, isPlain ? { ...mapping, key: [] } : mapping, keys);
  return { estimate, anyKey, habits };
}

/** A key of Redis as a record's key; undefined: it is none of the replica's. */
export function readKey({ pattern, excepts, replica }: Access, text: string): Row | undefined {
  if (excepts(text)) return undefined;
  const parsed = pattern.parse(text);
  if (parsed === undefined) return undefined;
  if ('values' in parsed) return { key: parsed.values, values: [] };
  return unreadRow(replica, pattern.texts(text), `${parsed.reason}; what is no record here belongs in \`except\``);
}

export function unreadRow({ mapping }: Replica, key: Key, reason: string): Row {
  return { key, values: mapping.fields.map(() => null), unread: reason };
}

/** The key of Redis where a record stands; undefined: none can. Throws ValueError where it would stand for another record as well. */
export function buildKey({ pattern, excepts }: Access, values: Key): string | undefined {
  let text: string;
  try {
    text = pattern.build(values);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
  if (excepts(text)) return undefined;
  const parsed = pattern.parse(text);
  if (parsed !== undefined && 'reason' in parsed) throw new ValueError(parsed.reason);
  return text;
}
