// A folder that is costly to fill, filled once for all processes of this user. It appears under its name only when
// it is complete, so a crash or a second builder never leaves half of one.

import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from './watchdog.ts';

const POLL_MS = 200;
const STALE_MS = 15 * 60_000;

export async function cachedFolder(folder: string, fill: (unfinished: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (existsSync(folder)) return folder;
    const unfinished = await mkdtemp(`${folder}.unfinished-`);
    const release = guard({ path: unfinished });
    try {
      await chmod(unfinished, 0o755);
      await fill(unfinished);
      await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
        // Somebody else was first, after all.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
      release();
    }
    return folder;
  } finally {
    await unlock();
  }
}

// Two waiters may both find a lock stale and both build; the rename keeps even that harmless. The watchdog is not
// told of the lock: it would remove the next owner's.
async function lock(path: string): Promise<() => Promise<void>> {
  while (!(await take(path))) {
    if (await isStale(path)) await rm(path, { force: true });
    else await sleep(POLL_MS);
  }
  return () => rm(path, { force: true });
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    const owner = Number(await readFile(path, 'utf8'));
    // Its owner writes the number after it has made the file.
    if (owner === 0) return age > 1_000;
    return age > STALE_MS || !isAlive(owner);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
