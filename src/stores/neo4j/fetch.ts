// Finds records by key, each with the token that a conditional write needs.

import { type Key, keyText } from '../../mapping/mapping.ts';
import type { FetchedRow } from '../store.ts';
import type { Access } from './access.ts';
import { heldColumns, pattern, where } from './cypher.ts';
import { type Lookup, lookup } from './key-forms.ts';
import { hasEndIndex, hasKeyIndex } from './schema.ts';
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
  const { decoder } = access;
  const wanted = new Map(keys.map((key) => [keyText(key), key]));
  const found = new Map<string, FetchedRow>();
  const unique = [...wanted.values()];
  for (let from = 0; from < unique.length; from += MOST_KEYS) {
    const some = unique.slice(from, from + MOST_KEYS);
    const { query, parameters } = byKeys(neo4j, access, some);
    for (const [id, ...natives] of await run(query, parameters)) {
      const row = decoder.row((i) => natives[i]);
      // Conditions on several parts of a key find more than was asked for.
      if (wanted.has(keyText(row.key)))
        found.set(id as string, { ...row, token: { id: id as string, natives } satisfies Token });
    }
  }
  return [...found.values()];
}

function byKeys(
  neo4j: Neo4j,
  access: Access,
  keys: readonly Key[],
): { query: string; parameters: Lookup['parameters'] } {
  const { shape } = access;
  const { unwind, condition, parameters } = lookup(neo4j, shape.columns.slice(0, shape.keys), keys, isIndexed(access));
  const records = pattern(shape, (end) => end.columns.some(({ isKey }) => isKey));
  const returned = [`elementId(${shape.record})`, ...heldColumns(shape)].join(', ');
  return { query: `${unwind}MATCH ${records}${where(shape, condition)} RETURN ${returned}`, parameters };
}

/** Some index leads to the records of one key. */
function isIndexed({ shape, schema }: Access): boolean {
  return hasKeyIndex(schema, shape) || shape.ends.some((end) => hasEndIndex(schema, end, true));
}
