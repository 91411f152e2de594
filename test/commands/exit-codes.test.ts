// The table of exit codes, each provoked for real.

import pg from 'pg';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import { sql } from '../databases.ts';
import { type Accounts, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
});

beforeEach(() => accounts.reset());

test('0: in sync', async () => {
  const { code, stdout } = await plumbline(['check'], accounts.settings);
  expect(stdout).toContain('In sync');
  expect(code).toBe(0);
});

test('1: drift, and 0 once it is repaired', async () => {
  await sql(accounts.backup, `update accounts set owner = 'x' where id = 7; delete from accounts where id = 8`);
  expect((await plumbline(['check'], accounts.settings)).code).toBe(1);
  const dry = await plumbline(['reconcile'], accounts.settings);
  expect(dry.code).toBe(1);
  expect(dry.stdout).toContain('nothing was written');
  expect((await plumbline(['reconcile', '--apply'], accounts.settings)).code).toBe(0);
  expect((await plumbline(['check'], accounts.settings)).code).toBe(0);
});

test('1: an orphan stays until its own word is said', async () => {
  await sql(accounts.backup, `insert into accounts values (1000, 'nobody', 0, now())`);
  expect((await plumbline(['reconcile', '--apply'], accounts.settings)).code).toBe(1);
  expect((await plumbline(['reconcile', '--apply', '--delete-orphans'], accounts.settings)).code).toBe(0);
});

test('2: usage and configuration', async () => {
  expect((await plumbline(['check', '--nonsense'], accounts.settings)).code).toBe(2);
  expect((await plumbline(['check', '-c', 'absent.yaml'], accounts.settings)).code).toBe(2);
  expect((await plumbline(['nonsense'], accounts.settings)).code).toBe(2);
});

test('3: a store is down, though the other side drifts too', async () => {
  const env = { ...accounts.settings.env, BACKUP_URL: `postgres://someone@127.0.0.1:${await freePort()}/none` };
  const { code, stdout } = await plumbline(['check'], { ...accounts.settings, env });
  expect(code).toBe(3);
  expect(stdout).toContain('unproven');
});

test('3: the source is down', async () => {
  const env = { ...accounts.settings.env, SOURCE_URL: `postgres://someone@127.0.0.1:${await freePort()}/none` };
  const settings = { ...accounts.settings, env };
  expect((await plumbline(['check'], settings)).code).toBe(3);
  expect((await plumbline(['check', '--plan'], settings)).code).toBe(3);
  expect((await plumbline(['doctor'], settings)).code).toBe(3);
});

test('4: a limit refuses before the first write, and its flag lifts it', async () => {
  await sql(accounts.backup, `update accounts set owner = 'x' where id <= 50`);
  const refused = await plumbline(['reconcile', '--apply'], accounts.settings);
  expect(refused.code).toBe(4);
  expect(refused.stdout).toContain('--max-percent 50');
  expect(await sql(accounts.backup, `select count(*)::int as n from accounts where owner = 'x'`)).toEqual([{ n: 50 }]);
  expect((await plumbline(['reconcile', '--apply', '--max-percent', '50'], accounts.settings)).code).toBe(0);
});

test('5: another run holds the lock, for writers only', async () => {
  await sql(accounts.backup, `update accounts set owner = 'x' where id = 7`);
  const holder = new pg.Client({ connectionString: accounts.source });
  await holder.connect();
  try {
    await holder.query(`select pg_advisory_lock(hashtextextended('plumbline backup.accounts', 0))`);
    const { code, stderr } = await plumbline(['reconcile', '--apply'], accounts.settings);
    expect(stderr).toContain('another run');
    expect(code).toBe(5);
    expect((await plumbline(['check'], accounts.settings)).code).toBe(1);
  } finally {
    await holder.end();
  }
  expect((await plumbline(['reconcile', '--apply'], accounts.settings)).code).toBe(0);
});
