// Records as members of sets: the target's placeholders and the member are the key, and there is nothing else to a record.

import type { Field, Key, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Change, FetchedRow, Outcome } from '../store.ts';
import { type Access, buildKey, unreadRow } from './access.ts';
import { applyCalls } from './apply.ts';
import { encodeText } from './encode.ts';
import { type Token, tokenOf } from './format.ts';
import { imageOf } from './images.ts';
import { exactly, misread } from './key-pattern.ts';
import { batchesOf, onEachServer, PageSize } from './scan.ts';
import { scanKeys, scanMembers } from './scan-keys.ts';
import { type Call, SET_DELETE, SET_INSERT, SET_RESTORE } from './scripts.ts';
import type { Reader, Session } from './session.ts';

/** Sets whose first members are asked for at once. */
const SETS_AT_ONCE = 50;
const MEMBERS_AT_ONCE = 500;
const PAGE_ROWS = 1000;

export function scanSets(
  session: Session,
  access: Access,
  count: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  return onEachServer(session, signal, (reader) => readSets(reader, access, count));
}

async function* readSets(reader: Reader, access: Access, count: number): AsyncGenerator<readonly Row[]> {
  const { replica } = access;
  const parts = new KeyParts(access);
  const size = new PageSize();
  size.rows = SETS_AT_ONCE;
  let page: Row[] = [];
  for await (const batch of batchesOf(scanKeys(reader, access.pattern.glob, count), access, size)) {
    const readable = batch.filter(({ row }) => row.unread === undefined);
    for (const { row } of batch) {
      if (row.unread !== undefined) page.push(unreadRow(replica, parts.join(row.key, ''), row.unread));
    }
    const first = await reader.ask(readable.map(({ text }) => ['sscan', text, '0', 'COUNT', String(MEMBERS_AT_ONCE)]));
    for (const [i, { text, row }] of readable.entries()) {
      const reply = first[i]!;
      if (reply instanceof Error) {
        page.push(unreadRow(replica, parts.join(row.key, ''), misfitOf(reply)));
        continue;
      }
      for await (const { keys: members, broken } of scanMembers(reader, text, MEMBERS_AT_ONCE, reply)) {
        for (const member of members) page.push(parts.row(row.key, member));
        for (const member of broken) {
          page.push(unreadRow(replica, parts.join(row.key, member), 'a member of its set is not UTF-8'));
        }
        if (page.length < PAGE_ROWS) continue;
        yield page;
        page = [];
      }
    }
  }
  if (page.length > 0) yield page;
}

export async function fetchMembers(
  session: Session,
  access: Access,
  keys: readonly Key[],
): Promise<readonly FetchedRow[]> {
  const parts = new KeyParts(access);
  const wanted = keys.flatMap((key) => {
    const place = parts.placeOf(key);
    return place === undefined ? [] : [{ key, ...place }];
  });
  const replies = await session.ask(wanted.map(({ text, member }) => ['sismember', text, member]));
  return wanted.flatMap(({ key, text, member }, i): FetchedRow[] => {
    const reply = replies[i]!;
    const token = { key: text, raw: member } satisfies Token;
    if (reply instanceof Error) return [{ ...unreadRow(access.replica, key, misfitOf(reply)), token }];
    return reply === 1 ? [{ key, values: [], token }] : [];
  });
}

export function applyToSets(session: Session, access: Access, changes: readonly Change[]): Promise<readonly Outcome[]> {
  const parts = new KeyParts(access);
  return applyCalls(session, changes, (change): Call | Outcome => {
    if (change.kind === 'update') return { outcome: 'unchanged' };
    if (change.kind === 'delete') {
      const { key, raw } = tokenOf(change.expected);
      return { script: SET_DELETE, keys: [key], args: [raw as string] };
    }
    const place = parts.placeOf(change.row.key);
    if (place === undefined) throw new ValueError('no member of this replica’s sets can hold it');
    if (change.image !== undefined) {
      return { script: SET_RESTORE, keys: [place.text], args: [imageOf(change.image).expires ?? '', place.member] };
    }
    return { script: SET_INSERT, keys: [place.text], args: [String(access.words.expire ?? ''), place.member] };
  });
}

/** A record's key as the columns of the set's key and the column that is the member. */
class KeyParts {
  private readonly access: Access;
  private readonly at: number;
  private readonly field: Field;

  constructor(access: Access) {
    this.access = access;
    const { key } = access.replica.mapping;
    this.at = key.findIndex((field) => field.name === access.words.member);
    this.field = key[this.at]!;
  }

  join(scope: Key, member: string): Key {
    return [...scope.slice(0, this.at), member, ...scope.slice(this.at)];
  }

  row(scope: Key, text: string): Row {
    try {
      return { key: this.join(scope, exactly(this.field, text)), values: [] };
    } catch (error) {
      return unreadRow(this.access.replica, this.join(scope, text), misread(this.field, text, error));
    }
  }

  /** Undefined: no set can hold it. */
  placeOf(key: Key): { readonly text: string; readonly member: string } | undefined {
    try {
      const scope = [...key.slice(0, this.at), ...key.slice(this.at + 1)];
      const text = buildKey(this.access, scope);
      return text === undefined ? undefined : { text, member: encodeText(this.field, key[this.at]!) };
    } catch (error) {
      if (error instanceof ValueError) return undefined;
      throw error;
    }
  }
}

function misfitOf(error: Error): string {
  if (!error.message.startsWith('WRONGTYPE')) throw error;
  return 'its key holds something else than a set';
}
