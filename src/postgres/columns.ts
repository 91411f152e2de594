// What a table or a query offers: its columns and their canonical types, read from the catalogue.

import type { FieldType } from '../value/field-type.ts';
import { quoteIdentifier, type Rows, type Session } from './session.ts';

export interface Column {
  readonly name: string;
  readonly type: FieldType;
  /** PostgreSQL's own name, such as `character varying(20)`: for messages. */
  readonly pgType: string;
  /** The same without its length: casting to it never cuts a value. */
  readonly baseType: string;
  readonly notNull: boolean;
  /** The planner's share of NULLs, 0 to 1. */
  readonly nullFraction: number;
  /** Computed by the server: GENERATED ALWAYS AS (…). */
  readonly generated: boolean;
  /** The role may read it. */
  readonly readable: boolean;
}

export interface Shape {
  /** SQL for FROM: a quoted table name, or a query in parentheses. */
  readonly from: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** The primary key's columns, in order; empty when there is none or the relation is a query. */
  readonly primaryKey: readonly string[];
  /** Sets of columns that a unique index (or the primary key) guards, not partial. */
  readonly uniqueSets: readonly (readonly string[])[];
  readonly estimatedRows: number;
  /** What the role may do with the table; a query is only read. */
  readonly may: {
    readonly select: boolean;
    readonly insert: boolean;
    readonly update: boolean;
    readonly delete: boolean;
  };
}

const TYPE_COLUMNS = `
  coalesce(b.typname, t.typname) as base, coalesce(b.typtype, t.typtype) as typtype,
  coalesce(be.typname, te.typname) as element, coalesce(be.typtype, te.typtype) as element_typtype,
  case when coalesce(b.typcategory, t.typcategory) = 'A' then 'yes' else 'no' end as is_array`;
const TYPE_JOINS = `
  left join pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
  left join pg_type te on te.oid = t.typelem and t.typcategory = 'A'
  left join pg_type be on be.oid = b.typelem and b.typcategory = 'A'`;

