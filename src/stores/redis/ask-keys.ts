// What a health probe asks of many keys at once: `{ keys: 'backup:*' }` is a row for each key that the pattern matches, `key` first, then what its hash
// or its JSON object holds. A key of another kind has its name only.

import { ValueError } from '../../value/canonical.ts';
import { type JsonTree, parseJson, writeJson } from '../../value/json.ts';
import { digitsAnswer } from '../answer.ts';
import type { Answer, Answers } from '../store.ts';
import { onEachServer } from './scan.ts';
import { scanKeys } from './scan-keys.ts';
import type { Reader, Reply, Session } from './session.ts';

const SCAN_COUNT = 1000;

export async function askKeys(session: Session, pattern: string, signal: AbortSignal): Promise<Answers> {
  const rows: Record<string, Answer>[] = [];
  const pages = onEachServer(session, signal, (reader) => rowsOf(reader, pattern));
  for await (const page of pages) rows.push(...page);
  return rows;
}

async function* rowsOf(reader: Reader, pattern: string): AsyncGenerator<Record<string, Answer>[]> {
  for await (const { keys, broken } of scanKeys(reader, pattern, SCAN_COUNT)) {
    if (broken.length > 0) yield broken.map((key) => ({ key }));
    if (keys.length === 0) continue;
    const types = (await reader.ask(keys.map((key) => ['type', key]))).map(String);
    const held = await reader.ask(keys.map((key, i) => (types[i] === 'hash' ? ['hgetall', key] : ['get', key])));
    yield keys.flatMap((key, i) => {
      // Gone since SCAN saw it.
      if (types[i] === 'none' || held[i] === null) return [];
      // The name comes first, and a field of that name does not hide it.
      return [Object.assign({ key } as Record<string, Answer>, fieldsOf(types[i]!, held[i]!), { key })];
    });
  }
}

function fieldsOf(type: string, reply: Reply): Record<string, Answer> {
  if (type === 'hash') {
    if (reply instanceof Error) throw reply;
    const parts = (reply as readonly Reply[]).map(String);
    return Object.fromEntries(parts.flatMap((name, i) => (i % 2 === 0 ? [[name, parts[i + 1]!]] : [])));
  }
  return type === 'string' ? membersOf(String(reply)) : {};
}

function membersOf(text: string): Record<string, Answer> {
  let tree: JsonTree;
  try {
    tree = parseJson(text);
  } catch (error) {
    if (error instanceof ValueError) return {};
    throw error;
  }
  if (typeof tree !== 'object' || tree === null || !('members' in tree)) return {};
  return Object.fromEntries([...tree.members].map(([name, member]) => [name, answerOf(member)]));
}

function answerOf(tree: JsonTree): Answer {
  if (tree === null || typeof tree !== 'object') return tree;
  return 'number' in tree ? digitsAnswer(tree.number) : writeJson(tree);
}
