// A file's lines. Not node:readline: since Node 24 it also ends a line at U+2028 and U+2029, which may stand in the middle of a value in JSON.

import { createReadStream } from 'node:fs';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Without their ends, LF or CRLF; also what follows the last one, if anything does. `end`: bytes to read; default all. Memory: the longest line. */
export async function* readLines(path: string, end?: number): AsyncGenerator<string> {
  if (end === 0) return;
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(
    path,
    end === undefined ? {} : { end: end - 1 },
  ) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      yield textOf([...rest, chunk.subarray(from, at)]);
      rest = [];
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (rest.length > 0) yield textOf(rest);
}

function textOf(parts: readonly Buffer[]): string {
  const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return line.toString('utf8', 0, line.at(-1) === RETURN ? line.length - 1 : line.length);
}
