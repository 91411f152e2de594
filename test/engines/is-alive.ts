// Whether a process runs.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A zombie counts as dead: some containers have an init that does not collect them. */
export async function isAlive(pid: number): Promise<boolean> {
  const ps = promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]);
  const { stdout } = await ps.catch(() => ({ stdout: '' }));
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
