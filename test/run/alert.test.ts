// Who is told of what a run found, on real servers and a real receiver, from the first failure to its end.

import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import type { Config } from '../../src/config/config.ts';
import { check, health, parseConfig, type Report, type RunEvent, rebuild, reconcile } from '../../src/index.ts';
import { reportSchema } from '../../src/report/report-schema.ts';
import { startReceiver } from '../alerts/receiver.ts';
import { freshPostgres, sql } from '../databases.ts';

let source: string;
let backup: string;
let folder: string;

beforeAll(async () => {
  [source, backup] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-alert-'));
  const rows = `drop table if exists users cascade; drop table if exists backlog;
    create table users (id int primary key, email text, changed timestamptz not null default '2026-01-01');
    insert into users select i, 'person' || i || '@example.org' from generate_series(1, 200) i; analyze users;
    create table backlog (n int); insert into backlog values (0)`;
  await Promise.all([sql(source, rows), sql(backup, rows)]);
});

const folders: string[] = [];
beforeEach(() => folders.push(folder));
afterAll(() => Promise.all(folders.map((one) => rm(one, { recursive: true, force: true }))));

const FAST = { attempts: 3, pause: '10ms', timeout: '2s' };
const variable = (name: string) => ['$', '{', name, '}'].join('');

function config(alerts: Record<string, object>, env: Record<string, string> = {}): Config {
  const probe = { kind: 'query', server: 'source', query: 'select n from backlog', unit: 'rows', hint: 'Drain it.' };
  const file = {
    source: { url: variable('SOURCE') },
    stores: { backup: { kind: 'postgres', url: variable('BACKUP') } },
    entities: { users: { table: 'users', version: 'changed', replicas: [{ store: 'backup', maxLag: 0 }] } },
    health: { probes: { backlog: { ...probe, warn: '> 10', fail: '> 100' } } },
    alerts,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, BACKUP: backup, ...env });
}

const breakOne = () => sql(backup, `update users set email = 'wrong@example.org' where id = 7`);
const mend = () => sql(backup, `update users set email = 'person7@example.org' where id = 7`);
const alerts = true;

test('from the first failure to its end: told once, quiet while it lasts, and its end once', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  const first = await check(own, { alerts });
  const second = await check(own, { alerts });
  await mend();
  const third = await check(own, { alerts });
  const fourth = await check(own, { alerts });
  expect([first, second, third, fourth].map(({ exitCode }) => exitCode)).toEqual([1, 1, 0, 0]);
  expect(receiver.alerts()).toMatchObject([
    {
      schema: 'plumbline.alert/1',
      alert: 'ops',
      event: 'failure',
      summary: 'plumbline check: 1 failed',
      run: first.run,
      command: 'check',
      verdict: 'drift',
      exitCode: 1,
      folder: first.folder,
      subjects: [
        {
          kind: 'replica',
          name: 'backup.users',
          event: 'failure',
          status: 'failed',
          message: 'mismatched 1',
          counts: { mismatched: 1, missing: 0 },
          hint: expect.stringMatching(/^plumbline reconcile backup\.users -c .* says what a repair would do\. All/),
        },
      ],
    },
    { event: 'recovery', run: third.run, exitCode: 0, subjects: [{ name: 'backup.users', event: 'recovery' }] },
  ]);
  expect(first.alerts).toEqual([
    { alert: 'ops', event: 'failure', subjects: ['backup.users'], outcome: 'sent', attempts: 1 },
  ]);
  expect([second.alerts, fourth.alerts]).toEqual([undefined, undefined]);
  const kept = JSON.parse(await readFile(join(first.folder!, 'report.json'), 'utf8'));
  expect(reportSchema.parse(kept).alerts).toEqual(first.alerts);
});

