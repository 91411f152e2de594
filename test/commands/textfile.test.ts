// --textfile and --format prometheus: what is remembered of the last run of each replica, as node_exporter would read it.

import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import { sql } from '../databases.ts';
import { type Sample, samplesOf } from '../reports/prometheus.ts';
import { type Accounts, CONFIG, executable, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  await sql(accounts.backup, 'create table copies (like accounts including all); insert into copies table accounts');
  await writeFile(
    join(accounts.folder, 'plumbline.yaml'),
    `${CONFIG}      - { store: backup, target: copies, maxLag: 0 }\nhealth: { probes: { rows: { kind: query, server: source, query: select 7 } } }\n`,
  );
});

beforeEach(() => accounts.reset());

async function metrics(...words: string[]): Promise<readonly Sample[]> {
  await plumbline([...words, '--quiet', '--textfile', 'plumbline.prom'], accounts.settings);
  return samplesOf(await readFile(join(accounts.folder, 'plumbline.prom'), 'utf8'));
}

/** The values of one metric by the labels that are asked for. */
function values(samples: readonly Sample[], name: string, ...labels: string[]): Record<string, number> {
  const wanted = samples.filter((sample) => sample.name === `plumbline_${name}`);
  return Object.fromEntries(wanted.map((sample) => [labels.map((l) => sample.labels[l]).join(' '), sample.value]));
}

test('findings by class, then what a repair left of them', async () => {
  await sql(accounts.backup, `delete from accounts where id <= 2; insert into accounts values (1000, 'x', 0, now())`);
  const checked = values(await metrics('check', 'backup.accounts'), 'replica_findings', 'class');
  expect(checked).toMatchObject({ missing: 2, orphan: 1, stale: 0 });
  const repaired = await metrics('reconcile', 'backup.accounts', '--apply');
  expect(values(repaired, 'replica_findings', 'class')).toMatchObject({ missing: 2, orphan: 1 });
  expect(values(repaired, 'replica_repaired_records', 'replica')).toEqual({ 'backup.accounts': 2 });
  expect(values(repaired, 'replica_drifted_records', 'replica')).toEqual({ 'backup.accounts': 1 });
  expect(values(repaired, 'replica_last_run_exit_code', 'replica')).toEqual({ 'backup.accounts': 1 });
  const [ended] = Object.values(values(repaired, 'replica_last_run_timestamp_seconds', 'replica'));
  expect(Math.abs(Date.now() / 1000 - ended!)).toBeLessThan(60);
});

test('a run of one replica keeps the others, and one of a few keys what is known of all', async () => {
  await sql(accounts.backup, 'delete from accounts where id <= 2');
  await metrics('check');
  const samples = await metrics('check', 'backup.accounts', '--key', '50');
  expect(values(samples, 'replica_drifted_records', 'replica', 'scope')).toEqual({
    'backup.accounts all': 2,
    'backup.accounts keys': 0,
    'backup.copies all': 0,
  });
});

test('a store that is down leaves no figure that could pass for one', async () => {
  const env = { ...accounts.settings.env, BACKUP_URL: `postgres://someone@127.0.0.1:${await freePort()}/none` };
  await metrics('check', 'backup.copies');
  const { code } = await plumbline(['check', '--textfile', 'plumbline.prom'], { ...accounts.settings, env });
  expect(code).toBe(3);
  const samples = samplesOf(await readFile(join(accounts.folder, 'plumbline.prom'), 'utf8'));
  const whole = samples.filter(({ labels }) => labels.scope === 'all');
  expect(values(whole, 'replica_proven', 'replica')).toEqual({ 'backup.accounts': 0, 'backup.copies': 0 });
  expect(values(whole, 'replica_findings', 'replica')).toEqual({});
});

test('so does a source that is down', async () => {
  const env = { ...accounts.settings.env, SOURCE_URL: `postgres://someone@127.0.0.1:${await freePort()}/none` };
  await metrics('check');
  const { stdout } = await plumbline(['check', '--format', 'prometheus'], { ...accounts.settings, env });
  const whole = samplesOf(stdout).filter(({ labels }) => labels.scope === 'all');
  expect(values(whole, 'replica_last_run_exit_code', 'replica')).toEqual({ 'backup.accounts': 3, 'backup.copies': 3 });
  expect(values(whole, 'replica_proven', 'replica')).toEqual({ 'backup.accounts': 0, 'backup.copies': 0 });
});

test('two runs at once keep both', async () => {
  await sql(accounts.backup, 'delete from accounts where id <= 3; delete from copies where id <= 4');
  const run = (name: string) => plumbline(['check', name, '--quiet'], accounts.settings);
  await Promise.all([run('backup.accounts'), run('backup.copies')]);
  const { stdout } = await plumbline(['check', '--key', '50', '--format', 'prometheus'], accounts.settings);
  const whole = samplesOf(stdout).filter(({ labels }) => labels.scope === 'all');
  expect(values(whole, 'replica_drifted_records', 'replica')).toEqual({ 'backup.accounts': 3, 'backup.copies': 4 });
  expect((await readdir(join(accounts.folder, '.plumbline', 'latest'))).filter((n) => n.endsWith('.part'))).toEqual([]);
});

test('health writes its probes, and no replica that another file may hold', async () => {
  const samples = await metrics('health');
  expect(values(samples, 'probe_status', 'probe', 'kind')).toEqual({ 'rows query': 0 });
  expect(values(samples, 'query_value', 'probe')).toEqual({ rows: 7 });
  expect(samples.filter(({ name }) => name.startsWith('plumbline_replica'))).toEqual([]);
  const { stdout } = await plumbline(['health', '--format', 'prometheus'], accounts.settings);
  expect(values(samplesOf(stdout), 'query_value', 'probe')).toEqual({ rows: 7 });
});

test('the collector, another user, may read it whatever the umask', async () => {
  const command = `umask 077; exec "$0" "$1" health --quiet --textfile shared.prom`;
  const options = { cwd: accounts.folder, env: { ...accounts.settings.env, PATH: process.env.PATH } };
  await promisify(execFile)('sh', ['-c', command, process.execPath, executable], options);
  expect((await stat(join(accounts.folder, 'shared.prom'))).mode & 0o777).toBe(0o644);
  expect((await readdir(accounts.folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('a file that node_exporter would never read is a mistake, before anything is asked', async () => {
  const { code, stderr } = await plumbline(['check', '--textfile', 'plumbline.txt'], accounts.settings);
  expect([code, stderr]).toEqual([2, expect.stringContaining('*.prom')]);
  expect((await plumbline(['health', '--textfile', 'absent/a.prom'], accounts.settings)).code).toBe(2);
  expect((await plumbline(['check', '--plan', '--textfile', 'a.prom'], accounts.settings)).code).toBe(2);
});
