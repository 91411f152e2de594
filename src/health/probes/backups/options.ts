// The words of a `backups` probe, and what they are when they are left out.

import { z } from 'zod';
import { durationThresholds, orElse, percentThresholds, type Thresholds } from '../../thresholds.ts';
import { type BackupKind, KINDS } from './backup.ts';
import { isTimeZone, TIME_PATTERN, WEEKDAYS } from './calendar.ts';
import type { Rotation } from './rotation.ts';

const HOUR_MS = 3_600_000;

/** Six days: a full one on Monday, what changed on the others, nothing on Sunday. */
const ROTATION: Rotation = {
  monday: ['full'],
  tuesday: ['incremental', 'differential'],
  wednesday: ['incremental', 'differential'],
  thursday: ['incremental', 'differential'],
  friday: ['incremental', 'differential'],
  saturday: ['incremental', 'differential'],
};
/** From Saturday's to Monday's there are two days, and time to write it. */
const AGE: Thresholds = { warn: 60 * HOUR_MS, fail: 84 * HOUR_MS };
const RUNNING: Thresholds = { warn: 12 * HOUR_MS, fail: 24 * HOUR_MS };
/** Percent of the median. */
const COLLAPSE: Thresholds = { warn: 50, fail: 25 };

const text = z.string().trim().min(1, { error: 'is empty' });
const kind = z.enum(KINDS);
const kinds = z
  .union([
    z.string().regex(/^(full|incremental|differential)$/, { error: 'must be full, incremental or differential' }),
    z.array(kind).min(1, { error: 'is empty' }),
  ])
  .transform((words) => (typeof words === 'string' ? [words] : words) as readonly BackupKind[]);
const count = z.int().min(0);

const fields = z.strictObject({
  kind: text.default('type').describe('full, incremental, differential, or a word of `kinds`.'),
  status: text.default('status').describe('complete, running or failed. Absent: complete once it has an end.'),
  started: text.default('started_at'),
  finished: text.default('finished_at'),
  size: text.default('size').describe('In bytes.'),
  file: text.default('file').describe('Path, absolute or within `folder`.'),
  checksum: z
    .union([text, z.array(text)])
    .transform((words) => (typeof words === 'string' ? [words] : words))
    .default(['sha256', 'md5', 'checksum'])
    .describe('Hexadecimal; its length tells the algorithm. The first of these that is there.'),
});
export type Fields = z.infer<typeof fields>;

const week = z.strictObject(
  Object.fromEntries(WEEKDAYS.map((day) => [day, kinds.optional()])) as {
    [day in (typeof WEEKDAYS)[number]]: z.ZodOptional<typeof kinds>;
  },
);

const listings = 'say where the backups are listed: `server` with `query`, or `manifest`, or `folder` with `pattern`';

export const options = z
  .strictObject({
    server: text.optional().describe('`source` or one of `stores`, that holds records of the backups.'),
    query: z
      .unknown()
      .optional()
      .describe('What gives the records, one a row, in the server’s own words. Redis: { keys: "backup:*" }.'),
    manifest: text.optional().describe('A file of records: a JSON array, or one JSON object a line.'),
    folder: text
      .optional()
      .describe('Where the files are. Relative to the config file’s folder, which is the default.'),
    pattern: text
      .optional()
      .refine((words) => words === undefined || words.includes('{time}'), { error: 'says nowhere {time}' })
      .describe('File names: `ha-{kind}-{time}.tar.zst`; * is anything. Without {kind} each is a full one.'),
    fields: fields.prefault({}).describe('How the records name their facts.'),
    kinds: z.record(text, kind).default({}).describe('Words for kinds: { F: full, I: incremental }.'),
    timeZone: text
      .refine(isTimeZone, { error: 'is no time zone; write UTC or America/Lima' })
      .default('UTC')
      .describe('Whose days the rotation counts, and whose clock a time without a zone is from. Default UTC.'),
    rotation: week
      .default(ROTATION)
      .describe('What each weekday wants. Default: full on Monday, others until Saturday.'),
    days: count.default(7).describe('How many past days the rotation is checked for. Default 7; 0: not at all.'),
    age: orElse(durationThresholds, AGE).describe('Age of the newest complete one. Default: warn 60h, fail 84h.'),
    running: orElse(durationThresholds, RUNNING).describe('How long one may run. Default: warn 12h, fail 24h.'),
    size: orElse(percentThresholds, COLLAPSE).describe(
      'Size in percent of the median of earlier ones of its kind. Default: warn 50%, fail 25%.',
    ),
    files: count.default(7).describe('Of how many of the newest the file is looked for. Default 7; 0: none.'),
    checksums: count.default(1).describe('Of how many of those the checksum is computed. Default 1; 0: none.'),
  })
  .refine(
    ({ server, query, manifest, folder, pattern }) => {
      if (server !== undefined) return query !== undefined && manifest === undefined && pattern === undefined;
      if (query !== undefined) return false;
      return manifest === undefined ? folder !== undefined && pattern !== undefined : pattern === undefined;
    },
    { error: listings },
  );
export type Options = z.infer<typeof options>;

/** Finds `time` and `kind` in a file's name. `kindWords` in small letters. */
export function patternToRegExp(pattern: string, kindWords: readonly string[]): RegExp {
  const longestFirst = [...kindWords].sort((a, b) => b.length - a.length).map(literal);
  const source = pattern
    .split(/(\{time\}|\{kind\}|\*)/)
    .map((piece, index, pieces) => {
      const isFirst = pieces.indexOf(piece) === index;
      if (piece === '{time}') return isFirst ? `(?<time>${TIME_PATTERN})` : '\\k<time>';
      if (piece === '{kind}') return isFirst ? `(?<kind>${longestFirst.join('|')})` : '\\k<kind>';
      return piece === '*' ? '[^/]*' : literal(piece);
    })
    .join('');
  return new RegExp(`^${source}$`, 'i');
}

function literal(words: string): string {
  return words.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
