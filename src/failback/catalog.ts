// What a server's catalogue says of its tables as far as a merge depends on it: keys, references, triggers, sequences. Reads only.

import { type Asking, quoteIdentifier } from '../postgres/session.ts';

export interface Catalog {
  /** By name: `orders`, `billing.orders` outside of the schema public. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly references: readonly Reference[];
  readonly sequences: ReadonlyMap<string, Sequence>;
  /** Whether there are large objects, which no table holds. */
  readonly largeObjects: boolean;
}

export interface Table {
  readonly name: string;
  /** `public.orders`: as the engine looks tables up. */
  readonly qualified: string;
  /** Quoted. */
  readonly sql: string;
  /** Not on a standby: what stands here never went there. */
  readonly unlogged: boolean;
  /** Other tables inherit from it, other than as its partitions. */
  readonly hasHeirs: boolean;
  /** Row security hides rows from this role. */
  readonly hidesRows: boolean;
  readonly lacks: readonly string[];
  readonly columns: readonly TableColumn[];
  readonly uniques: readonly Unique[];
  readonly checks: readonly { readonly name: string; readonly expression: string; readonly validated: boolean }[];
  /** Triggers and rules of users that are not disabled. `always`: it fires for a replication role too. */
  readonly triggers: readonly { readonly name: string; readonly always: boolean }[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** Expression of a generated column, or `always` or `by default` for an identity. */
  readonly generated: string | null;
  readonly identity: string | null;
}

/** A unique index without condition and expressions. */
export interface Unique {
  readonly name: string;
  readonly columns: readonly string[];
  readonly primary: boolean;
  readonly deferrable: boolean;
  readonly valid: boolean;
}

/** A foreign key. */
export interface Reference {
  readonly name: string;
  readonly from: string;
  readonly columns: readonly string[];
  readonly to: string;
  readonly toColumns: readonly string[];
  readonly deferrable: boolean;
  readonly validated: boolean;
}

export interface Sequence {
  readonly name: string;
  readonly sql: string;
  /** The last number that it gave; null: none yet. */
  readonly last: bigint | null;
  readonly increment: bigint;
  readonly min: bigint;
  readonly max: bigint;
  readonly cycle: boolean;
  /** The role may move it. */
  readonly movable: boolean;
  /** Where its numbers stand. */
  readonly columns: readonly { readonly table: string; readonly column: string }[];
}

const OWN = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not exists (
  select from pg_depend x where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')`;
/** Columns by their numbers, in the order of those. */
const columnNames = (relation: string, numbers: string) =>
  `(select coalesce(json_agg(a.attname order by k.place), '[]') from unnest(${numbers}) with ordinality k(number, place)
     join pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)`;

const TABLES = `select c.oid::text as id, n.nspname as schema, c.relname as name, c.relpersistence = 'u' as unlogged,
    exists (select from pg_inherits i join pg_class k on k.oid = i.inhrelid where i.inhparent = c.oid and not k.relispartition) as heirs,
    row_security_active(c.oid) as hides,
    (select coalesce(json_agg(v), '[]') from unnest(array['select', 'insert', 'update', 'delete']) v where not has_table_privilege(c.oid, v)) as lacks,
    (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
        'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end) order by a.attnum), '[]')
       from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(json_agg(json_build_object('name', ic.relname, 'primary', i.indisprimary, 'deferrable', not i.indimmediate, 'valid', i.indisvalid,
        'columns', ${columnNames('c.oid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')})), '[]')
       from pg_index i join pg_class ic on ic.oid = i.indexrelid
      where i.indrelid = c.oid and i.indisunique and i.indpred is null and i.indexprs is null) as uniques,
    (select coalesce(json_agg(json_build_object('name', k.conname, 'expression', pg_get_expr(k.conbin, k.conrelid), 'validated', k.convalidated)), '[]')
       from pg_constraint k where k.conrelid = c.oid and k.contype = 'c') as checks,
    (select coalesce(json_agg(distinct jsonb_build_object('name', t.name, 'always', t.enabled in ('A', 'R'))), '[]')
       from (select tgname as name, tgenabled as enabled, tgrelid as relation from pg_trigger where not tgisinternal
             union all select rulename, ev_enabled, ev_class from pg_rewrite where ev_type <> '1') t
      where t.enabled <> 'D' and (t.relation = c.oid or pg_partition_root(t.relation) = c.oid)) as triggers
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't' and ${OWN} order by 2, 3`;

const REFERENCES = `select fk.conname as name, fk.conrelid::text as from, fk.confrelid::text as to, fk.condeferrable as deferrable, fk.convalidated as validated,
    ${columnNames('fk.conrelid', 'fk.conkey')} as columns, ${columnNames('fk.confrelid', 'fk.confkey')} as to_columns
  from pg_constraint fk where fk.contype = 'f' and fk.conparentid = 0 order by fk.conname`;

const SEQUENCES = `select n.nspname as schema, c.relname as name, s.seqincrement::text as increment, s.seqmin::text as min, s.seqmax::text as max, s.seqcycle as cycle, has_sequence_privilege(c.oid, 'update') as movable,
    v.last_value::text as last,
    (select coalesce(json_agg(distinct jsonb_build_object('table', u.relation::text, 'column', a.attname)), '[]') from (
       select d.refobjid as relation, d.refobjsubid as number from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
       union select f.adrelid, f.adnum from pg_depend d join pg_attrdef f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
        where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid) u
       join pg_attribute a on a.attrelid = u.relation and a.attnum = u.number) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid
  join pg_sequences v on v.schemaname = n.nspname and v.sequencename = c.relname
 where c.relkind = 'S' and c.relpersistence <> 't' and ${OWN} order by 1, 2`;

export async function readCatalog(session: Asking): Promise<Catalog> {
  const [tables, references, sequences, [large]] = await Promise.all([
    session.query('inspect', TABLES),
    session.query('inspect', REFERENCES),
    session.query('inspect', SEQUENCES),
    session.query('inspect', 'select exists (select from pg_largeobject_metadata) as are'),
  ]);
  const byId = new Map(tables.map((row) => [row.id!, nameOf(row.schema!, row.name!)]));
  return {
    tables: new Map(
      tables.map((row): [string, Table] => {
        const name = nameOf(row.schema!, row.name!);
        return [
          name,
          {
            name,
            qualified: `${row.schema}.${row.name}`,
            sql: `${quoteIdentifier(row.schema!)}.${quoteIdentifier(row.name!)}`,
            unlogged: row.unlogged === 't',
            hasHeirs: row.heirs === 't',
            hidesRows: row.hides === 't',
            lacks: JSON.parse(row.lacks!),
            columns: JSON.parse(row.columns!),
            uniques: JSON.parse(row.uniques!),
            checks: JSON.parse(row.checks!),
            triggers: JSON.parse(row.triggers!),
          },
        ];
      }),
    ),
    references: references.flatMap((row) => {
      const [from, to] = [byId.get(row.from!), byId.get(row.to!)];
      if (from === undefined || to === undefined) return [];
      return [
        {
          name: row.name!,
          from,
          columns: JSON.parse(row.columns!),
          to,
          toColumns: JSON.parse(row.to_columns!),
          deferrable: row.deferrable === 't',
          validated: row.validated === 't',
        },
      ];
    }),
    sequences: new Map(
      sequences.map((row): [string, Sequence] => {
        const name = nameOf(row.schema!, row.name!);
        const columns = JSON.parse(row.columns!) as { table: string; column: string }[];
        return [
          name,
          {
            name,
            sql: `${quoteIdentifier(row.schema!)}.${quoteIdentifier(row.name!)}`,
            last: row.last === null ? null : BigInt(row.last!),
            increment: BigInt(row.increment!),
            min: BigInt(row.min!),
            max: BigInt(row.max!),
            cycle: row.cycle === 't',
            movable: row.movable === 't',
            columns: columns.flatMap(({ table, column }) => {
              const known = byId.get(table);
              return known === undefined ? [] : [{ table: known, column }];
            }),
          },
        ];
      }),
    ),
    largeObjects: large!.are === 't',
  };
}

function nameOf(schema: string, name: string): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}

export function primaryKeyOf(table: Table): Unique | undefined {
  return table.uniques.find(({ primary, valid }) => primary && valid);
}
