// Tables for doctor's self-test, in the store's keyspace.

import type { Scratching } from '../store.ts';
import { type Connection, quoted, readSchema } from './session.ts';

export function scratchTables(connection: Connection): Scratching {
  const { client, keyspace, writeConsistency: consistency } = connection;
  const placeOf = (name: string) => `${quoted(keyspace)}.${quoted(name)}`;
  return {
    canDuplicate: false,
    needs: 'Grant the role CREATE, DROP, SELECT and MODIFY on the keyspace.',
    async plant(name, records) {
      await client.execute(`CREATE TABLE ${placeOf(name)} (id int PRIMARY KEY, label text, changed timestamp)`);
      for (const { id, label, changed } of records) {
        const values = `${id}, '${label.replaceAll("'", "''")}', ${changed.getTime()}`;
        await client.execute(`INSERT INTO ${placeOf(name)} (id, label, changed) VALUES (${values})`, [], {
          consistency,
        });
      }
      return { target: name };
    },
    async list(prefix) {
      const text = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?';
      const rows = await readSchema(connection, text, [keyspace]);
      return rows.map((row) => String(row.table_name)).filter((name) => name.startsWith(prefix));
    },
    async remove(name) {
      await client.execute(`DROP TABLE IF EXISTS ${placeOf(name)}`);
    },
  };
}
