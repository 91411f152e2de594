// The Lua that makes a write depend on the key being as it was read. Each script names one key (those of a cache: its set and its entries)
// and answers with one word.

import { createHash } from 'node:crypto';
import { wordsOf } from '../../errors.ts';
import type { Outcome } from '../store.ts';
import { concernsAll, withoutArguments } from './failure.ts';
import type { Argument, Asker, Command, Reply } from './session.ts';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** A script's keys and arguments: one change. */
export interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** `TYPE` of a key is a status reply, which Lua sees as a table. */
const PRELUDE = `local key = KEYS[1]
local held = redis.call('TYPE', key)['ok']
`;

/** ARGV: milliseconds to live or '', then names and values. */
export const HASH_INSERT = script(`${PRELUDE}
if held == 'hash' then return 'moved' end
if held ~= 'none' then return 'a ' .. held end
for i = 2, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
if ARGV[1] ~= '' then redis.call('PEXPIRE', key, ARGV[1]) end
return 'written'`);

/** ARGV: name, expected, wanted for each guarded field; '-' is an absent field, '+' stands before a value. */
export const HASH_UPDATE = script(`${PRELUDE}
if held == 'none' then return 'moved' end
if held ~= 'hash' then return 'a ' .. held end
local same, done, sets, dels = true, true, {}, {}
for i = 1, #ARGV, 3 do
  local now = redis.call('HGET', key, ARGV[i])
  now = now and ('+' .. now) or '-'
  if now ~= ARGV[i + 1] then same = false end
  if now ~= ARGV[i + 2] then
    done = false
    if ARGV[i + 2] == '-' then dels[#dels + 1] = ARGV[i]
    else
      sets[#sets + 1] = ARGV[i]
      sets[#sets + 1] = string.sub(ARGV[i + 2], 2)
    end
  end
end
if done then return 'unchanged' end
if not same then return 'moved' end
if #sets == 0 and redis.call('HLEN', key) == #dels then return 'empty' end
for i = 1, #sets, 2 do redis.call('HSET', key, sets[i], sets[i + 1]) end
for i = 1, #dels do redis.call('HDEL', key, dels[i]) end
return 'written'`);

/** ARGV: SHA-1 of the DUMP that was recorded or '', then name and expected for each guarded field. */
export const HASH_DELETE = script(`${PRELUDE}
if held == 'none' then return 'unchanged' end
if held ~= 'hash' then return 'moved' end
for i = 2, #ARGV, 2 do
  local now = redis.call('HGET', key, ARGV[i])
  now = now and ('+' .. now) or '-'
  if now ~= ARGV[i + 1] then return 'moved' end
end
if ARGV[1] ~= '' and redis.sha1hex(redis.call('DUMP', key)) ~= ARGV[1] then return 'moved' end
redis.call('UNLINK', key)
return 'written'`);

/** A key whose time has come is not there after a command that says so. */
const UNLESS_EXPIRED = `if redis.call('EXISTS', key) == 0 then return 'expired' end
return 'written'`;

/** ARGV: when it expires, milliseconds since 1970 or 0, the DUMP. */
export const HASH_RESTORE = script(`${PRELUDE}
if held == 'hash' then return 'moved' end
if held ~= 'none' then return 'a ' .. held end
redis.call('RESTORE', key, ARGV[1], ARGV[2], 'ABSTTL')
${UNLESS_EXPIRED}`);

/** ARGV: when it expires, milliseconds since 1970 or '', the value. */
export const STRING_RESTORE = script(`${PRELUDE}
if held == 'string' then return 'moved' end
if held ~= 'none' then return 'a ' .. held end
redis.call('SET', key, ARGV[2])
if ARGV[1] ~= '' then redis.call('PEXPIREAT', key, ARGV[1]) end
${UNLESS_EXPIRED}`);

/** ARGV: when a set expires that is not there any more, milliseconds since 1970 or '', the member. */
export const SET_RESTORE = script(`${PRELUDE}
if held ~= 'none' and held ~= 'set' then return 'a ' .. held end
if redis.call('SADD', key, ARGV[2]) == 0 then return 'moved' end
if held == 'none' and ARGV[1] ~= '' then redis.call('PEXPIREAT', key, ARGV[1]) end
${UNLESS_EXPIRED}`);

/** ARGV: milliseconds to live or '', the value. */
export const STRING_INSERT = script(`${PRELUDE}
if held == 'string' then return 'moved' end
if held ~= 'none' then return 'a ' .. held end
if ARGV[1] == '' then redis.call('SET', key, ARGV[2]) else redis.call('SET', key, ARGV[2], 'PX', ARGV[1]) end
return 'written'`);

