// Runs of the commands over one planted copy: in this process, or as a child that can be killed; and what a run leaves behind.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Config,
  check,
  parseConfig,
  type Report,
  type RunOptions,
  rebuild,
  reconcile,
  repair,
  type UndoReport,
  undo,
} from '../../src/index.ts';
import { type RunSettings, startPlumbline } from '../commands/plumbline.ts';
import type { PlantedCopy, Policy } from './planted-copy.ts';

export const COMMANDS = ['check', 'reconcile', 'repair', 'rebuild', 'undo'] as const;
export type Command = (typeof COMMANDS)[number];

/** A folder of its own, with a config for one copy. */
export interface Site {
  readonly folder: string;
  readonly command: Command;
  readonly policy: Policy;
  /** The run that is repaired or undone. */
  readonly of?: string;
  readonly urls: { readonly source: string; readonly copies: string };
  readonly text: string;
}

const variable = (name: string) => `\${${name}}`;

export async function makeSite(
  folder: string,
  copy: PlantedCopy,
  versioned: boolean,
  command: Command,
  policy: Policy,
  source: string,
): Promise<Site> {
  const { harness, place } = copy;
  const text = JSON.stringify({
    source: { url: variable('SOURCE') },
    stores: { copies: { ...harness.config, url: variable('COPIES') } },
    entities: {
      things: {
        table: 'things',
        ...(versioned ? { version: 'updated_at' } : {}),
        replicas: [{ store: 'copies', maxLag: '20ms', ...place.config }],
      },
    },
    confirm: { interval: '20ms' },
  });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'plumbline.yaml'), text);
  return { folder, command, policy, urls: { source, copies: harness.url }, text };
}

export function configOf({ text, folder, urls }: Site): Config {
  return parseConfig(text, join(folder, 'plumbline.yaml'), { SOURCE: urls.source, COPIES: urls.copies });
}

/** Runs the site's command in this process. */
export function runHere(site: Site, options: RunOptions = {}): Promise<Report | UndoReport> {
  const config = configOf(site);
  const { command, policy, of } = site;
  // A run that goes on has the choice that it began with.
  const asked = options.resume === undefined ? { apply: true, maxPercent: 100, ...policy } : {};
  switch (command) {
    case 'check':
      return check(config, options);
    case 'reconcile':
      return reconcile(config, { ...options, ...asked });
    case 'repair':
      return repair(config, of!, { ...options, ...asked });
    case 'rebuild':
      return rebuild(config, nameOf(config), { ...options, apply: true });
    case 'undo':
      return undo(config, of!, { apply: true, signal: options.signal, onEvent: options.onEvent });
  }
}

export function undoHere(site: Site, run: string): Promise<UndoReport> {
  return undo(configOf(site), run, { apply: true });
}

interface ChildSettings extends RunSettings {
  /** The run to go on with. */
  readonly resume?: string;
  /** Records a second, where the command has such a limit. */
  readonly rate?: number;
  /** Of the command line, besides. */
  readonly words?: readonly string[];
}

/** The same command as a child. */
export function startRun(site: Site, settings: ChildSettings) {
  const { command, policy, of, folder, urls } = site;
  const { resume, rate, env, words: more = [], ...rest } = settings;
  const words: string[] = [command, ...more];
  if (command === 'rebuild') words.push(nameOf(configOf(site)));
  if (of !== undefined) words.push(of);
  if (resume !== undefined) words.push('--resume', '--run', resume);
  if (command !== 'check' && resume === undefined) words.push('--apply');
  if ((command === 'reconcile' || command === 'repair') && resume === undefined) {
    words.push('--max-percent', '100');
    if (policy.deleteOrphans) words.push('--delete-orphans');
    if (policy.overwriteAhead) words.push('--overwrite-ahead');
    if (rate !== undefined) words.push('--rate', String(rate));
  }
  words.push('--json', '--log', 'log.ndjson', '--log-level', 'debug');
  return startPlumbline(words, { ...rest, cwd: folder, env: { ...env, SOURCE: urls.source, COPIES: urls.copies } });
}

/** Ids of the runs of the folder, the oldest first. */
export async function runsIn({ folder }: Site): Promise<readonly string[]> {
  return (await readdir(runsFolder(folder)).catch(() => [])).sort();
}

export function folderOf({ folder }: Site, run: string): string {
  return join(runsFolder(folder), run);
}

function runsFolder(folder: string): string {
  return join(folder, '.plumbline', 'runs');
}

export async function readReport(site: Site, run: string): Promise<Report | UndoReport | undefined> {
  const text = await readFile(join(folderOf(site, run), 'report.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** What a run found, a line each, in the words of `foundIn`. A line that a kill tore off was never acted upon. */
export async function findingsOf(site: Site, run: string): Promise<readonly string[]> {
  const text = await readFile(join(folderOf(site, run), 'findings.ndjson'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .map(({ class: found, key, fields }) => {
      const names = fields.map((field: { name: string }) => field.name).sort();
      return `copies ${found} ${Object.values(key).join('|')} ${names}`;
    })
    .sort();
}

/** What must not depend on whether the run was disturbed. */
export function essenceOf(report: Report) {
  return {
    verdict: report.verdict,
    exitCode: report.exitCode,
    problems: report.problems,
    replicas: report.replicas.map(({ status, strategy, counts, sourceRows, replicaRows, findings, repair, error }) => ({
      status,
      strategy,
      counts,
      sourceRows,
      replicaRows,
      shown: findings.length,
      repair,
      error,
    })),
  };
}

function nameOf(config: Config): string {
  return config.entities[0]!.replicas[0]!.name;
}
