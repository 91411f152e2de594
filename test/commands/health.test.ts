// health as a process: its exit codes, each provoked for real, and where its answer goes.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import { type Accounts, CONFIG, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  await accounts.reset();
});

const rows = 'kind: query, server: source, query: select count(*) from accounts, unit: rows';
const PROBES: Readonly<Record<string, string>> = {
  fine: `{ ${rows}, gate: true }`,
  warns: `{ ${rows}, warn: '> 10' }`,
  fails: `{ ${rows}, fail: '> 10', hint: 'Look who filled it.' }`,
  unknown: '{ kind: query, server: backup, query: select count(*) from nowhere }',
};

/** Runs health with a file that has these probes. */
async function health(names: readonly string[], words: readonly string[] = [], env: Record<string, string> = {}) {
  const file = `${names.join('-') || 'none'}.yaml`;
  const probes = names.map((name) => `    ${name}: ${PROBES[name]}\n`).join('');
  await writeFile(join(accounts.folder, file), `${CONFIG}health:\n  timeout: 30s\n${probes && `  probes:\n${probes}`}`);
  const settings = { ...accounts.settings, env: { ...accounts.settings.env, ...env } };
  return plumbline(['health', '-c', file, ...words], settings);
}

describe('exit codes', () => {
  test.each([
    [['fine'], [], 0, 'Healthy: its one probe is fine.'],
    [['fine', 'warns'], [], 0, 'Healthy, with 1 warning (warns).'],
    [['fine', 'warns'], ['--strict'], 1, 'Not healthy: 1 warning (warns), and --strict allows none.'],
    [['fine', 'fails', 'warns'], [], 1, 'Not healthy: 1 of 3 probes fails (fails).'],
    [['fails', 'unknown'], [], 3, 'Not healthy: 1 of 2 probes fails (fails), 1 unknown (unknown).'],
  ])('of %j with %j: %i', async (names, words, exit, sentence) => {
    const { code, stdout, stderr } = await health(names, words);
    expect(stdout.split('\n')[0]).toContain(sentence);
    expect(stdout.trimEnd()).toMatch(new RegExp(`exit ${exit}$`));
    expect(stderr).toBe('');
    expect(code).toBe(exit);
  });

  test('3: a server is down, with words', async () => {
    const env = { BACKUP_URL: `postgres://someone@127.0.0.1:${await freePort()}/none` };
    const { code, stdout } = await health(['fine', 'unknown'], [], env);
    expect(stdout).toMatch(/\? unknown +backup: connect: .*ECONNREFUSED/);
    expect(code).toBe(3);
  });

  test('without any probe in the file: whether each server answers, and that this was all', async () => {
    const { code, stdout } = await health([]);
    expect(stdout).toMatch(/✔ source +source: PostgreSQL 18/);
    expect(stdout).toMatch(/✔ backup +backup: PostgreSQL 15/);
    expect(stdout).toContain('No probes are written');
    expect(code).toBe(0);
    const down = await health([], [], { BACKUP_URL: `postgres://someone@127.0.0.1:${await freePort()}/none` });
    expect([down.code, down.stdout]).toEqual([1, expect.stringContaining('1 of 2 probes fails (backup)')]);
  });

  test('2: a name that is no probe, none that is a gate, a mistake in the file', async () => {
    const wrong = await health(['fine'], ['fien']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('no probe is named "fien"')]);
    const gates = await health(['fails'], ['--gates']);
    expect([gates.code, gates.stderr]).toEqual([2, expect.stringContaining('none of the probes is a gate')]);
    await writeFile(join(accounts.folder, 'bad.yaml'), `${CONFIG}health: { probes: { a: { kind: qurey } } }\n`);
    const bad = await plumbline(['health', '-c', 'bad.yaml'], accounts.settings);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('did you mean "query"?')]);
  });
});

test('only the probes that are named, or the gates', async () => {
  const one = await health(['fine', 'fails'], ['fine']);
  expect([one.code, one.stdout]).toEqual([0, expect.not.stringContaining('✖')]);
  const gates = await health(['fine', 'fails'], ['--gates']);
  expect([gates.code, gates.stdout]).toEqual([0, expect.not.stringContaining('✖')]);
});

test('--json is the report, --quiet is silent when all is well', async () => {
  const { code, stdout } = await health(['fine', 'fails'], ['--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'plumbline.health/1',
    exitCode: 1,
    probes: [
      { name: 'fine', status: 'ok', gate: true },
      {
        name: 'fails',
        status: 'failed',
        readings: [{ message: '100 rows (fails at > 10)', hint: 'Look who filled it.' }],
      },
    ],
  });
  expect(code).toBe(1);
  const quiet = await health(['fine'], ['--quiet']);
  expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([0, '', '']);
  expect((await health(['fails'], ['--quiet'])).stdout).toContain('Not healthy');
  expect((await health(['fine'], ['--format', 'junit'])).code).toBe(2);
});
