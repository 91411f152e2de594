// From a file of pinned requirements to a Python and the folder that holds them, filled by pip once. It touches
// neither the user's packages nor the system's.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder } from './cached-folder.ts';
import type { Progress } from './engine.ts';
import { runProgram } from './logged-process.ts';

const DESCRIBE = 'import sys; print(sys.executable); print(sys.version); print(sys.version_info >= (3, 10))';

export interface Python {
  readonly command: string;
  /** For PYTHONPATH. */
  readonly packages: string;
}

export async function pythonWith(requirements: string, onProgress: Progress): Promise<Python> {
  // Not `python3` itself, which may be a wrapper that wants the user's whole environment.
  const described = await promisify(execFile)('python3', ['-c', DESCRIBE]).catch(explainMissing);
  const [command, version, isEnough] = described.stdout.split('\n');
  if (isEnough !== 'True') throw new Error(`it needs Python 3.10 or newer, and python3 is ${version}`);
  const content = await readFile(requirements);
  const key = createHash('sha256').update(content).update(`${command}\n${version}`).digest('hex').slice(0, 12);
  const name = `python-${basename(dirname(requirements))}-${key}`;
  const packages = await cachedFolder(join(homedir(), '.cache', 'plumbline', 'engines', name), async (unfinished) => {
    onProgress('fetching its packages with pip (once)');
    const began = Date.now();
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:'];
    await runProgram({
      command: command!,
      args: [...install, '--target', unfinished, '--requirement', requirements],
      folder: unfinished,
      logFile: join(unfinished, 'pip.log'),
      env: process.env,
      lastSignal: 'SIGKILL',
    }).catch((cause: Error) => {
      throw new Error(`pip (Debian: python3-pip) could not fetch its packages: ${cause.message}`, { cause });
    });
    onProgress(`fetched after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
  return { command: command!, packages };
}

function explainMissing(cause: NodeJS.ErrnoException): never {
  if (cause.code !== 'ENOENT') throw cause;
  throw new Error('it needs Python 3.10 or newer with pip (Debian: python3-pip), and python3 was not found', { cause });
}