test('neither a value nor a key of a record nor a secret is in an alert or in what is remembered', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  await check(own, { alerts });
  const kept = await readdir(join(folder, '.plumbline', 'alerts'));
  const texts = await Promise.all(kept.map((name) => readFile(join(folder, '.plumbline', 'alerts', name), 'utf8')));
  const all = [JSON.stringify(receiver.alerts()), ...texts].join('\n');
  expect(all).toContain('backup.users');
  for (const hidden of ['example.org', '"7"', 'a-long-secret-token', new URL(source).password])
    expect(all).not.toContain(hidden);
});

test('without the option nobody is told', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  expect((await check(own)).alerts).toBe(undefined);
  expect(receiver.received).toEqual([]);
});

test('a receiver that fails twice is asked a third time', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  receiver.answer(500, 503);
  await breakOne();
  const events: RunEvent[] = [];
  const report = await check(own, { alerts, onEvent: (event) => events.push(event) });
  expect(receiver.received).toHaveLength(3);
  expect(report.alerts).toMatchObject([{ outcome: 'sent', attempts: 3 }]);
  expect(report.problems).toEqual([]);
  expect(events.filter(({ type }) => type === 'retry')).toMatchObject([
    { verb: 'alert ops', attempt: 1, reason: expect.stringContaining('500') },
    { verb: 'alert ops', attempt: 2, reason: expect.stringContaining('503') },
  ]);
});

test('one that can’t be told is said in the report, keeps the verdict, and is told by the next run', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  receiver.answer(500, 500, 500);
  await breakOne();
  const report = await check(own, { alerts });
  expect(report).toMatchObject({ verdict: 'drift', exitCode: 1 });
  expect(report.alerts).toMatchObject([{ alert: 'ops', outcome: 'failed', attempts: 3 }]);
  expect(report.problems).toMatchObject([
    {
      where: 'alert ops',
      message: expect.stringMatching(/^the alert could not be sent in 3 attempts: 500 .*not today$/),
    },
  ]);
  await check(own, { alerts });
  expect(receiver.alerts().at(-1)).toMatchObject({ event: 'failure', run: expect.not.stringMatching(report.run) });
});

test('a run that was well but could not say so is not well: exit 3', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  await check(own, { alerts });
  await mend();
  receiver.answer(404);
  const report = await check(own, { alerts });
  expect(report).toMatchObject({ verdict: 'in sync', exitCode: 3, alerts: [{ event: 'recovery', outcome: 'failed' }] });
  expect(await check(own, { alerts })).toMatchObject({ exitCode: 0, alerts: [{ outcome: 'sent' }] });
});

test('a few chosen rows that are equal end nothing', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  await check(own, { alerts });
  expect((await check(own, { alerts, keys: [['8']] })).exitCode).toBe(0);
  expect(receiver.received).toHaveLength(1);
  await reconcile(own, { alerts, apply: true });
  expect(receiver.alerts().at(-1)).toMatchObject({
    command: 'reconcile',
    event: 'recovery',
    subjects: [{ name: 'backup.users', message: 'repaired and read back equal: mismatched 1' }],
  });
});

test('two runs at once tell it once', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  const reports = await Promise.all([1, 2, 3].map(() => check(own, { alerts })));
  expect(receiver.received).toHaveLength(1);
  expect(reports.filter((report: Report) => report.alerts !== undefined)).toHaveLength(1);
});

test('a source that is down is one alert of the run, and over with the next that gets through', async () => {
  const receiver = await startReceiver();
  const webhook = { ops: { kind: 'webhook', url: variable('OPS'), ...FAST } };
  const down = { OPS: receiver.url, SOURCE: `postgres://nobody@127.0.0.1:${await freePort()}/none` };
  expect((await check(config(webhook, down), { alerts })).exitCode).toBe(3);
  expect((await check(config(webhook, { OPS: receiver.url }), { alerts })).exitCode).toBe(0);
  expect(receiver.alerts()).toMatchObject([
    {
      event: 'unknown',
      exitCode: 3,
      subjects: [{ kind: 'run', name: 'check', message: expect.stringContaining('REFUSED') }],
    },
    { event: 'recovery', subjects: [{ name: 'check', message: 'it ran to its end' }] },
  ]);
});

