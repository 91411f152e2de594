// From canonical values to BSON, in the form that the collection already uses. What a form can't hold exactly goes into the next one
// that can, or is a ValueError: nothing is rounded on the way.

import type { Field } from '../../mapping/mapping.ts';
import { daysOf, fromNumber, microsOf, ValueError } from '../../value/canonical.ts';
import type { FieldType } from '../../value/field-type.ts';
import { type JsonTree, parseJson } from '../../value/json.ts';
import { type Form, type Habit, memberPath, usualForm } from './habits.ts';
import type { Driver } from './session.ts';

const FORMS: Readonly<Record<string, Form>> = {
  string: 'string',
  text: 'string',
  int: 'int',
  long: 'long',
  double: 'double',
  decimal: 'decimal',
  boolean: 'boolean',
  bool: 'boolean',
  date: 'date',
  uuid: 'uuid',
  binary: 'binary',
  objectId: 'objectId',
};

export class Encoder {
  private readonly driver: Driver;

  constructor(driver: Driver) {
    this.driver = driver;
  }

  /** As the config says (`storedAs`), else as the collection's documents have it, else as MongoDB's own tools would. */
  encode(field: Field, value: string, habit: Habit | undefined): unknown {
    if (field.map !== undefined) {
      for (const mapped of field.map.values()) {
        if (String(mapped) === value)
          return typeof mapped === 'number' ? this.number(fromNumber(mapped), 'int') : mapped;
      }
    }
    const form =
      (field.storedAs === undefined ? undefined : FORMS[field.storedAs]) ?? usualForm(habit, field.type.kind);
    return this.inForm(field.type, value, form, habit);
  }

  /** `habit`: how the field stands elsewhere, for what a form leaves open: the spelling of times, dates inside json. */
  inForm(type: FieldType, value: string, form: Form | undefined, habit?: Pick<Habit, 'text' | 'datePaths'>): unknown {
    const sample = habit?.text;
    switch (type.kind) {
      case 'text':
        return form === 'objectId' && isObjectId(value) ? new this.driver.ObjectId(value) : value;
      case 'interval':
        return value;
      case 'enum':
        return this.word(value, form);
      case 'boolean':
        if (form === 'string') return value;
        return isNumeric(form) ? this.number(value === 'true' ? '1' : '0', form) : value === 'true';
      case 'integer':
        return form === 'string' ? value : this.number(value, isNumeric(form) ? form : 'int');
      case 'decimal':
        return form === 'string' ? value : this.number(value, isNumeric(form) && form !== 'int' ? form : 'decimal');
      case 'float':
        if (form === 'string') return value;
        return form === 'decimal' ? this.number(value, form) : new this.driver.Double(Number(value));
      case 'date':
        if (form === 'string') return value;
        return this.date(value.endsWith('infinity') ? Number.NaN : daysOf(value) * 86_400_000);
      case 'timestamp':
        return form === 'string' ? spelledAs(sample, value) : this.date(Math.floor(Number(microsOf(value)) / 1000));
      case 'uuid':
        return form === 'uuid' || form === 'binary' ? new this.driver.UUID(value) : spelledAs(sample, value);
      case 'bytes':
        return form === 'string' ? value : new this.driver.Binary(Buffer.from(value, 'hex'));
      case 'json':
        return form === 'string' ? value : this.tree(parseJson(value), habit?.datePaths);
      case 'array':
        return form === 'string' ? value : this.elements(type.element, parseJson(value));
      case 'vector':
        return form === 'string' ? value : this.elements({ kind: 'float', bits: 32 }, parseJson(value));
    }
  }

  private word(value: string, form: Form | undefined): unknown {
    if (form === 'objectId' && isObjectId(value)) return new this.driver.ObjectId(value);
    if (form === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
    return isNumeric(form) && /^-?\d+(\.\d+)?$/.test(value) ? this.number(value, form) : value;
  }

  /** In the wanted form or the next wider one that holds every digit. */
  private number(value: string, form: NumericForm): unknown {
    const { Int32, Long, Double, Decimal128 } = this.driver;
    const isWhole = /^-?\d+$/.test(value);
    const number = Number(value);
    if (form === 'int' && isWhole && (number | 0) === number) return new Int32(number);
    if ((form === 'int' || form === 'long') && isWhole && BigInt.asIntN(64, BigInt(value)) === BigInt(value)) {
      return Long.fromBigInt(BigInt(value));
    }
    if (form === 'double' && fromNumber(number) === value) return new Double(number);
    try {
      return Decimal128.fromString(value);
    } catch {
      throw new ValueError('it has more digits than a decimal of MongoDB holds');
    }
  }

  private date(millis: number): Date {
    const date = new Date(millis);
    if (Number.isNaN(date.getTime())) throw new ValueError('it is a time that a date of MongoDB does not hold');
    return date;
  }

  private tree(tree: JsonTree, datePaths: ReadonlySet<string> = new Set(), path = ''): unknown {
    if (typeof tree === 'string' && datePaths.has(path) && JSON_DATE.test(tree)) return this.date(Date.parse(tree));
    if (tree === null || typeof tree !== 'object') return tree;
    if (Array.isArray(tree)) return tree.map((item) => this.tree(item, datePaths, memberPath(path, undefined)));
    if ('number' in tree) {
      const { number } = tree;
      return this.number(number, /^-?\d+$/.test(number) ? 'int' : 'double');
    }
    // A Map, since an object would put keys that look like numbers first.
    return new Map(
      [...(tree as { members: ReadonlyMap<string, JsonTree> }).members].map(([key, item]) => [
        key,
        this.tree(item, datePaths, memberPath(path, key)),
      ]),
    );
  }

  private elements(type: FieldType, tree: JsonTree): unknown {
    if (tree === null) return null;
    if (Array.isArray(tree)) return tree.map((item) => this.elements(type, item));
    if (type.kind === 'json') return this.tree(tree);
    if (typeof tree === 'boolean') return tree;
    return this.inForm(type, typeof tree === 'string' ? tree : (tree as { number: string }).number, undefined);
  }
}

/** As JSON.stringify writes a date, which is how one inside json is compared. */
const JSON_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

type NumericForm = 'int' | 'long' | 'double' | 'decimal';

function isNumeric(form: Form | undefined): form is NumericForm {
  return form === 'int' || form === 'long' || form === 'double' || form === 'decimal';
}

export function isObjectId(value: string): boolean {
  return /^[0-9a-f]{24}$/.test(value);
}

/** A canonical timestamp or UUID in the style of a sample: as many digits after the second, upper case, without hyphens. */
export function spelledAs(sample: string | undefined, value: string): string {
  if (sample === undefined) return value;
  const time = /^\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{1,6}))?(Z|[+-]00(?::?00)?)?$/.exec(sample);
  if (time !== null && /^\d{4}-.*Z$/.test(value)) {
    const [, separator, digits = '', zone = ''] = time;
    const fraction = value.slice(20, 26);
    // A style that would lose digits of this value is not followed.
    const kept = fraction.slice(0, Math.max(digits.length, fraction.replace(/0+$/, '').length));
    return `${value.slice(0, 10)}${separator}${value.slice(11, 19)}${kept === '' ? '' : `.${kept}`}${zone}`;
  }
  if (/^[0-9A-Fa-f-]{32,36}$/.test(sample)) {
    const hyphens = sample.includes('-') ? value : value.replaceAll('-', '');
    return /[A-F]/.test(sample) && !/[a-f]/.test(sample) ? hyphens.toUpperCase() : hyphens;
  }
  return value;
}
