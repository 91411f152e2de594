// Rows as the bytes in which the server sent them. The driver makes an object of each row and hands it through two streams, which costs
// several times what we do with it afterwards: so the parser of each of its connections is asked to leave the rows of marked statements
// alone. The mark is the alias of the first column. Where the parser is not as it is known here, or a connection is too new to have been asked,
// the driver's own values are turned back into bytes: slower, and no different to the caller.

import type { Client, types } from 'cassandra-driver';
import type { Driver } from './session.ts';

/** Rows one behind the other: for each cell a length (negative: null) in four bytes, then the value. */
export interface RawRows {
  readonly bytes: Buffer;
  readonly start: number;
  readonly count: number;
}

export const MARK = 'plumbline raw';

interface Parser {
  parseRows(frame: Frame, reader: Reader): unknown;
  push(item: unknown): unknown;
}

interface Frame {
  readonly header: unknown;
  readonly flagsInfo: unknown;
  readonly byRow?: boolean;
  readonly meta?: { readonly columns?: readonly { readonly name?: string }[] };
}

interface Reader {
  readonly buf: Buffer;
  readonly offset: number;
}

/** The class is exported, its type is not. */
interface Encoder {
  encode(value: unknown, type: unknown): Buffer | null;
}

type Result = types.ResultSet;

class RawPage implements RawRows {
  readonly bytes: Buffer;
  readonly start: number;
  readonly count: number;

  constructor(bytes: Buffer, start: number, count: number) {
    this.bytes = bytes;
    this.start = start;
    this.count = count;
  }
}

/** How many there are. */
const NO_ELEMENTS = Buffer.alloc(4);

const asked = new WeakSet<object>();

/** Asks all connections that the driver has open now. */
export function askForBytes(client: Client): void {
  for (const host of client.hosts?.values() ?? []) {
    const { pool } = host as unknown as { readonly pool?: { readonly connections?: readonly { parser?: Parser }[] } };
    for (const { parser } of pool?.connections ?? []) askParser(parser);
  }
}

function askParser(parser: Parser | undefined): void {
  if (typeof parser?.parseRows !== 'function' || typeof parser.push !== 'function' || asked.has(parser)) return;
  asked.add(parser);
  const usual = parser.parseRows;
  parser.parseRows = (frame, reader) => {
    if (!isMarked(frame) || !isReadable(reader)) return usual.call(parser, frame, reader);
    const rows = [new RawPage(reader.buf, reader.offset + 4, reader.buf.readInt32BE(reader.offset))];
    return parser.push({ header: frame.header, result: { rows, meta: frame.meta, flags: frame.flagsInfo } });
  };
}

function isMarked(frame: Frame): boolean {
  return frame.byRow !== true && frame.meta?.columns?.[0]?.name === MARK;
}

/** All of the frame's body is there: the driver puts one that came in pieces together first. */
function isReadable({ buf, offset }: Reader): boolean {
  return Buffer.isBuffer(buf) && Number.isInteger(offset) && buf.length >= offset + 4;
}

/** Whether the driver has taken rows of a marked statement apart, on a connection that is new. It is asked not to from now on. */
export function isTakenApart(result: Result, client: Client): boolean {
  const [first] = (result.rows ?? []) as readonly unknown[];
  if (first === undefined || first instanceof RawPage) return false;
  askForBytes(client);
  return true;
}

/** The rows of a marked statement's result. */
export function rowsOf(result: Result, client: Client, driver: Driver): RawRows {
  const rows: readonly unknown[] = result.rows ?? [];
  const [first] = rows;
  if (first instanceof RawPage) return first;
  if (rows.length === 0) return { bytes: Buffer.alloc(0), start: 0, count: 0 };
  askForBytes(client);
  return encoded(result, client, driver);
}

function encoded(result: Result, client: Client, driver: Driver): RawRows {
  const { Encoder } = driver as unknown as { readonly Encoder: new (version: number, options: object) => Encoder };
  const version = (client as unknown as { readonly controlConnection?: { readonly protocolVersion?: number } })
    .controlConnection?.protocolVersion;
  const encoder = new Encoder(version ?? 4, {});
  const parts: Buffer[] = [];
  for (const row of result.rows) {
    for (const { name, type } of result.columns) {
      // The driver would write null for it.
      const isEmptyList = Array.isArray(row[name]) && row[name].length === 0;
      const value = isEmptyList ? NO_ELEMENTS : encoder.encode(row[name], type);
      const length = Buffer.alloc(4);
      length.writeInt32BE(value === null ? -1 : value.length);
      parts.push(length);
      if (value !== null) parts.push(value);
    }
  }
  return { bytes: Buffer.concat(parts), start: 0, count: result.rows.length };
}

/** Finds the cells of one row after the other. Keeps one row's places at a time. */
export class Cells {
  bytes: Buffer = Buffer.alloc(0);
  /** By column: where the value begins. */
  readonly offsets: Int32Array;
  /** By column: its length, negative where it is null. */
  readonly lengths: Int32Array;

  constructor(columns: number) {
    this.offsets = new Int32Array(columns);
    this.lengths = new Int32Array(columns);
  }

  /** Returns where the next row begins. */
  locate(bytes: Buffer, start: number): number {
    this.bytes = bytes;
    const { offsets, lengths } = this;
    let at = start;
    for (let i = 0; i < lengths.length; i++) {
      const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
      at += 4;
      offsets[i] = at;
      lengths[i] = length;
      if (length > 0) at += length;
    }
    if (at > bytes.length) throw new Error('a result ends in the middle of a row');
    return at;
  }

  isNull(column: number): boolean {
    return this.lengths[column]! < 0;
  }

  /** A copy, since the page may be large. */
  copy(column: number): Buffer | null {
    const start = this.offsets[column]!;
    return this.isNull(column) ? null : Buffer.from(this.bytes.subarray(start, start + this.lengths[column]!));
  }
}

/** Each row's place, without decoding any. */
export function* eachRow(rows: RawRows, cells: Cells): Generator<number> {
  let at = rows.start;
  for (let i = 0; i < rows.count; i++) {
    const start = at;
    at = cells.locate(rows.bytes, at);
    yield start;
  }
}
