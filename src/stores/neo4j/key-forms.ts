// The values by which a key is looked up: every form and spelling in which it may stand in a property. A key that stands in yet another one
// can't be found, so a scan calls such a record unread.

import { fromNumber, ValueError } from '../../value/canonical.ts';
import type { FieldType } from '../../value/field-type.ts';
import { toNative } from './encode.ts';
import { type Form, sameNative } from './native.ts';
import type { Neo4j } from './session.ts';
import type { Column } from './shape.ts';

/** No two of them are equal to Cypher, so that no record is found twice. The canonical text is always one of them. */
export function keyForms(neo4j: Neo4j, type: FieldType, value: string): readonly unknown[] {
  const forms: unknown[] = [value];
  const add = (form: Form) => {
    try {
      forms.push(toNative(neo4j, type, value, form));
    } catch (error) {
      // It can't stand in that form, so it need not be looked for there.
      if (!(error instanceof ValueError)) throw error;
    }
  };
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
    case 'enum':
      // To Cypher 12 and 12.0 are equal.
      if (/^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value)) forms.push(BigInt(value));
      else if (value !== '' && isNumberText(value)) forms.push(Number(value));
      if (type.kind === 'enum' && (value === 'true' || value === 'false')) forms.push(value === 'true');
      break;
    case 'boolean':
      forms.push(value === 'true', value === 'true' ? 1n : 0n);
      break;
    case 'date':
      add('date');
      break;
    case 'timestamp':
      add('datetime');
      add('localDateTime');
      // As JavaScript and others write it.
      if (/\.\d{3}000Z$/.test(value)) forms.push(value.replace(/000Z$/, 'Z'));
      if (/\.000000Z$/.test(value)) forms.push(value.replace(/\.000000Z$/, 'Z'));
      break;
    case 'uuid':
      forms.push(value.toUpperCase(), value.replaceAll('-', ''), value.replaceAll('-', '').toUpperCase());
      break;
    case 'bytes':
      add('bytes');
      break;
    case 'interval':
      add('duration');
      break;
  }
  return [...new Set(forms)];
}

/** For each key the forms of its parts: the parameter of `UNWIND $keys AS key MATCH … WHERE x.p IN key[0]`. */
export function formsOfKeys(
  neo4j: Neo4j,
  columns: readonly Column[],
  keys: readonly (readonly string[])[],
): readonly (readonly (readonly unknown[])[])[] {
  return keys.map((key) => columns.map(({ field }, i) => keyForms(neo4j, field.type, key[i]!)));
}

/** All that the keys may stand as: the parameter of `MATCH … WHERE x.p IN $keys`, or `[x.p, x.q] IN $keys` where there are several columns. */
export function flatForms(
  neo4j: Neo4j,
  columns: readonly Column[],
  keys: readonly (readonly string[])[],
): readonly unknown[] {
  const tuples = formsOfKeys(neo4j, columns, keys).flatMap(product);
  return columns.length === 1 ? tuples.flat() : tuples;
}

function product(choices: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return choices.reduce<readonly (readonly unknown[])[]>(
    (tuples, some) => tuples.flatMap((tuple) => some.map((one) => [...tuple, one])),
    [[]],
  );
}

/** Whether the record that holds `native` is found by its canonical value. */
export function isFindable(neo4j: Neo4j, type: FieldType, native: unknown, value: string): boolean {
  if (native === value) return true;
  const isNumeric = type.kind === 'integer' || type.kind === 'decimal' || type.kind === 'float' || type.kind === 'enum';
  if (isNumeric && typeof native === 'bigint') return true;
  if (isNumeric && typeof native === 'number') return isNumberText(value);
  return keyForms(neo4j, type, value).some((form) => sameNative(form, native));
}

function isNumberText(value: string): boolean {
  const number = Number(value);
  return Number.isFinite(number) && value.trim() !== '' && (fromNumber(number) === value || String(number) === value);
}
