// What a collection already does: of which BSON type each mapped field is, learnt from a few documents, so that keys are looked up
// and values written as the collection's own writers would.

import type { Document } from 'mongodb';
import type { FieldKind } from '../../value/field-type.ts';
import type { Replica } from '../store.ts';
import { type Batch, readBatches } from './batches.ts';
import {
  ABSENT,
  ARRAY,
  BINARY,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  INT32,
  INT64,
  isNull,
  NULL,
  OBJECT,
  OBJECT_ID,
  STRING,
  SYMBOL,
  sizeOf,
  UUID_SUBTYPE,
} from './bson.ts';
import { Decoder } from './decode.ts';
import type { Connection, Query } from './session.ts';
import { elementsAt, textAt } from './tree.ts';

/** How a value stands in a document. The words are those of a field's `storedAs`. */
export type Form =
  | 'string'
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'boolean'
  | 'date'
  | 'uuid'
  | 'binary'
  | 'objectId'
  | 'document';

/** What the sampled documents hold at one target. */
export interface Habit {
  /** By form: how many of the samples. */
  readonly forms: ReadonlyMap<Form, number>;
  /** Samples that hold a value there. */
  readonly values: number;
  readonly nulls: number;
  readonly absent: number;
  /** Samples that can't be read as the field. */
  readonly unreadable: number;
  /** A string that stands there, if any. */
  readonly text?: string;
  /** Inside a json field: the paths at which most of the texts and dates are dates. Elements of arrays share one path. */
  readonly datePaths: ReadonlySet<string>;
}

export interface Habits {
  readonly samples: number;
  readonly byTarget: ReadonlyMap<string, Habit>;
  /** The names in `_id` in their order, where it is a subdocument in every sample. */
  readonly idNames: readonly string[] | undefined;
  /** Share of the documents' bytes that belongs to mapped fields, 0 to 1. */
  readonly mappedShare: number;
}

const SAMPLES = 100;

export async function learnHabits(connection: Connection, replica: Replica, where: Document): Promise<Habits> {
  const sampler = new Sampler(replica);
  const query = { collection: replica.target, filter: where, batchSize: SAMPLES, limit: SAMPLES };
  const learn = async (batches: AsyncIterable<Batch>) => {
    for await (const { bytes, starts } of batches) for (const start of starts) sampler.add(bytes, start);
  };
  // The oldest and the newest: a collection's writers change over the years.
  await learn(readBatches(connection, query));
  await learn(newest(connection, query));
  return sampler.habits();
}

/**
 * By insertion, as `_id` may be random and sorting by it costs what the server's index does not spare. Where that is refused, or a filter would
 * have to be looked for from the end, by `_id`.
 */
async function* newest(connection: Connection, query: Query): AsyncGenerator<Batch> {
  const batches: Batch[] = [];
  if (Object.keys(query.filter).length === 0) {
    try {
      for await (const batch of readBatches(connection, { ...query, sort: { $natural: -1 } })) batches.push(batch);
      return yield* batches;
    } catch {
      // A failure that is not of the order comes again.
    }
  }
  yield* readBatches(connection, { ...query, sort: { _id: -1 } });
}

interface Tally {
  forms: Map<Form, number>;
  values: number;
  nulls: number;
  absent: number;
  unreadable: number;
  text?: string;
  /** By path inside a json field: dates less texts. */
  dates: Map<string, number>;
}

class Sampler {
  private readonly replica: Replica;
  private readonly decoder: Decoder;
  private readonly tallies = new Map<string, Tally>();
  private readonly topNames: ReadonlySet<string>;
  private samples = 0;
  private bytes = 0;
  private mappedBytes = 0;
  private idNames: readonly string[] | undefined;

  constructor(replica: Replica) {
    this.replica = replica;
    this.decoder = new Decoder(replica.mapping);
    const targets = [...replica.mapping.key, ...replica.mapping.fields].map((field) => field.target);
    for (const target of targets) {
      this.tallies.set(target, { forms: new Map(), values: 0, nulls: 0, absent: 0, unreadable: 0, dates: new Map() });
    }
    this.topNames = new Set(targets.map((target) => target.split('.')[0]!));
  }

