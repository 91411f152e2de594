// The drains of the run folder that left something: brought back to the source, and not yet settled where it waited.

import { join } from 'node:path';
import type { DrainReport } from '../contingency/drain-report.ts';
import type { Stopped } from '../contingency/stopped-drains.ts';
import { readJson } from '../files/read-json.ts';
import { writeWhole } from '../files/write-whole.ts';
import { JOURNAL_FILE } from '../journal/journal.ts';
import { isThere } from '../journal/read-journal.ts';
import { RUN_FILE, type RunStart } from './checkpoint.ts';
import { runIds } from './find-run.ts';

/** Says that a later drain has settled what this one left, or that an undo took it back: its journal has nothing to say any more. */
const SETTLED_FILE = 'settled.json';

/** The oldest first. `own`: the run that asks, which is among them where it is gone on with. */
export async function stoppedDrains(base: string, own: string): Promise<readonly Stopped[]> {
  const stopped: Stopped[] = [];
  for (const run of [...(await runIds(base))].reverse()) {
    const folder = join(base, 'runs', run);
    const path = join(folder, JOURNAL_FILE);
    if (run === own ? await isThere(path) : await isStoppedDrain(folder)) stopped.push({ path });
  }
  return stopped;
}

/** Whether it has written to the source what is not settled, as far as anybody knows. */
export async function isStoppedDrain(folder: string): Promise<boolean> {
  const start = await readJson<RunStart>(join(folder, RUN_FILE));
  if (start?.command !== 'drain' || !(await isThere(join(folder, JOURNAL_FILE)))) return false;
  if (await isThere(join(folder, SETTLED_FILE))) return false;
  const report = await readJson<DrainReport>(join(folder, 'report.json'));
  // Of one that the source was lost to, nobody knows whether its last transaction committed.
  return report === undefined || report.verdict === 'incomplete' || report.unsettled > 0;
}

export async function writeSettled(stopped: readonly Stopped[], by: string): Promise<void> {
  for (const { path } of stopped)
    await writeWhole(join(path, '..', SETTLED_FILE), [`${JSON.stringify({ by })}\n`], 0o600);
}
