// Values of properties as JSON, each as the type that it is, and back: integers as their digits, times and points as their parts.

import { ValueError } from '../../value/canonical.ts';
import { bytesOf, isVector, typeName } from './native.ts';
import type { Neo4j } from './session.ts';

/** A text and a boolean are themselves; of anything else the one member's name says what it is. */
export type Stored = string | boolean | readonly Stored[] | { readonly [type: string]: string | readonly Part[] };
/** Of a time or a point: a number as its digits; null: it has none. */
type Part = string | null;

export type StoredProperties = Readonly<Record<string, Stored>>;

/** Their names in order, so that equal properties are equal texts. Throws ValueError for a type that the driver can't write. */
export function store(neo4j: Neo4j, properties: Readonly<Record<string, unknown>>): StoredProperties {
  const names = Object.keys(properties).sort();
  return Object.fromEntries(names.map((name) => [name, storeValue(neo4j, properties[name])]));
}

export function revive(neo4j: Neo4j, properties: StoredProperties): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, reviveValue(neo4j, value)]));
}

function storeValue(neo4j: Neo4j, native: unknown): Stored {
  switch (typeof native) {
    case 'string':
    case 'boolean':
      return native;
    case 'bigint':
      return { integer: String(native) };
    case 'number':
      return { float: floatText(native) };
  }
  if (Array.isArray(native)) return native.map((item) => storeValue(neo4j, item));
  if (native instanceof Int8Array) return { bytes: bytesOf(native).toString('base64') };
  if (isVector(neo4j, native)) return storeVector(native.asTypedArray());
  for (const [name, { is, parts }] of Object.entries(TIMES)) {
    if (is(neo4j, native as object)) return { [name]: parts.map((part) => partText((native as Parts)[part])) };
  }
  if (neo4j.isPoint(native as object)) {
    const { srid, x, y, z } = native as Parts;
    return { point: [partText(srid), floatText(x), floatText(y), ...(z === undefined ? [] : [floatText(z)])] };
  }
  throw new ValueError(`${typeName(neo4j, native)} is not kept`);
}

export function reviveValue(neo4j: Neo4j, stored: Stored): unknown {
  if (typeof stored === 'string' || typeof stored === 'boolean') return stored;
  if (isList(stored)) return stored.map((item) => reviveValue(neo4j, item));
  const [[type, held] = ['', '']] = Object.entries(stored);
  const text = held as string;
  const parts = held as readonly Part[];
  switch (type) {
    case 'integer':
      return BigInt(text);
    case 'float':
      return Number(text);
    case 'bytes':
      return new Int8Array(Buffer.from(text, 'base64'));
    case 'point': {
      const [srid, ...coordinates] = parts;
      const [x, y, z] = coordinates.map(Number);
      return new neo4j.Point(BigInt(srid!), x!, y!, z);
    }
    case 'vector':
      return reviveVector(neo4j, parts as readonly string[]);
    default: {
      const time = TIMES[type];
      if (time === undefined) throw new ValueError(`there is no property of the type ${type}`);
      return time.make(neo4j, parts);
    }
  }
}

function isList(stored: Exclude<Stored, string | boolean>): stored is readonly Stored[] {
  return Array.isArray(stored);
}

type Parts = Readonly<Record<string, unknown>>;

interface Time {
  is(neo4j: Neo4j, native: object): boolean;
  /** In the order in which the driver's class takes them. */
  readonly parts: readonly string[];
  make(neo4j: Neo4j, parts: readonly Part[]): unknown;
}

const DAY = ['year', 'month', 'day'];
const CLOCK = ['hour', 'minute', 'second', 'nanosecond'];
const whole = (parts: readonly Part[]) => parts.map((part) => BigInt(part!));

const TIMES: Readonly<Record<string, Time>> = {
  dateTime: {
    is: ({ isDateTime }, native) => isDateTime(native),
    parts: [...DAY, ...CLOCK, 'timeZoneOffsetSeconds', 'timeZoneId'],
    make(neo4j, parts) {
      const [year, month, day, hour, minute, second, nanosecond] = whole(parts.slice(0, 7));
      const [offset, zone] = parts.slice(7);
      return new neo4j.DateTime(
        year!,
        month!,
        day!,
        hour!,
        minute!,
        second!,
        nanosecond!,
        offset === null ? undefined : BigInt(offset!),
        zone ?? undefined,
      );
    },
  },
  localDateTime: {
    is: ({ isLocalDateTime }, native) => isLocalDateTime(native),
    parts: [...DAY, ...CLOCK],
    make(neo4j, parts) {
      const [year, month, day, hour, minute, second, nanosecond] = whole(parts);
      return new neo4j.LocalDateTime(year!, month!, day!, hour!, minute!, second!, nanosecond!);
    },
  },
  date: {
    is: ({ isDate }, native) => isDate(native),
    parts: DAY,
    make(neo4j, parts) {
      const [year, month, day] = whole(parts);
      return new neo4j.Date(year!, month!, day!);
    },
  },
  time: {
    is: ({ isTime }, native) => isTime(native),
    parts: [...CLOCK, 'timeZoneOffsetSeconds'],
    make(neo4j, parts) {
      const [hour, minute, second, nanosecond, offset] = whole(parts);
      return new neo4j.Time(hour!, minute!, second!, nanosecond!, offset!);
    },
  },
  localTime: {
    is: ({ isLocalTime }, native) => isLocalTime(native),
    parts: CLOCK,
    make(neo4j, parts) {
      const [hour, minute, second, nanosecond] = whole(parts);
      return new neo4j.LocalTime(hour!, minute!, second!, nanosecond!);
    },
  },
  duration: {
    is: ({ isDuration }, native) => isDuration(native),
    parts: ['months', 'days', 'seconds', 'nanoseconds'],
    make(neo4j, parts) {
      const [months, days, seconds, nanoseconds] = whole(parts);
      return new neo4j.Duration(months!, days!, seconds!, nanoseconds!);
    },
  },
};

function partText(part: unknown): Part {
  return part === undefined || part === null ? null : String(part);
}

function floatText(number: unknown): string {
  return Object.is(number, -0) ? '-0' : String(number);
}

const VECTORS = { Int8Array, Int16Array, Int32Array, BigInt64Array, Float32Array, Float64Array } as const;

function storeVector(values: object): Stored {
  const { buffer, byteOffset, byteLength } = values as Float64Array;
  return { vector: [values.constructor.name, Buffer.from(buffer, byteOffset, byteLength).toString('base64')] };
}

function reviveVector(neo4j: Neo4j, [name, bytes]: readonly string[]): unknown {
  const Values = VECTORS[name as keyof typeof VECTORS];
  if (Values === undefined) throw new ValueError(`there is no vector of ${name}`);
  // A copy, since a typed array wants its own alignment.
  return neo4j.vector(new Values(new Uint8Array(Buffer.from(bytes!, 'base64')).buffer) as Float64Array);
}
