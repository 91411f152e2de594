// Filters that find records by key. A collection may hold one key in several forms (a UUID as text and as binary), and a lookup that
// misses one would call a record missing: so every form that can spell the key is asked for. 1, 1.0 and NumberLong(1) are equal to the server.

import type { Document } from 'mongodb';
import type { Field, Key, Mapping } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { type Encoder, isObjectId, spelledAs } from './encode.ts';
import { type Form, type Habits, usualForm } from './habits.ts';

/** Past so many spellings of one compound `_id`, only the usual ones are asked for. */
const MOST_SPELLINGS = 16;

export class KeyFilters {
  private readonly mapping: Mapping;
  private readonly habits: Habits;
  private readonly encoder: Encoder;
  /** Indexes of the key's fields in their order in `_id`, where the key is `_id` as a whole. */
  readonly wholeId: readonly number[] | undefined;

  constructor(mapping: Mapping, habits: Habits, encoder: Encoder) {
    this.mapping = mapping;
    this.habits = habits;
    this.encoder = encoder;
    this.wholeId = wholeIdOf(mapping, habits.idNames);
  }

  /** Keys stand in several forms, so that the server sees two keys where we see one. */
  get isMixed(): boolean {
    return this.mapping.key.some((field) => {
      const forms = new Set([...(this.habits.byTarget.get(field.target)?.forms.keys() ?? [])].map(sortOfForm));
      return forms.size > 1;
    });
  }

  /** Matches every record of these keys, and perhaps others: the caller looks at the keys of what comes. */
  forKeys(keys: readonly Key[]): Document {
    const { wholeId, mapping } = this;
    if (wholeId !== undefined) return { _id: { $in: keys.flatMap((key) => this.idSpellings(key, wholeId)) } };
    if (mapping.key.length === 1) {
      const [field] = mapping.key;
      return { [field!.target]: { $in: keys.flatMap((key) => this.spellings(field!, key[0]!)) } };
    }
    return { $or: keys.map((key) => this.partsOf(key, (field, value) => ({ $in: this.spellings(field, value) }))) };
  }

  /** Equality on the key in its usual form, from which an upsert makes the new record. Throws ValueError. */
  forInsert(key: Key): Document {
    const { wholeId } = this;
    if (wholeId === undefined) return this.partsOf(key, (field, value) => this.usual(field, value));
    return { _id: this.idOf(wholeId, (field, i) => this.usual(field, key[i]!)) };
  }

  private partsOf(key: Key, condition: (field: Field, value: string) => unknown): Document {
    return Object.fromEntries(this.mapping.key.map((field, i) => [field.target, condition(field, key[i]!)]));
  }

  private usual(field: Field, value: string): unknown {
    return this.encoder.encode(field, value, this.habits.byTarget.get(field.target));
  }

  private idOf(wholeId: readonly number[], part: (field: Field, i: number) => unknown): ReadonlyMap<string, unknown> {
    return new Map(wholeId.map((i) => [lastName(this.mapping.key[i]!), part(this.mapping.key[i]!, i)]));
  }

  private idSpellings(key: Key, wholeId: readonly number[]): unknown[] {
    const choices = wholeId.map((i) => this.spellings(this.mapping.key[i]!, key[i]!));
    const count = choices.reduce((product, spellings) => product * spellings.length, 1);
    const names = wholeId.map((i) => lastName(this.mapping.key[i]!));
    let ids: ReadonlyMap<string, unknown>[] = [new Map()];
    for (const [i, spellings] of choices.entries()) {
      const tried = count > MOST_SPELLINGS ? spellings.slice(0, 1) : spellings;
      ids = ids.flatMap((id) => tried.map((spelling) => new Map([...id, [names[i]!, spelling]])));
    }
    return ids;
  }

  /** The usual form first. A form that can't hold the value is left out: no such record can exist. */
  private spellings(field: Field, value: string): unknown[] {
    const habit = this.habits.byTarget.get(field.target);
    const found: unknown[] = [];
    const attempt = (make: () => unknown) => {
      try {
        found.push(make());
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
      }
    };
    attempt(() => this.usual(field, value));
    const usual = usualForm(habit, field.type.kind);
    for (const form of otherForms(field, value, usual)) attempt(() => this.encoder.inForm(field.type, value, form));
    if (habit?.text !== undefined) attempt(() => spelledAs(habit.text, value));
    return found;
  }
}

function sortOfForm(form: Form): Form {
  return form === 'int' || form === 'long' || form === 'double' ? 'decimal' : form;
}

function otherForms(field: Field, value: string, usual: Form | undefined): readonly Form[] {
  const forms: Form[] = [];
  switch (field.type.kind) {
    case 'uuid':
      forms.push('string', 'uuid');
      break;
    case 'integer':
      forms.push('string', 'int');
      break;
    case 'decimal':
      // A double and a decimal of one spelling are two numbers to the server: 0.1 is not exact as a double.
      forms.push('string', 'double', 'decimal');
      break;
    case 'float':
      forms.push('string', 'double');
      break;
    case 'boolean':
      forms.push('boolean', 'int');
      break;
    case 'date':
    case 'timestamp':
      forms.push('date', 'string');
      break;
    case 'bytes':
      forms.push('binary', 'string');
      break;
    case 'enum':
      forms.push('string', 'int', 'boolean');
      break;
    default:
      forms.push('string');
  }
  if ((field.type.kind === 'text' || field.type.kind === 'enum') && isObjectId(value)) forms.push('objectId');
  const isSame = (form: Form) =>
    form === usual || (field.type.kind === 'integer' && usual !== undefined && sortOfForm(form) === sortOfForm(usual));
  return forms.filter((form) => !isSame(form));
}

/**
 * Where all of a key's targets are parts of `_id`, the record is looked up by the whole `_id`, which has an index: its names are in the
 * order of the collection's documents, or, in an empty collection, in that of the mapping.
 */
function wholeIdOf(mapping: Mapping, idNames: readonly string[] | undefined): readonly number[] | undefined {
  if (!mapping.key.every((field) => /^_id\.[^.]+$/.test(field.target))) return undefined;
  const names = mapping.key.map(lastName);
  const order = idNames ?? names;
  if (order.length !== names.length || !order.every((name) => names.includes(name))) return undefined;
  return order.map((name) => names.indexOf(name));
}

function lastName(field: Field): string {
  return field.target.slice(field.target.lastIndexOf('.') + 1);
}
