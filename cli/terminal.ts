// What the terminal and the environment ask of the output, and how text gets to a stream or a file whole.

import { constants } from 'node:fs';
import { access, open, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { writeWhole } from '../src/files/write-whole.ts';
import { UsageError } from './usage-error.ts';

const PIPED_WIDTH = 80;

export interface Terminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** `--no-color` and NO_COLOR (https://no-color.org) say no before FORCE_COLOR says yes; else a terminal decides. */
export function wantsColour(stream: Terminal, noColour: boolean, env: NodeJS.ProcessEnv): boolean {
  if (noColour || env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Columns: the terminal's, else what COLUMNS says, else 80. */
export function widthOf(stream: Terminal, env: NodeJS.ProcessEnv): number {
  const told = /^\d{2,4}$/.test(env.COLUMNS ?? '') ? Number(env.COLUMNS) : PIPED_WIDTH;
  return (stream.isTTY && stream.columns) || told;
}

const CHUNK = 1 << 16;

/** Writes all pieces. Stops without an error when the reader has gone (`| head`), and returns false then. */
export async function writeTo(stream: Writable, pieces: Iterable<string> | AsyncIterable<string>): Promise<boolean> {
  let chunk = '';
  for await (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    if (!(await write(stream, chunk))) return false;
    chunk = '';
  }
  return chunk === '' || write(stream, chunk);
}

function write(stream: Writable, chunk: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (!error) resolve(true);
      else if ((error as NodeJS.ErrnoException).code === 'EPIPE') resolve(false);
      else reject(error);
    });
  });
}

/** Throws a UsageError when the `file` of a flag can't be written: better now than after an hour's work. */
export async function checkOutput(flag: string, file: string): Promise<void> {
  const folder = dirname(file);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UsageError(
      `--${flag} ${file}: ${missing ? 'there is no folder' : 'no permission to write in'} ${folder}`,
    );
  }
  if ((await kindOf(file)) === 'folder') throw new UsageError(`--${flag} ${file}: is a folder, not a file`);
}

/** Whole or not at all: readers see the old file until the new one is complete. Devices and pipes are written to as they are. */
export async function writeFileWhole(file: string, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  if ((await kindOf(file)) === 'special') {
    const handle = await open(file, 'w');
    const stream = handle.createWriteStream();
    await writeTo(stream, pieces);
    await new Promise<void>((resolve) => stream.end(resolve));
    return;
  }
  // Renaming onto a link would replace the link.
  await writeWhole(await realpath(file).catch(() => file), pieces);
}

async function kindOf(file: string): Promise<'none' | 'file' | 'folder' | 'special'> {
  try {
    const found = await stat(file);
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'special';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw error;
  }
}
