// What stands where a replica should be: size, indexes, types and permissions, and what follows from them for comparing and writing.

import type { Document } from 'mongodb';
import type { Problem } from '../../errors.ts';
import type { Field } from '../../mapping/mapping.ts';
import type { Inspection, Replica } from '../store.ts';
import type { Access } from './access.ts';
import type { Habit } from './habits.ts';
import type { Connection } from './session.ts';

const COUNT_MS = 5000;

export async function inspectReplica(connection: Connection, access: Access): Promise<Inspection> {
  const { replica } = access;
  const { mapping } = replica;
  const [collection] = await connection.db.listCollections({ name: replica.target }).toArray();
  const notes: string[] = [];
  const problems: Problem[] = [];
  const writeProblems: Problem[] = [];
  const fields = [...mapping.key, ...mapping.fields];
  for (const field of fields) {
    const habit = access.habits.byTarget.get(field.target)!;
    const misfit = misfitOf(field, habit);
    if (misfit !== undefined) problems.push(misfit);
    else if (habit.unreadable > 0) {
      notes.push(
        `${field.target} is not ${field.type.kind} in ${habit.unreadable} of ${access.habits.samples} sampled documents`,
      );
    }
  }
  const keyIsUnique = collection?.type === 'view' ? false : await hasUniqueKey(connection, access);
  if (collection === undefined) notes.push('the collection does not exist yet');
  else if (collection.type !== undefined && collection.type !== 'collection') {
    writeProblems.push({
      path: '',
      message: `${replica.target} is a ${collection.type}, whose records can't be replaced one by one`,
    });
  }
  const { collation } = (collection as { options?: { collation?: Document } } | undefined)?.options ?? {};
  if (collation !== undefined && collation.locale !== 'simple') {
    writeProblems.push({
      path: '',
      message: `${replica.target} compares text by the collation ${collation.locale}, so a write can't be made to depend on the exact text`,
    });
  }
  if (!keyIsUnique && collection !== undefined) writeProblems.push(noUniqueIndex(replica));
  writeProblems.push(...(await missingPermissions(connection, replica)));
  const timestampPrecision = new Map(
    fields
      .filter(
        (field) => field.type.kind === 'timestamp' && holdsMillis(field, access.habits.byTarget.get(field.target)!),
      )
      .map((field) => [field.target, 3]),
  );
  if (timestampPrecision.size > 0) notes.push('timestamps hold milliseconds');
  notes.push(
    connection.readConcern === undefined
      ? 'read with the server’s own read concern'
      : `read concern ${connection.readConcern}`,
  );
  const estimatedRows = collection === undefined ? 0 : await estimateRecords(connection, access);
  return { estimatedRows, keyIsUnique, timestampPrecision, hashable: true, notes, problems, writeProblems };
}

/** Where the replica can't even be asked about. */
export function uninspected(problem: Problem): Inspection {
  return {
    estimatedRows: 0,
    keyIsUnique: false,
    timestampPrecision: new Map(),
    hashable: false,
    notes: [],
    problems: [problem],
    writeProblems: [],
  };
}

/** A problem where no sampled value of the field can be read. */
function misfitOf(field: Field, habit: Habit): Problem | undefined {
  if (habit.unreadable === 0 || habit.unreadable < habit.values) return undefined;
  const forms = [...habit.forms.keys()].join(' or ');
  return {
    path: field.target,
    message: `compared as ${field.type.kind}, but ${forms === '' ? 'all sampled documents hold something else' : `the sampled documents hold ${forms}`}`,
    hint: 'Map another field, or give this one the type that both sides hold.',
  };
}

function holdsMillis(field: Field, habit: Habit): boolean {
  if (habit.values === 0) return field.storedAs !== 'string' && field.storedAs !== 'text';
  return [...habit.forms.keys()].some((form) => form !== 'string');
}

/** Exactly, of all that a scan would read. */
export function countRecords(
  { db, readPreference, readConcern }: Connection,
  { replica, where }: Access,
  signal: AbortSignal,
): Promise<number> {
  const level = readConcern as 'local' | undefined;
  return db.collection(replica.target).countDocuments(where, {
    readPreference,
    readConcern: level === undefined ? undefined : { level },
    signal,
  });
}

async function estimateRecords(connection: Connection, { replica, where }: Access): Promise<number> {
  const collection = connection.db.collection(replica.target);
  if (Object.keys(where).length === 0) return collection.estimatedDocumentCount();
  return collection
    .countDocuments(where, { maxTimeMS: COUNT_MS })
    .catch((error: { code?: unknown }) =>
      error.code === MAX_TIME_EXPIRED ? collection.estimatedDocumentCount() : Promise.reject(error),
    );
}

const MAX_TIME_EXPIRED = 50;
const NAMESPACE_NOT_FOUND = 26;

async function hasUniqueKey(connection: Connection, { replica, keys }: Access): Promise<boolean> {
  const targets = replica.mapping.key.map((field) => field.target);
  // MongoDB guards `_id` by itself; so it does for its parts where the key is all of them.
  if (keys.wholeId !== undefined || targets.includes('_id')) return true;
  const indexes = await connection.db
    .collection(replica.target)
    .listIndexes()
    .toArray()
    .catch((error: { code?: unknown }) => (error.code === NAMESPACE_NOT_FOUND ? [] : Promise.reject(error)));
  return indexes.some((index: Document) => {
    if (!index.unique || index.partialFilterExpression !== undefined) return false;
    const names = Object.keys(index.key as Document);
    return names.length <= targets.length && names.every((name) => targets.includes(name));
  });
}

function noUniqueIndex({ target, mapping }: Replica): Problem {
  const key = mapping.key.map((field) => JSON.stringify(field.target));
  const spec = key.map((name) => `${name}: 1`).join(', ');
  return {
    path: mapping.key[0]!.target,
    message: `no unique index guards the key ${key.join(', ')}, so two writers could make a record twice`,
    hint: `Create one: db.getCollection(${JSON.stringify(target)}).createIndex({ ${spec} }, { unique: true })`,
  };
}

/** Servers without access control, and those that don't say, miss none. */
async function missingPermissions(connection: Connection, { target }: Replica): Promise<readonly Problem[]> {
  const status = await connection.db.command({ connectionStatus: 1, showPrivileges: true }).catch(() => undefined);
  const auth = status?.authInfo as
    | { authenticatedUsers?: unknown[]; authenticatedUserPrivileges?: Document[] }
    | undefined;
  if (!auth?.authenticatedUsers?.length || auth.authenticatedUserPrivileges === undefined) return [];
  const granted = new Set<string>();
  for (const { resource, actions } of auth.authenticatedUserPrivileges) {
    if (covers(resource as Document, connection.db.databaseName, target)) {
      for (const action of actions as string[]) granted.add(action);
    }
  }
  const missing = ['insert', 'update', 'remove'].filter((action) => !granted.has(action) && !granted.has('anyAction'));
  if (missing.length === 0) return [];
  return [
    {
      path: '',
      message: `the user may not ${missing.join(', ')} in ${connection.db.databaseName}.${target}`,
      hint: `Grant it the role readWrite on ${connection.db.databaseName}.`,
    },
  ];
}

function covers(resource: Document, database: string, collection: string): boolean {
  if (resource.anyResource === true) return true;
  if (typeof resource.db !== 'string' || typeof resource.collection !== 'string') return false;
  return (
    (resource.db === '' || resource.db === database) &&
    (resource.collection === '' || resource.collection === collection)
  );
}
