// Reads a journal, forwards for what was done and backwards for undoing it. A last line that a kill tore off was never acted upon, and is not
// there for a reader.

import { access, open } from 'node:fs/promises';
import { readLines } from '../files/lines.ts';
import type { JournalEntry } from './entry.ts';

const BLOCK = 1 << 16;
const NEWLINE = 0x0a;

/** Whether a run has a journal. */
export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** From the first line. Throws when a line before the last is no entry. */
export async function* readJournal(path: string): AsyncGenerator<JournalEntry> {
  const { end } = await lastWrite(path);
  for await (const line of readLines(path, end)) if (line !== '') yield parse(line, path);
}

/** From the last line to the first, in bounded memory. */
export async function* readJournalBackwards(path: string): AsyncGenerator<JournalEntry> {
  for await (const { text } of linesBackwards(path)) yield parse(text, path);
}

/** The number of the last write (0: none), and where the last whole line ends, in bytes. */
export async function lastWrite(path: string): Promise<{ readonly n: number; readonly end: number }> {
  let end = 0;
  for await (const line of linesBackwards(path)) {
    end = Math.max(end, line.end);
    const entry = parse(line.text, path);
    if (entry.type === 'write') return { n: entry.n, end };
  }
  return { n: 0, end };
}

interface Line {
  readonly text: string;
  /** Just behind its newline, in bytes from the start of the file. */
  readonly end: number;
}

async function* linesBackwards(path: string): AsyncGenerator<Line> {
  const file = await open(path, 'r');
  try {
    let { size: from } = await file.stat();
    // Of a line that begins further in front: its blocks, front to back. Joined once, as a line may be megabytes.
    let rest: Buffer[] = [];
    // What follows the last newline was torn off.
    let whole = false;
    while (from > 0) {
      const length = Math.min(BLOCK, from);
      from -= length;
      const block = Buffer.alloc(length);
      await file.read(block, 0, length, from);
      let bytes = block;
      for (let at = bytes.lastIndexOf(NEWLINE); at >= 0; at = bytes.lastIndexOf(NEWLINE)) {
        const line = Buffer.concat([bytes.subarray(at + 1), ...rest]);
        rest = [];
        if (whole && line.length > 0) yield { text: line.toString('utf8'), end: from + at + 1 + line.length + 1 };
        whole = true;
        bytes = bytes.subarray(0, at);
      }
      if (bytes.length > 0) rest.unshift(bytes);
    }
    const first = Buffer.concat(rest);
    if (whole && first.length > 0) yield { text: first.toString('utf8'), end: first.length + 1 };
  } finally {
    await file.close();
  }
}

function parse(line: string, path: string): JournalEntry {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch (cause) {
    throw new Error(`${path}: a line is no journal entry: ${line.slice(0, 80)}`, { cause });
  }
}
