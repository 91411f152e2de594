// Nodes: created with their label, updated by their mapped properties, deleted if nothing hangs on them or the replica says `detach`.

import { keyText } from '../../mapping/mapping.ts';
import type { Outcome } from '../store.ts';
import { tokenOf } from './fetch.ts';
import { quote } from './shape.ts';
import {
  assignmentsOf,
  keysPresent,
  moved,
  orRefused,
  propertiesOf,
  refused,
  unchanged,
  type Work,
  type Writes,
  written,
} from './work.ts';

export const nodeWrites: Writes = {
  async insert(work, inserts) {
    const { shape } = work.access;
    const present = await keysPresent(
      work,
      inserts.map(({ row }) => row),
    );
    const rows: Record<string, unknown>[] = [];
    const outcomes = inserts.map(({ row }): Outcome => {
      if (present.has(keyText(row.key))) return moved;
      const made = orRefused(() => ({ properties: propertiesOf(work, shape.columns, row) }));
      if ('outcome' in made) return made;
      rows.push(made.properties);
      return written;
    });
    if (rows.length > 0) await work.run(`UNWIND $rows AS row CREATE (n:${quote(shape.target)}) SET n = row`, { rows });
    return outcomes;
  },

  async update(work, updates) {
    const rows: { readonly id: string; readonly set: Record<string, unknown> }[] = [];
    const outcomes = updates.map((update): Outcome => {
      const made = orRefused(() => ({ set: assignmentsOf(work, update) }));
      if ('outcome' in made) return made;
      if (Object.keys(made.set).length === 0) return unchanged;
      rows.push({ id: tokenOf(update.expected).id, set: made.set });
      return written;
    });
    await setProperties(work, rows);
    return outcomes;
  },

  async remove(work, deletes) {
    const { shape } = work.access;
    const ids = deletes.map(({ expected }) => tokenOf(expected).id);
    const busy = shape.detach ? new Map<string, bigint>() : await relationshipsOf(work, ids);
    const free = ids.filter((id) => !busy.has(id));
    if (free.length > 0) {
      await work.run(
        `UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id ${shape.detach ? 'DETACH DELETE' : 'DELETE'} n`,
        { ids: free },
      );
    }
    return ids.map((id) => {
      const count = busy.get(id);
      if (count === undefined) return written;
      return refused(
        `${count} relationship${count === 1n ? '' : 's'} would go with it; \`detach: true\` in the replica allows that`,
      );
    });
  },
};

/** By elementId, of nodes or of relationships: null removes a property. */
export async function setProperties(
  { access, run }: Work,
  rows: readonly { readonly id: string; readonly set: Record<string, unknown> }[],
): Promise<void> {
  if (rows.length === 0) return;
  const entity = access.shape.record === 'n' ? '(x)' : '()-[x]->()';
  await run(`UNWIND $rows AS row MATCH ${entity} WHERE elementId(x) = row.id SET x += row.set`, { rows });
}

async function relationshipsOf({ run }: Work, ids: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
  const query =
    'UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id WITH id, COUNT { (n)--() } AS count WHERE count > 0 RETURN id, count';
  return new Map((await run(query, { ids })).map(([id, count]) => [id as string, count as bigint]));
}
