// A record as a hash: one field of it for each field of the mapping, all texts. A field that is absent is null.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Field, Key, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Value } from '../../value/field-type.ts';
import type { Change, Image, Replica } from '../store.ts';
import { decodeBytes, reasonOf } from './decode.ts';
import { encodeBytes } from './encode.ts';
import type { Decoded, Format, Held, Look } from './format.ts';
import type { Habits } from './habits.ts';
import { bytesOf, imageOf } from './images.ts';
import type { Sample } from './json-value.ts';
import type { Words } from './options.ts';
import { type Call, HASH_DELETE, HASH_INSERT, HASH_RESTORE, HASH_UPDATE } from './scripts.ts';
import type { Argument, Asker, Session } from './session.ts';
import { otherType } from './string-key.ts';
import { NO_BYTES, NOTHING, OTHER, type Pieces, TEXT } from './text-hash.ts';
import { type Condition, conditionsOf } from './where.ts';

/** By field of the mapping, then by condition of `where`. */
type Raw = readonly (Buffer | null)[];

export class HashFormat implements Format<Raw> {
  private readonly session: Session;
  private readonly fields: readonly Field[];
  private readonly keyFields: readonly Field[];
  private readonly conditions: readonly Condition[];
  private readonly words: Words;
  private readonly nullBytes: Buffer | undefined;
  private readonly names: readonly string[];

  constructor(session: Session, replica: Replica, words: Words) {
    this.session = session;
    this.fields = replica.mapping.fields;
    this.keyFields = replica.mapping.key;
    this.conditions = conditionsOf(replica);
    this.words = words;
    this.nullBytes = words.nullText === undefined ? undefined : Buffer.from(words.nullText);
    this.names = [...this.fields, ...this.conditions].map(({ target }) => target);
  }

  async read(asker: Asker, keys: readonly string[]): Promise<readonly Held<Raw>[]> {
    const { names } = this;
    if (names.length === 0) {
      const types = await asker.ask(keys.map((key) => ['type', key]));
      return types.map((type) =>
        String(type) === 'hash' ? [] : String(type) === 'none' ? undefined : otherType(type),
      );
    }
    const replies = await asker.ask(keys.map((key) => ['hmget', key, ...names]));
    const held = replies.map((reply) => (reply instanceof Error ? heldError(reply) : (reply as Raw)));
    // A hash without any of the fields looks like no hash at all.
    const bare = held.flatMap((raw, i) => (Array.isArray(raw) && raw.every((value) => value === null) ? [i] : []));
    if (bare.length === 0) return held;
    const there = await asker.ask(bare.map((i) => ['exists', keys[i]!]));
    const result: Held<Raw>[] = [...held];
    await Promise.all(
      bare.map(async (at, i) => {
        result[at] = there[i] === 0 ? undefined : await this.readAgain(keys[at]!);
      }),
    );
    return result;
  }

  /** In one step, since the key may come and go in between. */
  private async readAgain(key: string): Promise<Held<Raw>> {
    const [values, exists] = await this.session.readTogether(['hmget', key, ...this.names], ['exists', key]);
    if (values instanceof Error) return heldError(values);
    return exists === 1 ? (values as Raw) : undefined;
  }

  sizeOf(raw: Raw): number {
    let bytes = 0;
    for (const value of raw) bytes += value?.length ?? 0;
    return bytes;
  }

  decode(raw: Raw): Decoded | undefined {
    if (this.conditions.length > 0 && !this.belongs(raw)) return undefined;
    const { fields } = this;
    const values = new Array<Value>(fields.length);
    let unread: string[] | undefined;
    for (let i = 0; i < fields.length; i++) {
      try {
        values[i] = this.value(fields[i]!, raw[i]!);
      } catch (error) {
        values[i] = null;
        unread ??= [];
        unread.push(reasonOf(fields[i]!, 'a text', error));
      }
    }
    return unread === undefined ? { values } : { values, unread: unread.join('; ') };
  }

  pieces(raw: Raw, into: Pieces): boolean {
    if (this.conditions.length > 0 && !this.belongs(raw)) return false;
    for (let i = 0; i < this.fields.length; i++) {
      const bytes = raw[i]!;
      if (bytes === null || this.isNullText(bytes)) into.set(i, NOTHING, NO_BYTES, 0, 0);
      else into.set(i, isText(bytes) ? TEXT : OTHER, bytes, 0, bytes.length);
    }
    return true;
  }

  valueAt(raw: Raw, field: number): Value {
    return this.value(this.fields[field]!, raw[field]!);
  }

  look(raw: Raw): readonly Look[] {
    return this.fields.map((field, i): Look => {
      const bytes = raw[i]!;
      if (bytes === null) return { sample: { kind: 'absent' } };
      try {
        const value = this.value(field, bytes);
        return { sample: value === null ? { kind: 'null' } : { kind: 'string', text: bytes.toString() } };
      } catch (error) {
        return { sample: { kind: 'string' }, trouble: reasonOf(field, 'a text', error) };
      }
    });
  }

