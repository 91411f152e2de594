// Which runs stay on disk: the newest whole, older ones with their report alone, the oldest not at all.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { isAtWork } from './checkpoint.ts';
import { isStoppedDrain } from './drain-runs.ts';
import type { RunListener } from './events.ts';
import { REPORT_FILE, runIds, startOfId } from './find-run.ts';

/** After a run. What can't be removed is no fault of the run. */
export async function tidyUp(config: Config, onEvent: RunListener = () => {}): Promise<void> {
  try {
    await removeOldRuns(config, new Date());
  } catch (error) {
    onEvent({ type: 'warning', where: 'retention', message: (error as Error).message });
  }
}

/** A run that is at work is left alone. */
export async function removeOldRuns({ folder: base, retention }: Config, now: Date): Promise<void> {
  for (const id of (await runIds(base)).slice(retention.runs)) {
    const age = now.getTime() - startOfId(id).getTime();
    const folder = join(base, 'runs', id);
    // What a drain has left says what is in the source already.
    if (age <= retention.journals || (await isAtWork(folder)) || (await isStoppedDrain(folder))) continue;
    const names = await readdir(folder);
    // Without a report there is nothing that history could show.
    if (age > retention.reports || !names.includes(REPORT_FILE)) await rm(folder, { recursive: true, force: true });
    else
      for (const name of names) {
        if (name !== REPORT_FILE) await rm(join(folder, name), { recursive: true, force: true });
      }
  }
}
