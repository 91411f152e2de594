// Values that text columns spell in several ways: booleans and UUIDs. They are written as the column's records spell theirs.

import type { Field } from '../../mapping/mapping.ts';
import { fromBooleanText, ValueError } from '../../value/canonical.ts';
import type { Column } from './columns.ts';

/** The words for true and false. */
export type Words = readonly [yes: string, no: string];

const PAIRS: readonly Words[] = [
  ['Y', 'N'],
  ['T', 'F'],
  ['1', '0'],
  ['true', 'false'],
  ['yes', 'no'],
  ['on', 'off'],
];

export interface Spelling {
  readonly words: Words;
  /** Of a UUID. */
  readonly upper: boolean;
  readonly hyphens: boolean;
}

/** Whether the field's values in this column have a spelling at all. */
export function isSpelled({ type }: Field, { form }: Column): boolean {
  return (
    (type.kind === 'boolean' || type.kind === 'uuid') && (form === 'char' || form === 'varchar' || form === 'clob')
  );
}

/** The spelling of a column: as the config says (`type: Y/N`), else as a sample has it, else the usual for its length. */
export function spellingOf(field: Field, column: Column, sample: string | undefined): Spelling {
  const words = wordsOf(field.storedAs) ?? (sample === undefined ? undefined : pairOf(sample)) ?? usual(column);
  return {
    words,
    upper: sample !== undefined && /[A-F]/.test(sample),
    hyphens: sample === undefined ? column.form === 'clob' || column.bytes >= 36 : sample.includes('-'),
  };
}

/** `Y/N` as a pair; undefined where it is none or can't be read back. */
export function wordsOf(storedAs: string | undefined): Words | undefined {
  const match = /^([^/\s]+)\/([^/\s]+)$/.exec(storedAs ?? '');
  if (match === null) return undefined;
  const [, yes, no] = match;
  try {
    return fromBooleanText(yes!) === 'true' && fromBooleanText(no!) === 'false' ? [yes!, no!] : undefined;
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

function pairOf(sample: string): Words | undefined {
  const pair = PAIRS.find((words) => words.some((word) => word.toLowerCase() === sample.toLowerCase()));
  if (pair === undefined) return undefined;
  const [yes, no] = pair;
  if (sample === sample.toLowerCase()) return [yes.toLowerCase(), no.toLowerCase()];
  if (sample === sample.toUpperCase()) return [yes.toUpperCase(), no.toUpperCase()];
  return [capital(yes), capital(no)];
}

function usual(column: Column): Words {
  return column.form !== 'clob' && column.bytes < 5 ? PAIRS[0]! : PAIRS[3]!;
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1).toLowerCase()}`;
}

/** Every way in which a UUID may stand in a text column. */
export function uuidSpellings(canonical: string): readonly string[] {
  const plain = canonical.replaceAll('-', '');
  return [canonical, canonical.toUpperCase(), plain, plain.toUpperCase()];
}

export function spelledUuid(canonical: string, { upper, hyphens }: Spelling): string {
  const text = hyphens ? canonical : canonical.replaceAll('-', '');
  return upper ? text.toUpperCase() : text;
}
