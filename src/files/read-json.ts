// A file that holds one JSON document, as `writeWhole` leaves it.

import { readFile } from 'node:fs/promises';

/** Undefined where there is no such file. Throws what else keeps it from being read. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
