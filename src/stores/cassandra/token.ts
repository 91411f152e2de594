// What is kept of a fetched record to tell later whether it has changed: where it stands, the bytes of its mapped values, and when each of
// them was written.

import type { FetchedRow } from '../store.ts';
import { type Access, writeTimeOf } from './access.ts';
import type { Cells } from './raw-result.ts';
import type { Connection } from './session.ts';

export interface Token {
  /** In the order of the primary key. */
  readonly primaryKey: readonly Buffer[];
  /** By slot; none for the primary key. */
  readonly values: readonly (Buffer | null)[];
  readonly times: readonly (Buffer | null)[];
}

/** Which columns of a result hold the write times, by slot. */
export interface TokenColumns {
  readonly times: readonly (number | undefined)[];
  readonly count: number;
}

export function tokenColumns(connection: Connection, { slots }: Access): TokenColumns {
  let count = slots.length;
  const times = slots.map((slot) => (writeTimeOf(slot, connection.version) === undefined ? undefined : count++));
  return { times, count };
}

export function readToken({ table, slots }: Access, { times }: TokenColumns, cells: Cells): Token {
  const parts = table.primaryKey.length;
  return {
    primaryKey: Array.from({ length: parts }, (_, i) => cells.copy(i)!),
    values: slots.map((_, i) => (i < parts ? null : cells.copy(i))),
    times: times.map((column) => (column === undefined ? null : cells.copy(column))),
  };
}

export function tokenOf(row: FetchedRow): Token {
  return row.token as Token;
}

export function sameToken(a: Token, b: Token): boolean {
  return sameBytes(a.values, b.values) && sameBytes(a.times, b.times);
}

function sameBytes(a: readonly (Buffer | null)[], b: readonly (Buffer | null)[]): boolean {
  return a.every((bytes, i) => {
    const other = b[i]!;
    return bytes === null || other === null ? bytes === other : bytes.equals(other);
  });
}
