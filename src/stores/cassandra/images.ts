// Whole rows as CQL's bytes in base64, mapped or not, each value with when it was written and when it expires. Back they come with the time
// that they have left; one that has expired since would be gone by now, and is not put back.

import { ValueError } from '../../value/canonical.ts';
import type { Captured, Guarded, Image } from '../store.ts';
import type { Access } from './access.ts';
import { eachAtOnce } from './bounded.ts';
import { typeText } from './cql-type.ts';
import { joinElements, splitElements } from './elements.ts';
import { type Cell, type Present, PresentReader } from './present.ts';
import type { Column, Table } from './schema.ts';
import type { Connection } from './session.ts';
import { sameToken, tokenOf } from './token.ts';
import type { PrimaryKey } from './writes.ts';

const ROWS_AT_ONCE = 64;

interface RowImage {
  /** In the order of the primary key. */
  readonly key: readonly string[];
  /** By name, all columns that are neither static nor in the primary key. */
  readonly cells: Readonly<Record<string, CellImage>>;
}

interface CellImage {
  readonly type: string;
  readonly value: string | null;
  /** Microseconds since 1970; absent where it is null or the server doesn't tell. */
  readonly written?: string;
  /** Milliseconds since 1970 by our clock, 0: never; by element of a collection where those differ. */
  readonly expires: number | readonly number[];
}

/** What a column is to hold again. */
export interface Restored {
  readonly column: Column;
  readonly value: Buffer | null;
  /** Seconds; 0: for ever. */
  readonly timeToLive: number;
  /** Further elements of a collection, which live for another time. */
  readonly more: readonly { readonly value: Buffer; readonly timeToLive: number }[];
}

/** In the order of `changes`; undefined for a row that is gone or not as it was read. */
export function captureImages(
  connection: Connection,
  access: Access,
  changes: readonly Guarded[],
): Promise<readonly (Captured | undefined)[]> {
  const reader = new PresentReader(connection, access);
  return eachAtOnce(changes, ROWS_AT_ONCE, async ({ expected }): Promise<Captured | undefined> => {
    const token = tokenOf(expected);
    const present = await reader.read(token.primaryKey);
    if (present === undefined || !sameToken(present.token, token)) return undefined;
    const mixed = [...present.cells].find(([{ type }, { lives }]) => type.name === 'udt' && hasSeveral(lives));
    return {
      image: imageOf(present, Date.now()),
      lacks: mixed && `the fields of its ${mixed[0].name} expire at different times, and are only written together`,
    };
  });
}

function imageOf({ token, cells }: Present, now: number): RowImage {
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  const expiry = (seconds: number) => (seconds === 0 ? 0 : now + 1000 * seconds);
  const cellImage = ([column, cell]: readonly [Column, Cell]): readonly [string, CellImage] => [
    column.name,
    {
      type: typeText(column.type),
      value: cell.value && base64(cell.value),
      written: cell.writeTime === undefined ? undefined : String(cell.writeTime),
      expires: hasSeveral(cell.lives) ? cell.lives!.map(expiry) : expiry(cell.timeToLive),
    },
  ];
  return { key: token.primaryKey.map(base64), cells: Object.fromEntries([...cells].map(cellImage)) };
}

function hasSeveral(lives: readonly number[] | undefined): boolean {
  return lives !== undefined && new Set(lives).size > 1;
}

export function keyOfImage(image: Image): PrimaryKey {
  return (image as RowImage).key.map((part) => Buffer.from(part, 'base64'));
}

/** Whether the row is the one that the image was taken of, to the time of each write. */
export function isOfImage({ cells }: Present, image: Image): boolean {
  const { cells: held } = image as RowImage;
  return [...cells].every(([{ name }, { value, writeTime }]) => {
    const cell = held[name];
    return (
      cell !== undefined &&
      cell.value === (value === null ? null : value.toString('base64')) &&
      cell.written === (writeTime === undefined ? undefined : String(writeTime))
    );
  });
}

/** When the newest value was written; undefined where nobody can tell. */
export function newestOfImage(image: Image): bigint | undefined {
  const cells = Object.values((image as RowImage).cells).filter(({ value }) => value !== null);
  if (cells.length === 0 || cells.some(({ written }) => written === undefined)) return undefined;
  return cells.map(({ written }) => BigInt(written!)).reduce((a, b) => (a > b ? a : b));
}

/** What these columns held, or all of them. Throws ValueError for what can't come back as it was. */
export function restoredCells(image: Image, table: Table, columns?: readonly Column[]): readonly Restored[] {
  const { cells } = image as RowImage;
  const now = Date.now();
  const wanted = columns?.map(({ name }) => name) ?? Object.keys(cells);
  return wanted.map((name): Restored => {
    const column = table.columns.get(name);
    const cell = cells[name];
    if (column === undefined || cell === undefined)
      throw new ValueError(`${table.name} has no column ${name} any more`);
    if (typeText(column.type) !== cell.type) {
      throw new ValueError(`${name} was ${cell.type} when it was recorded, and is ${typeText(column.type)} now`);
    }
    if (cell.value === null) return { column, value: null, timeToLive: 0, more: [] };
    const value = Buffer.from(cell.value, 'base64');
    if (typeof cell.expires === 'number') return { column, value, timeToLive: left(name, cell.expires, now), more: [] };
    const [first, ...more] = byLife(
      column,
      value,
      cell.expires.map((expires) => left(name, expires, now)),
    );
    return { column, ...first!, more };
  });
}

function left(name: string, expires: number, now: number): number {
  if (expires === 0) return 0;
  const seconds = Math.floor((expires - now) / 1000);
  if (seconds < 1) throw new ValueError(`the time that its ${name} had to live has run out since`);
  return seconds;
}

/** A collection in parts whose elements live alike, in their order: a list keeps it. */
function byLife({ name, type }: Column, value: Buffer, lives: readonly number[]) {
  const elements = type.name === 'udt' ? undefined : splitElements(type, value);
  if (elements === undefined || elements.length !== lives.length) {
    throw new ValueError(`the parts of its ${name} expire at different times, and are only written together`);
  }
  const runs: { readonly timeToLive: number; readonly elements: (readonly Buffer[])[] }[] = [];
  for (const [i, element] of elements.entries()) {
    const timeToLive = lives[i]!;
    const run = runs.at(-1)?.timeToLive === timeToLive ? runs.at(-1)! : { timeToLive, elements: [] };
    if (run.elements.length === 0) runs.push(run);
    run.elements.push(element);
  }
  return runs.map(({ timeToLive, elements: some }) => ({ timeToLive, value: joinElements(some) }));
}
