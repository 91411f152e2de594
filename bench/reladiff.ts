// The peer: reladiff on the same pair of PostgreSQL tables, as its command line, if it is installed. It reads its
// connections from a file that only we may read, so no password shows among the processes.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { incidents } from '../fixtures/georiesgo/incidents.ts';
import type { Copy } from './copies.ts';

const run = promisify(execFile);

const PROGRAM = process.env.PLUMBLINE_BENCH_RELADIFF || 'reladiff';
const MOST_OUTPUT = 2 ** 28;

export const RELADIFF_HINT =
  'reladiff is not installed, so the peer is left out: pip install reladiff psycopg2-binary, and have it in PATH or name it in PLUMBLINE_BENCH_RELADIFF';

/** Such as `v0.6.0`; undefined when there is none. */
export async function reladiffVersion(): Promise<string | undefined> {
  try {
    return (await run(PROGRAM, ['--version'])).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Connections to each server: its default, and what is fastest on a few cores. */
export const RELADIFF_THREADS = [1, 4] as const;
export type ReladiffThreads = (typeof RELADIFF_THREADS)[number];

/**
 * Runs it once over all columns of two databases, by URL. Seconds from its start to its end, Python's start included.
 */
export async function runReladiff(
  source: string,
  replica: string,
  copy: Copy,
  threads: ReladiffThreads,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-bench-'));
  try {
    const conf = join(folder, 'reladiff.toml');
    const sides = [
      [source, copy.source],
      [replica, copy.target],
    ];
    const lines = sides.flatMap(([url, table], i) => [
      // It knows the scheme by its long name only.
      `${i + 1}.database = ${JSON.stringify(url!.replace(/^postgres:/, 'postgresql:'))}`,
      `${i + 1}.table = ${JSON.stringify(table)}`,
    ]);
    await writeFile(conf, `[run.default]\n${lines.join('\n')}\n`, { mode: 0o600 });
    const columns = incidents.columns.slice(1).flatMap(({ name }) => ['-c', name]);
    const started = performance.now();
    const args = ['--conf', conf, '-k', 'id', ...columns, '-j', String(threads), '--json'];
    const { stdout, stderr } = await run(PROGRAM, args, {
      maxBuffer: MOST_OUTPUT,
      env: {
        ...process.env,
        // Its output is wrapped at the width of a terminal, here never.
        COLUMNS: '100000',
        NO_COLOR: '1',
        // It sets the time zone on one connection of several only; on the others equal times would differ.
        PGTZ: 'UTC',
      },
    });
    const seconds = (performance.now() - started) / 1000;
    // It exits 0 whatever happens.
    if (stderr.includes('ERROR')) throw new Error(`reladiff: ${stderr}`);
    expectRows(stdout, copy);
    return seconds;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// It prints one line for a row of either side: two for a changed one.
function expectRows(output: string, { drift }: Copy): void {
  const rows = output.split('\n').filter((line) => line.startsWith('[')).length;
  const wanted = 2 * drift.changed.length + drift.missing.length + drift.orphans.length;
  if (rows !== wanted) throw new Error(`reladiff: ${rows} rows instead of ${wanted}:\n${output.slice(0, 2000)}`);
}
