// Whole records: what a key holds as the server itself serializes it, and when it expires. A string is its bytes; of a hash the mapped fields
// stand beside its DUMP, for an update that puts only them back.

import { type Captured, type Guarded, type Image, MOST_IMAGE_BYTES } from '../store.ts';
import type { Access } from './access.ts';
import { tokenOf } from './format.ts';
import type { Asker } from './session.ts';

/** Bytes in base64. */
export interface KeyImage {
  /** Milliseconds since 1970, as text; absent: it lives for ever. */
  readonly expires?: string;
  /** Of a hash: what RESTORE takes. */
  readonly dump?: string;
  /** Of a hash: its mapped fields; null: absent. */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** Of a string: its value. Of a set: the member. */
  readonly value?: string;
}

const KEYS_AT_ONCE = 100;

/** In the order of `changes`; undefined for a key that is gone, and for cached results, which are never put back. */
export async function captureImages(
  asker: Asker,
  { words, replica }: Access,
  changes: readonly Guarded[],
): Promise<readonly (Captured | undefined)[]> {
  if (words.as === 'cache') return changes.map(() => undefined);
  const targets = replica.mapping.fields.map(({ target }) => target);
  const captured: (Captured | undefined)[] = [];
  for (let from = 0; from < changes.length; from += KEYS_AT_ONCE) {
    const rows = changes.slice(from, from + KEYS_AT_ONCE).map(({ expected }) => expected);
    const keys = rows.map((row) => tokenOf(row).key);
    const expiries = await readExpiries(asker, keys);
    const dumps = words.as === 'hash' ? await asker.ask(keys.map((key) => ['dump', key])) : [];
    for (const [i, row] of rows.entries()) {
      const { raw } = tokenOf(row);
      const dump = dumps[i];
      if (dump instanceof Error) throw dump;
      const expires = expiries[i];
      if (expires === null || dump === null || raw === undefined) captured.push(undefined);
      else if (words.as === 'hash') {
        captured.push(hashImage(targets, raw as readonly (Buffer | null)[], dump as Buffer, expires));
      } else {
        const value = Buffer.from(raw as Buffer | string);
        captured.push(limited(value.length, () => ({ expires, value: value.toString('base64') })));
      }
    }
  }
  return captured;
}

function hashImage(
  targets: readonly string[],
  raw: readonly (Buffer | null)[],
  dump: Buffer,
  expires: string | undefined,
): Captured {
  const length = raw.reduce((sum, bytes) => sum + (bytes?.length ?? 0), dump.length);
  return limited(length, () => ({
    expires,
    fields: Object.fromEntries(targets.map((target, i) => [target, raw[i]?.toString('base64') ?? null])),
    dump: dump.toString('base64'),
  }));
}

/** A text of the largest values would be longer than a text can be. */
function limited(length: number, image: () => KeyImage): Captured {
  if (length <= MOST_IMAGE_BYTES) return { image: image() };
  return { lacks: `its key holds ${Math.round(length / 2 ** 20)} MB, which is too much to keep` };
}

/** When each key expires; undefined: never; null: it is gone. */
async function readExpiries(asker: Asker, keys: readonly string[]): Promise<readonly (string | undefined | null)[]> {
  let replies = await asker.ask(keys.map((key) => ['pexpiretime', key]));
  let now = 0;
  // Before Redis 7 only what is left can be asked for.
  if (replies.some((reply) => reply instanceof Error && /unknown command/i.test(reply.message))) {
    now = Date.now();
    replies = await asker.ask(keys.map((key) => ['pttl', key]));
  }
  return replies.map((reply) => {
    if (reply instanceof Error) throw reply;
    const number = Number(reply);
    return number === -2 ? null : number === -1 ? undefined : String(now + number);
  });
}

export function imageOf(image: Image): KeyImage {
  return image as KeyImage;
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
