// What goes wrong on servers: told in words that help, with the right exit code, and never with a password.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import { freshMongo, sql } from '../databases.ts';
import { type Accounts, CONFIG, type Ended, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
});

beforeEach(() => accounts.reset());

function run(words: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return plumbline(words, { ...accounts.settings, env: { ...accounts.settings.env, ...env } });
}

/** Runs with a configuration of this test's own. */
async function runWith(config: string, words: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const file = `${randomBytes(4).toString('hex')}.yaml`;
  await writeFile(join(accounts.folder, file), config);
  return run([...words, '-c', file], env);
}

describe('a password', () => {
  const secret = 'S3cret&odd%zz';

  test.each([['SOURCE_URL'], ['BACKUP_URL']])('that is wrong in %s is never printed', async (name) => {
    const url = new URL(name === 'SOURCE_URL' ? accounts.source : accounts.backup);
    url.password = encodeURIComponent(secret);
    for (const words of [['check'], ['check', '--json'], ['check', '--plan'], ['doctor'], ['reconcile', '--apply']]) {
      const { code, stdout, stderr } = await run(words, { [name]: url.href, DEBUG: '*' });
      expect(code).toBe(3);
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).not.toContain(encodeURIComponent(secret));
      if (!words.includes('--json')) expect(stdout + stderr).toMatch(/password/);
    }
  });

  test('in a URL of MongoDB that nobody answers at is never printed', async () => {
    const config = CONFIG.replace('kind: postgres', 'kind: mongodb').replace(
      /maxLag: 0/,
      'maxLag: 0\n        fields: { id: _id }',
    );
    const url = `mongodb://someone:${encodeURIComponent(secret)}@127.0.0.1:${await freePort()}/shop?serverSelectionTimeoutMS=300`;
    const { code, stdout, stderr } = await runWith(config, ['check'], { BACKUP_URL: url });
    expect(code).toBe(3);
    expect(stdout + stderr).not.toContain(secret);
    expect(stdout + stderr).not.toContain(encodeURIComponent(secret));
    expect(stdout).toContain('unproven');
  });
});

describe('the schema', () => {
  test('an unknown table', async () => {
    const { code, stderr } = await runWith(CONFIG.replace('table: accounts', 'table: acounts'), ['check']);
    expect(code).toBe(2);
    expect(stderr).toContain('the source has no table acounts');
    expect(stderr).toContain('Nothing was changed.');
  });

  test('an unknown table in the replica', async () => {
    await sql(accounts.backup, 'drop table accounts');
    const { code, stderr } = await run(['check']);
    expect(code).toBe(2);
    expect(stderr).toContain('accounts');
  });

  test('a table without a primary key, until the key is said', async () => {
    await sql(accounts.source, 'alter table accounts drop constraint accounts_pkey');
    const { code, stderr } = await run(['check']);
    expect(code).toBe(2);
    expect(stderr).toContain('no primary key');
    expect(stderr).toContain('key:');
    const config = CONFIG.replace('    version:', '    key: id\n    version:');
    expect((await runWith(config, ['check'])).code).toBe(0);
  });

  test('a query that does not parse', async () => {
    const config = CONFIG.replace('table: accounts', 'sql: selct 1\n    key: id');
    const { code, stderr } = await runWith(config, ['check']);
    expect(code).toBe(2);
    expect(stderr).toContain('syntax error');
  });
});

describe('a permission', () => {
  const role = `poor_${randomBytes(4).toString('hex')}`;

  function as(url: string): string {
    const changed = new URL(url);
    changed.username = role;
    changed.password = 'poor';
    return changed.href;
  }

  beforeAll(async () => {
    for (const url of [accounts.source, accounts.backup]) await sql(url, `create role ${role} login password 'poor'`);
  });

  afterAll(async () => {
    for (const url of [accounts.source, accounts.backup]) await sql(url, `drop owned by ${role}; drop role ${role}`);
  });

  test('to read the source is missing', async () => {
    const { code, stderr } = await run(['check'], { SOURCE_URL: as(accounts.source) });
    expect(code).toBe(2);
    expect(stderr).toContain('GRANT SELECT ON accounts');
  });

  test('to write the replica is missing: read yes, repaired no', async () => {
    await sql(accounts.backup, `grant select on accounts to ${role}; update accounts set owner = 'x' where id = 7`);
    const env = { BACKUP_URL: as(accounts.backup) };
    expect((await run(['check'], env)).code).toBe(1);
    const doctor = await run(['doctor'], env);
    expect(doctor.stdout).toMatch(/! +.*repair: .*permission/);
    const repair = await run(['reconcile', '--apply'], env);
    expect(repair.stdout).toMatch(/refused|permission/);
    expect([1, 3]).toContain(repair.code);
  });
});

test('a key that stands nowhere is a usage error, not "in sync"', async () => {
  for (const words of [
    ['verify-sync', 'accounts', '9999'],
    ['check', '--key', '9999'],
  ]) {
    const { code, stderr } = await run(words);
    expect(code).toBe(2);
    expect(stderr).toContain('no such record');
  }
  const text = await run(['verify-sync', 'accounts', 'seven']);
  expect(text.code).toBe(2);
  expect(text.stderr).toContain('seven');
  const parts = await run(['verify-sync', 'accounts', '[1, 2]']);
  expect(parts.code).toBe(2);
  expect(parts.stderr).toContain('has 2 parts');
});

test('verify-sync shows both sides of a record that differs', async () => {
  await sql(accounts.backup, `update accounts set owner = 'somebody' where id = 7`);
  const { code, stdout } = await run(['verify-sync', 'accounts', '7']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/owner +somebody +owner 7/);
});

test('a value that can’t be converted is unread: exit code 3', async () => {
  const { MongoClient } = await import('mongodb');
  const url = freshMongo();
  const client = new MongoClient(url);
  try {
    const rows = await sql(accounts.source, 'select id, owner, balance::text, changed_at from accounts');
    const documents = rows.map(({ id, ...row }) => ({ ...row, _id: id as never }));
    await client.db().collection('accounts').insertMany(documents);
    await client
      .db()
      .collection('accounts')
      .updateOne({ _id: 7 as never }, { $set: { balance: 'plenty' } });
    const config = CONFIG.replace('kind: postgres', 'kind: mongodb').replace(
      'maxLag: 0',
      'maxLag: 0\n        fields: { id: _id }',
    );
    const { code, stdout } = await runWith(config, ['check', '--json'], { BACKUP_URL: url });
    const [replica] = JSON.parse(stdout).replicas;
    expect(replica.findings.map((finding: { class: string; key: object }) => [finding.class, finding.key])).toEqual([
      ['unread', { id: '7' }],
    ]);
    expect(code).toBe(3);
  } finally {
    await client.db().dropDatabase();
    await client.close();
  }
});

test('a folder of runs that can’t be made is said without talk of a bug', async () => {
  await writeFile(join(accounts.folder, 'in-the-way'), '');
  const { code, stderr } = await runWith(`folder: in-the-way/runs\n${CONFIG}`, ['check']);
  expect(code).toBe(3);
  expect(stderr).toContain('in-the-way');
  expect(stderr).not.toContain('bug');
});