test('a refusal is a failure of the repair, not ended by a dry run; a rebuild speaks for its replica', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await sql(backup, 'delete from users where id <= 100');
  expect((await reconcile(own, { alerts, apply: true })).exitCode).toBe(4);
  await reconcile(own, { alerts });
  await rebuild(own, 'backup.users', { alerts, apply: true });
  await reconcile(own, { alerts, apply: true });
  expect(
    receiver.alerts().map(({ command, subjects }) => [command, subjects.map(({ name, event }) => [name, event])]),
  ).toEqual([
    [
      'reconcile',
      [
        ['reconcile --apply', 'failure'],
        ['backup.users', 'failure'],
      ],
    ],
    ['rebuild', [['backup.users', 'recovery']]],
    ['reconcile', [['reconcile --apply', 'recovery']]],
  ]);
});

test('what the schema says against the config is told, a slip on the command line is not', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await sql(source, 'alter table users rename column changed to changed_at');
  await expect(check(own, { alerts, only: ['nobody'] })).rejects.toThrow('nobody');
  expect(receiver.received).toEqual([]);
  await expect(check(own, { alerts })).rejects.toThrow('changed');
  expect(receiver.alerts()).toMatchObject([
    {
      event: 'failure',
      exitCode: 2,
      subjects: [{ name: 'check', message: expect.stringContaining('entities.users') }],
    },
  ]);
});

test('health tells of its probes; a warning only whom it concerns; programs and files are told as well', async () => {
  const take = join(folder, 'take.sh');
  await writeFile(take, '#!/bin/sh\ncat >> taken.ndjson\n');
  await chmod(take, 0o755);
  const own = config({
    pager: { kind: 'command', command: ['./take.sh'], commands: ['health'] },
    file: { kind: 'log', file: 'alerts.ndjson', on: ['failure', 'warning', 'recovery'] },
    elsewhere: { kind: 'log', file: 'elsewhere.ndjson', commands: ['reconcile'] },
    users: { kind: 'log', file: 'users.ndjson', about: ['users'] },
  });
  for (const n of [50, 500, 0]) {
    await sql(source, `update backlog set n = ${n}`);
    await health(own, { alerts });
  }
  const read = async (name: string) =>
    (await readFile(join(folder, name), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  expect(await read('taken.ndjson')).toMatchObject([
    {
      event: 'failure',
      command: 'health',
      verdict: 'failed',
      subjects: [
        { kind: 'probe', name: 'backlog', message: '500 rows (fails at > 100)', hint: 'Drain it.', status: 'failed' },
      ],
    },
    { event: 'recovery', subjects: [{ name: 'backlog', message: '0 rows' }] },
  ]);
  expect((await read('alerts.ndjson')).map(({ event }) => event)).toEqual(['warning', 'failure', 'recovery']);
  expect((await readdir(folder)).filter((name) => name.endsWith('.ndjson')).sort()).toEqual([
    'alerts.ndjson',
    'taken.ndjson',
  ]);
});

test('health that can’t tell anybody says so, and is not well', async () => {
  const own = config(
    { ops: { kind: 'webhook', url: variable('OPS'), ...FAST, attempts: 1 } },
    { OPS: 'http://nobody.invalid/x' },
  );
  await sql(source, 'update backlog set n = 500');
  const report = await health(own, { alerts });
  expect(report).toMatchObject({ exitCode: 1, alerts: [{ outcome: 'failed' }] });
  expect(report.notes).toEqual([expect.stringMatching(/^alert ops: the alert could not be sent: .*host/)]);
});

test('an interrupted run tells nobody', async () => {
  const receiver = await startReceiver();
  const own = config({ ops: { kind: 'webhook', url: variable('OPS'), ...FAST } }, { OPS: receiver.url });
  await breakOne();
  const report = await check(own, { alerts, signal: AbortSignal.abort() });
  expect(report).toMatchObject({ exitCode: 3 });
  expect(receiver.received).toEqual([]);
});
