// A record as a string that holds a JSON object: each field of the mapping is a member, found by its path. What the mapping does not name
// stays as it is written, to the last digit and blank.

import type { Field, Row } from '../../mapping/mapping.ts';
import { fromDecimalText, ValueError } from '../../value/canonical.ts';
import type { Value } from '../../value/field-type.ts';
import type { Change, Replica } from '../store.ts';
import { reasonOf, textOf } from './decode.ts';
import type { Decoded, Format, Held, Look } from './format.ts';
import type { Habits } from './habits.ts';
import { keysToWrite } from './hash-format.ts';
import { JsonLocator, type Place, withMember } from './json-text.ts';
import { decodePlace, encodeLiteral, type Sample, sampleAt } from './json-value.ts';
import type { Words } from './options.ts';
import type { Call } from './scripts.ts';
import type { Asker } from './session.ts';
import { deleteString, insertString, readStrings, updateString } from './string-key.ts';
import { type Condition, conditionsOf } from './where.ts';

export class JsonFormat implements Format<Buffer> {
  private readonly fields: readonly Field[];
  private readonly keyFields: readonly Field[];
  private readonly conditions: readonly Condition[];
  private readonly words: Words;
  private readonly locator: JsonLocator;

  constructor(replica: Replica, words: Words) {
    this.fields = replica.mapping.fields;
    this.keyFields = replica.mapping.key;
    this.conditions = conditionsOf(replica);
    this.words = words;
    this.locator = new JsonLocator([...this.fields, ...this.conditions].map(({ target }) => target));
  }

  read(asker: Asker, keys: readonly string[]): Promise<readonly Held<Buffer>[]> {
    return readStrings(asker, keys);
  }

  sizeOf(raw: Buffer): number {
    return raw.length;
  }

  decode(raw: Buffer): Decoded | undefined {
    const { fields } = this;
    let text: string;
    try {
      text = this.locate(raw);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return { values: fields.map(() => null), unread: `its value can’t be read: ${error.message}` };
    }
    if (this.conditions.length > 0 && !this.belongs(text)) return undefined;
    const values = new Array<Value>(fields.length);
    let unread: string[] | undefined;
    for (let i = 0; i < fields.length; i++) {
      const place = this.locator.places[i]!;
      try {
        values[i] = decodePlace(fields[i]!, text, place);
      } catch (error) {
        values[i] = null;
        unread ??= [];
        unread.push(reasonOf(fields[i]!, namesOf[place.kind], error));
      }
    }
    return unread === undefined ? { values } : { values, unread: unread.join('; ') };
  }

  look(raw: Buffer): readonly Look[] {
    let text: string;
    try {
      text = this.locate(raw);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return this.fields.map((field) => ({
        sample: { kind: 'string' },
        trouble: reasonOf(field, 'no JSON object', error),
      }));
    }
    return this.fields.map((field, i): Look => {
      const place = this.locator.places[i]!;
      try {
        decodePlace(field, text, place);
        return { sample: sampleAt(text, place) };
      } catch (error) {
        return { sample: { kind: place.kind }, trouble: reasonOf(field, namesOf[place.kind], error) };
      }
    });
  }

  insert(key: string, row: Row, habits: Habits): Call {
    let text = '{}';
    for (const [target, literal] of keysToWrite(this.keyFields, row.key, habits, encodeLiteral)) {
      text = withMember(text, target, literal);
    }
    for (const { target, literal } of this.conditions) text = withMember(text, target, literal);
    for (const [i, field] of this.fields.entries()) {
      const value = row.values[i]!;
      const habit = habits.fields[i];
      // Where the replica's records leave nulls away, so does this one.
      if (value === null && habit !== undefined && habit.absent > 0 && habit.nulls === 0) continue;
      text = setMember(text, field, value, habit?.sample);
    }
    return insertString(key, text, this.words.expire);
  }

  update(
    key: string,
    { row, fields }: Extract<Change, { kind: 'update' }>,
    raw: Buffer,
    habits: Habits,
  ): Call | undefined {
    const before = this.locate(raw);
    const samples = this.fields.map((_, i) => sampleAt(before, this.locator.places[i]!));
    const held = this.fields.map((field, i) => heldValue(field, before, this.locator.places[i]!));
    let after = before;
    for (const i of fields) {
      const value = row.values[i]!;
      if (held[i] === value) continue;
      const own = samples[i]!;
      const sample = own.kind === 'absent' || own.kind === 'null' ? habits.fields[i]?.sample : own;
      after = setMember(after, this.fields[i]!, value, sample);
    }
    return after === before ? undefined : updateString(key, raw, after);
  }

  remove(key: string, raw: Buffer): Call {
    return deleteString(key, raw);
  }

  private locate(raw: Buffer): string {
    const text = textOf(raw);
    this.locator.locate(text);
    return text;
  }

  private belongs(text: string): boolean {
    return this.conditions.every(({ text: wanted, literal }, i) => {
      const place = this.locator.places[this.fields.length + i]!;
      switch (place.kind) {
        case 'string':
          return literal.startsWith('"') && JSON.parse(text.slice(place.start, place.end)) === wanted;
        case 'number':
          return (
            /^-?\d/.test(literal) && fromDecimalText(text.slice(place.start, place.end)) === fromDecimalText(literal)
          );
        case 'true':
        case 'false':
          return literal === place.kind;
        default:
          return wanted === null && (place.kind === 'null' || place.kind === 'absent');
      }
    });
  }
}

const namesOf: Readonly<Record<Place['kind'], string>> = {
  absent: 'nothing',
  null: 'null',
  true: 'a boolean',
  false: 'a boolean',
  number: 'a number',
  string: 'a string',
  object: 'an object',
  array: 'an array',
  'through array': 'an array on its path',
};

function heldValue(field: Field, text: string, place: Place): Value | undefined {
  try {
    return decodePlace(field, text, place);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

function setMember(text: string, field: Field, value: Value, sample: Sample | undefined): string {
  try {
    return withMember(text, field.target, encodeLiteral(field, value, sample));
  } catch (error) {
    if (error instanceof ValueError) throw new ValueError(`${field.target}: ${error.message}`);
    throw error;
  }
}
