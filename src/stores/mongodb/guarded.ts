// Writes that hold only for a record as it was read: the token kept with a fetched record, and the filter that the record must still match.

import type { Document } from 'mongodb';
import type { FetchedRow } from '../store.ts';
import type { Access } from './access.ts';
import {
  ABSENT,
  BINARY,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  INT32,
  INT64,
  isNull,
  OBJECT_ID,
  STRING,
  sizeOf,
  THROUGH_ARRAY,
} from './bson.ts';
import { Decoder } from './decode.ts';
import { Locator } from './locate.ts';
import type { Driver } from './session.ts';

/** The record's bytes as they came, and what the driver makes of them, once somebody has asked. */
export interface Token {
  readonly bytes: Buffer;
  document?: Document;
}

/** A copy, since the reply's buffer may be megabytes. */
export function makeToken(bytes: Buffer, start: number): Token {
  return { bytes: Buffer.from(bytes.subarray(start, start + bytes.readInt32LE(start))) };
}

export class Guards {
  private readonly access: Access;
  private readonly driver: Driver;
  private readonly before: Decoder;
  private readonly id = new Locator(['_id']);

  constructor(access: Access, driver: Driver) {
    this.access = access;
    this.driver = driver;
    this.before = new Decoder(access.replica.mapping);
  }

  idOf(token: Token): unknown {
    return this.exactly(token)._id;
  }

  /** Equal where the `_id` is the same, byte for byte. */
  idText({ bytes }: Token): string {
    this.id.locate(bytes, 0);
    const at = this.id.offsets[0]!;
    const type = this.id.types[0]!;
    return `${type} ${bytes.toString('latin1', at, at + sizeOf(type, bytes, at))}`;
  }

  /** Matches the record while all mapped values are what they were. Undefined where no filter can say that. */
  filter(row: FetchedRow): Document | undefined {
    const document = this.exactly(tokenOf(row));
    const { locator } = this.before;
    locator.locate(tokenOf(row).bytes, 0);
    const filter: Document = { _id: document._id };
    const { mapping } = this.access.replica;
    for (const { target } of [...mapping.key, ...mapping.fields]) {
      if (target === '_id' || target.startsWith('_id.')) continue;
      const type = locator.types[locator.slotOf(target)]!;
      if (type === THROUGH_ARRAY) return undefined;
      // `null` alone would match an absent field as well.
      if (type === ABSENT) filter[target] = { $exists: false };
      else if (isNull(type)) filter[target] = { $type: type };
      else filter[target] = IS_PLAIN.has(type) ? valueAt(document, target) : { $eq: valueAt(document, target) };
    }
    return filter;
  }

  private exactly(token: Token): Document {
    token.document ??= exactDocument(token.bytes, this.driver);
    return token.document;
  }
}

/** Decoded so that every value is written back as the type that it was. */
export function exactDocument(bytes: Buffer, driver: Driver): Document {
  return driver.BSON.deserialize(bytes, { promoteValues: false, promoteBuffers: false, bsonRegExp: true });
}

export function tokenOf(row: FetchedRow): Token {
  return row.token as Token;
}

/** What a filter takes bare as well. A regular expression would be one to match by, a subdocument may begin with an operator's name. */
const IS_PLAIN = new Set([STRING, INT32, INT64, DOUBLE, DECIMAL, BOOLEAN, DATE, OBJECT_ID, BINARY]);

/** Undefined where there is none. */
export function valueAt(document: Document, target: string): unknown {
  if (!target.includes('.')) return document[target];
  let value: unknown = document;
  for (const name of target.split('.')) value = (value as Document | null | undefined)?.[name];
  return value;
}
