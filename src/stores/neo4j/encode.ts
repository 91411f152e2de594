// From canonical values to what the driver writes, in the form that the graph already uses. What a form can't hold exactly is a ValueError:
// nothing is rounded on the way.

import type { Field } from '../../mapping/mapping.ts';
import { daysOf, fromNumber, microsOf, ValueError } from '../../value/canonical.ts';
import type { FieldType } from '../../value/field-type.ts';
import { type JsonTree, parseJson } from '../../value/json.ts';
import { sameValue } from '../../value/same-value.ts';
import { durationParts } from './interval.ts';
import type { Form } from './native.ts';
import type { Neo4j } from './session.ts';

/** A field's `type:`, where it says how the property is kept. */
const FORMS: Readonly<Record<string, Form>> = {
  string: 'string',
  text: 'string',
  int: 'integer',
  integer: 'integer',
  long: 'integer',
  double: 'float',
  float: 'float',
  boolean: 'boolean',
  date: 'date',
  datetime: 'datetime',
  timestamp: 'datetime',
  localDateTime: 'localDateTime',
  duration: 'duration',
  interval: 'duration',
  bytes: 'bytes',
  list: 'list',
  array: 'list',
  vector: 'list',
};

/** What the sampled records hold in one property. */
export interface Usage {
  /** The usual form, and that of a list's elements. */
  readonly form?: Form;
  readonly element?: Form;
  /** A text that stands there: times and UUIDs are spelled as it is. */
  readonly text?: string;
  /** Whether a number will do in place of the one that a float does not hold. */
  readonly accepts?: (nearest: string) => boolean;
}

/** As the config says (`type:`), else as the graph has it, else as Neo4j would have it. */
export function encode(neo4j: Neo4j, field: Field, value: string, usage: Usage | undefined): unknown {
  if (field.map !== undefined) {
    for (const mapped of field.map.values()) {
      if (String(mapped) === value)
        return typeof mapped === 'number' ? numberOf(fromNumber(mapped), undefined) : mapped;
    }
  }
  const wanted = field.storedAs === undefined ? undefined : FORMS[field.storedAs];
  const accepting =
    field.tolerance === undefined
      ? usage
      : { ...usage, accepts: (nearest: string) => sameValue(field, value, nearest) };
  return toNative(neo4j, field.type, value, wanted ?? usage?.form, accepting);
}

/** Throws ValueError. */
export function toNative(neo4j: Neo4j, type: FieldType, value: string, form?: Form, usage: Usage = {}): unknown {
  switch (type.kind) {
    case 'text':
    case 'json':
      return value;
    case 'enum':
      return wordOf(value, form);
    case 'boolean':
      if (form === 'string') return value;
      return form === 'integer' ? (value === 'true' ? 1n : 0n) : value === 'true';
    case 'integer':
      return form === 'string' ? value : numberOf(value, form ?? 'integer');
    case 'decimal':
      // A float holds 17 digits: where nothing says otherwise, none is lost.
      return form === 'integer' || form === 'float' ? numberOf(value, form, usage.accepts) : value;
    case 'float':
      return form === 'string' ? value : Number(value);
    case 'date':
      return form === 'string' ? value : dateOf(neo4j, value, form);
    case 'timestamp':
      return form === 'string' ? spelledAs(usage.text, value) : timeOf(neo4j, value, form);
    case 'uuid':
      return spelledAs(usage.text, value);
    case 'bytes':
      return form === 'string' ? value : new Int8Array(Buffer.from(value, 'hex'));
    case 'interval':
      return form === 'string' ? value : durationOf(neo4j, value);
    case 'array':
      return form === 'string' ? value : listOf(neo4j, type.element, parseJson(value), usage.element);
    case 'vector':
      return form === 'string' ? value : listOf(neo4j, { kind: 'float', bits: 32 }, parseJson(value));
  }
}

function wordOf(value: string, form: Form | undefined): unknown {
  if (form === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  const isNumeric = form === 'integer' || form === 'float';
  return isNumeric && /^-?\d+(\.\d+)?$/.test(value) ? numberOf(value, form) : value;
}

/** An integer where it is whole and not wanted otherwise, else a float if that holds every digit. */
function numberOf(value: string, form: Form | undefined, accepts: Usage['accepts'] = () => false): unknown {
  const isWhole = /^-?\d+$/.test(value);
  if (isWhole && form !== 'float') {
    const whole = BigInt(value);
    if (BigInt.asIntN(64, whole) === whole) return whole;
    throw new ValueError('it has more digits than an integer of Neo4j holds');
  }
  const number = Number(value);
  const nearest = fromNumber(number);
  if (nearest === value || accepts(nearest)) return number;
  throw new ValueError('it has more digits than a float of Neo4j holds; `type: string` for this field keeps them all');
}

function dateOf(neo4j: Neo4j, value: string, form: Form | undefined): unknown {
  if (form === 'datetime' || form === 'localDateTime') return timeOf(neo4j, `${value}T00:00:00.000000Z`, form);
  const [, year, month, day] = partsOf(value);
  daysOf(value);
  return new neo4j.Date(year!, month!, day!);
}

function timeOf(neo4j: Neo4j, value: string, form: Form | undefined): unknown {
  const [, year, month, day, hour, minute, second, micro] = partsOf(value);
  microsOf(value);
  if (form === 'date' && hour === 0n && minute === 0n && second === 0n && micro === 0n) {
    return new neo4j.Date(year!, month!, day!);
  }
  const nano = micro! * 1000n;
  if (form === 'localDateTime') return new neo4j.LocalDateTime(year!, month!, day!, hour!, minute!, second!, nano);
  return new neo4j.DateTime(year!, month!, day!, hour!, minute!, second!, nano, 0n);
}

/** Throws for the infinities, too. */
function partsOf(value: string): readonly bigint[] {
  const match = /^([+-]?\d+)-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)\.(\d{6})Z)?$/.exec(value);
  if (match === null) throw new ValueError('it is a time that Neo4j does not hold');
  return [...match].map((digits, i) => (i === 0 ? 0n : BigInt(digits ?? 0)));
}

function durationOf(neo4j: Neo4j, value: string): unknown {
  const { months, days, seconds, nanoseconds } = durationParts(value);
  return new neo4j.Duration(months, days, seconds, nanoseconds);
}

function listOf(neo4j: Neo4j, element: FieldType, tree: JsonTree, form?: Form): unknown {
  if (!Array.isArray(tree)) throw new ValueError('it is not an array');
  return tree.map((item: JsonTree) => {
    if (item === null)
      throw new ValueError('a list in Neo4j holds no null; `type: string` for this field keeps it as JSON');
    if (typeof item === 'object' && !('number' in item)) {
      throw new ValueError('a list in Neo4j holds no list or map; `type: string` for this field keeps it as JSON');
    }
    const text = typeof item === 'object' ? item.number : String(item);
    return toNative(neo4j, element, text, element.kind === 'float' ? 'float' : form);
  });
}

/** A canonical timestamp or UUID in the style of a sample: as many digits after the second, upper case, without hyphens. */
function spelledAs(sample: string | undefined, value: string): string {
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
