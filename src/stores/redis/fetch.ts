// Looks records up by key, where each has a key of Redis of its own.

import type { Key } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { FetchedRow } from '../store.ts';
import { type Access, buildKey, unreadRow } from './access.ts';
import { isMisfit, type Token } from './format.ts';
import { PageSize } from './scan.ts';
import type { Session } from './session.ts';

export const MOST_KEYS = 1000;

export async function fetchRows(
  session: Session,
  access: Access,
  keys: readonly Key[],
): Promise<readonly FetchedRow[]> {
  const format = access.format!;
  const rows: FetchedRow[] = [];
  const wanted: { readonly key: Key; readonly text: string; readonly trouble?: string }[] = [];
  for (const key of keys) {
    const place = placeOf(access, key);
    if (place !== undefined) wanted.push({ key, ...place });
  }
  const size = new PageSize();
  for (let from = 0; from < wanted.length; ) {
    const some = wanted.slice(from, from + size.rows);
    from += some.length;
    const held = await format.read(
      session,
      some.map(({ text }) => text),
    );
    let bytes = 0;
    for (const [i, { key, text, trouble }] of some.entries()) {
      const raw = held[i];
      if (raw === undefined) continue;
      if (isMisfit(raw) || trouble !== undefined) {
        const reason = isMisfit(raw) ? raw.misfit : trouble!;
        rows.push({ ...unreadRow(access.replica, key, reason), token: { key: text, raw: undefined } satisfies Token });
        continue;
      }
      bytes += format.sizeOf(raw);
      const decoded = format.decode(raw);
      if (decoded !== undefined) rows.push({ key, ...decoded, token: { key: text, raw } satisfies Token });
    }
    size.learn(some.length, bytes);
  }
  return rows;
}

/** Undefined: no record of this key can stand here. */
function placeOf(access: Access, key: Key): { readonly text: string; readonly trouble?: string } | undefined {
  try {
    const text = buildKey(access, key);
    return text === undefined ? undefined : { text };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { text: access.pattern.build(key), trouble: error.message };
  }
}
