// Keys that hold strings: read many at once, and written only if they still hold what was read.

import type { Image } from '../store.ts';
import type { Held, Misfit } from './format.ts';
import { bytesOf, imageOf } from './images.ts';
import { type Call, STRING_DELETE, STRING_INSERT, STRING_RESTORE, STRING_UPDATE } from './scripts.ts';
import type { Argument, Asker, Reply } from './session.ts';

export async function readStrings(asker: Asker, keys: readonly string[]): Promise<readonly Held<Buffer>[]> {
  if (!asker.anySlot) {
    const replies = await asker.ask(keys.map((key) => ['get', key]));
    return replies.map((reply) => (reply === null ? undefined : heldString(reply)));
  }
  if (keys.length === 0) return [];
  const [reply] = await asker.ask([['mget', ...keys]]);
  if (reply instanceof Error) throw reply;
  const held: Held<Buffer>[] = (reply as readonly (Buffer | null)[]).map((bytes) => bytes ?? undefined);
  // MGET says nothing of keys that are not there, nor of those that hold another type.
  const bare = held.flatMap((bytes, i) => (bytes === undefined ? [i] : []));
  if (bare.length === 0) return held;
  const types = await asker.ask(bare.map((i) => ['type', keys[i]!]));
  const arrived: number[] = [];
  for (const [i, type] of types.entries()) {
    if (String(type) === 'string') arrived.push(bare[i]!);
    else held[bare[i]!] = String(type) === 'none' ? undefined : otherType(type);
  }
  const late = await asker.ask(arrived.map((i) => ['get', keys[i]!]));
  for (const [i, bytes] of late.entries()) held[arrived[i]!] = bytes === null ? undefined : heldString(bytes);
  return held;
}

function heldString(reply: Reply): Buffer | Misfit {
  if (!(reply instanceof Error)) return reply as Buffer;
  if (!reply.message.startsWith('WRONGTYPE')) throw reply;
  return { misfit: 'its key holds something else than a string' };
}

/** `type` is the reply to TYPE. */
export function otherType(type: Reply): Misfit {
  if (type instanceof Error) throw type;
  return { misfit: `its key holds a ${String(type)}` };
}

export function insertString(key: string, value: Argument, expire: number | undefined): Call {
  return { script: STRING_INSERT, keys: [key], args: [String(expire ?? ''), value] };
}

export function restoreString(key: string, image: Image): Call {
  const { expires = '', value = '' } = imageOf(image);
  return { script: STRING_RESTORE, keys: [key], args: [expires, bytesOf(value)] };
}

export function updateString(key: string, expected: Buffer, wanted: Argument): Call {
  return { script: STRING_UPDATE, keys: [key], args: [expected, wanted] };
}

export function deleteString(key: string, expected: Buffer): Call {
  return { script: STRING_DELETE, keys: [key], args: [expected] };
}