  add(bytes: Buffer, start: number): void {
    this.samples++;
    const { mapping } = this.replica;
    this.decoder.locator.locate(bytes, start);
    for (const field of [...mapping.key, ...mapping.fields]) {
      const slot = this.decoder.locator.slotOf(field.target);
      const type = this.decoder.locator.types[slot]!;
      const at = this.decoder.locator.offsets[slot]!;
      const tally = this.tallies.get(field.target)!;
      if (isNull(type)) {
        if (type === ABSENT) tally.absent++;
        if (type === NULL) tally.nulls++;
        continue;
      }
      tally.values++;
      if (!this.decoder.canRead(field, slot, bytes)) tally.unreadable++;
      const form = formOf(type, bytes, at);
      if (form !== undefined) tally.forms.set(form, (tally.forms.get(form) ?? 0) + 1);
      if (form === 'string') tally.text ??= textAt(bytes, at);
      if (field.type.kind === 'json') addDates(tally.dates, '', type, bytes, at);
    }
    this.measure(bytes, start);
  }

  private measure(bytes: Buffer, start: number): void {
    let idNames: readonly string[] | undefined;
    for (const { type, name, at } of elementsAt(bytes, start)) {
      const size = sizeOf(type, bytes, at);
      this.bytes += size;
      if (this.topNames.has(name())) this.mappedBytes += size;
      if (type === OBJECT && name() === '_id') idNames = [...elementsAt(bytes, at)].map((element) => element.name());
    }
    const isSame = this.samples === 1 || JSON.stringify(idNames) === JSON.stringify(this.idNames);
    this.idNames = isSame ? idNames : undefined;
  }

  habits(): Habits {
    const { samples, idNames } = this;
    const mappedShare = this.bytes === 0 ? 1 : this.mappedBytes / this.bytes;
    const byTarget = new Map(
      [...this.tallies].map(([target, { dates, ...tally }]) => {
        const datePaths = new Set([...dates].flatMap(([path, surplus]) => (surplus > 0 ? [path] : [])));
        return [target, { ...tally, datePaths }];
      }),
    );
    return { samples, byTarget, idNames, mappedShare };
  }
}

function addDates(dates: Map<string, number>, path: string, type: number, bytes: Buffer, at: number): void {
  if (type === DATE) dates.set(path, (dates.get(path) ?? 0) + 1);
  else if (type === STRING) dates.set(path, (dates.get(path) ?? 0) - 1);
  else if (type === OBJECT || type === ARRAY) {
    for (const element of elementsAt(bytes, at))
      addDates(dates, memberPath(path, type === ARRAY ? undefined : element.name()), element.type, bytes, element.at);
  }
}

/** Of a member, or of an array's elements. */
export function memberPath(path: string, name: string | undefined): string {
  return name === undefined ? `${path}[]` : `${path}.${name}`;
}

function formOf(type: number, bytes: Uint8Array, at: number): Form | undefined {
  switch (type) {
    case STRING:
    case SYMBOL:
      return 'string';
    case INT32:
      return 'int';
    case INT64:
      return 'long';
    case DOUBLE:
      return 'double';
    case DECIMAL:
      return 'decimal';
    case BOOLEAN:
      return 'boolean';
    case DATE:
      return 'date';
    case BINARY:
      return bytes[at + 4] === UUID_SUBTYPE ? 'uuid' : 'binary';
    case OBJECT_ID:
      return 'objectId';
    case OBJECT:
    case ARRAY:
      return 'document';
    default:
      return undefined;
  }
}

/**
 * The form that most samples have. Drivers write a whole double as an int: for a field that may hold fractions, ints say nothing of how the
 * others are written.
 */
export function usualForm(habit: Habit | undefined, kind: FieldKind): Form | undefined {
  if (habit === undefined || habit.forms.size === 0) return undefined;
  const ranked = [...habit.forms].sort(([, a], [, b]) => b - a).map(([form]) => form);
  const mayBeFraction = kind === 'decimal' || kind === 'float';
  if (!mayBeFraction || !WHOLE_NUMBERS.includes(ranked[0]!)) return ranked[0];
  return ranked.find((form) => form === 'double' || form === 'decimal') ?? ranked[0];
}

const WHOLE_NUMBERS: readonly Form[] = ['int', 'long'];
