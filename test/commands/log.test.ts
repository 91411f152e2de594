// --log: a run as lines of JSON that another program can follow, with nothing in them that is not theirs to know.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import { sql } from '../databases.ts';
import { type Accounts, CONFIG, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;
let count = 0;
let log: string;

beforeAll(async () => {
  accounts = await freshAccounts();
  const probes = `health:\n  probes:\n    rows: { kind: query, server: source, query: select count(*) from accounts, fail: "< 100", gate: true }\n`;
  await writeFile(join(accounts.folder, 'plumbline.yaml'), `${CONFIG}${probes}`);
});

beforeEach(async () => {
  await accounts.reset();
  log = join(accounts.folder, `log-${count++}.ndjson`);
});

// biome-ignore lint/suspicious/noExplicitAny: lines are looked into by hand
async function lines(text?: string): Promise<any[]> {
  return (text ?? (await readFile(log, 'utf8')))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const run = (words: readonly string[], env: Record<string, string> = {}) =>
  plumbline(words, { ...accounts.settings, env: { ...accounts.settings.env, ...env } });

test('each line has its run, one speaks for each store, and the last for the run', async () => {
  await sql(accounts.backup, `update accounts set owner = 'x' where id = 7; delete from accounts where id = 8`);
  const { code, stdout } = await run(['check', '--json', '--log', log]);
  expect(code).toBe(1);
  const { run: id } = JSON.parse(stdout);
  const all = await lines();
  for (const line of all) {
    expect(line).toMatchObject({ run: id, command: 'check', level: expect.stringMatching(/^(info|warn|error)$/) });
    expect(new Date(line.time).getTime()).toBeGreaterThan(Date.now() - 60_000);
  }
  const stages = all.filter(({ event }) => event === 'stage').map(({ stage }) => stage);
  expect(stages).toEqual(['connect', 'plan', 'compare']);
  expect(all.filter(({ event }) => event === 'store')).toMatchObject([
    {
      level: 'error',
      store: 'backup',
      ok: false,
      replicas: 1,
      drift: 2,
      unproven: 0,
      counts: { missing: 1, mismatched: 1 },
    },
  ]);
  expect(all.at(-1)).toMatchObject({ event: 'end', level: 'warn', ok: false, exitCode: 1 });
});

test('a repaired store is well, and so is the run', async () => {
  await sql(accounts.backup, `update accounts set owner = 'x' where id = 7`);
  expect((await run(['reconcile', '--apply', '--log', log])).code).toBe(0);
  const all = await lines();
  expect(all.find(({ event }) => event === 'store')).toMatchObject({ ok: true, drift: 0, written: 1, level: 'info' });
  expect(all.at(-1)).toMatchObject({ event: 'end', ok: true, exitCode: 0 });
  expect(all.filter(({ event }) => event === 'stage').map(({ stage }) => stage)).toEqual([
    'gate',
    'connect',
    'plan',
    'compare',
    'gate',
    'repair',
  ]);
});

test('a store that is down is not well, and why; the source as well', async () => {
  const down = `postgres://someone:pa55word@127.0.0.1:${await freePort()}/none`;
  expect((await run(['check', '--log', log], { BACKUP_URL: down })).code).toBe(3);
  expect((await lines()).find(({ event }) => event === 'store')).toMatchObject({
    ok: false,
    unproven: 1,
    error: expect.stringContaining('REFUSED'),
  });
  expect((await run(['check', '--log', log], { SOURCE_URL: down })).code).toBe(3);
  expect((await lines()).slice(-2)).toMatchObject([
    { event: 'problem', where: 'source', level: 'error' },
    { event: 'end', ok: false, exitCode: 3 },
  ]);
  expect(await readFile(log, 'utf8')).not.toContain('pa55word');
});

test('no key, no value and no password, even at the finest level', async () => {
  await sql(accounts.backup, `update accounts set owner = 'private owner' where id = 77`);
  await run(['check', '--log', log, '--log-level', 'debug']);
  await run(['verify-sync', 'accounts', '77', '--log', log, '--log-level', 'debug']);
  const text = await readFile(log, 'utf8');
  const all = await lines(text);
  expect(all.some(({ event, class: name }) => event === 'finding' && name === 'mismatched')).toBe(true);
  expect(all.some(({ event }) => event === 'rows')).toBe(true);
  expect(text).not.toMatch(/private|owner 77|"77"/);
  expect(new Set(all.map(({ command }) => command))).toEqual(new Set(['check', 'verify-sync']));
});

test('health has a line a probe', async () => {
  await sql(accounts.source, 'delete from accounts where id > 50');
  expect((await run(['health', '--log', log])).code).toBe(1);
  const all = await lines();
  expect(all.map(({ event }) => event)).toEqual(['start', 'probe', 'end']);
  expect(all[1]).toMatchObject({ probe: 'rows', ok: false, status: 'failed', message: '50 (fails at < 100)' });
});

test('a gate that is waited for is said again and again, and the refusal', async () => {
  await sql(accounts.source, 'delete from accounts where id > 50');
  const { code, stdout } = await run(['reconcile', '--apply', '--wait', '1s', '--log', log]);
  expect(code).toBe(4);
  expect(stdout.replace(/\s+/g, ' ')).toContain('rows fails (50 (fails at < 100))');
  expect(stdout).toContain('--ignore-gates');
  const all = await lines();
  expect(all.find(({ event }) => event === 'gate')).toMatchObject({
    level: 'warn',
    blocked: [{ probe: 'rows', message: '50 (fails at < 100)' }],
  });
  expect(all.at(-1)).toMatchObject({ event: 'end', ok: false, exitCode: 4 });
});

test('an error that ends the command is the last line', async () => {
  expect((await run(['check', 'nobody', '--log', log])).code).toBe(2);
  expect((await lines()).at(-1)).toMatchObject({ event: 'end', ok: false, exitCode: 2, error: 'ConfigError' });
});

test('it goes to stderr with -, and PLUMBLINE_LOG asks for it as well; files are added to', async () => {
  const { code, stdout, stderr } = await run(['check', '--json', '--log', '-']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).verdict).toBe('in sync');
  expect((await lines(stderr)).at(-1)).toMatchObject({ event: 'end', ok: true });
  await run(['check'], { PLUMBLINE_LOG: log, PLUMBLINE_LOG_LEVEL: 'warn' });
  await run(['check'], { PLUMBLINE_LOG: log });
  await run(['check'], { PLUMBLINE_LOG: log });
  expect((await lines()).filter(({ event }) => event === 'end')).toHaveLength(2);
});

test('a log that can’t be written is a mistake before anything is done, and a full disk is said at the end', async () => {
  const absent = await run(['check', '--log', '/nowhere/at/all.ndjson']);
  expect(absent.code).toBe(2);
  expect(absent.stderr).toContain('--log /nowhere/at/all.ndjson');
  const full = await run(['check', '--log', '/dev/full']);
  expect(full.code).toBe(3);
  expect(full.stderr).toMatch(/log is incomplete: .*ENOSPC/);
  expect(full.stdout).toContain('In sync');
});
