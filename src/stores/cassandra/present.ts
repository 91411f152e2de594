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
  /** Seconds; 0: for ever. Of a collection: of its longest-lived element. */
  readonly timeToLive: number;
  /** The same by element of a collection, by field of a user-defined type; undefined for other values. */
  readonly lives?: readonly number[];
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
  const lives = has(timeToLive) && isMultiCell(column.type) ? livesAt(cells, timeToLive) : undefined;
  // The last second of a value counts as 0.
  const plain = has(timeToLive) ? Math.max(1, int32At(cells.bytes, cells.offsets[timeToLive]!)) : 0;
  return {
    value: cells.copy(value),
    writeTime: has(writeTime) ? bigInt64At(cells.bytes, cells.offsets[writeTime]!) : undefined,
    timeToLive: lives === undefined ? plain : longest(column, lives),
    lives,
  };
}

/** The list that a collection has of them. No seconds: it lives for ever, or is a field of a user-defined type that is null. */
function livesAt({ bytes, offsets }: Cells, at: number): readonly number[] {
  const lives: number[] = [];
  let place = offsets[at]! + 4;
  for (let left = int32At(bytes, offsets[at]!); left > 0; left--) {
    const length = int32At(bytes, place);
    lives.push(length === 4 ? Math.max(1, int32At(bytes, place + 4)) : 0);
    place += 4 + Math.max(length, 0);
  }
  return lives;
}

function longest({ type }: Column, lives: readonly number[]): number {
  return lives.includes(0) && type.name !== 'udt' ? 0 : Math.max(0, ...lives);
}
