// Looks records up by key.

import { type Key, keyText } from '../../mapping/mapping.ts';
import type { FetchedRow } from '../store.ts';
import { makeBinds } from './binds.ts';
import { type BindKind, bindKind } from './column-sql.ts';
import type { Decoder } from './decode.ts';
import { type BindValue, keyBinds } from './encode.ts';
import type { Connection, RawRow, Session } from './session.ts';
import { fetchSql, type KeyPart, type Place } from './sql.ts';

/** Oracle's limit for one IN list. */
export const MOST_KEYS = 1000;
/** Keys of several conditions are joined by OR, whose plans grow with their number. */
const MOST_JOINED = 100;
/** Few texts of statements, so that the server finds most of them parsed already; the last key fills what is left. */
export const SIZES = [1, 10, 100, MOST_KEYS] as const;

/** What a write depends on: the record's place and its raw values as they were read, the key's first. */
export interface Token {
  readonly rowid?: string;
  readonly raw: RawRow;
}

export async function fetchRows(
  session: Session,
  connection: Connection,
  place: Place,
  decoder: Decoder,
  keys: readonly Key[],
): Promise<readonly FetchedRow[]> {
  const wanted = new Set(keys.map(keyText));
  const bound = keys.flatMap((key) => {
    const binds = bindsOf(place.key, key);
    return binds === undefined ? [] : [binds];
  });
  const kinds = place.key.flatMap((part): BindKind[] => Array(bindsAPart(part)).fill(bindKind(part.column)));
  const isJoined = place.key.some(({ match }) => match !== 'equal');
  const most = isJoined ? MOST_JOINED : MOST_KEYS;
  const found: FetchedRow[] = [];
  for (let from = 0; from < bound.length; from += most) {
    const some = bound.slice(from, from + most);
    const size = SIZES.find((it) => it >= some.length)!;
    const filled = [...some, ...Array<(typeof some)[number]>(size - some.length).fill(some.at(-1)!)];
    const binds = makeBinds(session.driver, kinds, filled.flat());
    for (const raw of await session.query(connection, fetchSql(place, size), binds)) {
      const token: Token = place.hasRowids ? { rowid: raw[0] as string, raw: raw.slice(1) } : { raw };
      const row = decoder.row(token.raw);
      // A range or a spelling may find more than was asked for.
      if (wanted.has(keyText(row.key))) found.push({ ...row, token });
    }
  }
  return found;
}

function bindsOf(parts: readonly KeyPart[], key: Key): readonly BindValue[] | undefined {
  const binds: BindValue[] = [];
  for (const [i, part] of parts.entries()) {
    const values = keyBinds(part, key[i]!);
    if (values === undefined) return undefined;
    binds.push(...values);
  }
  return binds;
}

function bindsAPart({ match }: KeyPart): number {
  return match === 'equal' ? 1 : match === 'range' ? 2 : match.spellings;
}
