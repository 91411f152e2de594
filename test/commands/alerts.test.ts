// Alerts from the command line: on when the config has them, off when told; what could not be sent stands in every output.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { reportSchema } from '../../src/report/report-schema.ts';
import { startReceiver } from '../alerts/receiver.ts';
import { sql } from '../databases.ts';
import { type Accounts, CONFIG, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
});

beforeEach(async () => {
  await accounts.reset();
  await sql(accounts.backup, `update accounts set owner = 'x' where id = 7`);
});

/** A folder of runs of its own, so that nothing is remembered. */
async function configured(name: string): Promise<string> {
  const file = `${name}.yaml`;
  const alerts = [
    `folder: .${name}`,
    'alerts:',
    '  ops: { kind: webhook, url: "$' + '{OPS_URL}", attempts: 2, pause: 10ms }',
    '  file: { kind: log, file: NAME.ndjson, commands: [reconcile, check] }'.replace('NAME', name),
    'health:',
    '  probes:',
    '    rows: { kind: query, server: source, query: select count(*) from accounts, fail: "> 1" }',
  ];
  await writeFile(join(accounts.folder, file), `${CONFIG}${alerts.join('\n')}\n`);
  return file;
}

test('a config with alerts tells them, and says whom; --no-alerts leaves them', async () => {
  const receiver = await startReceiver();
  const settings = { ...accounts.settings, env: { ...accounts.settings.env, OPS_URL: receiver.url } };
  const file = await configured('told');
  expect((await plumbline(['check', '-c', file, '--no-alerts'], settings)).code).toBe(1);
  expect((await plumbline(['health', '-c', file, '--no-alerts'], settings)).code).toBe(1);
  expect(receiver.received).toEqual([]);
  const { code, stdout } = await plumbline(['check', '-c', file], settings);
  expect(code).toBe(1);
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    'Told: ops of failure (backup.accounts); file of failure (backup.accounts).',
  );
  expect((await plumbline(['health', '-c', file], settings)).code).toBe(1);
  expect(receiver.alerts().map(({ command, subjects }) => [command, subjects[0]!.name])).toEqual([
    ['check', 'backup.accounts'],
    ['health', 'rows'],
  ]);
  const lines = (await readFile(join(accounts.folder, 'told.ndjson'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ alert: 'file', command: 'check', event: 'failure' }]);
});

test('two runs at once, each a process of its own, tell it once', async () => {
  const receiver = await startReceiver();
  const settings = { ...accounts.settings, env: { ...accounts.settings.env, OPS_URL: receiver.url } };
  const file = await configured('twice');
  const ended = await Promise.all([1, 2].map(() => plumbline(['check', '-c', file], settings)));
  expect(ended.map(({ code }) => code)).toEqual([1, 1]);
  expect(receiver.received).toHaveLength(1);
});

test('what could not be sent keeps the verdict, stands in every format, and shows no address', async () => {
  const receiver = await startReceiver();
  const settings = { ...accounts.settings, env: { ...accounts.settings.env, OPS_URL: receiver.url } };
  const file = await configured('unsent');
  for (const format of ['table', 'json', 'junit', 'markdown', 'ndjson']) {
    receiver.answer(500, 500);
    const { code, stdout, stderr } = await plumbline(['check', '-c', file, '--format', format], settings);
    expect(code, format).toBe(1);
    expect(stdout.replace(/\s+/g, ' '), format).toContain('could not be sent in 2 attempts: 500');
    expect(stdout + stderr, format).not.toContain('a-long-secret-token');
  }
  await accounts.reset();
  receiver.answer(200);
  expect((await plumbline(['reconcile', '-c', file], settings)).code).toBe(0);
});

test('a run that is in sync but could not say so exits 3', async () => {
  const receiver = await startReceiver();
  const settings = { ...accounts.settings, env: { ...accounts.settings.env, OPS_URL: receiver.url } };
  const file = await configured('silent');
  await plumbline(['check', '-c', file], settings);
  await accounts.reset();
  receiver.answer(400);
  const table = await plumbline(['check', '-c', file], settings);
  expect(table.code).toBe(3);
  expect(table.stdout).toContain('! In sync; an alert could not be sent.');
  expect(table.stdout.trimEnd()).toMatch(/exit 3$/);
  receiver.answer(400);
  const json = await plumbline(['check', '-c', file, '--json'], settings);
  const report = reportSchema.parse(JSON.parse(json.stdout));
  expect(report).toMatchObject({ verdict: 'in sync', exitCode: 3, alerts: [{ alert: 'ops', outcome: 'failed' }] });
});

test('--wait and --ignore-gates are for repairs alone', async () => {
  expect((await plumbline(['reconcile', '--wait', '1m'], accounts.settings)).code).toBe(2);
  expect((await plumbline(['reconcile', '--ignore-gates'], accounts.settings)).code).toBe(2);
  expect((await plumbline(['reconcile', '--apply', '--wait', '10'], accounts.settings)).code).toBe(2);
});
