// Relationships: created between two end nodes, updated by their mapped properties, and hung elsewhere where an end is wrong. Neo4j can't move one,
// so a new one takes over all its properties, those that the mapping does not name included, and the old one goes in the same transaction.

import { keyText } from '../../mapping/mapping.ts';
import type { Outcome } from '../store.ts';
import { createEnds, type Found, lockEnds, nodeAt } from './ends.ts';
import { tokenOf } from './fetch.ts';
import { setProperties } from './node-writes.ts';
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
  readonly from: string;
  readonly to: string;
  readonly set: Record<string, unknown>;
}

export const relationshipWrites: Writes = {
  async insert(work, inserts) {
    const { shape } = work.access;
    const found = await endsFor(work, inserts);
    const present = await keysPresent(
      work,
      inserts.map(({ row }) => row),
    );
    const rows: Hung[] = [];
    const own = shape.columns.filter(({ side }) => side === undefined);
    const outcomes = inserts.map(({ row }): Outcome => {
      if (present.has(keyText(row.key))) return moved;
      const ends = endsOf(work, found, row);
      if ('outcome' in ends) return ends;
      const made = orRefused(() => ({ ...ends, set: propertiesOf(work, own, row) }));
      if ('outcome' in made) return made;
      rows.push(made);
      return written;
    });
    if (rows.length > 0) {
      await work.run(`UNWIND $rows AS row ${MATCH_ENDS} CREATE (a)-[r:${quote(shape.target)}]->(b) SET r = row.set`, {
        rows,
      });
    }
    return outcomes;
  },

  async update(work, updates) {
    const { columns, keys, target } = work.access.shape;
    const isRehung = ({ fields }: Update) => fields.some((field) => columns[keys + field]!.side !== undefined);
    const found = await endsFor(work, updates.filter(isRehung));
    const plain: { readonly id: string; readonly set: Record<string, unknown> }[] = [];
    const hung: (Hung & { readonly id: string })[] = [];
    const outcomes = updates.map((update): Outcome => {
      const { id } = tokenOf(update.expected);
      const made = orRefused(() => ({ set: assignmentsOf(work, update) }));
      if ('outcome' in made) return made;
      if (isRehung(update)) {
        const ends = endsOf(work, found, update.row);
        if ('outcome' in ends) return ends;
        hung.push({ ...ends, ...made, id });
      } else if (Object.keys(made.set).length === 0) return unchanged;
      else plain.push({ ...made, id });
      return written;
    });
    await setProperties(work, plain);
    if (hung.length > 0) {
      // The old one first: a constraint would not let both have the key.
      await work.run(
        `UNWIND $rows AS row MATCH ()-[old]->() WHERE elementId(old) = row.id ${MATCH_ENDS}
         WITH row, old, a, b, properties(old) AS held DELETE old
         CREATE (a)-[r:${quote(target)}]->(b) SET r = held SET r += row.set`,
        { rows: hung },
      );
    }
    return outcomes;
  },

  async remove(work, deletes) {
    const ids = deletes.map(({ expected }) => tokenOf(expected).id);
    await work.run('UNWIND $ids AS id MATCH ()-[r]->() WHERE elementId(r) = id DELETE r', { ids });
    return deletes.map(() => written);
  },
};

const MATCH_ENDS = 'MATCH (a) WHERE elementId(a) = row.from MATCH (b) WHERE elementId(b) = row.to';

async function endsFor(work: Work, changes: readonly (Insert | Update)[]): Promise<readonly Found[]> {
  if (changes.length === 0) return [];
  const rows = changes.map(({ row }) => row);
  const found = await lockEnds(work, rows);
  if (!work.access.shape.createEnds) return found;
  const lacking = changes.filter(({ row }) => {
    const nodes = found.map((end) => nodeAt(work, end, row));
    return nodes.some((node) => 'isMissing' in node) && nodes.every((node) => 'id' in node || node.isMissing);
  });
  if (lacking.length === 0) return found;
  // For what is there already, no node is made.
  const present = await keysPresent(
    work,
    lacking.filter(({ kind }) => kind === 'insert').map(({ row }) => row),
  );
  const needed = lacking.filter(({ kind, row }) => kind === 'update' || !present.has(keyText(row.key)));
  return createEnds(
    work,
    found,
    needed.map(({ row }) => row),
  );
}

function endsOf(work: Work, found: readonly Found[], row: Insert['row']): { from: string; to: string } | Outcome {
  const [from, to] = found.map((end) => nodeAt(work, end, row)) as [
    ReturnType<typeof nodeAt>,
    ReturnType<typeof nodeAt>,
  ];
  const reasons = [from, to].flatMap((node) => ('reason' in node ? [node.reason] : []));
  if ('reason' in from || 'reason' in to) return refused([...new Set(reasons)].join('; '));
  return { from: from.id, to: to.id };
}
