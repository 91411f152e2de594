// Whole rows as PostgreSQL's own JSON, and back: `row_to_json` keeps every column exactly (numbers with their digits, json verbatim), and
// `json_populate_record` reads it again, by name, so that a column that came later does no harm.

import type { Mapping } from '../../mapping/mapping.ts';
import { keyArraysSql, keyParameters, type Relation } from '../../postgres/relation.ts';
import { type Asking, quoteIdentifier } from '../../postgres/session.ts';
import type { Captured, FetchedRow } from '../store.ts';

/** In the order of `rows`. The row version that was read, or undefined where that is gone. */
export async function captureImages(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  rows: readonly FetchedRow[],
): Promise<readonly (Captured | undefined)[]> {
  const tokens = rows.map((row) => row.token as readonly [string, string]);
  const names = mapping.key.map((_, i) => `k${i}`);
  // The key as well: rows of two partitions may share place and transaction.
  const isKey = mapping.key.map((field, i) => `held.${quoteIdentifier(field.target)} = given.k${i}`);
  const found = await session.query(
    `read ${rows.length} rows whole`,
    `select given.position, row_to_json(held)::text as image from ${relation.shape.from} as held
       join unnest($1::tid[], $2::text[], ${keyArraysSql(relation, mapping, 3).join(', ')})
         with ordinality as given(row_id, row_version, ${names.join(', ')}, position)
         on held.ctid = given.row_id and held.xmin::text = given.row_version and ${isKey.join(' and ')}`,
    [
      tokens.map(([rowId]) => rowId),
      tokens.map(([, version]) => version),
      ...keyParameters(
        rows.map((row) => row.key),
        mapping.key.length,
      ),
    ],
  );
  const images = new Map(found.map(({ position, image }) => [Number(position) - 1, { image: image! }]));
  return rows.map((_, i) => images.get(i));
}

/** SQL for one column of an image, which the expression gives as text. */
export function imageColumn(relation: Relation, name: string, image: string): string {
  return `(json_populate_record(null::${relation.shape.from}, ${image}::json)).${quoteIdentifier(name)}`;
}

/** All columns but those that the server computes. */
export function writableColumns({ shape }: Relation): readonly string[] {
  return [...shape.columns.values()].filter(({ generated }) => !generated).map(({ name }) => name);
}
