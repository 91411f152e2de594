// health --watch as a process: piped, a line for each change; on a terminal, a screen that is taken back.

import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { sql } from '../databases.ts';
import { type Accounts, CONFIG, executable, freshAccounts, plumbline, startPlumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  const probe = `{ kind: query, server: source, query: select count(*) from accounts, fail: '> 100', timeout: 30s }`;
  await writeFile(join(accounts.folder, 'plumbline.yaml'), `${CONFIG}health: { probes: { rows: ${probe} } }\n`);
});

test('piped: a line for each change of state, and the exit code of the last look', async () => {
  const { child, ended } = startPlumbline(['health', '--watch', '--every', '100ms'], accounts.settings);
  let stdout = '';
  child.stdout!.on('data', (text) => {
    stdout += text;
  });
  const lines = () => stdout.trimEnd().split('\n');
  const told = (line: RegExp) => expect.poll(() => lines().at(-1), { timeout: 20_000 }).toMatch(line);
  await told(/✔ rows ok: 100$/);
  await sql(accounts.source, `insert into accounts values (101, 'x', 0, now())`);
  await told(/✖ rows ok → failed: 101 \(fails at > 100\)$/);
  await sql(accounts.source, 'delete from accounts where id = 101');
  await told(/✔ rows failed → ok: 100$/);
  await sql(accounts.source, `insert into accounts values (101, 'x', 0, now())`);
  await told(/✖ rows ok → failed/);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(lines()).toHaveLength(4);
  expect([code, stderr]).toEqual([1, '']);
  await sql(accounts.source, 'delete from accounts where id = 101');
});

test('a reader that goes away ends it', async () => {
  const { child, ended } = startPlumbline(['health', '--watch', '--every', '100ms'], accounts.settings);
  child.stdout!.destroy();
  expect((await ended).stderr).toBe('');
});

test('on a terminal: the screen is taken, redrawn, and given back, with the last look below', async () => {
  const words = [process.execPath, executable, 'health', '--watch', '--every', '100ms'].join(' ');
  const env = { ...accounts.settings.env, PATH: process.env.PATH, TERM: 'xterm' };
  const child = spawn('script', ['--quiet', '--return', '--command', `exec ${words}`, '/dev/null'], {
    cwd: accounts.folder,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    screen += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await expect.poll(() => screen, { timeout: 20_000 }).toMatch(/rows.*100/);
  // As the key does: the terminal makes a signal of it.
  child.stdin.write('\u0003');
  expect(await ended).toBe(0);
  const [taken, after] = screen.split('\u001b[?1049l');
  expect(taken).toContain('\u001b[?1049h');
  expect(taken!.split('\u001b[H').length).toBeGreaterThan(2);
  expect(screen.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.lastIndexOf('\u001b[?25l'));
  expect(after).toContain('Healthy: its one probe is fine.');
});

test('what keeps looking has no document to write', async () => {
  for (const words of [['--json'], ['--format', 'markdown'], ['-o', 'x'], ['--textfile', 'x.prom'], ['--serve']]) {
    expect((await plumbline(['health', '--watch', ...words], accounts.settings)).code, words.join(' ')).toBe(2);
  }
  expect((await plumbline(['health', '--every', '5s'], accounts.settings)).code).toBe(2);
  expect((await plumbline(['health', '--port', '80'], accounts.settings)).code).toBe(2);
});
