// One record as it is at this moment, with the columns that the mapping doesn't name, and for every value when it was written and how long
// it still lives. What a write has to know.

import type { Row } from '../../mapping/mapping.ts';
import { type Access, namesOf } from './access.ts';
import { isMultiCell } from './cql-type.ts';
import { bigInt64At, int32At } from './numbers.ts';
import { Cells, eachRow } from './raw-result.ts';
import { RowReader } from './read-row.ts';
import type { Column } from './schema.ts';
import { type Connection, quoted, readAll } from './session.ts';
import { equals, selectText, timeToLiveText, writeTimeText } from './statements.ts';
import { readToken, type Token, type TokenColumns } from './token.ts';

export interface Present {
  readonly row: Row;
  readonly token: Token;
  /** Of every column that is neither static nor in the primary key; mapped or not. */
  readonly cells: ReadonlyMap<Column, Cell>;
}

export interface Cell {
  readonly value: Buffer | null;
  /** Microseconds since 1970; undefined where it is null or the server doesn't tell. */
  readonly writeTime: bigint | undefined;
  /** Seconds; 0: for ever. */
  readonly timeToLive: number;
}

export class PresentReader {
  private readonly connection: Connection;
  private readonly access: Access;
  private readonly reader: RowReader;
  private readonly expressions: string[];
  private readonly tokenColumns: TokenColumns;
  private readonly places: readonly CellPlaces[];

  constructor(connection: Connection, access: Access) {
    this.connection = connection;
    this.access = access;
    this.reader = new RowReader(access);
    const { slots, table } = access;
    this.expressions = namesOf(slots);
    const columnOf = (expression: string | undefined) =>
      expression === undefined ? undefined : this.expressions.push(expression) - 1;
    const slotOf = (column: Column) => slots.findIndex((slot) => slot.column === column);
    const all = new Map(
      table.others.map((column) => {
        const slot = slotOf(column);
        const value = slot < 0 ? columnOf(quoted(column.name))! : slot;
        const writeTime = columnOf(writeTimeText(column, connection.version));
        return [column, { column, value, writeTime, timeToLive: columnOf(timeToLiveText(column, connection.version)) }];
      }),
    );
    this.places = [...all.values()].filter(({ column }) => column.kind !== 'static');
    this.tokenColumns = {
      times: slots.map(({ column }) => all.get(column)?.writeTime),
      count: this.expressions.length,
    };
  }

  /** Of the primary key; undefined where there is none. `anywhere`: outside of the replica's `where` as well. */
  async read(primaryKey: readonly Buffer[], anywhere = false): Promise<Present | undefined> {
    const { table, where } = this.access;
    const text = selectText(table, this.expressions, equals(table.primaryKey), anywhere ? undefined : where);
    const cells = new Cells(this.tokenColumns.count);
    for await (const page of readAll(this.connection, { text, parameters: primaryKey })) {
      for (const _ of eachRow(page, cells)) {
        if (!this.reader.isRecord(cells)) continue;
        return {
          row: this.reader.row(cells),
          token: readToken(this.access, this.tokenColumns, cells),
          cells: new Map(this.places.map((place) => [place.column, cellOf(place, cells)])),
        };
      }
    }
    return undefined;
  }
}

/** Columns of the result. */
interface CellPlaces {
  readonly column: Column;
  readonly value: number;
  readonly writeTime: number | undefined;
  readonly timeToLive: number | undefined;
}

function cellOf({ column, value, writeTime, timeToLive }: CellPlaces, cells: Cells): Cell {
  const has = (at: number | undefined): at is number => at !== undefined && cells.lengths[at]! > 0;
  return {
    value: cells.copy(value),
    writeTime: has(writeTime) ? bigInt64At(cells.bytes, cells.offsets[writeTime]!) : undefined,
    timeToLive: has(timeToLive) ? secondsAt(column, cells, timeToLive) : 0,
  };
}

/** A collection has a list of them: it lives as long as its longest-lived element. */
function secondsAt(column: Column, { bytes, offsets }: Cells, at: number): number {
  const start = offsets[at]!;
  // The last second of a value counts as 0.
  if (!isMultiCell(column.type)) return Math.max(1, int32At(bytes, start));
  let most = 0;
  let place = start + 4;
  for (let left = int32At(bytes, start); left > 0; left--) {
    const length = int32At(bytes, place);
    // No seconds: it lives for ever, or is a field of a user-defined type that is null.
    if (length === 4) most = Math.max(most, 1, int32At(bytes, place + 4));
    else if (column.type.name !== 'udt') return 0;
    place += 4 + Math.max(length, 0);
  }
  return most;
}
