// What a health probe asks: an aggregation that only reads, or one of the commands that only tell. Anything else is refused.

import type { Document } from 'mongodb';
import { digitsAnswer, plainAnswer } from '../answer.ts';
import type { Answer, Answers } from '../store.ts';
import type { Connection } from './session.ts';
import { native } from './where.ts';

/** Commands that tell something and change nothing, of the store's database. */
const TELLING = new Set([
  'buildInfo',
  'collStats',
  'connectionStatus',
  'count',
  'dataSize',
  'dbStats',
  'distinct',
  'hello',
  'ping',
  'serverStatus',
]);
/** The same, which the server takes only where it keeps what is its own. */
const TELLING_IN_ADMIN = new Set(['getParameter', 'hostInfo', 'listDatabases', 'replSetGetStatus', 'top']);
const WRITING_STAGES = ['$out', '$merge'];

export async function askDatabase(connection: Connection, statement: unknown, signal: AbortSignal): Promise<Answers> {
  const { driver } = connection;
  const asked = native(driver, statement);
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) {
    throw connection.failures.lasting('ask', 'the query is neither { collection, pipeline } nor a command', HINT);
  }
  if ('pipeline' in asked || 'collection' in asked) return aggregate(connection, asked, signal);
  return [rowOf(connection, await tell(connection, asked, signal))];
}

/** The reply of a command, as the driver reads it, 64-bit integers as BigInt. */
export async function tell(connection: Connection, command: Document, signal: AbortSignal): Promise<Document> {
  const { client, db, readPreference } = connection;
  const [name = ''] = Object.keys(command);
  const isOfAdmin = TELLING_IN_ADMIN.has(name);
  if (!isOfAdmin && !TELLING.has(name)) {
    const known = [...TELLING, ...TELLING_IN_ADMIN].sort().join(', ');
    throw connection.failures.lasting('ask', `${name} is no command that a probe may ask`, `It may ask ${known}.`);
  }
  const options = { readPreference, useBigInt64: true, signal };
  return (isOfAdmin ? client.db('admin') : db).command(command, options);
}

async function aggregate(connection: Connection, asked: Document, signal: AbortSignal): Promise<Answers> {
  const { db, failures, readPreference, readConcern } = connection;
  const { collection, pipeline, ...others } = asked;
  if (typeof collection !== 'string' || !Array.isArray(pipeline) || Object.keys(others).length > 0) {
    throw failures.lasting('ask', 'the query is not { collection, pipeline }', HINT);
  }
  const writing = WRITING_STAGES.find((stage) => holdsStage(pipeline, stage));
  if (writing !== undefined) throw failures.lasting('ask', `${writing} would write`, 'A probe only reads.');
  const documents = await db
    .collection(collection)
    .aggregate(pipeline, {
      readPreference,
      readConcern: readConcern === undefined ? undefined : { level: readConcern as 'local' },
      useBigInt64: true,
      signal,
    })
    .toArray();
  return documents.map((document) => rowOf(connection, document));
}

const HINT = 'Write { collection: orders, pipeline: [{ $count: n }] }, or a command such as { ping: 1 }.';

/** Anywhere: stages may stand within others. */
function holdsStage(part: unknown, stage: string): boolean {
  if (Array.isArray(part)) return part.some((item) => holdsStage(item, stage));
  if (typeof part !== 'object' || part === null) return false;
  return Object.entries(part).some(([name, item]) => name === stage || holdsStage(item, stage));
}

/** Fields of fields by their path: `connections.current`. */
function rowOf({ driver }: Connection, document: Document): Record<string, Answer> {
  const row: Record<string, Answer> = {};
  const put = (path: string, value: unknown): void => {
    const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
    if (!isPlain && !Array.isArray(value)) {
      row[path] = answerOf(driver, value);
      return;
    }
    for (const [name, item] of Object.entries(value as object)) put(path === '' ? name : `${path}.${name}`, item);
  };
  put('', document);
  return row;
}

function answerOf({ BSON }: Connection['driver'], value: unknown): Answer {
  const plain = plainAnswer(value);
  if (plain !== undefined) return plain;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof BSON.ObjectId) return value.toHexString();
  if (value instanceof BSON.Decimal128) return digitsAnswer(value.toString());
  if (value instanceof BSON.Binary) {
    return value.sub_type === BSON.Binary.SUBTYPE_UUID
      ? value.toUUID().toString()
      : Buffer.from(value.buffer).subarray(0, value.position).toString('hex');
  }
  return BSON.EJSON.stringify(value);
}
