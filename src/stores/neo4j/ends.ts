// The end nodes of relationships that are to be written: found, locked, and made where the replica says so.

import type { Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { property } from './cypher.ts';
import { canonicalOf } from './decode.ts';
import { lock } from './guarded.ts';
import { endsByValues } from './lookup.ts';
import type { Natives } from './session.ts';
import { type End, quote, shownName } from './shape.ts';
import { nativeOf, orRefused, valueIn, type Work } from './work.ts';

/** A node with what it holds in the end's columns. */
export interface EndNode {
  readonly id: string;
  readonly held: Natives;
}

export interface Found {
  readonly end: End;
  /** By the values of the end's columns, as `valuesAt` says them of a row. */
  readonly nodes: ReadonlyMap<string, readonly EndNode[]>;
}

/** The nodes at both ends of these rows, locked. What they hold was read before that: `matchEnds` makes sure of it. */
export async function lockEnds(work: Work, rows: readonly Row[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const end of work.access.shape.ends) found.push({ end, nodes: await findNodes(work, end, rows) });
  await lockAll(work, found);
  return found;
}

/** As `found`, with the nodes that these rows lack. One that can't be written is left out. */
export async function createEnds(work: Work, found: readonly Found[], rows: readonly Row[]): Promise<readonly Found[]> {
  const made: Found[] = [];
  for (const { end, nodes } of found) {
    const missing = wantedAt(work, end, rows).filter((values) => !nodes.has(JSON.stringify(values)));
    const writable = missing.flatMap((values) => {
      const held = orRefused(() => end.columns.map((column, i) => nativeOf(work, column, values[i]!)));
      return 'outcome' in held ? [] : [{ text: JSON.stringify(values), held }];
    });
    const properties = end.columns.map(({ property }, i) => `${quote(property)}: row.held[${i}]`).join(', ');
    const query = `UNWIND $rows AS row MERGE (x:${quote(end.label)} {${properties}}) RETURN elementId(x), row.text, row.held`;
    const created = new Map<string, EndNode[]>();
    for (const [id, text, held] of writable.length === 0 ? [] : await work.run(query, { rows: writable })) {
      addTo(created, text as string, { id: id as string, held: held as Natives });
    }
    made.push({ end, nodes: created });
  }
  // Another writer may have made them in the very last moment.
  await lockAll(work, made);
  return found.map(({ end, nodes }, i) => ({ end, nodes: new Map([...nodes, ...made[i]!.nodes]) }));
}

/** The row's node at an end, or why there is none to hang a relationship on. `isMissing`: one could be made. */
export function nodeAt(
  work: Work,
  { end, nodes }: Found,
  row: Row,
): EndNode | { readonly reason: string; readonly isMissing?: true } {
  const text = valuesAt(work, end, row);
  if (text === undefined) {
    const names = end.columns.filter((column) => valueIn(work, column, row) === null).map(({ field }) => field.name);
    return { reason: `${names.join(', ')} is null in the source, and a relationship needs both ends` };
  }
  const all = nodes.get(text) ?? [];
  if (all.length === 1) return all[0]!;
  const parts = end.columns.map(({ property, field }, i) =>
    field.sensitive ? `that ${property}` : `${property} ${JSON.stringify((JSON.parse(text) as string[])[i])}`,
  );
  const named = `${shownName(end.label)}${parts.length === 0 ? '' : ` with ${parts.join(' and ')}`}`;
  return all.length === 0 ? { reason: `no ${named}`, isMissing: true } : { reason: `several nodes ${named}` };
}

/** Finds the nodes of `row.from` and `row.to` as `a` and `b`; no row is left where one of them has changed since it was found. */
export function matchEnds({ access }: Work): string {
  const { ends } = access.shape;
  const conditions = ends.flatMap(({ side, variable, label, columns }) => [
    `${variable}:${quote(label)}`,
    ...columns.map((column, i) => `${property(column)} = row.${side}.held[${i}]`),
  ]);
  return `MATCH (a) WHERE elementId(a) = row.from.id MATCH (b) WHERE elementId(b) = row.to.id
    WITH * WHERE ${conditions.join(' AND ')}`;
}

/** The row's values at an end, as one text; undefined where one of them is null. */
function valuesAt(work: Work, end: End, row: Row): string | undefined {
  const values = end.columns.map((column) => valueIn(work, column, row));
  return values.includes(null) ? undefined : JSON.stringify(values);
}

/** Distinct values at an end, each a list of canonical texts. */
function wantedAt(work: Work, end: End, rows: readonly Row[]): readonly (readonly string[])[] {
  const texts = new Set(rows.flatMap((row) => valuesAt(work, end, row) ?? []));
  return [...texts].map((text) => JSON.parse(text) as string[]);
}

async function findNodes(work: Work, end: End, rows: readonly Row[]): Promise<Found['nodes']> {
  const { access, connection, run } = work;
  const { query, keys } = endsByValues(connection.neo4j, access.schema, end, wantedAt(work, end, rows));
  const returned = [`elementId(${end.variable})`, ...end.columns.map(property)].join(', ');
  const nodes = new Map<string, EndNode[]>();
  for (const [id, ...held] of await run(`${query} RETURN ${returned}`, { keys })) {
    const values = held.map((native, i) => canonicalOrNull(work, end, native, i));
    addTo(nodes, JSON.stringify(values), { id: id as string, held });
  }
  return nodes;
}

/** To Cypher a value may equal what it is not: then it belongs to none of the rows. */
function canonicalOrNull({ connection }: Work, end: End, native: unknown, i: number): string | null {
  try {
    return canonicalOf(connection.neo4j, end.columns[i]!.field.type, native);
  } catch (error) {
    if (error instanceof ValueError) return null;
    throw error;
  }
}

async function lockAll(work: Work, found: readonly Found[]): Promise<void> {
  const ids = found.flatMap(({ nodes }) => [...nodes.values()].flat().map(({ id }) => id));
  if (ids.length > 0) await lock(work, 'n', ids);
}

function addTo(nodes: Map<string, EndNode[]>, text: string, node: EndNode): void {
  const known = nodes.get(text);
  if (known === undefined) nodes.set(text, [node]);
  else if (!known.some(({ id }) => id === node.id)) known.push(node);
}
