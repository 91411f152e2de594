// Rebuilding beside the live collection: a collection of the same options and indexes, put in its place by one rename.

import type { CreateIndexesOptions, Document, IndexSpecification } from 'mongodb';
import type { Replica } from '../store.ts';
import type { Connection } from './session.ts';

/** Names told of fields that would be lost. */
const NAMES_SHOWN = 5;

/** The staged replica; what the collection holds from an earlier try stays. */
export async function stage(connection: Connection, replica: Replica, tag: string): Promise<Replica> {
  const { db } = connection;
  const staged: Replica = { ...replica, target: `${replica.target}__plumbline_${tag}` };
  const [live] = await db.listCollections({ name: replica.target }).toArray();
  const [known] = await db.listCollections({ name: staged.target }).toArray();
  if (known === undefined) await db.createCollection(staged.target, (live as Document | undefined)?.options ?? {});
  // Again after an earlier try as well: it may have been killed between the two.
  const collection = db.collection(staged.target);
  for (const index of await indexesOf(connection, replica, live !== undefined)) {
    const { v: _version, ns: _namespace, key, background: _background, ...options } = index;
    await collection.createIndex(key as IndexSpecification, options as CreateIndexesOptions);
  }
  return staged;
}

/** The live collection's indexes; where there is none, the one that guards the key. */
async function indexesOf(connection: Connection, { target, mapping }: Replica, exists: boolean): Promise<Document[]> {
  if (exists) {
    const indexes = await connection.db.collection(target).indexes();
    return indexes.filter((index) => index.name !== '_id_');
  }
  const keys = mapping.key.map((field) => field.target);
  if (keys[0]!.split('.')[0] === '_id') return [];
  return [{ key: Object.fromEntries(keys.map((name) => [name, 1])), unique: true }];
}

/** Fields of the live documents that the mapping does not name, `_id` aside: a document is told apart by its key. */
export async function unmapped(connection: Connection, { target, mapping }: Replica): Promise<readonly string[]> {
  const mapped = new Set([...mapping.key, ...mapping.fields].map((field) => field.target));
  const names = new Set<string>();
  for await (const document of connection.db.collection(target).find({}, { batchSize: 1000 })) {
    for (const name of strangersOf(document, mapped, '')) names.add(name);
    if (names.size >= NAMES_SHOWN) break;
  }
  return [...names].slice(0, NAMES_SHOWN);
}

function* strangersOf(document: Document, mapped: ReadonlySet<string>, prefix: string): Generator<string> {
  for (const [name, value] of Object.entries(document)) {
    const path = `${prefix}${name}`;
    if (path === '_id' || mapped.has(path)) continue;
    const leads = [...mapped].some((target) => target.startsWith(`${path}.`));
    if (leads && typeof value === 'object' && value !== null && !Array.isArray(value))
      yield* strangersOf(value, mapped, `${path}.`);
    else yield path;
  }
}

export async function publish({ client, db }: Connection, replica: Replica, staged: Replica): Promise<void> {
  // A rename within a database is one step for its readers; the driver's own helper has no word for it on the admin database.
  await client.db('admin').command({
    renameCollection: `${db.databaseName}.${staged.target}`,
    to: `${db.databaseName}.${replica.target}`,
    dropTarget: true,
  });
}

export async function discard({ db }: Connection, staged: Replica): Promise<void> {
  await db.dropCollection(staged.target);
}
