// Finds the folder of a run by its id, or by as much of its end or beginning as tells it from the others.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';

export const REPORT_FILE = 'report.json';
/** What `report --html` makes of it. */
export const PAGE_FILE = 'report.html';
const RUN_ID = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-[a-z\d]{4}$/;

/** Ids of the runs in the config's folder, the newest first. */
export async function runIds(base: string): Promise<readonly string[]> {
  const names = await readdir(join(base, 'runs')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => RUN_ID.test(name))
    .sort()
    .reverse();
}

/** When the run with this id began, to the second. */
export function startOfId(id: string): Date {
  return new Date(id.replace(RUN_ID, '$1-$2-$3T$4:$5:$6Z'));
}

export interface KeptRun {
  readonly run: string;
  /** Its folder. */
  readonly path: string;
}

/** As findRun; throws a ConfigError also where only its report was kept. */
export async function findWholeRun(base: string, words: string): Promise<KeptRun> {
  const found = await findRun(base, words);
  if (!(await isAlone(found.path))) return found;
  const message = `of run ${found.run} only the report is left: it is older than retention.journals`;
  const hint = 'Its findings and what it replaced are no longer kept; a new check finds what drifts now.';
  throw new ConfigError([{ path: '', message, hint }]);
}

/** Whether retention has left nothing but the report; and a page made of it. */
export async function isAlone(path: string): Promise<boolean> {
  const names = await readdir(path);
  return names.every((name) => name === REPORT_FILE || name === PAGE_FILE);
}

/** Throws a ConfigError where no run or several are meant. */
export async function findRun(base: string, words: string): Promise<KeptRun> {
  const all = await runIds(base);
  const meant = all.includes(words) ? [words] : all.filter((id) => id.endsWith(words) || id.startsWith(words));
  const [run] = meant;
  if (run !== undefined && meant.length === 1) return { run, path: join(base, 'runs', run) };
  const shown = (ids: readonly string[]) => `${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}`;
  const message = run === undefined ? `there is no run ${words}` : `${words} means several runs: ${shown(meant)}`;
  const hint = all.length === 0 ? `No run is kept in ${base}.` : `The newest runs: ${shown(all)}.`;
  throw new ConfigError([{ path: '', message, hint }]);
}
