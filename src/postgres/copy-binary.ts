// Reads COPY … TO STDOUT (FORMAT binary): a fixed number of int4 or int8 columns, then text columns. Yields pages; keeps at most one chunk.

import type { Readable } from 'node:stream';

/** A page of tuples. `numbers` holds two halves (high, low) a number; `texts` one array a tuple, absent when no text column was asked for. */
export interface CopyPage {
  readonly count: number;
  readonly numbers: Int32Array;
  readonly texts?: readonly (readonly (string | null)[])[];
}

const SIGNATURE_LENGTH = 11;
const PAGE = 8192;

/** Format: PostgreSQL manual, COPY, "Binary Format". Throws when the stream ends before its trailer. */
export async function* readCopyBinary(
  stream: Readable,
  numbersPerTuple: number,
  textsPerTuple: number,
): AsyncGenerator<CopyPage> {
  const numbers = new Int32Array(PAGE * numbersPerTuple * 2);
  let texts: (string | null)[][] = [];
  let count = 0;
  let rest: Buffer | undefined;
  let started = false;
  let ended = false;
  const page = (): CopyPage => ({ count, numbers, texts: textsPerTuple > 0 ? texts : undefined });

  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const buffer = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    if (!started) {
      const header = headerLength(buffer);
      if (header === undefined) {
        rest = buffer;
        continue;
      }
      at = header;
      started = true;
    }
    while (!ended) {
      const start = at;
      if (at + 2 > buffer.length) break;
      if (buffer.readInt16BE(at) === -1) {
        ended = true;
        break;
      }
      at += 2;
      const complete = readNumbers(buffer, at, numbersPerTuple, numbers, count * numbersPerTuple * 2);
      if (complete < 0) {
        at = start;
        break;
      }
      at = complete;
      if (textsPerTuple > 0) {
        const row: (string | null)[] = new Array(textsPerTuple);
        const end = readTexts(buffer, at, textsPerTuple, row);
        if (end < 0) {
          at = start;
          break;
        }
        at = end;
        texts.push(row);
      }
      if (++count === PAGE) {
        yield page();
        count = 0;
        texts = [];
      }
    }
    rest = at < buffer.length ? buffer.subarray(at) : undefined;
  }
  if (!ended) throw new Error('the COPY stream ended before its trailer');
  if (count > 0) yield page();
}

function headerLength(buffer: Buffer): number | undefined {
  if (buffer.length < SIGNATURE_LENGTH + 8) return undefined;
  const length = SIGNATURE_LENGTH + 8 + buffer.readInt32BE(SIGNATURE_LENGTH + 4);
  return buffer.length < length ? undefined : length;
}

/** Returns the position after the numbers, or -1 when the buffer ends within them. */
function readNumbers(buffer: Buffer, start: number, count: number, into: Int32Array, offset: number): number {
  let at = start;
  let to = offset;
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) return -1;
    const length = buffer[at + 3]!; // the length fits one byte: 4 or 8
    at += 4;
    if (at + length > buffer.length) return -1;
    if (length === 8) {
      into[to] = (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
      into[to + 1] = (buffer[at + 4]! << 24) | (buffer[at + 5]! << 16) | (buffer[at + 6]! << 8) | buffer[at + 7]!;
    } else {
      into[to + 1] = buffer.readInt32BE(at);
      into[to] = into[to + 1]! >> 31;
    }
    at += length;
    to += 2;
  }
  return at;
}

function readTexts(buffer: Buffer, start: number, count: number, into: (string | null)[]): number {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) return -1;
    const length = buffer.readInt32BE(at);
    at += 4;
    if (length < 0) {
      into[i] = null;
      continue;
    }
    if (at + length > buffer.length) return -1;
    into[i] = buffer.toString('utf8', at, at + length);
    at += length;
  }
  return at;
}
