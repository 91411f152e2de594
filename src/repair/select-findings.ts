// Which findings of an earlier run a repair is to look at: by class, replica and key, or as a plan file has them that a person edited.

import { ConfigError } from '../errors.ts';
import { readLines } from '../files/lines.ts';
import { FINDING_CLASSES, type Finding, type FindingClass } from '../report/report.ts';

export interface Selection {
  /** Absent or empty: all that drift. */
  readonly classes?: readonly FindingClass[];
  readonly replicas?: readonly string[];
  /** Keys as text, each a key's parts. */
  readonly keys?: readonly (readonly string[])[];
}

export function selects({ classes = [], replicas = [], keys }: Selection): (finding: Finding) => boolean {
  const wanted = keys && new Set(keys.map((key) => JSON.stringify(key)));
  return (finding) =>
    finding.class !== 'unread' &&
    (classes.length === 0 || classes.includes(finding.class)) &&
    (replicas.length === 0 || replicas.includes(finding.replica)) &&
    (wanted === undefined || wanted.has(JSON.stringify(Object.values(finding.key))));
}

/** The line of a finding in a plan file: what it is about, and what a person wants to see in order to decide. */
export function planLine({ replica, entity, class: name, key, fields, copies, places }: Finding): string {
  const shown = fields.map(({ name: field, source, replica: held, sensitive }) =>
    sensitive
      ? `${field} differs (sensitive)`
      : `${field}: ${JSON.stringify(held ?? null)} → ${JSON.stringify(source ?? null)}`,
  );
  return JSON.stringify({ repair: true, replica, class: name, key, fields: shown, entity, copies, places });
}

/**
 * The findings that a plan file still wants. A line that was taken away, that starts with #, or that says `"repair": false`, is left alone. Throws a
 * ConfigError that names the line.
 */
export async function* readPlan(path: string): AsyncGenerator<Pick<Finding, 'replica' | 'class' | 'key' | 'places'>> {
  let number = 0;
  try {
    for await (const line of readLines(path)) {
      number += 1;
      if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
      const wanted = planned(line, path, number);
      if (wanted !== undefined) yield wanted;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ConfigError([{ path: '--plan', message: `there is no file ${path}` }]);
  }
}

function planned(
  line: string,
  path: string,
  number: number,
): Pick<Finding, 'replica' | 'class' | 'key' | 'places'> | undefined {
  const wrong = (message: string) =>
    new ConfigError([{ path: `${path}:${number}`, message, hint: 'repair RUN --write-plan FILE writes one anew.' }]);
  let entry: Partial<Finding> & { readonly repair?: unknown };
  try {
    entry = JSON.parse(line);
  } catch {
    throw wrong('is no JSON: a line was changed by more than true to false');
  }
  if (typeof entry.repair !== 'boolean') throw wrong('"repair" is neither true nor false');
  if (!entry.repair) return undefined;
  const { replica, class: name, key, places } = entry;
  if (typeof replica !== 'string' || !FINDING_CLASSES.includes(name!) || typeof key !== 'object' || key === null)
    throw wrong('it names no replica, class or key');
  return { replica, class: name!, key, places };
}
