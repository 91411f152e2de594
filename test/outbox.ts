// A transactional outbox as in nexus: filled by triggers in the writer's own transaction, emptied by a relay that polls.

import pg from 'pg';
import { sql } from './databases.ts';

const TABLES = `
  create table items (id int primary key, name text, updated_at timestamptz not null default now());
  create table orders (tenant text, number int, total numeric, primary key (tenant, number))`;

export const OUTBOX = `
  create table outbox (
    id bigint generated always as identity primary key, aggregate_type text not null, aggregate_id text not null,
    payload jsonb, created_at timestamptz not null default now(), processed_at timestamptz,
    attempts int not null default 0, last_error text);
  create function note_item() returns trigger language plpgsql as $$ begin
    insert into outbox (aggregate_type, aggregate_id, payload)
    values ('item', coalesce(new.id, old.id)::text, to_jsonb(coalesce(new, old))); return null; end $$;
  create function note_order() returns trigger language plpgsql as $$ begin
    insert into outbox (aggregate_type, aggregate_id, payload)
    values ('order', json_build_array(coalesce(new.tenant, old.tenant), coalesce(new.number, old.number))::text, null);
    return null; end $$;
  create trigger note after insert or update or delete on items for each row execute function note_item();
  create trigger note after insert or update or delete on orders for each row execute function note_order()`;

/** The tables on both sides, the outbox on the source's. */
export async function createOutbox(source: string, replica: string): Promise<void> {
  await Promise.all([sql(source, `${TABLES}; ${OUTBOX}`), sql(replica, TABLES)]);
}

/** Publishes what is pending to the replica, in the order of the events; what `refuses` says no to is tried and stays. */
export async function relay(
  source: string,
  replica: string,
  refuses: (type: string, id: string) => boolean = () => false,
): Promise<void> {
  const from = new pg.Client({ connectionString: source });
  const to = new pg.Client({ connectionString: replica });
  await Promise.all([from.connect(), to.connect()]);
  try {
    const { rows } = await from.query('select * from outbox where processed_at is null order by id');
    for (const { id, aggregate_type: type, aggregate_id: key } of rows) {
      if (refuses(type, key)) {
        await from.query(`update outbox set attempts = attempts + 1, last_error = 'replica: refused' where id = $1`, [
          id,
        ]);
        continue;
      }
      const [table, where, values] =
        type === 'item' ? ['items', 'id = $1', [key]] : ['orders', 'tenant = $1 and number = $2', JSON.parse(key)];
      // As text: a JavaScript date has no microseconds.
      const { rows: found } = await from.query(
        `select to_jsonb(t)::text as row from ${table} t where ${where}`,
        values,
      );
      await to.query(`delete from ${table} where ${where}`, values);
      for (const { row } of found) {
        await to.query(`insert into ${table} select * from jsonb_populate_record(null::${table}, $1::jsonb)`, [row]);
      }
      await from.query('update outbox set processed_at = clock_timestamp(), attempts = attempts + 1 where id = $1', [
        id,
      ]);
    }
  } finally {
    await Promise.all([from.end(), to.end()]);
  }
}