  insert(key: string, row: Row, habits: Habits): Call {
    const written = new Map<string, Argument>();
    for (const [name, value] of keysToWrite(this.keyFields, row.key, habits, encodeField)) written.set(name, value);
    for (const { target, text } of this.conditions) if (text !== null) written.set(target, text);
    for (const [i, field] of this.fields.entries()) {
      const value = this.encode(field, row.values[i]!, habits.fields[i]?.sample);
      if (value !== null) written.set(field.target, value);
    }
    if (written.size === 0) {
      throw new ValueError('a hash without a field can’t stand in Redis, and all of its fields are null');
    }
    return { script: HASH_INSERT, keys: [key], args: [String(this.words.expire ?? ''), ...[...written].flat()] };
  }

  restore(key: string, image: Image): Call {
    const { expires = '0', dump = '' } = imageOf(image);
    return { script: HASH_RESTORE, keys: [key], args: [expires, bytesOf(dump)] };
  }

  update(
    key: string,
    { row, fields, image }: Extract<Change, { kind: 'update' }>,
    raw: Raw,
    habits: Habits,
  ): Call | undefined {
    const args: Argument[] = [];
    let changes = false;
    for (const [i, name] of this.names.entries()) {
      const expected = guard(raw[i]!);
      let wanted = expected;
      const field = this.fields[i];
      if (field !== undefined && fields.includes(i) && image !== undefined) {
        const held = imageOf(image).fields![name] ?? null;
        wanted = guard(held === null ? null : bytesOf(held));
        changes = true;
      } else if (field !== undefined && fields.includes(i) && !this.holds(field, raw[i]!, row.values[i]!)) {
        const own = raw[i]?.toString();
        const sample = own === undefined ? habits.fields[i]?.sample : ({ kind: 'string', text: own } as const);
        wanted = guard(this.encode(field, row.values[i]!, sample));
        changes = true;
      }
      args.push(name, expected, wanted);
    }
    return changes ? { script: HASH_UPDATE, keys: [key], args } : undefined;
  }

  remove(key: string, raw: Raw, image?: Image): Call {
    const dump = image === undefined ? undefined : imageOf(image).dump;
    const recorded = dump === undefined ? '' : createHash('sha1').update(bytesOf(dump)).digest('hex');
    const args = [recorded, ...this.names.flatMap((name, i) => [name, guard(raw[i]!)])];
    return { script: HASH_DELETE, keys: [key], args };
  }

  private belongs(raw: Raw): boolean {
    return this.conditions.every(({ text }, i) => {
      const bytes = raw[this.fields.length + i]!;
      return text === null ? bytes === null : bytes?.equals(Buffer.from(text)) === true;
    });
  }

  private isNullText(bytes: Buffer): boolean {
    return this.nullBytes !== undefined && bytes.equals(this.nullBytes);
  }

  private value(field: Field, bytes: Buffer | null): Value {
    return bytes === null || this.isNullText(bytes) ? null : decodeBytes(field, bytes);
  }

  private holds(field: Field, bytes: Buffer | null, value: Value): boolean {
    try {
      return this.value(field, bytes) === value;
    } catch (error) {
      if (error instanceof ValueError) return false;
      throw error;
    }
  }

  private encode(field: Field, value: Value, sample: Sample | undefined): Argument | null {
    const { nullText } = this.words;
    if (value === null) return nullText ?? null;
    const encoded = encodeField(field, value, sample);
    if (nullText !== undefined && encoded.toString() === nullText) {
      throw new ValueError(`${field.target}: it would read as null (nullText)`);
    }
    return encoded;
  }
}

function isText(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return isUtf8(bytes);
  return true;
}

function encodeField(field: Field, value: string, sample: Sample | undefined): Argument {
  try {
    return encodeBytes(field, value, sample?.text);
  } catch (error) {
    if (error instanceof ValueError) {
      throw new ValueError(`${field.target}: ${field.sensitive ? 'Redis does not hold the value' : error.message}`);
    }
    throw error;
  }
}

/** The key's columns, where the replica's records hold them as fields too. A replica without records: they do. */
export function keysToWrite<Encoded>(
  fields: readonly Field[],
  key: Key,
  habits: Habits,
  encode: (field: Field, value: string, sample: Sample | undefined) => Encoded,
): readonly (readonly [target: string, encoded: Encoded])[] {
  return fields.flatMap((field, i) => {
    const habit = habits.key[i];
    if (habits.samples > 0 && (habit === undefined || habit.values === 0)) return [];
    return [[field.target, encode(field, key[i]!, habit?.sample)] as const];
  });
}

/** As scripts compare it: an absent field is told from every text. */
function guard(value: Argument | null): Argument {
  if (value === null) return '-';
  return typeof value === 'string' ? `+${value}` : Buffer.concat([Buffer.from('+'), value]);
}

function heldError(error: Error): { readonly misfit: string } {
  if (!error.message.startsWith('WRONGTYPE')) throw error;
  return { misfit: 'its key holds something else than a hash' };
}
