// Looks records up by key.

import type { Document } from 'mongodb';
import { type Key, keyText } from '../../mapping/mapping.ts';
import type { FetchedRow } from '../store.ts';
import type { Access } from './access.ts';
import { type Batch, readBatches } from './batches.ts';
import { makeToken } from './guarded.ts';
import type { Connection } from './session.ts';
import { both } from './where.ts';

export const MOST_KEYS = 1000;
/** A few small questions at once are answered sooner than one long one. */
const KEYS_A_QUESTION = 200;

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
    const questions = Array.from({ length: Math.ceil(wanted.length / KEYS_A_QUESTION) }, (_, i) =>
      wanted.slice(i * KEYS_A_QUESTION, (i + 1) * KEYS_A_QUESTION),
    );
    const answers = await Promise.all(
      questions.map((some) =>
        findDocuments(connection, access, both(access.keys.forKeys(some), access.where), some.length, newest),
      ),
    );
    for (const { bytes, starts } of answers.flat()) {
      for (const start of starts) {
        const row = access.decoder.row(bytes, start);
        // A collation, or an array that holds the key, makes the server return more than was asked for.
        if (texts.has(keyText(row.key))) rows.push({ ...row, token: makeToken(bytes, start) });
      }
    }
  }
  return rows;
}

/** The mapped part of all documents that match; `count` is about how many there will be. */
export async function findDocuments(
  connection: Connection,
  { replica, projection }: Access,
  filter: Document,
  count: number,
  newest: boolean,
): Promise<readonly Batch[]> {
  const query = { collection: replica.target, filter, projection, batchSize: count + 1, newest };
  const batches: Batch[] = [];
  for await (const batch of readBatches(connection, query)) batches.push(batch);
  return batches;
}
