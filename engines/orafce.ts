// Oracle's functions for PostgreSQL 15, as Debian builds them: the installed package, else its file fetched by apt with
// lists of its own, which needs no root. It changes nothing of the system.

import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from './engine.ts';
import { runProgram } from './logged-process.ts';
import type { Addition } from './postgres-binaries.ts';

const PACKAGE = 'postgresql-15-orafce';
const LIBRARY = 'usr/lib/postgresql/15/lib/orafce.so';
const SCRIPTS = 'usr/share/postgresql/15/extension';

export function orafce(onProgress: Progress): Addition {
  return {
    name: 'orafce',
    add: async (binaries) => {
      const work = join(binaries, '.orafce');
      try {
        const root = existsSync(join('/', LIBRARY)) ? '/' : await fetchPackage(work, onProgress);
        await cp(join(root, LIBRARY), join(binaries, 'lib', 'postgresql', 'orafce.so'));
        for (const file of await readdir(join(root, SCRIPTS))) {
          if (!file.startsWith('orafce')) continue;
          await cp(join(root, SCRIPTS, file), join(binaries, 'share', 'postgresql', 'extension', file));
        }
      } catch (cause) {
        const reason = (cause as Error).message;
        throw new Error(`it needs orafce for PostgreSQL 15 (Debian 12: ${PACKAGE}): ${reason}`, { cause });
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}

async function fetchPackage(work: string, onProgress: Progress): Promise<string> {
  onProgress(`fetching Debian's ${PACKAGE} (once)`);
  await mkdir(join(work, 'state', 'lists', 'partial'), { recursive: true });
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  const step = { folder: work, logFile: join(work, 'apt.log'), env: process.env, lastSignal: 'SIGKILL' } as const;
  const own = [
    `Dir::State=${work}/state`,
    'Dir::State::status=/var/lib/dpkg/status',
    `Dir::Cache=${work}/cache`,
    // Its user for downloads could not write here.
    'APT::Sandbox::User=root',
  ];
  const apt = (...args: string[]) =>
    runProgram({ ...step, command: 'apt-get', args: [...own.flatMap((option) => ['-o', option]), '-qq', ...args] });
  await apt('update');
  await apt('download', PACKAGE);
  const file = (await readdir(work)).find((name) => name.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get downloaded no package');
  const root = join(work, 'root');
  await runProgram({ ...step, command: 'dpkg-deb', args: ['--extract', file, root] });
  return root;
}
