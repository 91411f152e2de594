// --from-queue, --from-outbox and --settle as a user types them.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { sql } from '../databases.ts';
import { type Accounts, CONFIG, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  await writeFile(join(accounts.folder, 'plumbline.yaml'), `${CONFIG}outbox: { table: outbox }\n`);
  await sql(
    accounts.source,
    `create table outbox (id int primary key, aggregate_type text, aggregate_id text, created_at timestamptz default now(), processed_at timestamptz);
     insert into outbox values (1, 'accounts', '7'), (2, 'accounts', '7'), (3, 'accounts', '9')`,
  );
  await sql(accounts.backup, 'delete from accounts where id in (7, 8)');
});

test('only what the events name is looked at, and the answer says so', async () => {
  const { code, stdout } = await plumbline(['check', '--from-outbox'], accounts.settings);
  expect(code).toBe(1);
  expect(stdout).toContain('The outbox: 3 events about 2 records');
  expect(stdout).toMatch(/missing {2}id 7/);
  expect(stdout).not.toMatch(/id 8/);
  expect(stdout).toContain('plumbline reconcile --from-outbox --apply');
});

test('it goes with --since, and with nothing else that chooses rows', async () => {
  expect((await plumbline(['check', '--from-outbox', '--since', '1h'], accounts.settings)).code).toBe(1);
  const both = await plumbline(['check', '--from-outbox', '--key', '7'], accounts.settings);
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('--key and --from-outbox exclude each other')]);
});

test.each([
  [['check', '--from-queue', 'nightly'], 'no queue is named "nightly"'],
  [['reconcile', '--settle', 'mark', '--apply'], '--settle'],
  [['reconcile', '--from-outbox', '--settle', 'mark'], 'Add --apply'],
  [['reconcile', '--from-outbox', '--settle', 'mark', '--apply'], 'outbox.markUrl is not set'],
  [['reconcile', '--from-outbox', '--settle', 'remove', '--apply'], '--settle mark'],
])('%s is a usage error', async (words, message) => {
  const { code, stderr } = await plumbline(words, accounts.settings);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
