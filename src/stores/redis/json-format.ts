// A record as a string that holds a JSON object: each field of the mapping is a member, found by its path. What the mapping does not name
// stays as it is written, to the last digit and blank.

import type { Field, Row } from '../../mapping/mapping.ts';
import { fromDecimalText, ValueError } from '../../value/canonical.ts';
import type { Value } from '../../value/field-type.ts';
import type { Change, Image, Replica } from '../store.ts';
import { reasonOf } from './decode.ts';
import type { Decoded, Format, Held, Look } from './format.ts';
import type { Habits } from './habits.ts';
import { keysToWrite } from './hash-format.ts';
import { bytesOf, imageOf } from './images.ts';
import { withMember, withMemberOf } from './json-edit.ts';
import { JsonLocator, type Place, type TokenKind, textAt } from './json-text.ts';
import { decodePlace, encodeLiteral, type Sample, sampleAt } from './json-value.ts';
import type { Words } from './options.ts';
import type { Call } from './scripts.ts';
import type { Asker } from './session.ts';
import { deleteString, insertString, readStrings, restoreString, updateString } from './string-key.ts';
import { NO, NOTHING, NUMBER, OTHER, type Pieces, TEXT, YES } from './text-hash.ts';
import { type Condition, conditionsOf } from './where.ts';

export class JsonFormat implements Format<Buffer> {
  private readonly fields: readonly Field[];
  private readonly keyFields: readonly Field[];
  private readonly conditions: readonly Condition[];
  private readonly words: Words;
  private readonly locator: JsonLocator;
  /** A string of JSON is not what it says where the field is JSON itself. */
  private readonly isJson: readonly boolean[];

  constructor(replica: Replica, words: Words) {
    this.fields = replica.mapping.fields;
    this.keyFields = replica.mapping.key;
    this.conditions = conditionsOf(replica);
    this.words = words;
    this.isJson = this.fields.map(({ type }) => type.kind === 'json');
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
    try {
      this.locator.locate(raw);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return { values: fields.map(() => null), unread: `its value can’t be read: ${error.message}` };
    }
    if (this.conditions.length > 0 && !this.belongs(raw)) return undefined;
    const values = new Array<Value>(fields.length);
    let unread: string[] | undefined;
    for (let i = 0; i < fields.length; i++) {
      const place = this.locator.places[i]!;
      try {
        values[i] = decodePlace(fields[i]!, raw, place);
      } catch (error) {
        values[i] = null;
        unread ??= [];
        unread.push(reasonOf(fields[i]!, namesOf[place.kind], error));
      }
    }
    return unread === undefined ? { values } : { values, unread: unread.join('; ') };
  }

  pieces(raw: Buffer, into: Pieces): boolean {
    const { places } = this.locator;
    this.locator.locate(raw);
    if (this.conditions.length > 0 && !this.belongs(raw)) return false;
    for (let i = 0; i < this.fields.length; i++) {
      const { kind, start, end, escaped } = places[i]!;
      if (kind === 'string' && !escaped && !this.isJson[i]) into.set(i, TEXT, raw, start + 1, end - 1);
      else into.set(i, FORMS[kind], raw, start, end);
    }
    return true;
  }

  valueAt(raw: Buffer, field: number): Value {
    return decodePlace(this.fields[field]!, raw, this.locator.places[field]!);
  }

  look(raw: Buffer): readonly Look[] {
    try {
      this.locator.locate(raw);
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
        decodePlace(field, raw, place);
        return { sample: sampleAt(raw, place) };
      } catch (error) {
        return { sample: { kind: place.kind }, trouble: reasonOf(field, namesOf[place.kind], error) };
      }
    });
  }

  insert(key: string, row: Row, habits: Habits): Call {
    let bytes: Buffer = Buffer.from('{}');
    for (const [target, literal] of keysToWrite(this.keyFields, row.key, habits, encodeLiteral)) {
      bytes = withMember(bytes, target, literal);
    }
    for (const { target, literal } of this.conditions) bytes = withMember(bytes, target, literal);
    for (const [i, field] of this.fields.entries()) {
      const value = row.values[i]!;
      const habit = habits.fields[i];
      // Where the replica's records leave nulls away, so does this one.
      if (value === null && habit !== undefined && habit.absent > 0 && habit.nulls === 0) continue;
      bytes = setMember(bytes, field, value, habit?.sample);
    }
    return insertString(key, bytes, this.words.expire);
  }

  restore(key: string, image: Image): Call {
    return restoreString(key, image);
  }

  update(
    key: string,
    { row, fields, image }: Extract<Change, { kind: 'update' }>,
    raw: Buffer,
    habits: Habits,
  ): Call | undefined {
    if (image !== undefined) {
      const old = bytesOf(imageOf(image).value!);
      const targets = fields.map((i) => this.fields[i]!.target);
      return updateString(
        key,
        raw,
        targets.reduce((bytes, target) => withMemberOf(bytes, target, old), raw),
      );
    }
    this.locator.locate(raw);
    const samples = this.fields.map((_, i) => sampleAt(raw, this.locator.places[i]!));
    const held = this.fields.map((field, i) => heldValue(field, raw, this.locator.places[i]!));
    let after = raw;
    for (const i of fields) {
      const value = row.values[i]!;
      if (held[i] === value) continue;
      const own = samples[i]!;
      const sample = own.kind === 'absent' || own.kind === 'null' ? habits.fields[i]?.sample : own;
      after = setMember(after, this.fields[i]!, value, sample);
    }
    return after === raw ? undefined : updateString(key, raw, after);
  }

  remove(key: string, raw: Buffer): Call {
    return deleteString(key, raw);
  }

  private belongs(raw: Buffer): boolean {
    return this.conditions.every(({ text: wanted, literal }, i) => {
      const place = this.locator.places[this.fields.length + i]!;
      switch (place.kind) {
        case 'string':
          return literal.startsWith('"') && JSON.parse(textAt(raw, place)) === wanted;
        case 'number':
          return /^-?\d/.test(literal) && fromDecimalText(textAt(raw, place)) === fromDecimalText(literal);
        case 'true':
        case 'false':
          return literal === place.kind;
        default:
          return wanted === null && (place.kind === 'null' || place.kind === 'absent');
      }
    });
  }
}

const FORMS: Readonly<Record<TokenKind, number>> = {
  absent: NOTHING,
  null: NOTHING,
  true: YES,
  false: NO,
  number: NUMBER,
  string: OTHER,
  object: OTHER,
  array: OTHER,
  'through array': OTHER,
};

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

function heldValue(field: Field, bytes: Buffer, place: Place): Value | undefined {
  try {
    return decodePlace(field, bytes, place);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

function setMember(bytes: Buffer, field: Field, value: Value, sample: Sample | undefined): Buffer {
  try {
    return withMember(bytes, field.target, encodeLiteral(field, value, sample));
  } catch (error) {
    if (error instanceof ValueError) {
      throw new ValueError(`${field.target}: ${field.sensitive ? 'Redis does not hold the value' : error.message}`);
    }
    throw error;
  }
}
