// What a health probe asks: a command as a list of words, which the server itself calls read-only. In a cluster a command without keys goes to every
// master.

import { digitsAnswer, jsonAnswer } from '../answer.ts';
import type { Answer, Answers } from '../store.ts';
import { askKeys } from './ask-keys.ts';
import { fieldsOf } from './server-info.ts';
import type { Command, NodeReply, Reply, Session } from './session.ts';

/** They tell what a server knows of itself. It calls them dangerous or administrative, for what other users might learn, or says nothing. */
const TELLING = new Set([
  'cluster|info',
  'dbsize',
  'info',
  'lastsave',
  'latency|latest',
  'memory|doctor',
  'memory|stats',
  'memory|usage',
  'ping',
  'role',
  'slowlog|len',
  'time',
]);
const CONTAINERS = new Set([...TELLING].filter((name) => name.includes('|')).map((name) => name.split('|')[0]!));
/** Flags and categories of what changes something, holds other clients up or never ends. */
const REFUSED = ['write', 'admin', 'blocking', 'may_replicate', '@write', '@admin', '@dangerous'];
/** Replies of lines `name:value`. */
const REPORTS = ['info', 'cluster|info'];

export async function askCommand(session: Session, statement: unknown, signal: AbortSignal): Promise<Answers> {
  const { failures } = session;
  const pattern = keysOf(statement);
  if (pattern !== undefined) return askKeys(session, pattern, signal);
  const [name, ...rest] = Array.isArray(statement) ? statement.map(String) : [];
  if (name === undefined) throw failures.lasting('ask', 'the query is neither a list of words nor { keys }', HINT);
  const command: Command = [name, ...rest];
  const { called, reads, hasKeys } = await describe(session, name.toLowerCase(), rest[0]?.toLowerCase());
  if (!reads) {
    const hint = called === 'keys' ? 'KEYS holds up all other clients: write SCAN.' : 'A probe only reads.';
    throw failures.lasting('ask', `${called.replace('|', ' ').toUpperCase()} is no command that only reads`, hint);
  }
  const isReport = REPORTS.includes(called);
  if (hasKeys) return rowsOf(session, { reply: (await session.ask([command]))[0]! }, isReport);
  const replies = await session.askEach(command);
  const numbers = replies.map(({ reply }) => reply).filter((reply) => typeof reply === 'number');
  // What each server counts is the cluster's when it is added up.
  if (numbers.length === replies.length) {
    return rowsOf(session, { reply: numbers.reduce((sum, number) => sum + number, 0) }, isReport);
  }
  return replies.flatMap((reply) => rowsOf(session, reply, isReport));
}

const HINT = "Write [LLEN, jobs], or { keys: 'backup:*' }.";

function keysOf(statement: unknown): string | undefined {
  if (typeof statement !== 'object' || statement === null || Object.keys(statement).join() !== 'keys') return undefined;
  const { keys } = statement as { readonly keys: unknown };
  return typeof keys === 'string' && keys !== '' ? keys : undefined;
}

interface Description {
  /** `lpush`, `memory|usage`. */
  readonly called: string;
  readonly reads: boolean;
  readonly hasKeys: boolean;
}

/** What the server says of a command. */
async function describe(session: Session, name: string, second = ''): Promise<Description> {
  const whole = `${name}|${second}`;
  const reply = await session.askAny(['command', 'info', name, ...(/^[a-z-]+$/.test(second) ? [whole] : [])]);
  if (reply instanceof Error) throw reply;
  const [command, subcommand] = reply as readonly (readonly Reply[] | null | undefined)[];
  if (!command) throw session.failures.lasting('ask', `the server knows no command ${name.toUpperCase()}`);
  // Before Redis 7 a server says the same of all parts of MEMORY: then only those that are known here.
  const called = subcommand || CONTAINERS.has(name) ? whole : name;
  const [, , flags, firstKey, , , categories] = subcommand ?? command;
  const marks = [flags, categories].flatMap((list) => ((list ?? []) as readonly Reply[]).map(String));
  const isFlagged = (subcommand || !CONTAINERS.has(name)) && marks.includes('readonly');
  return {
    called,
    reads: TELLING.has(called) || (Boolean(isFlagged) && !REFUSED.some((mark) => marks.includes(mark))),
    hasKeys: Number(firstKey) > 0 || marks.includes('movablekeys'),
  };
}

/** A report is one row of its fields, a list is a row an element, anything else one value. */
function rowsOf(session: Session, { node, reply }: NodeReply, isReport: boolean): Answers {
  if (reply instanceof Error) throw reply;
  const last: Readonly<Record<string, Answer>> = node === undefined ? {} : { node };
  if (isReport) {
    const fields = [...fieldsOf(reply)].map(([name, value]) => [name, digitsAnswer(value)] as const);
    return [{ ...Object.fromEntries(fields), ...last }];
  }
  const items = Array.isArray(reply) ? (reply as readonly Reply[]) : [reply];
  return items.map((item) => ({ value: answerOf(session, item), ...last }));
}

function answerOf(session: Session, reply: Reply): Answer {
  if (reply instanceof Error) throw reply;
  if (reply === null) return null;
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (typeof reply !== 'number') return jsonAnswer(reply.map((item) => answerOf(session, item)));
  // The driver has rounded it by now.
  if (!Number.isSafeInteger(reply)) throw session.failures.lasting('ask', 'the answer is a larger number than 2^53');
  return reply;
}
