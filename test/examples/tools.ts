// The ecosystems' own linters and parsers for what stands in examples/: from npm, from PyPI, or of the machine.

import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder } from '../../engines/cached-folder.ts';
import { pythonWith } from '../../engines/python.ts';

export const root = join(import.meta.dirname, '..', '..');
export const examples = join(root, 'examples');

export interface Ended {
  readonly code: number;
  /** Both streams. */
  readonly output: string;
}

const run = promisify(execFile);

/** Never throws for an exit code. */
export async function runTool(command: string, words: readonly string[], cwd?: string, env?: object): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(command, [...words], { cwd, env: { ...process.env, ...env } });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, output: `${stdout}${stderr}` };
  }
}

/** hadolint, zizmor and kubernetes-validate, fetched once. */
export async function pythonTools() {
  const { command, packages } = await pythonWith(join(import.meta.dirname, 'requirements.txt'), () => {});
  return {
    hadolint: (...words: string[]) => runTool(join(packages, 'bin', 'hadolint'), words),
    zizmor: (...words: string[]) => runTool(join(packages, 'bin', 'zizmor'), words),
    kubernetesValidate: (...words: string[]) =>
      runTool(command, ['-m', 'kubernetes_validate', ...words], undefined, { PYTHONPATH: packages }),
  };
}

/**
 * A tool of the system, or undefined where this machine has none: then its tests are left out, but never in CI. promtool is taken out of Debian's
 * package without installing it, as installing it would start a server.
 */
export async function systemTool(name: 'systemd-analyze' | 'promtool'): Promise<string | undefined> {
  const found = await run(name, ['--version']).then(
    () => name,
    () => (name === 'promtool' ? promtoolOfDebian() : undefined),
  );
  if (found === undefined && process.env.CI) throw new Error(`${name} is needed (Debian: systemd, prometheus)`);
  return found;
}

async function promtoolOfDebian(): Promise<string | undefined> {
  const apt = await run('apt-get', ['--version']).then(
    () => true,
    () => false,
  );
  if (!apt) return undefined;
  const folder = join(homedir(), '.cache', 'plumbline', 'tools', 'promtool-debian');
  const made = await cachedFolder(folder, async (unfinished) => {
    const work = join(unfinished, 'package');
    await mkdir(work);
    const download = () => run('apt-get', ['download', '-q', 'prometheus'], { cwd: work });
    // On a new machine apt has no lists yet.
    await download().catch(async () => {
      await run('apt-get', ['update', '-q']);
      await download();
    });
    const [file] = await readdir(work);
    await run('dpkg-deb', ['-x', file!, '.'], { cwd: work });
    await rename(join(work, 'usr', 'bin', 'promtool'), join(unfinished, 'promtool'));
    await rm(work, { recursive: true });
  });
  return join(made, 'promtool');
}
