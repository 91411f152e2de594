// MongoDB for the shared suite: a collection a place, the key in `_id` or in fields of its own, written and read back by a client of
// the test's own.

import { type Document, MongoClient } from 'mongodb';
import { expect } from 'vitest';
import type { Field, Mapping } from '../../src/mapping/mapping.ts';
import { mongodb } from '../../src/stores/mongodb/mongodb.ts';
import type { Value } from '../../src/value/field-type.ts';
import { freshMongo } from '../databases.ts';
import type { Harness, NativeRecord, Place } from './contract.ts';
import { fromNative, toNative } from './mongodb-native.ts';

// A server that is gone is waited for that long.
const options = { timeouts: { serverSelection: 1500 } };
export const connectMongodb = (url: string) => mongodb.connect({ name: 'docs', url, options });

let collections = 0;

/** `spell` turns the canonical value of a field into what an application would store; keys are always spelt alike. */
export function startMongodb(keyIn: '_id' | 'field', spell = toNative): (own?: string) => Promise<Harness> {
  return async (own) => {
    const url = freshMongo(own);
    const client = new MongoClient(url);
    const db = client.db();
    return {
      url,
      config: { kind: 'mongodb', ...options },
      precision: 3,
      canDuplicate: true,
      connect: connectMongodb,
      async makePlace(mapping, { where, unguarded, unique = [] } = {}): Promise<Place> {
        const place = keyIn === '_id' && !unguarded ? withKeyInId(mapping) : mapping;
        const collection = db.collection(`place${collections++}`);
        const keyTargets = place.key.map(({ target }) => target);
        if (!unguarded && !keyTargets[0]!.startsWith('_id')) {
          await collection.createIndex(Object.fromEntries(keyTargets.map((target) => [target, 1])), { unique: true });
        } else await db.createCollection(collection.collectionName);
        for (const target of unique) await collection.createIndex({ [target]: 1 }, { unique: true });
        const filterOf = (key: readonly string[]) => {
          const document = toDocument(place, { key, values: [] });
          return keyTargets[0]!.startsWith('_id')
            ? { _id: document._id }
            : Object.fromEntries(keyTargets.map((target) => [target, document[target]]));
        };
        const target = collection.collectionName;
        const condition = where ? { extra: 'in' } : undefined;
        const all = [...place.key, ...place.fields];
        return {
          replica: { name: `docs.${target}`, target, mapping: place, where: condition, options: {} },
          config: {
            target,
            ...(condition === undefined ? {} : { where: condition }),
            fields: Object.fromEntries(all.map((field) => [field.name, field.target])),
          },
          async write(records) {
            if (records.length === 0) return;
            await collection.insertMany(records.map((record) => toDocument(place, record, spell)));
          },
          async read() {
            const documents = await collection.find({}, { promoteValues: false }).toArray();
            return documents.map((document) => fromDocument(place, document));
          },
          async whole() {
            const documents = await collection.find({}, { raw: true }).toArray();
            return documents.map((bytes) => (bytes as unknown as Buffer).toString('base64')).sort();
          },
          async set(key, index, value) {
            const { target, type } = place.fields[index]!;
            const result = await collection.updateOne(filterOf(key), {
              $set: { [target]: value === null ? null : toNative(type, value) },
            });
            expect(result.matchedCount).toBe(1);
          },
          async remove(key) {
            expect((await collection.deleteOne(filterOf(key))).deletedCount).toBe(1);
          },
        };
      },
      async close() {
        await db.dropDatabase();
        await client.close();
      },
    };
  };
}

function withKeyInId(mapping: Mapping): Mapping {
  const isOne = mapping.key.length === 1;
  return { ...mapping, key: mapping.key.map((key) => ({ ...key, target: isOne ? '_id' : `_id.${key.name}` })) };
}

function toDocument(mapping: Mapping, { key, values, extra }: NativeRecord, spell = toNative): Document {
  const document: Document = extra === undefined ? {} : { extra };
  for (const [i, { target, type }] of mapping.key.entries()) setAt(document, target, toNative(type, key[i]!));
  for (const [i, { target, type }] of mapping.fields.entries()) {
    const value = values[i];
    if (value !== undefined) setAt(document, target, value === null ? null : spell(type, value));
  }
  return document;
}

function fromDocument(mapping: Mapping, document: Document): NativeRecord {
  const read = ({ target, type }: Field): Value | undefined => {
    const value = target.split('.').reduce((inner: unknown, name) => (inner as Document | undefined)?.[name], document);
    return value === undefined ? undefined : value === null ? null : fromNative(type, value);
  };
  const record = { key: mapping.key.map((key) => read(key) ?? ''), values: mapping.fields.map(read) };
  return document.extra === undefined ? record : { ...record, extra: document.extra as string };
}

function setAt(document: Document, target: string, value: unknown): void {
  const names = target.split('.');
  const last = names.pop()!;
  let inner = document;
  for (const name of names) {
    inner[name] ??= {};
    inner = inner[name];
  }
  inner[last] = value;
}
