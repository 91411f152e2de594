// Looks records up by key.

import { type Key, keyText } from '../../mapping/mapping.ts';
import type { FetchedRow } from '../store.ts';
import { type Access, both } from './access.ts';
import { readBatches } from './batches.ts';
import { makeToken } from './guarded.ts';
import type { Connection } from './session.ts';

export const MOST_KEYS = 1000;

/** `newest` reads the primary as a write would find it. */
export async function fetchRows(
  connection: Connection,
  access: Access,
  keys: readonly Key[],
  newest = false,
): Promise<readonly FetchedRow[]> {
  const rows: FetchedRow[] = [];
  for (let from = 0; from < keys.length; from += MOST_KEYS) {
    const wanted = keys.slice(from, from + MOST_KEYS);
    const texts = new Set(wanted.map(keyText));
    const query = {
      collection: access.replica.target,
      filter: both(access.keys.forKeys(wanted), access.where),
      projection: access.projection,
      batchSize: wanted.length + 1,
      newest,
    };
    for await (const { bytes, starts } of readBatches(connection, query)) {
      for (const start of starts) {
        const row = access.decoder.row(bytes, start);
        // A collation, or an array that holds the key, makes the server return more than was asked for.
        if (texts.has(keyText(row.key))) rows.push({ ...row, token: makeToken(bytes, start) });
      }
    }
  }
  return rows;
}
