// A file that its readers see whole: the old one until the new one is complete.

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { naming } from './naming.ts';

/** `mode` holds whatever the process's umask says; absent: what the umask leaves of 0666. On disk when it returns. */
export async function writeWhole(
  target: string,
  pieces: Iterable<string> | AsyncIterable<string>,
  mode?: number,
): Promise<void> {
  // Beside it, for a rename stays within one file system; of a name of its own, for two may write at once.
  const part = join(dirname(target), `.${randomBytes(6).toString('hex')}.part`);
  try {
    const file = await open(part, 'wx', mode);
    try {
      if (mode !== undefined) await file.chmod(mode);
      for await (const piece of pieces) await naming(target, () => file.appendFile(piece));
      await naming(target, () => file.sync());
    } finally {
      await file.close();
    }
    await rename(part, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** So that a new name in it survives a crash as well. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
