// Runs the executable as a user would: a process of its own, its output piped, its environment nothing but what is given.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { freshPostgres, sql } from '../databases.ts';

const root = join(import.meta.dirname, '..', '..');
export const executable = join(root, 'bin', 'run.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A module that is loaded before everything else. */
  readonly preload?: string;
  /** What the command line begins with: another program, which runs what follows. */
  readonly wrapper?: readonly string[];
}

export function startPlumbline(words: readonly string[], settings: RunSettings = {}) {
  if (!existsSync(join(root, 'dist', 'cli', 'main.js'))) throw new Error('build first: npm run build');
  const node = settings.preload === undefined ? [] : ['--import', settings.preload];
  const [program, ...given] = [...(settings.wrapper ?? []), process.execPath, ...node, executable, ...words];
  const child: ChildProcess = spawn(program!, given, {
    cwd: settings.cwd ?? tmpdir(),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, ended };
}

export function plumbline(words: readonly string[], settings: RunSettings = {}): Promise<Ended> {
  return startPlumbline(words, settings).ended;
}

const folders: string[] = [];
// Here and not where one is made: a hook that a hook registers is never called.
afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A folder that is gone when the file's tests are over. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-cli-'));
  folders.push(folder);
  return folder;
}

export interface Accounts {
  readonly source: string;
  readonly backup: string;
  readonly folder: string;
  readonly settings: { readonly cwd: string; readonly env: Readonly<Record<string, string>> };
  /** Makes both sides equal again. */
  reset(): Promise<void>;
}

export const ACCOUNTS = 100;
const TABLE = `drop table if exists accounts cascade;
  create table accounts (id int primary key, owner text, balance numeric, changed_at timestamptz not null);
  insert into accounts select i, 'owner ' || i, i * 1.5, timestamptz '2026-01-01' + i * interval '1 hour'
  from generate_series(1, ${ACCOUNTS}) i; analyze accounts`;

export const CONFIG = `source:
  url: \${SOURCE_URL}
stores:
  backup:
    kind: postgres
    url: \${BACKUP_URL}
entities:
  accounts:
    table: accounts
    version: changed_at
    replicas:
      - store: backup
        maxLag: 0
`;

/** Two PostgreSQL servers with the same accounts, and a folder with a configuration for them. */
export async function freshAccounts(): Promise<Accounts> {
  const [source, backup, folder] = await Promise.all([freshPostgres('18'), freshPostgres('15'), freshFolder()]);
  const reset = async () => {
    await Promise.all([sql(source, TABLE), sql(backup, TABLE)]);
  };
  await reset();
  await writeFile(join(folder, 'plumbline.yaml'), CONFIG);
  return { source, backup, folder, reset, settings: { cwd: folder, env: { SOURCE_URL: source, BACKUP_URL: backup } } };
}
