// A process and all that it started. Groups don't tell: each process of PostgreSQL leads a session of its own.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Process ids, parents before their children, as the system knows them now. */
export function withDescendants(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const [child, parent] of existsSync('/proc/self/stat') ? fromProc() : fromPs()) {
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const found = [pid];
  // It grows while it is walked.
  for (const parent of found) found.push(...(children.get(parent) ?? []));
  return found;
}

type ProcessAndParent = readonly [pid: number, parent: number];

/** Linux: small images have no `ps`, and it is the faster way. */
function fromProc(): ProcessAndParent[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The name of the program stands between brackets and may hold any.
        const [, parent] = readFileSync(`/proc/${name}/stat`, 'latin1')
          .replace(/^.*\) /s, '')
          .split(' ');
        return [[Number(name), Number(parent)] as const];
      } catch {
        // It has ended since.
        return [];
      }
    });
}

function fromPs(): ProcessAndParent[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return table.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
}
