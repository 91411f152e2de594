// Cached results that a set tracks for each scope: `search_keys:city:{city}` names the keys of the results. A record is a scope; its one
// value is when the oldest of its living results was written, which its expiry tells: a result lives for `ttl`.

import { type Key, keyText, type Row } from '../../mapping/mapping.ts';
import { fromMillis, microsOf, ValueError } from '../../value/canonical.ts';
import type { Change, FetchedRow, Outcome } from '../store.ts';
import { type Access, buildKey, unreadRow } from './access.ts';
import { tokenOf } from './format.ts';
import { batchesOf, onEachServer, PageSize } from './scan.ts';
import { scanKeys, scanMembers } from './scan-keys.ts';
import { CACHE_DELETE, type Call, runCalls } from './scripts.ts';
import type { Asker, Reader, Session } from './session.ts';

const SCOPES_AT_ONCE = 50;
const ENTRIES_AT_ONCE = 500;
/** A script keeps the server from all else. */
const ENTRIES_A_SCRIPT = 1000;
/** By how much the clocks of a cluster's servers may differ, milliseconds. */
const CLOCK_SLACK = 1000;
const GONE = -2;
const NO_EXPIRY = -1;

/** The key of a result, and when it expires in milliseconds since 1970, or GONE. */
type Entries = Map<string, number>;

class Scope {
  readonly key: Key;
  /** Kept only where a token needs them. */
  readonly entries: Entries | undefined;
  private readonly access: Access;
  private readonly ttl: number;
  private oldest = Number.POSITIVE_INFINITY;
  private trouble: string | undefined;

  constructor(access: Access, key: Key, keepEntries: boolean) {
    this.access = access;
    this.key = key;
    this.ttl = access.words.ttl!;
    this.entries = keepEntries ? new Map() : undefined;
  }

  /** `now` was read after the expiry. */
  add(entry: string, expires: number, now: number): void {
    this.entries?.set(entry, expires);
    if (expires === GONE) return;
    const name = this.access.replica.mapping.key.some((field) => field.sensitive) ? 'a result' : entry;
    const written = expires - this.ttl;
    if (expires === NO_EXPIRY) {
      this.distrust(
        `${name} never expires, so when it was written can’t be told: give it a life of \`ttl\`, or delete it`,
      );
    } else if (written > now + CLOCK_SLACK)
      this.distrust(`${name} lives longer than \`ttl\`, so when it was written can’t be told`);
    else this.oldest = Math.min(this.oldest, written);
  }

  distrust(reason: string): void {
    this.trouble ??= reason;
  }

  /** What another look found of the same scope. */
  join(other: Scope): void {
    this.oldest = Math.min(this.oldest, other.oldest);
    this.trouble ??= other.trouble;
    if (other.entries !== undefined) for (const [entry, expires] of other.entries) this.entries?.set(entry, expires);
  }

  /** Undefined: nothing is cached. */
  row(): Row | undefined {
    const { replica } = this.access;
    if (this.trouble !== undefined) return unreadRow(replica, this.key, this.trouble);
    if (this.oldest === Number.POSITIVE_INFINITY) return undefined;
    const { type } = replica.mapping.fields[0]!;
    const precision = type.kind === 'timestamp' ? type.precision : 3;
    return { key: this.key, values: [fromMillis(this.oldest, precision)] };
  }
}

export async function* scanScopes(
  session: Session,
  access: Access,
  count: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  // Results without a mark may stand on other servers than their set, so all of them are gathered first: one small object a scope.
  const unmarked = await gatherEntries(session, access, count, () => true, false, signal);
  yield* onEachServer(session, signal, (reader) => readScopes(reader, session, access, count, unmarked));
  const rest = [...unmarked.values()].flatMap((scope) => scope.row() ?? []);
  for (let i = 0; i < rest.length; i += 1000) yield rest.slice(i, i + 1000);
}

async function* readScopes(
  reader: Reader,
  session: Session,
  access: Access,
  count: number,
  unmarked: Map<string, Scope>,
): AsyncGenerator<readonly Row[]> {
  const size = new PageSize();
  size.rows = SCOPES_AT_ONCE;
  for await (const batch of batchesOf(scanKeys(reader, access.pattern.glob, count), access, size)) {
    const rows: Row[] = batch.flatMap(({ row }) =>
      row.unread === undefined ? [] : [unreadRow(access.replica, row.key, row.unread)],
    );
    const scopes = await Promise.all(
      batch.flatMap(({ text, row }) =>
        row.unread === undefined ? [readScope(session, access, row.key, text, false)] : [],
      ),
    );
    for (const scope of scopes) {
      const other = unmarked.get(keyText(scope.key));
      if (other !== undefined) {
        scope.join(other);
        unmarked.delete(keyText(scope.key));
      }
      const row = scope.row();
      if (row !== undefined) rows.push(row);
    }
    if (rows.length > 0) yield rows;
  }
}

interface CacheToken {
  readonly set: string;
  readonly entries: Entries;
}

