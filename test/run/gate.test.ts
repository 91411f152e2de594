// A repair starts only while the probes that are marked as gates let it: on real servers, with a probe that fails, can't be asked, and recovers.

import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { InterruptedError } from '../../src/errors.ts';
import { parseConfig, type RunEvent, type RunOptions, rebuild, reconcile, verifySync } from '../../src/index.ts';
import { makeBrakes } from '../../src/run/brakes.ts';
import { freshPostgres, sql } from '../databases.ts';

let source: string;
let backup: string;
let folder: string;

beforeAll(async () => {
  [source, backup] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
  folder = await mkdtemp(join(tmpdir(), 'plumbline-gate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  const rows = `drop table if exists things; drop table if exists lag;
    create table things (id int primary key, name text);
    insert into things select i, 'thing ' || i from generate_series(1, 100) i; analyze things;
    create table lag (seconds int); insert into lag values (900)`;
  await Promise.all([sql(source, rows), sql(backup, rows)]);
  await sql(backup, `update things set name = 'wrong' where id = 7`);
});

const variable = (name: string) => ['$', '{', name, '}'].join('');
const LAG = {
  kind: 'query',
  server: 'source',
  query: 'select seconds from lag',
  unit: 's',
  warn: '> 10',
  fail: '> 60',
};

function config(probes: Record<string, object>, stores: Record<string, object> = {}, limits = {}): Config {
  const file = {
    source: { url: variable('SOURCE') },
    stores: { backup: { kind: 'postgres', url: variable('BACKUP') }, ...stores },
    entities: { things: { table: 'things', replicas: [{ store: 'backup', maxLag: 0 }] } },
    health: { probes },
    limits,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, BACKUP: backup });
}

const GATE = { lag: { ...LAG, gate: true, hint: 'Resume the replay' } };
const wrong = async () => Number((await sql(backup, `select count(*) as n from things where name = 'wrong'`))[0]!.n);
const lagIs = (seconds: number) => sql(source, `update lag set seconds = ${seconds}`);

test('a gate that fails refuses before anything is compared, and says which, why and what to do', async () => {
  const events: RunEvent[] = [];
  const report = await reconcile(config(GATE), { apply: true, onEvent: (event) => events.push(event) });
  expect(report).toMatchObject({ verdict: 'refused', exitCode: 4, replicas: [] });
  expect(report.problems).toEqual([
    {
      where: 'gate',
      message: 'the health gate is closed: lag fails (900 s (fails at > 60))',
      hint: 'Resume the replay. --wait 10m waits for it. Nothing was written. If that is right, run it again with --ignore-gates.',
    },
  ]);
  expect(events.map((event) => (event.type === 'stage' ? event.stage : event.type))).toEqual(['run', 'gate']);
  expect(await wrong()).toBe(1);
});

test('it can be ignored; a warning does not stop a repair, nor does a probe that is no gate', async () => {
  expect((await reconcile(config({ lag: LAG }), { apply: true })).exitCode).toBe(0);
  await sql(backup, `update things set name = 'wrong' where id = 8`);
  expect((await reconcile(config(GATE), { apply: true, ignoreGates: true })).exitCode).toBe(0);
  await sql(backup, `update things set name = 'wrong' where id = 9`);
  await lagIs(30);
  expect((await reconcile(config(GATE), { apply: true })).exitCode).toBe(0);
  expect(await wrong()).toBe(0);
});

test('what only reads asks no gate; one record that somebody puts right neither', async () => {
  expect((await reconcile(config(GATE))).exitCode).toBe(1);
  expect((await rebuild(config(GATE), 'backup.things')).exitCode).toBe(1);
  expect((await verifySync(config(GATE), 'things', ['7'], { apply: true })).exitCode).toBe(0);
  expect(await wrong()).toBe(0);
});

test('a rebuild asks it as well', async () => {
  expect((await rebuild(config(GATE), 'backup.things', { apply: true })).exitCode).toBe(4);
  expect(await wrong()).toBe(1);
});

test('a gate that can’t be asked is closed', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo;
  const probes = { standby: { ...LAG, server: 'hung', timeout: '300ms', gate: true } };
  const stores = { hung: { kind: 'postgres', url: `postgres://nobody@127.0.0.1:${port}/x` } };
  const report = await reconcile(config(probes, stores), { apply: true });
  silent.close();
  expect(report.exitCode).toBe(4);
  expect(report.problems[0]!.message).toBe('the health gate is closed: standby is unknown (timed out after 300 ms)');
});

test('waits until it opens, says for what, and then repairs', async () => {
  const gates: Extract<RunEvent, { type: 'gate' }>[] = [];
  const report = await reconcile(config(GATE), {
    apply: true,
    wait: 60_000,
    onEvent: (event) => {
      if (event.type !== 'gate') return;
      gates.push(event);
      if (gates.length === 1) void lagIs(0);
    },
  });
  expect(report).toMatchObject({ exitCode: 0, replicas: [{ repair: { outcomes: { written: 1 } } }] });
  expect(gates).toHaveLength(1);
  expect(gates[0]).toMatchObject({ blocked: [{ name: 'lag', status: 'failed' }], left: expect.any(Number) });
  expect(gates[0]!.left + gates[0]!.waited).toBeCloseTo(60, 0);
  expect(await wrong()).toBe(0);
});

test('waits no longer than it was told to', async () => {
  const began = performance.now();
  const report = await reconcile(config(GATE), { apply: true, wait: 700 });
  expect(report.exitCode).toBe(4);
  expect(report.problems[0]!.message).toContain('after 1 s of waiting');
  expect(performance.now() - began).toBeGreaterThan(700);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('an interruption ends the waiting at once', async () => {
  const stop = new AbortController();
  const began = performance.now();
  const report = await reconcile(config(GATE), {
    apply: true,
    wait: 60_000,
    signal: stop.signal,
    onEvent: ({ type }) => {
      if (type === 'gate') stop.abort();
    },
  });
  expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3, problems: [{ message: 'interrupted' }] });
  expect(performance.now() - began).toBeLessThan(2500);
  expect(await wrong()).toBe(1);
});

test('a stopped run that is gone on with while the gate is closed can still be gone on with later', async () => {
  const stop = new AbortController();
  const onEvent = ({ type }: RunEvent) => {
    if (type === 'gate') stop.abort();
  };
  const { run } = await reconcile(config(GATE), { apply: true, wait: 60_000, signal: stop.signal, onEvent });
  await expect(reconcile(config(GATE), { resume: run })).rejects.toThrow('lag fails');
  await lagIs(0);
  expect(await reconcile(config(GATE), { resume: run })).toMatchObject({ run, exitCode: 0 });
  expect(await wrong()).toBe(0);
});

describe('a gate that closes while records are written', () => {
  const brakes = (options: Partial<RunOptions>, pause: string) =>
    makeBrakes(config(GATE, {}, { pause }), { apply: true, ...options }, undefined, 0).mayGoOn();

  test('pauses the repair until it opens', async () => {
    const waits: number[] = [];
    const onEvent = (event: RunEvent) => {
      if (event.type !== 'gate') return;
      waits.push(event.left);
      void lagIs(0);
    };
    await brakes({ onEvent }, '1m');
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(30);
  });

  test('ends it when it stays closed, to be gone on with', async () => {
    const ended = brakes({}, '0s');
    await expect(ended).rejects.toThrow(/^interrupted: the health gate is closed: lag fails .*; --resume goes on/);
    await expect(ended).rejects.toBeInstanceOf(InterruptedError);
  });

  test('a long repair asks it again', async () => {
    await lagIs(0);
    await sql(backup, `update things set name = 'wrong'`);
    let records = 0;
    const onEvent = (event: RunEvent) => {
      if (event.type !== 'repaired') return;
      records = event.records;
      if (records >= 4) void lagIs(900);
    };
    const options = { apply: true, maxPercent: 100, rate: 4, onEvent };
    const stopped = await reconcile(config(GATE, {}, { pause: 0 }), options);
    expect(stopped).toMatchObject({ exitCode: 3, verdict: 'incomplete', replicas: [{ status: 'unproven' }] });
    expect(stopped.replicas[0]!.error!.message).toMatch(/^interrupted: the health gate is closed: lag fails/);
    expect(records).toBeLessThan(90);
    expect(await wrong()).toBe(100 - records);
    await lagIs(0);
    expect(await reconcile(config(GATE), { resume: stopped.run })).toMatchObject({ run: stopped.run, exitCode: 0 });
    expect(await wrong()).toBe(0);
  });
});

test('a gate that closes while rows are compared stops the repair before its first write', async () => {
  // It is open until the run holds its own lock, which it takes after the first look.
  const locks = `select count(*) * 900 from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`;
  const report = await reconcile(config({ lag: { ...GATE.lag, query: locks } }), { apply: true });
  expect(report).toMatchObject({
    exitCode: 4,
    replicas: [{ counts: { mismatched: 1 }, repair: { applied: false, planned: { update: 1 } } }],
  });
  expect(await wrong()).toBe(1);
});
