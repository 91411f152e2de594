// Ctrl-C: the first ends a run with a report of what was found, the second ends the process.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { reportSchema } from '../../src/report/report-schema.ts';
import { sql } from '../databases.ts';
import { type Accounts, CONFIG, freshAccounts, startPlumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  // Reading the source takes longer than any of this.
  const slow = CONFIG.replace(
    'table: accounts',
    'sql: select * from accounts where pg_sleep(3) is not null\n    key: id',
  );
  await writeFile(join(accounts.folder, 'slow.yaml'), slow.replace('maxLag: 0', 'maxLag: 0\n        target: accounts'));
});

const SLEEPING = `select pid from pg_stat_activity where datname = current_database()
  and application_name = 'plumbline' and wait_event = 'PgSleep'`;

afterEach(() => sql(accounts.source, `select pg_terminate_backend(pid) from (${SLEEPING}) sleeping`));

/** Resolves once the source is being read. */
async function startSlowly(...words: string[]) {
  const run = startPlumbline(['check', '-c', 'slow.yaml', ...words], accounts.settings);
  await expect.poll(() => sql(accounts.source, SLEEPING), { timeout: 20_000 }).not.toEqual([]);
  return run;
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends with a report and exit code 3, soon', async (signal) => {
  const { child, ended } = await startSlowly('--json');
  const asked = Date.now();
  child.kill(signal);
  const { code, stdout, stderr } = await ended;
  expect(Date.now() - asked).toBeLessThan(10_000);
  expect(code).toBe(3);
  expect(stderr).toBe('');
  const report = reportSchema.parse(JSON.parse(stdout));
  expect(report.verdict).toBe('incomplete');
  expect(report.problems.map((problem) => problem.message)).toContain('interrupted');
});

test('the table says how to go on', async () => {
  const { child, ended } = await startSlowly();
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  expect(code).toBe(3);
  expect(stdout).toContain('interrupted');
  expect(stdout).toContain('plumbline check');
});

test('a second Ctrl-C ends at once with 130, whatever is waited for', async () => {
  // Takes connections and never says a word.
  const silent = createServer().listen(0, '127.0.0.1');
  try {
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const env = { ...accounts.settings.env, SOURCE_URL: `postgres://someone@127.0.0.1:${port}/none` };
    const { child, ended } = startPlumbline(['check'], { ...accounts.settings, env });
    await once(silent, 'connection');
    child.kill('SIGINT');
    // What npm passes on of the same key press is no second one.
    child.kill('SIGINT');
    await sleep(700);
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  } finally {
    silent.close();
  }
});
