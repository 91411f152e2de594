// A record as a plain string: the value of the one field that is mapped besides the key. It has no null.

import { isUtf8 } from 'node:buffer';
import type { Field, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Value } from '../../value/field-type.ts';
import type { Change, Image, Replica } from '../store.ts';
import { decodeBytes, reasonOf } from './decode.ts';
import { encodeBytes } from './encode.ts';
import type { Decoded, Format, Held, Look } from './format.ts';
import type { Habits } from './habits.ts';
import { bytesOf, imageOf } from './images.ts';
import type { Words } from './options.ts';
import type { Call } from './scripts.ts';
import type { Argument, Asker } from './session.ts';
import { deleteString, insertString, readStrings, restoreString, updateString } from './string-key.ts';
import { OTHER, type Pieces, TEXT } from './text-hash.ts';

export class StringFormat implements Format<Buffer> {
  private readonly field: Field;
  private readonly words: Words;

  constructor(replica: Replica, words: Words) {
    this.field = replica.mapping.fields[0]!;
    this.words = words;
  }

  read(asker: Asker, keys: readonly string[]): Promise<readonly Held<Buffer>[]> {
    return readStrings(asker, keys);
  }

  sizeOf(raw: Buffer): number {
    return raw.length;
  }

  decode(raw: Buffer): Decoded {
    try {
      return { values: [decodeBytes(this.field, raw)] };
    } catch (error) {
      return { values: [null], unread: reasonOf(this.field, 'a text', error) };
    }
  }

  pieces(raw: Buffer, into: Pieces): boolean {
    into.set(0, isUtf8(raw) ? TEXT : OTHER, raw, 0, raw.length);
    return true;
  }

  valueAt(raw: Buffer): Value {
    return decodeBytes(this.field, raw);
  }

  look(raw: Buffer): readonly Look[] {
    const { unread } = this.decode(raw);
    return [
      unread === undefined
        ? { sample: { kind: 'string', text: raw.toString() } }
        : { sample: { kind: 'string' }, trouble: unread },
    ];
  }

  insert(key: string, row: Row, habits: Habits): Call {
    return insertString(key, this.encode(row, habits.fields[0]?.sample?.text), this.words.expire);
  }

  restore(key: string, image: Image): Call {
    return restoreString(key, image);
  }

  update(key: string, { row, fields, image }: Extract<Change, { kind: 'update' }>, raw: Buffer): Call | undefined {
    if (image !== undefined) return updateString(key, raw, bytesOf(imageOf(image).value!));
    if (!fields.includes(0) || this.decode(raw).values[0] === row.values[0]) return undefined;
    return updateString(key, raw, this.encode(row, raw.toString()));
  }

  remove(key: string, raw: Buffer): Call {
    return deleteString(key, raw);
  }

  private encode({ values: [value] }: Row, sample: string | undefined): Argument {
    if (value === null || value === undefined)
      throw new ValueError(`${this.field.target}: a plain string can’t be null`);
    return encodeBytes(this.field, value, sample);
  }
}
