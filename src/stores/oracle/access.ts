// Everything that the verbs need to know about one replica: its table and columns, how a scan sees one moment, how values are spelled. Made
// once a replica, from the dictionary and a few sampled records.

import type { Problem } from '../../errors.ts';
import type { Field } from '../../mapping/mapping.ts';
import type { Replica } from '../store.ts';
import { type Column, columnOf, type DictionaryRow, secondDigits } from './columns.ts';
import { Decoder } from './decode.ts';
import { columnsSql, TABLE_SQL } from './dictionary-sql.ts';
import { candidates, spellings, type TableName } from './names.ts';
import type { Connection, Session } from './session.ts';
import { isSpelled, type Spelling, spellingOf } from './spellings.ts';
import { type KeyPart, type Match, type Place, type PlacedField, sampleSql } from './sql.ts';

/** A table that was found. `place` is undefined where `problems` says what of the mapping it lacks. */
export interface Access {
  readonly table: TableName;
  readonly columns: ReadonlyMap<string, Column>;
  /** At the last gathering of statistics. */
  readonly knownRows?: number;
  readonly isView: boolean;
  readonly place?: Place;
  readonly decoder?: Decoder;
  readonly problems: readonly Problem[];
}

/** Undefined where there is no such table, or none that the user may see. */
export async function makeAccess(
  session: Session,
  connection: Connection,
  replica: Replica,
  schema: string,
): Promise<Access | undefined> {
  const found = await findTable(session, connection, replica.target, schema);
  if (found === undefined) return undefined;
  const { table, columns } = found;
  const [row] = await session.query(connection, TABLE_SQL, [table.owner, table.table]);
  const access = {
    table,
    columns,
    isView: row === undefined,
    knownRows: typeof row?.[0] === 'string' ? Number(row[0]) : undefined,
  };
  const problems: Problem[] = [];
  const placed = (field: Field): PlacedField[] => {
    const column = spellings(field.target)
      .map((name) => columns.get(name))
      .find((it) => it !== undefined);
    if (column !== undefined) return [{ field, column }];
    problems.push({
      path: field.target,
      message: `${replica.target} has no column ${field.target}`,
      hint: `It has ${[...columns.keys()].join(', ')}.`,
    });
    return [];
  };
  const key = replica.mapping.key.flatMap(placed);
  const fields = replica.mapping.fields.flatMap(placed);
  problems.push(...sharedColumns([...key, ...fields]));
  if (problems.length > 0) return { ...access, problems };
  const place: Place = {
    ...table,
    key: key.map((part): KeyPart => ({ ...part, match: matchOf(part) })),
    fields,
    where: typeof replica.where === 'string' ? replica.where : undefined,
    hasRowids: !access.isView,
  };
  const spelled = await withSpellings(session, connection, place);
  return { ...access, problems, place: spelled, decoder: new Decoder(spelled) };
}

async function findTable(
  session: Session,
  connection: Connection,
  target: string,
  schema: string,
): Promise<{ readonly table: TableName; readonly columns: ReadonlyMap<string, Column> } | undefined> {
  const wanted = candidates(target, schema);
  const owners = [...new Set(wanted.map((name) => name.owner))];
  const names = [...new Set(wanted.map((name) => name.table))];
  const sql = columnsSql(owners.length, names.length);
  const rows = (await session.query(connection, sql, [...owners, ...names])) as unknown as readonly DictionaryRow[];
  for (const table of wanted) {
    const own = rows.filter(([owner, name]) => owner === table.owner && name === table.table);
    if (own.length > 0) return { table, columns: new Map(own.map((row) => [row[2], columnOf(row)])) };
  }
  return undefined;
}

/** Two targets may be one column in Oracle's spelling. */
function sharedColumns(parts: readonly PlacedField[]): readonly Problem[] {
  return parts.flatMap(({ field, column }, i) => {
    const other = parts.slice(0, i).find((part) => part.column === column);
    if (other === undefined) return [];
    const message = `${other.field.target} and ${field.target} are both the column ${column.name}`;
    return [{ path: field.target, message, hint: 'Name one of them under fields: with another `to`.' }];
  });
}

function matchOf({ field, column }: PlacedField): Match {
  const { type } = field;
  if (type.kind === 'uuid' && column.form !== 'raw') return { spellings: 4 };
  if (secondDigits(column) === undefined) return 'equal';
  if (type.kind === 'date') return 'range';
  const kept = column.form === 'date' ? 0 : (column.scale ?? 6);
  return type.kind === 'timestamp' && type.precision < kept ? 'range' : 'equal';
}

async function withSpellings(session: Session, connection: Connection, place: Place): Promise<Place> {
  const parts = [...place.key, ...place.fields].filter(({ field, column }) => isSpelled(field, column));
  if (parts.length === 0) return place;
  const sql = sampleSql(
    place,
    parts.map(({ column }) => column),
  );
  const rows = await session.query(connection, sql);
  const spelled = new Map<Column, Spelling>(
    parts.map(({ field, column }, i) => {
      const sample = rows.map((row) => row[i]).find((value) => typeof value === 'string');
      return [column, spellingOf(field, column, (sample as string | undefined)?.trim())];
    }),
  );
  const withSpelling = <Part extends PlacedField>(part: Part): Part => ({
    ...part,
    spelling: spelled.get(part.column),
  });
  return { ...place, key: place.key.map(withSpelling), fields: place.fields.map(withSpelling) };
}
