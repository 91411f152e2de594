// Finds records by key, each with the token that a conditional write needs.

import { type Key, keyText } from '../../mapping/mapping.ts';
import type { FetchedRow } from '../store.ts';
import type { Access } from './access.ts';
import { heldColumns } from './cypher.ts';
import { recordsByKeys } from './lookup.ts';
import type { Natives, Neo4j, Run } from './session.ts';

export const MOST_KEYS = 1000;

/** A record as it was read: the values as the driver gave them, column by column. Its elementId alone is not enough: Neo4j gives it to others later. */
export interface Token {
  readonly id: string;
  readonly natives: Natives;
}

export function tokenOf(row: FetchedRow): Token {
  return row.token as Token;
}

/** `run` is a read of its own or a transaction that is under way. */
export async function fetchRows(
  neo4j: Neo4j,
  run: Run,
  access: Access,
  keys: readonly Key[],
): Promise<readonly FetchedRow[]> {
  const { decoder, shape } = access;
  const wanted = new Map(keys.map((key) => [keyText(key), key]));
  const found = new Map<string, FetchedRow>();
  const unique = [...wanted.values()];
  for (let from = 0; from < unique.length; from += MOST_KEYS) {
    const some = unique.slice(from, from + MOST_KEYS);
    const { query, keys } = recordsByKeys(neo4j, access, some);
    const returned = [`elementId(${shape.record})`, ...heldColumns(shape)].join(', ');
    for (const [id, ...natives] of await run(`${query} RETURN ${returned}`, { keys })) {
      const row = decoder.row((i) => natives[i]);
      // To Cypher a large integer equals the float next to it.
      if (!wanted.has(keyText(row.key))) continue;
      found.set(id as string, { ...row, token: { id: id as string, natives } satisfies Token });
    }
  }
  return [...found.values()];
}
