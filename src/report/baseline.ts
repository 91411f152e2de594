// Known drift: a file in the repository of what a team has accepted for now, each entry until a day. A finding that stands in it is known, one that
// does not is new, an entry that nothing answers to any more is resolved. Data only.

import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { FINDING_CLASSES, type Finding } from './report.ts';

export const BASELINE_SCHEMA = 'plumbline.baseline/1';
/** A baseline is held in memory, and read by people. */
export const MOST_ENTRIES = 100_000;

const entrySchema = z.strictObject({
  replica: z.string(),
  class: z.enum(FINDING_CLASSES),
  /** By the source's key columns, canonical values. */
  key: z.record(z.string(), z.string()),
  /** Source columns that differed: another one is new drift. */
  fields: z.array(z.string()).optional(),
  /** When it was first accepted. */
  since: z.iso.date(),
  /** The last day on which it counts as known; absent: for good. */
  expires: z.iso.date().optional(),
  note: z.string().optional(),
});
const fileSchema = z.strictObject({ schema: z.literal(BASELINE_SCHEMA), entries: z.array(entrySchema) });

export type BaselineEntry = Readonly<z.infer<typeof entrySchema>>;

/** Throws a ConfigError that says what is wrong with the file. */
export function parseBaseline(text: string, file: string): readonly BaselineEntry[] {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw wrong(file, `is no JSON: ${(error as Error).message}`);
  }
  const { success, data, error } = fileSchema.safeParse(given);
  if (success) return data.entries;
  const [issue] = error.issues;
  throw wrong(file, `${issue!.path.join('.')}: ${issue!.message}`);
}

function wrong(file: string, message: string): ConfigError {
  return new ConfigError([{ path: file, message, hint: '--update-baseline writes one anew.' }]);
}

/** In an order that makes small differences in a repository: by replica, class and key, an entry a line. */
export function baselineText(entries: readonly BaselineEntry[]): string {
  const lines = entries.map((entry) => JSON.stringify(entry)).sort();
  const list = lines.length === 0 ? '[]' : `[\n${lines.map((line) => `    ${line}`).join(',\n')}\n  ]`;
  return `{\n  "schema": "${BASELINE_SCHEMA}",\n  "entries": ${list}\n}\n`;
}

export class Baseline {
  readonly file: string;
  readonly entries: readonly BaselineEntry[];
  private readonly today: string;
  private readonly byName = new Map<string, BaselineEntry>();
  private readonly met = new Set<BaselineEntry>();

  /** `today`: an entry that expires earlier is none. */
  constructor(file: string, entries: readonly BaselineEntry[], today: string) {
    this.file = file;
    this.entries = entries;
    this.today = today;
    for (const entry of entries) this.byName.set(nameOf(entry), entry);
  }

  /** The entry that accepts the finding. Remembers that it was met, expired or not. */
  accepts(finding: Finding): BaselineEntry | undefined {
    const entry = this.byName.get(nameOf(finding));
    if (entry === undefined) return undefined;
    this.met.add(entry);
    if (this.isExpired(entry)) return undefined;
    const fields = finding.fields.map(({ name }) => name);
    return fields.every((name) => entry.fields?.includes(name)) ? entry : undefined;
  }

  /** Entries of these replicas, which were compared to the end, that nothing answered to. */
  resolved(replicas: ReadonlySet<string>): readonly BaselineEntry[] {
    return this.entries.filter((entry) => replicas.has(entry.replica) && !this.met.has(entry));
  }

  /** Entries that were met after their last day. */
  expired(): readonly BaselineEntry[] {
    return [...this.met].filter((entry) => this.isExpired(entry));
  }

  /** The entry for a finding from now on; what was accepted before keeps its first day and its note. */
  entryFor(finding: Finding, expires: string | undefined): BaselineEntry {
    const { replica, class: name, key } = finding;
    const known = this.byName.get(nameOf(finding));
    const fields = finding.fields.map((field) => field.name);
    return {
      replica,
      class: name,
      key: { ...key },
      ...(fields.length > 0 && { fields }),
      since: known?.since ?? this.today,
      ...(expires !== undefined && { expires }),
      ...(known?.note !== undefined && { note: known.note }),
    };
  }

  private isExpired({ expires }: BaselineEntry): boolean {
    return expires !== undefined && expires < this.today;
  }
}

function nameOf({ replica, class: name, key }: Pick<BaselineEntry, 'replica' | 'class' | 'key'>): string {
  return JSON.stringify([replica, name, Object.entries(key)]);
}
