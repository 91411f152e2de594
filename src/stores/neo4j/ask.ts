// What a health probe asks: Cypher in READ access mode, in which the server refuses every write.

import { jsonAnswer, plainAnswer } from '../answer.ts';
import type { Answer, Answers } from '../store.ts';
import { bytesOf, formOf } from './native.ts';
import { answered, type Connection, inSession, type Neo4j } from './session.ts';

export async function askGraph(connection: Connection, statement: unknown, signal: AbortSignal): Promise<Answers> {
  if (typeof statement !== 'string') throw connection.failures.lasting('ask', 'the query is no Cypher text');
  return inSession(connection, 'READ', async (session) => {
    const result = session.run(statement, {}, { timeout: connection.patience });
    const { records } = await answered(connection, result, signal);
    return records.map((record) =>
      Object.fromEntries(record.keys.map((name) => [String(name), answerOf(connection.neo4j, record.get(name))])),
    );
  });
}

function answerOf(neo4j: Neo4j, value: unknown): Answer {
  const plain = plainAnswer(value);
  if (plain !== undefined) return plain;
  if (value instanceof Int8Array) return bytesOf(value).toString('hex');
  const form = formOf(neo4j, value);
  if (form !== undefined && form !== 'list') return String(value);
  return jsonAnswer(value);
}
