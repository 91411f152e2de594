// A key as people and programs write it, made into canonical values. Pure.

import { fromText, ValueError } from '../value/canonical.ts';
import type { FieldType } from '../value/field-type.ts';
import type { Field, Key } from './mapping.ts';

/** `texts`: one for each of `fields`. Throws a ValueError for what no column of that type can hold: the server would refuse all keys for it. */
export function readKey(fields: readonly Field[], texts: readonly string[]): Key {
  return fields.map(({ name, type, sensitive }, i) => {
    try {
      const value = fromText(type, texts[i]!);
      checkRange(type, value);
      return value;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new ValueError(`${name}: ${sensitive ? 'a value that can not be converted' : error.message}`);
    }
  });
}

function checkRange(type: FieldType, value: string): void {
  if (value.includes('\0')) throw new ValueError('a text with a zero byte');
  if (type.kind !== 'integer') return;
  const limit = 2n ** BigInt(type.bits - 1);
  const number = /^-?\d{1,20}$/.test(value) ? BigInt(value) : limit;
  if (number >= limit || number < -limit) throw new ValueError(`${value} is no integer of ${type.bits} bits`);
}
