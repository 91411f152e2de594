// history and report, as a person uses them after a few runs.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { check, readConfig, reconcile, undo } from '../../src/index.ts';
import { reportSchema } from '../../src/report/report-schema.ts';
import { sql } from '../databases.ts';
import { type Accounts, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;
/** check: in sync, check: drift, reconcile: repaired, undo. */
let ids: readonly string[];

const run = (...words: string[]) => plumbline(words, accounts.settings);

beforeAll(async () => {
  accounts = await freshAccounts();
  const config = await readConfig(join(accounts.folder, 'plumbline.yaml'), accounts.settings.env);
  const first = await check(config);
  await sql(accounts.backup, `update accounts set owner = '<b>x</b>' where id <= 7`);
  const drifted = await check(config);
  const repaired = await reconcile(config, { apply: true });
  const undone = await undo(config, repaired.run, { apply: true });
  expect([first, drifted, repaired, undone].map(({ exitCode }) => exitCode)).toEqual([0, 1, 0, 0]);
  ids = [first, drifted, repaired, undone].map((report) => report.run);
});

test('a line a run, the oldest first, and a chart a replica', async () => {
  const { code, stdout, stderr } = await run('history');
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n').filter((line) => /^ {2}\d{4}-/.test(line));
  const ends = ids.map((id) => id.slice(-4));
  expect(lines.map((line) => line.trim().split(/ {2,}/).slice(1, 7))).toEqual([
    [ends[0], 'check', '✔ in sync', '0', '0', '0'],
    [ends[1], 'check', '✖ drift', '7', '0', '7'],
    [ends[2], 'reconcile', '✔ repaired', '7', '7', '0'],
    [ends[3], 'undo', `✔ 7 put back of ${ends[2]}`, '–', '–', '–'],
  ]);
  expect(stdout).toMatch(/backup\.accounts {2}·██ {2}drifted in 2 of 3, 7 at most/);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

test('for programs, and no more than was asked for', async () => {
  const { stdout } = await run('history', '--last', '3', '--json');
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({ schema: 'plumbline.history/1', replicas: [{ name: 'backup.accounts' }] });
  expect(document.runs.map(({ run }: { run: string }) => run)).toEqual(ids.slice(1));
  const none = await run('history', 'elsewhere');
  expect([none.code, none.stdout]).toEqual([0, expect.stringContaining('No run is kept of these replicas.')]);
  expect((await run('history', '--since', '1ms', '--json')).stdout).toContain('"runs": []');
  expect((await run('history', '--last', '0')).code).toBe(2);
});

test('a report again, whatever it said: exit code 0', async () => {
  const drifted = ids[1]!;
  const table = await run('report', drifted.slice(-4));
  expect(table.code).toBe(0);
  expect(table.stdout).toContain('7 drifted records in 1 replica.');
  const json = await run('report', drifted, '--json');
  expect(reportSchema.parse(JSON.parse(json.stdout))).toMatchObject({ run: drifted, exitCode: 1 });
  const lines = (await run('report', drifted, '--format', 'ndjson')).stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(8);
  const undone = await run('report', ids[3]!);
  expect([undone.code, undone.stdout]).toEqual([0, expect.stringContaining('7 records put back.')]);
});

test('a page in the folder of the run, or where it is wanted', async () => {
  const drifted = ids[1]!;
  const { code, stdout, stderr } = await run('report', drifted, '--html');
  const page = join(accounts.folder, '.plumbline', 'runs', drifted, 'report.html');
  expect([code, stdout, stderr]).toEqual([0, '', expect.stringContaining(page)]);
  const text = await readFile(page, 'utf8');
  expect(text).toContain('7 drifted records in 1 replica.');
  expect(text.match(/&lt;b&gt;x&lt;\/b&gt;/g)).toHaveLength(7);
  expect((await run('report', drifted, '--html', '-o', 'other.html')).code).toBe(0);
  expect(await readFile(join(accounts.folder, 'other.html'), 'utf8')).toBe(text);
});

test('a run that is not kept is a mistake of usage', async () => {
  const { code, stderr } = await run('report', 'zzzz');
  expect(code).toBe(2);
  expect(stderr).toContain('there is no run zzzz');
});
