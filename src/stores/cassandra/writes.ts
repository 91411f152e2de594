// The statements of a write, from what each column is to hold. All of one record stand in one partition, so several of them are one write.

import type { Field, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Access, Slot } from './access.ts';
import { typeText } from './cql-type.ts';
import { encodeField } from './encode.ts';
import { int64Bytes } from './numbers.ts';
import type { Cell } from './present.ts';
import type { Column } from './schema.ts';
import type { Parameter, Statement } from './session.ts';
import { addText, deleteText, insertText, updateText } from './statements.ts';
import { latest } from './write-time.ts';

export type PrimaryKey = readonly Buffer[];
/** What columns outside the primary key are to hold. */
export type Values = ReadonlyMap<Column, Buffer | null>;

export interface Assignment {
  readonly column: Column;
  readonly value: Buffer | null;
  readonly time: bigint;
  /** Seconds; 0: for ever; undefined: what the table says. */
  readonly timeToLive: number | undefined;
  /** Elements that a collection is to hold besides, which live for another time. */
  readonly more?: readonly { readonly value: Buffer; readonly timeToLive: number }[];
}

export class Writes {
  private readonly access: Access;
  private readonly now: () => bigint;
  private readonly regular: readonly Column[];

  constructor(access: Access, now: () => bigint) {
    this.access = access;
    this.now = now;
    this.regular = access.table.others.filter((column) => column.kind === 'regular');
  }

  /** A row that was not there. Nulls are left away: each would be a deletion that is kept for days. */
  insertion(primaryKey: PrimaryKey, values: Values, time: bigint): Statement {
    const { table } = this.access;
    const given = this.regular.map((column) => values.get(column) ?? undefined);
    return {
      text: insertText(table, [...table.primaryKey, ...this.regular]),
      parameters: [...primaryKey, ...given, int64Bytes(time), undefined],
    };
  }

  /** Sets columns of a row. What is dated later than now is written apart, so that it does not drag the others along. */
  assignments(primaryKey: PrimaryKey, assignments: readonly Assignment[]): Statement[] {
    const present = this.now();
    const groups = new Map<string, Assignment[]>();
    for (const assignment of assignments) {
      const { time, timeToLive } = assignment;
      const name = `${timeToLive} ${time > present ? time : ''}`;
      groups.set(name, [...(groups.get(name) ?? []), assignment]);
    }
    return [...groups.values()].flatMap((group): Statement[] => {
      const values = new Map(group.map(({ column, value }) => [column, value]));
      const given = this.regular.map((column): Parameter => values.get(column));
      const time = int64Bytes(group.map((assignment) => assignment.time).reduce(latest));
      const set = {
        text: updateText(this.access.table, this.regular),
        parameters: [time, seconds(group[0]!.timeToLive), ...given, ...primaryKey],
      };
      const added = group.flatMap(({ column, more = [] }) =>
        more.map(({ value, timeToLive }) => ({
          text: addText(this.access.table, column),
          parameters: [time, seconds(timeToLive), value, ...primaryKey],
        })),
      );
      return [set, ...added];
    });
  }

  /** Makes that the row is there even if all of its columns are null: one that was only ever updated would be gone. */
  existence(primaryKey: PrimaryKey, time: bigint, timeToLive: number | undefined): Statement {
    const { table } = this.access;
    return {
      text: insertText(table, table.primaryKey),
      parameters: [...primaryKey, int64Bytes(time), seconds(timeToLive)],
    };
  }

  deletion(primaryKey: PrimaryKey, time: bigint): Statement {
    return { text: deleteText(this.access.table), parameters: [int64Bytes(time), ...primaryKey] };
  }

  /** The whole primary key of a row. Throws ValueError. */
  primaryKeyOf(row: Row): PrimaryKey {
    const { slots, table } = this.access;
    return slots.slice(0, table.primaryKey.length).map((slot) => {
      const value = this.valueOf(slot, row);
      if (value === null) throw new ValueError(`${slot.field.target} is part of the primary key and can’t be null`);
      return encoded(slot, value);
    });
  }

  /** The row's values outside the primary key, or those of some fields. Throws ValueError. */
  valuesOf(row: Row, fields?: readonly number[]): Values {
    return new Map(
      this.slotsOf(fields).map((slot) => {
        const value = this.valueOf(slot, row);
        return [slot.column, value === null ? null : encoded(slot, value)];
      }),
    );
  }

  /** Where the fields stand outside the primary key. Throws ValueError for a static column. */
  slotsOf(fields: readonly number[] = this.access.replica.mapping.fields.map((_, i) => i)): readonly Slot[] {
    const { fieldSlots, slots, table } = this.access;
    const own = fields
      .map((index) => slots[fieldSlots[index]!]!)
      .filter(({ column }) => !table.primaryKey.includes(column));
    const shared = own.find(({ column }) => column.kind === 'static');
    if (shared === undefined) return own;
    throw new ValueError(`${shared.field.target} is a static column: it is shared by all records of a partition`);
  }

  private valueOf({ field, fieldIndex }: Slot, row: Row): string | null {
    return fieldIndex === undefined ? this.keyPart(field, row) : row.values[fieldIndex]!;
  }

  private keyPart(field: Field, { key }: Row): string {
    return key[this.access.replica.mapping.key.indexOf(field)]!;
  }
}

/** How long a value is to live that takes this cell's place: as long as the old one; where that is null, as long as its neighbours. */
export function timeToLiveOf(cell: Cell | undefined, neighbours: readonly Cell[]): number | undefined {
  if (cell !== undefined && cell.value !== null) return cell.timeToLive;
  return longestLife(neighbours.filter(({ value }) => value !== null).map(({ timeToLive }) => timeToLive));
}

/** Seconds; 0: for ever; undefined: what the table says. */
export function longestLife(lives: readonly (number | undefined)[]): number | undefined {
  const known = lives.filter((life) => life !== undefined);
  if (known.length < lives.length || known.length === 0) return undefined;
  return known.includes(0) ? 0 : Math.max(...known);
}

function encoded({ field, column: { type } }: Slot, value: string): Buffer {
  try {
    return encodeField(field, type, value);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const reason = `${field.target} can’t hold it as ${typeText(type)}`;
    throw new ValueError(field.sensitive || error.message === '' ? reason : `${reason}: ${error.message}`);
  }
}

function seconds(timeToLive: number | undefined): Parameter {
  if (timeToLive === undefined) return undefined;
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(timeToLive);
  return bytes;
}
