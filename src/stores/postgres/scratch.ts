// Tables for doctor's self-test, in the schema that the session creates in.

import { quoteIdentifier, type Session } from '../../postgres/session.ts';
import type { Scratching, ScratchRecord } from '../store.ts';

/** `writer` opens what may write. */
export function scratchTables(reader: Session, writer: () => Session): Scratching {
  return {
    canDuplicate: true,
    needs: 'Grant the role CREATE on the schema: GRANT CREATE ON SCHEMA public TO …',
    async plant(name, records) {
      const table = quoteIdentifier(name);
      const values: unknown[] = [ids(records), records.map(({ label }) => label), times(records)];
      await writer().query('self-test', `create table ${table} (id integer, label text, changed timestamptz)`);
      await writer().query(
        'self-test',
        `insert into ${table} select * from unnest($1::integer[], $2::text[], $3::timestamptz[])`,
        values,
      );
      return { target: name };
    },
    async list(prefix) {
      const rows = await reader.query(
        'self-test',
        `select relname::text as name from pg_class
         where relkind = 'r' and starts_with(relname, $1) and pg_get_userbyid(relowner) = current_user and pg_table_is_visible(oid)`,
        [prefix],
      );
      return rows.map(({ name }) => name!);
    },
    async remove(name) {
      await writer().query('self-test', `drop table if exists ${quoteIdentifier(name)}`);
    },
  };
}

function ids(records: readonly ScratchRecord[]): readonly number[] {
  return records.map(({ id }) => id);
}

function times(records: readonly ScratchRecord[]): readonly string[] {
  return records.map(({ changed }) => changed.toISOString());
}
