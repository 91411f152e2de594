// A table as the server's own schema tables describe it.

import { type CqlType, parseCqlType, type UserTypes } from './cql-type.ts';
import { type Connection, readSchema } from './session.ts';

export interface Column {
  readonly name: string;
  readonly type: CqlType;
  readonly kind: 'partition_key' | 'clustering' | 'static' | 'regular';
}

export interface Table {
  readonly keyspace: string;
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  readonly partitionKey: readonly Column[];
  readonly clustering: readonly Column[];
  /** Partition key and clustering columns, in that order. */
  readonly primaryKey: readonly Column[];
  /** All others. */
  readonly others: readonly Column[];
  readonly isView: boolean;
  /** Seconds after which what is written expires by itself; 0: never. */
  readonly timeToLive: number;
  /** Columns by which the server finds exact values. */
  readonly indexed: ReadonlySet<string>;
}

export type Found = Table | { readonly missing: 'keyspace' | 'table'; readonly similar: readonly string[] };

/** `target` may have its keyspace before it. */
export function placeOf(connection: Connection, target: string): readonly [keyspace: string, table: string] {
  const dot = target.indexOf('.');
  return dot < 0 ? [connection.keyspace, target] : [target.slice(0, dot), target.slice(dot + 1)];
}

export async function readTable(connection: Connection, target: string): Promise<Found> {
  const place = placeOf(connection, target);
  const ofTable = 'WHERE keyspace_name = ? AND table_name = ?';
  const [columns, tables, indexes, types] = await Promise.all([
    readSchema(connection, `SELECT column_name, kind, position, type FROM system_schema.columns ${ofTable}`, place),
    readSchema(connection, `SELECT default_time_to_live FROM system_schema.tables ${ofTable}`, place),
    readSchema(connection, `SELECT kind, options FROM system_schema.indexes ${ofTable}`, place),
    readSchema(
      connection,
      'SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?',
      place.slice(0, 1),
    ),
  ]);
  if (columns.length === 0) return missing(connection, place);
  const userTypes: UserTypes = new Map(
    types.map((type) => [
      type.type_name,
      (type.field_names as string[]).map((name, i) => ({ name, type: type.field_types[i] as string })),
    ]),
  );
  const parsed = columns
    .map((row) => ({
      name: row.column_name as string,
      kind: row.kind as Column['kind'],
      position: row.position as number,
      type: parseCqlType(row.type, userTypes),
    }))
    .sort((a, b) => a.position - b.position);
  const ofKind = (kind: Column['kind']) => parsed.filter((column) => column.kind === kind);
  const [partitionKey, clustering] = [ofKind('partition_key'), ofKind('clustering')];
  return {
    keyspace: place[0],
    name: place[1],
    columns: new Map(parsed.map((column) => [column.name, column])),
    partitionKey,
    clustering,
    primaryKey: [...partitionKey, ...clustering],
    others: [...ofKind('static'), ...ofKind('regular')],
    isView: tables.length === 0,
    timeToLive: (tables[0]?.default_time_to_live as number | undefined) ?? 0,
    indexed: new Set(indexes.flatMap((row) => indexedColumn(row.kind, row.options))),
  };
}

async function missing(connection: Connection, [keyspace, name]: readonly [string, string]): Promise<Found> {
  const [keyspaces, tables] = await Promise.all([
    readSchema(connection, 'SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?', [keyspace]),
    readSchema(connection, 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [keyspace]),
  ]);
  const same = (other: string) => other.toLowerCase() === name.toLowerCase();
  const names = tables.map((row) => row.table_name as string);
  const similar = names.some(same) ? names.filter(same) : names;
  return { missing: keyspaces.length === 0 ? 'keyspace' : 'table', similar };
}

/** Storage-attached and the first secondary indexes find what equals; the older custom ones may cut texts into words. */
function indexedColumn(kind: string, options: Readonly<Record<string, string>>): string[] {
  const { target = '', class_name: className = '' } = options;
  if (kind !== 'COMPOSITES' && !/(^|\.)(sai|StorageAttachedIndex)$/i.test(className)) return [];
  // `values(tags)` and the like are of collections.
  const name = /^(?:"((?:[^"]|"")+)"|(\w+))$/.exec(target);
  return name === null ? [] : [name[1]?.replaceAll('""', '"') ?? name[2]!];
}
