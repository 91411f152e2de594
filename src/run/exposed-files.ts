// Whether others on this machine can change what a run does (the configuration, the journals that undo follows) or read what it found.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';

export interface Exposed {
  readonly file: string;
  /** Others can write to it, which is worse than that they can read. */
  readonly isWritable: boolean;
  readonly message: string;
  readonly hint: string;
}

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const OTHERS_READ = 0o077;
/** Runs that are looked at, newest first. */
const RUNS = 20;

/** What can't be looked at is left out: whoever needs it will say so. */
export async function exposedFiles({ file, folder }: Config): Promise<readonly Exposed[]> {
  // Windows keeps rights elsewhere, and Node shows none of them.
  if (process.platform === 'win32') return [];
  const found: Exposed[] = [];
  for (const [path, holds] of [
    [file, 'it says what is run, and where'],
    [folder, 'undo follows the journals in it'],
  ] as const) {
    const mode = await modeOf(path);
    if (mode?.isWritable) {
      found.push({
        file: path,
        isWritable: true,
        message: `others can write to it, and ${holds}`,
        hint: `chmod go-w ${path}`,
      });
    }
  }
  const runs = join(folder, 'runs');
  const names = await readdir(runs).catch((): string[] => []);
  for (const name of names.sort().reverse().slice(0, RUNS)) {
    const mode = await modeOf(join(runs, name));
    if (mode?.isReadable) {
      found.push({
        file: runs,
        isWritable: false,
        message: 'others can read runs in it, which hold data',
        hint: `chmod -R go-rwx ${runs}`,
      });
      break;
    }
  }
  return found;
}

/** A group of one's own, which many systems give to each user, is nobody else. */
async function modeOf(
  path: string,
): Promise<{ readonly isWritable: boolean; readonly isReadable: boolean } | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const isOwnGroup = found.gid === process.getgid?.();
  return {
    isWritable: (found.mode & OTHERS_WRITE) !== 0 || ((found.mode & GROUP_WRITES) !== 0 && !isOwnGroup),
    isReadable: (found.mode & OTHERS_READ) !== 0,
  };
}
