// Where a report goes and what it looks like there.

import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { reportSchema } from '../../src/report/report-schema.ts';
import { sql } from '../databases.ts';
import { type Accounts, freshAccounts, plumbline, startPlumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  await sql(accounts.backup, `update accounts set owner = 'x' where id <= 30`);
});

function run(...words: string[]) {
  return plumbline(words, accounts.settings);
}

test('piped output has no escape code and no progress', async () => {
  const { stdout, stderr } = await run('check');
  expect(stdout).toContain('30 drifted records');
  expect(stdout).not.toContain('\u001b');
  expect(stderr).toBe('');
});

test('FORCE_COLOR colours a pipe; NO_COLOR and --no-color have the last word', async () => {
  const coloured = async (env: Record<string, string>, ...words: string[]) => {
    const settings = { ...accounts.settings, env: { ...accounts.settings.env, ...env } };
    return (await plumbline(['check', ...words], settings)).stdout.includes('\u001b[');
  };
  expect(await coloured({ FORCE_COLOR: '1' })).toBe(true);
  expect(await coloured({ FORCE_COLOR: '0' })).toBe(false);
  expect(await coloured({ FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
  expect(await coloured({ FORCE_COLOR: '1' }, '--no-color')).toBe(false);
});

test('--json prints one document and nothing else', async () => {
  for (const words of [
    ['check', '--json'],
    ['reconcile', '--json'],
    ['verify-sync', 'accounts', '7', '--json'],
  ]) {
    const { code, stdout, stderr } = await run(...words);
    expect(stderr).toBe('');
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report.exitCode).toBe(code);
    expect(code).toBe(1);
  }
});

test('--json of doctor and of a plan', async () => {
  const doctor = await run('doctor', '--json');
  expect(JSON.parse(doctor.stdout)).toMatchObject({ schema: 'plumbline.doctor/1', exitCode: 0 });
  const plan = await run('check', '--plan', '--json');
  expect(JSON.parse(plan.stdout)).toMatchObject({
    schema: 'plumbline.plan/1',
    entities: [{ name: 'accounts', key: ['id'], replicas: [{ name: 'backup.accounts', strategy: 'sums' }] }],
    exitCode: 0,
  });
  expect((await run('check', '--plan', '--format', 'junit')).code).toBe(2);
});

test('a plan says how and why, and reads nothing', async () => {
  const { code, stdout } = await run('check', '--plan');
  expect(code).toBe(0);
  expect(stdout).toContain('nothing was compared');
  expect(stdout).toMatch(/how +by sums/);
  expect(stdout).toMatch(/why +both servers hash/);
});

test('--also writes the same report in other formats', async () => {
  const words = ['--format', 'markdown', '--also', 'junit=also.xml', '--also', 'json=also.json'];
  const { code, stdout } = await run('check', ...words);
  expect(code).toBe(1);
  const read = (name: string) => readFile(join(accounts.folder, name), 'utf8');
  const { run: id } = reportSchema.parse(JSON.parse(await read('also.json')));
  expect(stdout).toContain(id);
  expect(await read('also.xml')).toMatch(/<testsuites[^>]* failures="1"/);
  for (const wrong of ['also.xml', 'pdf=also.pdf', 'junit=', 'junit=/nowhere/also.xml']) {
    expect((await run('check', '--also', wrong)).code).toBe(2);
  }
});

test('NDJSON streams every finding, more than the report holds', async () => {
  const { stdout } = await run('check', '--format', 'ndjson');
  const documents = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(documents.map(({ type }) => type)).toEqual([...Array(30).fill('finding'), 'report']);
});

test('a reader that goes away is no error', async () => {
  const { child, ended } = startPlumbline(['check', '--format', 'ndjson'], accounts.settings);
  child.stdout!.destroy();
  const { code, stderr } = await ended;
  expect(stderr).toBe('');
  expect(code).toBe(1);
});

describe('--output', () => {
  test('writes the file whole and says the verdict on stderr', async () => {
    const { code, stdout, stderr } = await run('check', '--format', 'junit', '-o', 'report.xml');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^✖ 30 drifted records in 1 replica\. Report: report\.xml \(exit 1\)\n$/);
    expect(await readFile(join(accounts.folder, 'report.xml'), 'utf8')).toMatch(/^<\?xml.*<\/testsuites>\n$/s);
    expect((await readdir(accounts.folder)).filter((name) => name.includes('part'))).toEqual([]);
  });

  test('with --quiet says nothing at all', async () => {
    const { code, stdout, stderr } = await run('check', '--json', '-q', '-o', 'report.json');
    expect([code, stdout, stderr]).toEqual([1, '', '']);
    reportSchema.parse(JSON.parse(await readFile(join(accounts.folder, 'report.json'), 'utf8')));
  });

  test('leaves the old file alone when there is no report', async () => {
    await writeFile(join(accounts.folder, 'old.xml'), 'old');
    expect((await run('check', 'nonsense', '-o', 'old.xml')).code).toBe(2);
    expect(await readFile(join(accounts.folder, 'old.xml'), 'utf8')).toBe('old');
  });

  test('follows a link and writes to a pipe as it is', async () => {
    await mkdir(join(accounts.folder, 'there'));
    await symlink(join('there', 'real.md'), join(accounts.folder, 'link.md'));
    await writeFile(join(accounts.folder, 'there', 'real.md'), '');
    await run('check', '--format', 'markdown', '-o', 'link.md');
    expect(await readFile(join(accounts.folder, 'there', 'real.md'), 'utf8')).toContain('30 drifted records');
    const pipe = join(accounts.folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [text] = await Promise.all([readFile(pipe, 'utf8'), run('check', '--json', '-o', 'pipe')]);
    expect(JSON.parse(text)).toMatchObject({ exitCode: 1 });
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });
});

test('--quiet prints a table only when there is something to say', async () => {
  expect((await run('check', '-q')).stdout).toContain('30 drifted records');
  const { code, stdout, stderr } = await run('check', '--key', '99', '-q');
  expect([code, stdout, stderr]).toEqual([0, '', '']);
});
