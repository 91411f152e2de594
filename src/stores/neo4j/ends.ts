// The end nodes of relationships that are to be written: found, locked, and made where the replica says so.

import type { Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { property } from './cypher.ts';
import { canonicalOf } from './decode.ts';
import { lock } from './guarded.ts';
import { lookup } from './key-forms.ts';
import { hasEndIndex } from './schema.ts';
import { type End, quote, shownName } from './shape.ts';
import { nativeOf, orRefused, valueIn, type Work } from './work.ts';

/** The elementIds of the nodes at one end, by what `valuesAt` says of a row. */
export type Nodes = ReadonlyMap<string, readonly string[]>;

export interface Found {
  readonly end: End;
  readonly nodes: Nodes;
}

/** The row's values at an end, as one text; undefined where one of them is null. */
export function valuesAt(work: Work, end: End, row: Row): string | undefined {
  const values = end.columns.map((column) => valueIn(work, column, row));
  return values.includes(null) ? undefined : JSON.stringify(values);
}

/** The nodes at both ends of these rows. They are ours until the transaction ends. */
export async function lockEnds(work: Work, rows: readonly Row[]): Promise<readonly Found[]> {
  const { ends } = work.access.shape;
  const ids: string[][] = [];
  for (const end of ends) ids.push(await candidates(work, end, wantedAt(work, end, rows)));
  await lock(work, 'n', ids.flat());
  const found: Found[] = [];
  for (const [i, end] of ends.entries()) found.push({ end, nodes: await readNodes(work, end, ids[i]!) });
  return found;
}

/** Distinct values at an end, each a list of canonical texts. */
function wantedAt(work: Work, end: End, rows: readonly Row[]): readonly (readonly string[])[] {
  const texts = new Set(rows.flatMap((row) => valuesAt(work, end, row) ?? []));
  return [...texts].map((text) => JSON.parse(text) as string[]);
}

async function candidates(work: Work, end: End, wanted: readonly (readonly string[])[]): Promise<string[]> {
  const { access, connection, run } = work;
  const { columns, label, variable } = end;
  const { unwind, condition, parameters } = lookup(connection.neo4j, columns, wanted, hasEndIndex(access.schema, end));
  const query = `${unwind}MATCH (${variable}:${quote(label)}) WHERE ${condition} RETURN elementId(${variable})${columns.length === 0 ? ' LIMIT 2' : ''}`;
  return (await run(query, parameters)).map(([id]) => id as string);
}

/** What they hold now that nobody else can change it. */
async function readNodes({ connection, run }: Work, end: End, ids: readonly string[]): Promise<Nodes> {
  const { columns, label, variable } = end;
  const rows = await run(
    `UNWIND $ids AS id MATCH (${variable}) WHERE elementId(${variable}) = id
     WITH id, ${variable} WHERE ${variable}:${quote(label)} RETURN ${['id', ...columns.map(property)].join(', ')}`,
    { ids: [...new Set(ids)] },
  );
  const nodes = new Map<string, string[]>();
  for (const [id, ...natives] of rows) {
    const values = natives.map((native, i) => {
      try {
        return native === null ? null : canonicalOf(connection.neo4j, columns[i]!.field.type, native);
      } catch (error) {
        if (error instanceof ValueError) return null;
        throw error;
      }
    });
    const text = JSON.stringify(values);
    nodes.set(text, [...(nodes.get(text) ?? []), id as string]);
  }
  return nodes;
}

/** Makes the nodes that are missing; the rest stay as they are. One that can't be written is left out. */
export async function createEnds(work: Work, found: readonly Found[], rows: readonly Row[]): Promise<readonly Found[]> {
  const made: Found[] = [];
  for (const { end, nodes } of found) {
    const missing = wantedAt(work, end, rows).filter((values) => !nodes.has(JSON.stringify(values)));
    const writable = missing.flatMap((values) => {
      const natives = orRefused(() => end.columns.map((column, i) => nativeOf(work, column, values[i]!)));
      return 'outcome' in natives ? [] : [{ text: JSON.stringify(values), values: natives }];
    });
    const all = new Map(nodes);
    if (writable.length > 0) {
      const properties = end.columns.map(({ property }, i) => `${quote(property)}: row.values[${i}]`).join(', ');
      const query = `UNWIND $rows AS row MERGE (x:${quote(end.label)} {${properties}}) RETURN row.text, elementId(x)`;
      for (const [text, id] of await work.run(query, { rows: writable })) {
        all.set(text as string, [...(all.get(text as string) ?? []), id as string]);
      }
    }
    made.push({ end, nodes: all });
  }
  return made;
}

/** The row's node at an end, or why there is none to hang a relationship on. `isMissing`: one could be made. */
export function nodeAt(
  work: Work,
  { end, nodes }: Found,
  row: Row,
): { readonly id: string } | { readonly reason: string; readonly isMissing?: true } {
  const text = valuesAt(work, end, row);
  if (text === undefined) {
    const names = end.columns.filter((column) => valueIn(work, column, row) === null).map(({ field }) => field.name);
    return { reason: `${names.join(', ')} is null in the source, and a relationship needs both ends` };
  }
  const ids = nodes.get(text) ?? [];
  if (ids.length === 1) return { id: ids[0]! };
  const parts = end.columns.map(({ property, field }, i) =>
    field.sensitive ? `that ${property}` : `${property} ${JSON.stringify((JSON.parse(text) as string[])[i])}`,
  );
  const named = `${shownName(end.label)}${parts.length === 0 ? '' : ` with ${parts.join(' and ')}`}`;
  return ids.length === 0 ? { reason: `no ${named}`, isMissing: true } : { reason: `${ids.length} nodes ${named}` };
}