/** The shape of a table or view, or null when there is none of that name. `name` is `table` or `schema.table`, unquoted. */
export async function shapeOfTable(session: Session, name: string): Promise<Shape | null> {
  const from = name.split('.').map(quoteIdentifier).join('.');
  const found = await session.query(
    'inspect',
    `select c.oid::text, case when c.reltuples < 0 and c.relkind = 'r' and pg_relation_size(c.oid) = 0 then '0' else c.reltuples::int8::text end as estimate, c.relkind::text,
            has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select') as sel,
            has_any_column_privilege(c.oid, 'insert') as ins, has_any_column_privilege(c.oid, 'update') as upd,
            has_table_privilege(c.oid, 'delete') as del
       from pg_class c where c.oid = to_regclass($1)`,
    [from],
  );
  const table = found[0];
  if (table === undefined) return null;
  const [columns, indexes] = await Promise.all([
    session.query(
      'inspect',
      `select a.attname as name, format_type(a.atttypid, a.atttypmod) as pg_type, format_type(a.atttypid, -1) as base_type, a.attnotnull as not_null, a.atttypmod::text as typmod,
              a.attgenerated <> '' as generated, has_column_privilege(a.attrelid, a.attnum, 'select') as readable,
              s.null_frac::text as null_fraction, ${TYPE_COLUMNS}
         from pg_attribute a join pg_type t on t.oid = a.atttypid ${TYPE_JOINS}
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         left join lateral (select max(null_frac) as null_frac from pg_stats
                             where schemaname = n.nspname and tablename = c.relname and attname = a.attname) s on true
        where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [table.oid],
    ),
    session.query(
      'inspect',
      `select i.indisprimary as is_primary, json_agg(a.attname order by k.position)::text as names
         from pg_index i cross join lateral unnest(i.indkey::int2[]) with ordinality k(attnum, position)
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = $1::oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and k.position <= i.indnkeyatts
        group by i.indexrelid, i.indisprimary`,
      [table.oid],
    ),
  ]);
  const uniqueSets = indexes.map((index) => JSON.parse(index.names!) as string[]);
  const primary = indexes.findIndex((index) => index.is_primary === 't');
  const estimate = Number(table.estimate);
  return {
    from,
    columns: columnsOf(columns),
    primaryKey: primary < 0 ? [] : uniqueSets[primary]!,
    uniqueSets,
    estimatedRows: estimate >= 0 ? estimate : await plannedRows(session, from),
    may: { select: table.sel === 't', insert: table.ins === 't', update: table.upd === 't', delete: table.del === 't' },
  };
}

/** The shape of a query. The query is parsed and described by the server, not run. */
export async function shapeOfQuery(session: Session, sql: string): Promise<Shape> {
  const from = `(${sql.trim().replace(/;\s*$/, '')}\n)`;
  return session.using('inspect', async (client) => {
    const described = await client.query(`select * from ${from} as query limit 0`);
    const types = (
      await client.query(
        `select t.oid::text, ${TYPE_COLUMNS} from pg_type t ${TYPE_JOINS} where t.oid = any($1::oid[])`,
        [described.fields.map((field) => field.dataTypeID)],
      )
    ).rows as Rows;
    const byOid = new Map(types.map((type) => [type.oid, type]));
    const names = (
      await client.query(
        `select format_type(o, m) as name, format_type(o, -1) as base from unnest($1::oid[], $2::int4[]) with ordinality u(o, m, n) order by n`,
        [described.fields.map((field) => field.dataTypeID), described.fields.map((field) => field.dataTypeModifier)],
      )
    ).rows as Rows;
    const columns = described.fields.map((field, i) => ({
      ...byOid.get(String(field.dataTypeID))!,
      name: field.name,
      pg_type: names[i]!.name!,
      base_type: names[i]!.base!,
      typmod: String(field.dataTypeModifier),
      not_null: 'f',
      generated: 'f',
      readable: 't',
      null_fraction: null,
    }));
    const plan = (await client.query(`explain (format json) select * from ${from} as query`)).rows as Rows;
    return {
      from,
      columns: columnsOf(columns),
      primaryKey: [],
      uniqueSets: [],
      estimatedRows: rowsOfPlan(plan),
      may: { select: true, insert: false, update: false, delete: false },
    };
  });
}

async function plannedRows(session: Session, from: string): Promise<number> {
  return rowsOfPlan(await session.query('inspect', `explain (format json) select 1 from ${from} as relation`));
}

function rowsOfPlan(rows: Rows): number {
  const plan = JSON.parse(rows[0]!['QUERY PLAN']!) as [{ Plan: { 'Plan Rows': number } }];
  return plan[0].Plan['Plan Rows'];
}

function columnsOf(rows: Rows): ReadonlyMap<string, Column> {
  return new Map(
    rows.map((row) => [
      row.name!,
      {
        name: row.name!,
        pgType: row.pg_type!,
        baseType: row.base_type!,
        notNull: row.not_null === 't',
        nullFraction: Number(row.null_fraction ?? 0),
        generated: row.generated === 't',
        readable: row.readable === 't',
        type:
          row.is_array === 'yes'
            ? { kind: 'array', element: typeOf(row.element!, row.element_typtype!, Number(row.typmod)) }
            : typeOf(row.base!, row.typtype!, Number(row.typmod)),
      },
    ]),
  );
}

function typeOf(name: string, typtype: string, typmod: number): FieldType {
  if (typtype === 'e') return { kind: 'enum' };
  switch (name) {
    case 'bool':
      return { kind: 'boolean' };
    case 'int2':
    case 'int4':
      return { kind: 'integer', bits: 32 };
    case 'int8':
    case 'oid':
      return { kind: 'integer', bits: 64 };
    case 'numeric':
      return { kind: 'decimal' };
    case 'float4':
      return { kind: 'float', bits: 32 };
    case 'float8':
      return { kind: 'float', bits: 64 };
    case 'date':
      return { kind: 'date' };
    case 'timestamp':
    case 'timestamptz':
      return { kind: 'timestamp', precision: typmod < 0 ? 6 : typmod };
    case 'uuid':
      return { kind: 'uuid' };
    case 'bytea':
      return { kind: 'bytes' };
    case 'json':
    case 'jsonb':
      return { kind: 'json' };
    case 'vector':
      return { kind: 'vector' };
    case 'interval':
      return { kind: 'interval' };
    case 'bpchar':
      return { kind: 'text', padded: true };
    default:
      return { kind: 'text' };
  }
}