/** ARGV: expected, wanted. */
export const STRING_UPDATE = script(`${PRELUDE}
if held == 'none' then return 'moved' end
if held ~= 'string' then return 'a ' .. held end
local now = redis.call('GET', key)
if now == ARGV[2] then return 'unchanged' end
if now ~= ARGV[1] then return 'moved' end
redis.call('SET', key, ARGV[2], 'KEEPTTL')
return 'written'`);

/** ARGV: expected. */
export const STRING_DELETE = script(`${PRELUDE}
if held == 'none' then return 'unchanged' end
if held ~= 'string' or redis.call('GET', key) ~= ARGV[1] then return 'moved' end
redis.call('UNLINK', key)
return 'written'`);

/** ARGV: milliseconds to live or '', the member. A set that is there already lives as long as it would. */
export const SET_INSERT = script(`${PRELUDE}
if held ~= 'none' and held ~= 'set' then return 'a ' .. held end
if redis.call('SADD', key, ARGV[2]) == 0 then return 'moved' end
if held == 'none' and ARGV[1] ~= '' then redis.call('PEXPIRE', key, ARGV[1]) end
return 'written'`);

/** ARGV: the member. */
export const SET_DELETE = script(`${PRELUDE}
if held ~= 'none' and held ~= 'set' then return 'moved' end
return redis.call('SREM', key, ARGV[1]) == 1 and 'written' or 'unchanged'`);

/**
 * KEYS: the set, then its entries. ARGV: when each expires as it was read, -2 for a mark whose entry had expired. An entry that was written again
 * expires at another time, and stays.
 */
export const CACHE_DELETE = script(`${PRELUDE}
local gone, left = 0, 0
for i = 2, #KEYS do
  local expires = redis.call('PEXPIRETIME', KEYS[i])
  if expires == -2 or string.format('%.0f', expires) == ARGV[i - 1] then
    if expires ~= -2 then gone = gone + redis.call('UNLINK', KEYS[i]) end
    if held == 'set' then redis.call('SREM', key, KEYS[i]) end
  else left = left + 1 end
end
if gone > 0 then return 'written' end
return left > 0 and 'moved' or 'unchanged'`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** Bytes that are sent before their answers are waited for. */
const BATCH_BYTES = 4_000_000;
const BATCH_CALLS = 250;

/** One outcome a call. Throws for what is no matter of one record: no permission, a read-only server. */
export async function runCalls(asker: Asker, calls: readonly Call[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let batch: Call[] = [];
  let bytes = 0;
  const flush = async () => {
    outcomes.push(...(await runBatch(asker, batch)));
    batch = [];
    bytes = 0;
  };
  for (const call of calls) {
    batch.push(call);
    for (const argument of call.args) bytes += argument.length;
    if (batch.length >= BATCH_CALLS || bytes >= BATCH_BYTES) await flush();
  }
  await flush();
  return outcomes;
}

async function runBatch(asker: Asker, calls: readonly Call[]): Promise<readonly Outcome[]> {
  const known = new Set<string>();
  const replies = [
    ...(await asker.ask(
      calls.map((call) => {
        // In one pipeline the first call teaches the server the script that the others only name.
        const name = asker.anySlot && known.has(call.script.sha);
        known.add(call.script.sha);
        return commandOf(call, name);
      }),
    )),
  ];
  const unknown = replies.flatMap((reply, i) => (isUnknownScript(reply) ? [i] : []));
  const again = await asker.ask(unknown.map((i) => commandOf(calls[i]!, false)));
  unknown.forEach((at, i) => {
    replies[at] = again[i]!;
  });
  return replies.map(outcomeOf);
}

function commandOf({ script: { lua, sha }, keys, args }: Call, byName: boolean): Command {
  return [byName ? 'evalsha' : 'eval', byName ? sha : lua, String(keys.length), ...keys, ...args];
}

function isUnknownScript(reply: Reply): boolean {
  return reply instanceof Error && reply.message.startsWith('NOSCRIPT');
}

function outcomeOf(reply: Reply): Outcome {
  if (reply instanceof Error) {
    if (concernsAll(reply)) throw reply;
    return { outcome: 'refused', error: withoutArguments(wordsOf(reply)) };
  }
  const word = String(reply);
  if (word === 'written' || word === 'unchanged' || word === 'moved') return { outcome: word };
  if (word === 'empty') {
    return {
      outcome: 'refused',
      error: 'a hash without a field can’t stand in Redis: all of its fields would be null',
    };
  }
  if (word === 'expired') return { outcome: 'refused', error: 'the time that it had to live has run out since' };
  return { outcome: 'refused', error: `the key holds ${word}` };
}
