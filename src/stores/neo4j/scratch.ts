// Nodes for doctor's self-test. They share one label, as Neo4j never forgets a label that there was; a property tells the places apart.

import type { Scratching } from '../store.ts';
import { type Connection, read, write } from './session.ts';

const LABEL = 'PlumblineSelfTest';

export function scratchNodes(connection: Connection): Scratching {
  return {
    canDuplicate: true,
    needs:
      'Grant the user the role publisher (or editor, once the names are known), or CREATE, DELETE and SET on the graph.',
    async plant(name, records) {
      const rows = records.map(({ id, label, changed }) => ({ id: BigInt(id), label, changed: changed.toISOString() }));
      await write(connection, (run) =>
        run(
          `UNWIND $rows AS row CREATE (:${LABEL} {place: $name, id: row.id, label: row.label, changed: datetime(row.changed)})`,
          { rows, name },
        ),
      );
      return { target: LABEL, where: `n.place = '${name}'` };
    },
    async list(prefix) {
      const query = `MATCH (n:${LABEL}) WHERE n.place STARTS WITH $prefix RETURN DISTINCT n.place`;
      return (await read(connection, query, { prefix })).map(([name]) => String(name));
    },
    async remove(name) {
      await write(connection, (run) => run(`MATCH (n:${LABEL}) WHERE n.place = $name DETACH DELETE n`, { name }));
    },
  };
}
