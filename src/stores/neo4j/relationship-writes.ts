// Relationships: created between two end nodes, updated by their mapped properties, and hung elsewhere where an end is wrong. Neo4j can't move one,
// so a new one takes over all its properties, those that the mapping does not name included, and the old one goes in the same transaction.

import { keyText, type Row } from '../../mapping/mapping.ts';
import type { Outcome } from '../store.ts';
import { createEnds, type EndNode, type Found, lockEnds, matchEnds, nodeAt } from './ends.ts';
import { tokenOf } from './fetch.ts';
import { setProperties } from './node-writes.ts';
import type { Natives } from './session.ts';
import { quote } from './shape.ts';
import {
  assignmentsOf,
  type Insert,
  keysPresent,
  moved,
  orRefused,
  propertiesOf,
  refused,
  type Update,
  unchanged,
  type Work,
  type Writes,
  written,
} from './work.ts';

interface Hung {
  /** Index of the change. */
  readonly i: bigint;
  readonly from: EndNode;
  readonly to: EndNode;
  readonly set: Record<string, unknown>;
}

export const relationshipWrites: Writes = {
  async insert(work, inserts) {
    const { shape } = work.access;
    const found = await endsFor(work, inserts);
    // Where the ends are the whole key, the statement that creates it can see by itself whether it is there.
    const isWholeKey = shape.columns.every(({ isKey, side }) => isKey === (side !== undefined));
    const present = isWholeKey ? new Set() : await keysPresent(work, rowsOf(inserts));
    const rows: Hung[] = [];
    const own = shape.columns.filter(({ side }) => side === undefined);
    const outcomes = inserts.map(({ row }, i): Outcome => {
      if (present.has(keyText(row.key))) return moved;
      const ends = endsOf(work, found, row);
      if ('outcome' in ends) return ends;
      const made = orRefused(() => ({ ...ends, i: BigInt(i), set: propertiesOf(work, own, row) }));
      if ('outcome' in made) return made;
      rows.push(made);
      // Until it is known to have been.
      return moved;
    });
    if (rows.length === 0) return outcomes;
    const type = quote(shape.target);
    const absent = isWholeKey ? ` AND NOT EXISTS { (a)-[:${type}]->(b) }` : '';
    const query = `UNWIND $rows AS row ${matchEnds(work)}${absent} CREATE (a)-[r:${type}]->(b) SET r = row.set RETURN row.i`;
    return withWritten(outcomes, await work.run(query, { rows }));
  },

  async update(work, updates) {
    const { columns, keys, target } = work.access.shape;
    const isRehung = ({ fields }: Update) => fields.some((field) => columns[keys + field]!.side !== undefined);
    const found = await endsFor(work, updates.filter(isRehung));
    const plain: { readonly id: string; readonly set: Record<string, unknown> }[] = [];
    const hung: (Hung & { readonly id: string })[] = [];
    const outcomes = updates.map((update, i): Outcome => {
      const { id } = tokenOf(update.expected);
      const made = orRefused(() => ({ set: assignmentsOf(work, update) }));
      if ('outcome' in made) return made;
      if (isRehung(update)) {
        const ends = endsOf(work, found, update.row);
        if ('outcome' in ends) return ends;
        hung.push({ ...ends, ...made, id, i: BigInt(i) });
        return moved;
      }
      if (Object.keys(made.set).length === 0) return unchanged;
      plain.push({ ...made, id });
      return written;
    });
    await setProperties(work, plain);
    if (hung.length === 0) return outcomes;
    // The old one goes first: a constraint would not let both have the key.
    const query = `UNWIND $rows AS row MATCH ()-[old]->() WHERE elementId(old) = row.id ${matchEnds(work)}
      WITH row, old, a, b, properties(old) AS held DELETE old
      CREATE (a)-[r:${quote(target)}]->(b) SET r = held SET r += row.set RETURN row.i`;
    return withWritten(outcomes, await work.run(query, { rows: hung }));
  },

  async remove(work, deletes) {
    const ids = deletes.map(({ expected }) => tokenOf(expected).id);
    await work.run('UNWIND $ids AS id MATCH ()-[r]->() WHERE elementId(r) = id DELETE r', { ids });
    return deletes.map(() => written);
  },
};

async function endsFor(work: Work, changes: readonly (Insert | Update)[]): Promise<readonly Found[]> {
  if (changes.length === 0) return [];
  const found = await lockEnds(work, rowsOf(changes));
  if (!work.access.shape.createEnds) return found;
  const lacking = changes.filter(({ row }) => {
    const nodes = found.map((end) => nodeAt(work, end, row));
    return nodes.some((node) => 'isMissing' in node) && nodes.every((node) => 'id' in node || node.isMissing);
  });
  if (lacking.length === 0) return found;
  // For what is there already, no node is made.
  const present = await keysPresent(work, rowsOf(lacking.filter(({ kind }) => kind === 'insert')));
  const needed = lacking.filter(({ kind, row }) => kind === 'update' || !present.has(keyText(row.key)));
  return createEnds(work, found, rowsOf(needed));
}

function endsOf(work: Work, found: readonly Found[], row: Row): { from: EndNode; to: EndNode } | Outcome {
  const [from, to] = found.map((end) => nodeAt(work, end, row));
  const reasons = [from!, to!].flatMap((node) => ('reason' in node ? [node.reason] : []));
  if (reasons.length > 0) return refused([...new Set(reasons)].join('; '));
  return { from: from as EndNode, to: to as EndNode };
}

/** `rows`: the indexes of the changes that were made. */
function withWritten(outcomes: readonly Outcome[], rows: readonly Natives[]): readonly Outcome[] {
  const made = new Set(rows.map(([i]) => Number(i)));
  return outcomes.map((outcome, i) => (made.has(i) ? written : outcome));
}

function rowsOf(changes: readonly (Insert | Update)[]): readonly Row[] {
  return changes.map(({ row }) => row);
}
