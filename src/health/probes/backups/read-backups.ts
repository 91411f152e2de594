// Where backups are recorded (a server, a manifest, a folder of files) → Backups. Throws what keeps it from reading at all.

import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { ProbeContext } from '../../probe.ts';
import {
  type Backup,
  type Backups,
  type Fact,
  isInFuture,
  kindWords,
  type RecordRules,
  readRecord,
  sortBackups,
} from './backup.ts';
import { parseTime } from './calendar.ts';
import { type Options, patternToRegExp } from './options.ts';

const SIDECARS = ['.sha256', '.sha512', '.sha1', '.md5'];
/** A file that was written to so lately, and has no checksum yet, is still being written. */
const SETTLED_MS = 5 * 60_000;

export async function readBackups(options: Options, context: ProbeContext): Promise<Backups> {
  const { server, query, manifest, pattern, fields, timeZone } = options;
  const folder = resolve(dirname(context.config.file), options.folder ?? '.');
  const rules = { fields, kinds: kindWords(options.kinds), timeZone, folder, now: context.now };
  if (server !== undefined) {
    const rows = await context.servers.ask(server, query, context.signal);
    return sortBackups(rows.map((row, index) => named(row, `record ${index + 1}`, rules)));
  }
  return manifest === undefined
    ? readFolder(folder, pattern!, rules)
    : readManifest(resolve(folder, manifest), rules, context.signal);
}

/** What a record is called: its key in the server, else its file. */
function named(row: Readonly<Record<string, Fact>>, otherwise: string, rules: RecordRules): [string, Backup | string] {
  const name = row.key ?? row[rules.fields.file] ?? otherwise;
  return [String(name), readRecord(String(name), row, rules)];
}

async function readManifest(file: string, rules: RecordRules, signal: AbortSignal): Promise<Backups> {
  const text = await readFile(file, { encoding: 'utf8', signal });
  const whole = parsed(text);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const records = Array.isArray(whole) ? whole : lines.map(parsed);
  return sortBackups(
    records.map((record, index): [string, Backup | string] => {
      const otherwise = `record ${index + 1}`;
      const isRecord = typeof record === 'object' && record !== null && !Array.isArray(record);
      return isRecord ? named(record as Record<string, Fact>, otherwise, rules) : [otherwise, 'is no JSON object'];
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function readFolder(folder: string, pattern: string, rules: RecordRules): Promise<Backups> {
  const within = pattern.includes('/');
  const entries = await readdir(folder, { withFileTypes: true, recursive: within });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const all = new Set(paths);
  const wanted = patternToRegExp(pattern, [...rules.kinds.keys()]);
  const found = paths.flatMap((path) => {
    const name = relative(folder, path).replaceAll(sep, '/');
    const groups = SIDECARS.some((ending) => name.endsWith(ending)) ? undefined : wanted.exec(name)?.groups;
    return groups === undefined ? [] : [{ path, name, time: groups.time!, kind: groups.kind }];
  });
  const read = await Promise.all(
    found.map(async ({ path, name, time, kind }): Promise<[string, Backup | string] | undefined> => {
      const startedAt = parseTime(time, rules.timeZone);
      if (startedAt === undefined) return [name, `${JSON.stringify(time)} is no time`];
      if (isInFuture(startedAt, rules.now)) return [name, `${startedAt.toISOString()} is in the future`];
      const stats = await stat(path).catch(goneSince);
      if (stats === undefined) return undefined;
      const sidecar = SIDECARS.map((ending) => path + ending).find((sidecar) => all.has(sidecar));
      const isSettled = sidecar !== undefined || +rules.now - stats.mtimeMs > SETTLED_MS;
      return [
        name,
        {
          name,
          kind: kind === undefined ? 'full' : rules.kinds.get(kind.toLowerCase())!,
          state: isSettled ? 'complete' : 'running',
          startedAt,
          bytes: stats.size,
          file: path,
          checksum: sidecar === undefined ? undefined : { sidecar },
        },
      ];
    }),
  );
  return sortBackups(read.filter((one) => one !== undefined));
}

/** An old one may be removed while we look. */
function goneSince(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