export async function fetchScopes(
  session: Session,
  access: Access,
  keys: readonly Key[],
  count: number,
): Promise<readonly FetchedRow[]> {
  const wanted = new Set(keys.map(keyText));
  const unmarked = await gatherEntries(session, access, count, (key) => wanted.has(keyText(key)), true);
  const rows: FetchedRow[] = [];
  for (let from = 0; from < keys.length; from += SCOPES_AT_ONCE) {
    const found = await Promise.all(
      keys.slice(from, from + SCOPES_AT_ONCE).map(async (key): Promise<FetchedRow[]> => {
        const set = setOf(access, key);
        if (set === undefined) return [];
        const scope = await readScope(session, access, key, set, true);
        const other = unmarked.get(keyText(key));
        if (other !== undefined) scope.join(other);
        const row = scope.row();
        const raw: CacheToken = { set, entries: scope.entries! };
        return row === undefined ? [] : [{ ...row, token: { key: set, raw } }];
      }),
    );
    rows.push(...found.flat());
  }
  return rows;
}

function setOf(access: Access, key: Key): string | undefined {
  try {
    return buildKey(access, key);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

async function readScope(asker: Asker, access: Access, key: Key, set: string, keepEntries: boolean): Promise<Scope> {
  const scope = new Scope(access, key, keepEntries);
  const [first] = await asker.ask([['sscan', set, '0', 'COUNT', String(ENTRIES_AT_ONCE)]]);
  if (first instanceof Error) {
    if (!first.message.startsWith('WRONGTYPE')) throw first;
    scope.distrust('its key holds something else than a set');
    return scope;
  }
  for await (const { keys, broken } of scanMembers(asker, set, ENTRIES_AT_ONCE, first)) {
    const { expiries, now } = await readExpiries(asker, keys);
    for (const [i, entry] of keys.entries()) scope.add(entry, expiries[i]!, now);
    if (broken.length > 0) scope.distrust('a member of its set is not UTF-8');
  }
  return scope;
}

async function readExpiries(
  asker: Asker,
  keys: readonly string[],
): Promise<{ readonly expiries: readonly number[]; readonly now: number }> {
  const replies = await asker.ask([...keys.map((key) => ['pexpiretime', key] as const), ['time'] as const]);
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed !== undefined) throw failed;
  const [seconds, micros] = replies.at(-1) as readonly [Buffer, Buffer];
  return {
    expiries: replies.slice(0, -1) as number[],
    now: Number(seconds.toString()) * 1000 + Math.floor(Number(micros.toString()) / 1000),
  };
}

/** By scope, what the pattern `entries` finds, marked or not. Nothing without such a pattern. */
async function gatherEntries(
  session: Session,
  access: Access,
  count: number,
  isWanted: (scope: Key) => boolean,
  keepEntries: boolean,
  signal?: AbortSignal,
): Promise<Map<string, Scope>> {
  const scopes = new Map<string, Scope>();
  const { entries: pattern } = access;
  if (pattern === undefined) return scopes;
  const pages = onEachServer(session, signal, async function* (reader) {
    for await (const { keys } of scanKeys(reader, pattern.glob, count)) {
      const found = keys.flatMap((entry) => {
        if (access.excepts(entry) || 'values' in (access.pattern.parse(entry) ?? {})) return [];
        const parsed = pattern.parse(entry);
        return parsed !== undefined && 'values' in parsed && isWanted(parsed.values)
          ? [{ entry, key: parsed.values }]
          : [];
      });
      if (found.length === 0) continue;
      yield {
        found,
        ...(await readExpiries(
          reader,
          found.map(({ entry }) => entry),
        )),
      };
    }
  });
  for await (const { found, expiries, now } of pages) {
    for (const [i, { entry, key }] of found.entries()) {
      const text = keyText(key);
      let scope = scopes.get(text);
      if (scope === undefined) {
        scope = new Scope(access, key, keepEntries);
        scopes.set(text, scope);
      }
      scope.add(entry, expiries[i]!, now);
    }
  }
  return scopes;
}

/** Drops results that are older than the source's row, each only if it still is the one that was read. */
export async function dropScopes(
  session: Session,
  access: Access,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const calls: Call[] = [];
  const owners: number[] = [];
  for (const [i, change] of changes.entries()) {
    if (change.kind !== 'delete') continue;
    const { set, entries } = tokenOf(change.expected).raw as CacheToken;
    const dropped = [...entries].filter(([, expires]) => isOlder(access, expires, change.row));
    for (let from = 0; from < dropped.length; from += ENTRIES_A_SCRIPT) {
      const some = dropped.slice(from, from + ENTRIES_A_SCRIPT);
      calls.push({
        script: CACHE_DELETE,
        keys: [set, ...some.map(([entry]) => entry)],
        args: some.map(([, expires]) => String(expires)),
      });
      owners.push(i);
    }
  }
  const answers = await runCalls(session, calls);
  return changes.map((change, i): Outcome => {
    if (change.kind !== 'delete') return { outcome: 'refused', error: 'cached results are dropped, never written' };
    return together(answers.filter((_, at) => owners[at] === i));
  });
}

/** What the whole row is about may stay when it was written no earlier than the row changed. */
function isOlder({ words }: Access, expires: number, row: Row | undefined): boolean {
  const version = row?.values[0];
  if (version === undefined || version === null || expires === GONE || expires === NO_EXPIRY) return true;
  return BigInt(expires - words.ttl!) * 1000n < microsOf(version);
}

function together(outcomes: readonly Outcome[]): Outcome {
  for (const word of ['refused', 'written', 'moved'] as const) {
    const found = outcomes.find(({ outcome }) => outcome === word);
    if (found !== undefined) return found;
  }
  return { outcome: 'unchanged' };
}
