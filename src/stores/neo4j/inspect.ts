// What stands where a replica should be: size, constraints, indexes, types and rights, and what follows from them for comparing and writing.
// Neo4j has no schema to hold against the mapping: a label that no node has is an empty replica.

import { type Problem, wordsOf } from '../../errors.ts';
import type { Inspection, Replica } from '../store.ts';
import type { Access } from './access.ts';
import { pattern, where } from './cypher.ts';
import { codeOf } from './failure.ts';
import { endConstraint, endIndex, keyConstraint, keyIndex } from './schema.ts';
import { type Connection, read } from './session.ts';
import { type End, isKeyedByEnds, type Shape, shownName } from './shape.ts';

const COUNT_MS = 5000;

export async function inspectReplica(connection: Connection, access: Access): Promise<Inspection> {
  const { shape, schema } = access;
  const [estimatedRows, rightProblems, endNotes] = await Promise.all([
    estimateRecords(connection, shape),
    missingRights(connection),
    Promise.all(shape.ends.map((end) => noteOfEnd(connection, end))),
  ]);
  const { problems, notes } = ofHabits(access);
  if (estimatedRows === 0) {
    notes.push(`there is no ${shape.record === 'n' ? 'node' : 'relationship'} ${shownName(shape.target)} yet`);
  }
  notes.push(...endNotes.flat());
  if (isKeyedByEnds(shape)) {
    notes.push(
      'its key stands at end nodes, which no constraint can guard: writes lock them, but another writer’s CREATE can still make one twice',
    );
  }
  if (!schema.isKnown)
    notes.push('the user may not see indexes and constraints (SHOW INDEX, SHOW CONSTRAINT), so none are counted on');
  return {
    estimatedRows,
    keyIsUnique: keyConstraint(schema, shape) !== undefined,
    timestampPrecision: new Map(),
    hashable: true,
    notes,
    problems,
    writeProblems: [...guardProblems(access), ...rightProblems],
  };
}

/** Where the replica can't even be asked about. */
export function uninspected(problems: readonly Problem[]): Inspection {
  return {
    estimatedRows: 0,
    keyIsUnique: false,
    timestampPrecision: new Map(),
    hashable: false,
    notes: [],
    problems,
    writeProblems: [],
  };
}

/** Cypher that the server can't read, where the only part of it that is not ours is the condition. */
export function whereProblem({ where }: Replica, error: unknown): Problem | undefined {
  if (typeof where !== 'string' || !codeOf(error).endsWith('.SyntaxError')) return undefined;
  const [words] = wordsOf(error).split(/ \(line \d+, column|\n/);
  return {
    path: 'where',
    message: words!,
    hint: 'It is a condition in Cypher on n, or on r, a and b of a relationship.',
  };
}

function ofHabits({ shape, habits }: Access): { readonly problems: Problem[]; readonly notes: string[] } {
  const problems: Problem[] = [];
  const notes: string[] = [];
  for (const { field, index } of shape.columns) {
    const { forms, values, unreadable } = habits.byColumn[index]!;
    if (unreadable === 0) continue;
    const words = [...forms.keys()].join(' or ');
    if (unreadable === values) {
      problems.push({
        path: field.target,
        message: `compared as ${field.type.kind}, but the sampled records hold ${words}`,
        hint: 'Map another field, or give this one the type that both sides hold.',
      });
    } else notes.push(`${field.target} is not ${field.type.kind} in ${unreadable} of ${values} sampled values`);
  }
  return { problems, notes };
}

/** Exactly. Without a condition Neo4j has the count at hand. */
export async function countRecords(connection: Connection, shape: Shape, milliseconds?: number): Promise<number> {
  const query = `MATCH ${pattern(shape)}${where(shape)} RETURN count(${shape.record})`;
  return Number((await read(connection, query, {}, milliseconds))[0]![0]);
}

async function estimateRecords(connection: Connection, shape: Shape): Promise<number> {
  try {
    return await countRecords(connection, shape, COUNT_MS);
  } catch (error) {
    if (!codeOf(error).includes('TransactionTimedOut')) throw error;
    return countRecords(connection, { ...shape, where: undefined });
  }
}

async function noteOfEnd(connection: Connection, { label }: End): Promise<readonly string[]> {
  const rows = await read(connection, 'CALL db.labels() YIELD label WHERE label = $label RETURN label', { label });
  return rows.length > 0 ? [] : [`there is no node ${shownName(label)} yet`];
}

function guardProblems({ shape, schema }: Access): readonly Problem[] {
  const problems: Problem[] = [];
  const own = shape.columns.filter(({ isKey, side }) => isKey && side === undefined);
  if (!isKeyedByEnds(shape) && keyConstraint(schema, shape) === undefined) {
    const names = own.map(({ property }) => shownName(property)).join(', ');
    const slow = keyIndex(schema, shape) !== undefined ? '' : ', and each look-up of keys reads all of them';
    problems.push({
      path: own[0]!.field.target,
      message: `no constraint guards the key ${names} of ${shownName(shape.target)}, so two writers could make a record twice${slow}`,
      hint: uniqueness(
        shape.record,
        shape.target,
        own.map(({ property }) => property),
      ),
    });
  }
  for (const end of shape.ends) {
    const properties = end.columns.map(({ property }) => property);
    if (properties.length === 0 || endConstraint(schema, end) !== undefined) continue;
    const isIndexed = endIndex(schema, end) !== undefined;
    if (isIndexed && !shape.createEnds) continue;
    const names = properties.map(shownName).join(', ');
    problems.push({
      path: end.columns[0]!.field.target,
      message: isIndexed
        ? `no constraint guards ${names} of ${shownName(end.label)}, so two writers could make an end node twice`
        : `no index leads to ${names} of ${shownName(end.label)}: each batch of writes reads all its nodes, and other writers' MERGE reads them for each row`,
      hint: uniqueness('n', end.label, properties),
    });
  }
  return problems;
}

function uniqueness(record: 'n' | 'r', name: string, properties: readonly string[]): string {
  const entity = record === 'n' ? `(n:${shownName(name)})` : `()-[r:${shownName(name)}]-()`;
  const list = properties.map((property) => `${record}.${shownName(property)}`).join(', ');
  return `CREATE CONSTRAINT FOR ${entity} REQUIRE ${properties.length === 1 ? list : `(${list})`} IS UNIQUE`;
}

/** What can be known: the Community edition has no roles, and elsewhere only the built-in ones say enough by their name. */
async function missingRights(connection: Connection): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const [user] = await read(connection, 'SHOW CURRENT USER YIELD user, roles RETURN roles').catch(silent);
  const roles = user?.[0];
  if (Array.isArray(roles) && roles.length > 0 && roles.every((role) => role === 'PUBLIC' || role === 'reader')) {
    problems.push({ path: '', message: 'the user has no role but reader', hint: 'Grant it the role editor.' });
  }
  const databases = connection.database === undefined ? 'HOME DATABASE' : 'DATABASE $database';
  const parameters = connection.database === undefined ? {} : { database: connection.database };
  const accesses = await read(connection, `SHOW ${databases} YIELD access RETURN access`, parameters).catch(silent);
  if (accesses.length > 0 && accesses.every(([access]) => access === 'read-only')) {
    problems.push({ path: '', message: 'the database is read-only', hint: 'ALTER DATABASE … SET ACCESS READ WRITE' });
  }
  return problems;
}

/** A user who may not ask, and servers that don't know the question, miss no right. A server that is gone is another matter. */
function silent(error: unknown): readonly (readonly unknown[])[] {
  if (codeOf(error).startsWith('Neo.ClientError.')) return [];
  throw error;
}
