// What a collection already does: of which BSON type each mapped field is, learnt from a few documents, so that keys are looked up
// and values written as the collection's own writers would.

import type { Document } from 'mongodb';
import type { Replica } from '../store.ts';
import { readBatches } from './batches.ts';
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
import type { Connection } from './session.ts';
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
  // The oldest and the newest: a collection's writers change over the years.
  for (const sort of [undefined, { _id: -1 }]) {
    for await (const { bytes, starts } of readBatches(connection, { ...query, sort })) {
      for (const start of starts) sampler.add(bytes, start);
    }
  }
  return sampler.habits();
}

interface Tally {
  forms: Map<Form, number>;
  values: number;
  nulls: number;
  absent: number;
  unreadable: number;
  text?: string;
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
      this.tallies.set(target, { forms: new Map(), values: 0, nulls: 0, absent: 0, unreadable: 0 });
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
    return { samples, byTarget: this.tallies, idNames, mappedShare };
  }
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

/** The form that most samples have. For numbers the one that loses least: drivers write a whole double as an int. */
export function usualForm(habit: Habit | undefined): Form | undefined {
  if (habit === undefined || habit.forms.size === 0) return undefined;
  const ranked = [...habit.forms].sort(([, a], [, b]) => b - a).map(([form]) => form);
  const numbers: readonly Form[] = ['decimal', 'double', 'long', 'int'];
  return numbers.includes(ranked[0]!) ? numbers.find((form) => habit.forms.has(form)) : ranked[0];
}
