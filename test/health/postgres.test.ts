// The probes of PostgreSQL against servers that stand alone: what is absent, unused or wrong is named, what can't be asked is unknown. A primary with
// its standby is in ha.test.ts.

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { type HealthReport, health, parseConfig, type Reading } from '../../src/index.ts';
import { timeLeft } from '../../src/stores/postgres/probes/slots.ts';
import { freshPostgres, sql } from '../databases.ts';

const variable = (name: string) => ['$', '{', name, '}'].join('');

describe.each(['18', '15'] as const)('PostgreSQL %s', (version) => {
  let source: string;
  let other: string;

  beforeAll(async () => {
    [source, other] = await Promise.all([freshPostgres(version), freshPostgres(version)]);
  });

  function ask(
    probes: Record<string, object>,
    env: Record<string, string> = {},
    extra: Record<string, object> = {},
  ): Promise<HealthReport> {
    const file = {
      source: { url: variable('SOURCE') },
      stores: { other: { kind: 'postgres', url: variable('OTHER') }, ...extra },
      entities: { things: { table: 'things', touches: {} } },
      health: { probes },
    };
    const all = { SOURCE: source, OTHER: other, CANARY: source, ...env };
    return health(parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', all));
  }

  async function one(probe: object, env?: Record<string, string>, extra?: Record<string, object>): Promise<Reading[]> {
    return [...(await ask({ probe }, env, extra)).probes[0]!.readings];
  }

  test('sessions at work, and those that wait for a lock', async () => {
    const probe = { kind: 'sessions', server: 'source', connections: { fail: '100%', warn: '100%' } };
    const clients = Array.from({ length: 2 }, () => new pg.Client({ connectionString: source }));
    const [holder, waiter] = clients as [pg.Client, pg.Client];
    await Promise.all(clients.map((client) => client.connect()));
    await holder.query('create table held (id int)');
    await holder.query('begin; lock table held');
    const waiting = waiter.query('select from held');
    const look = async (words: object) => (await one({ ...probe, ...words }))[0]!;
    await expect
      .poll(async () => (await look({})).message, { timeout: 30_000 })
      .toMatch(/, [1-9]\d* waiting for a lock,/);
    expect(await look({ waiting: { fail: 1 } })).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(
        /^\d+ sessions at work, \d+ waiting for a lock \(fails at 1\), .* the oldest transaction, /,
      ),
      hint: expect.stringMatching(/pg_stat_activity/),
    });
    expect(await look({ active: { warn: 1 }, waiting: { warn: 10_000, fail: 10_000 } })).toMatchObject({
      status: 'warning',
    });
    expect(await look({ oldest: { fail: '1ms' } })).toMatchObject({ status: 'failed' });
    await holder.query('rollback');
    await waiting;
    await Promise.all(clients.map((client) => client.end()));
  });

  test('a role that may not see others’ sessions counts none: unknown, with what to grant', async () => {
    const role = `blind_${randomBytes(4).toString('hex')}`;
    await sql(source, `create role ${role} login password 'x'`);
    const url = new URL(source);
    url.username = role;
    url.password = 'x';
    const probe = { kind: 'sessions', server: 'source' };
    expect(await one(probe, { SOURCE: url.href })).toMatchObject([
      { status: 'unknown', hint: `GRANT pg_monitor TO ${role};` },
    ]);
    await sql(source, `drop role ${role}`);
  });

  test('a primary without the standby that it should have fails; one that needs none is fine', async () => {
    const bare = { kind: 'replication', server: 'source' };
    expect(await one(bare)).toMatchObject([{ status: 'failed', message: 'primary, 0 of 1 standbys streaming' }]);
    expect(await one({ ...bare, standbys: ['backup'] })).toMatchObject([
      { status: 'failed', message: 'primary, backup not streaming' },
    ]);
    expect(await one({ ...bare, standbys: 0 })).toMatchObject([
      { status: 'ok', metrics: [{ name: 'replication_standbys', value: 0 }] },
    ]);
  });

  test('a server in the wrong role fails, whichever way', async () => {
    expect(await one({ kind: 'standby', server: 'other' })).toMatchObject([
      { status: 'failed', message: 'is a primary, should be a standby' },
    ]);
    expect(await one({ kind: 'replication', server: 'source', role: 'standby' })).toMatchObject([
      { status: 'failed', message: 'is a primary, should be standby' },
    ]);
  });

  describe('split-brain', () => {
    test('one server with two names is one primary', async () => {
      expect(await one({ kind: 'split-brain', servers: ['source', 'other'] })).toMatchObject([
        { status: 'ok', message: 'source (also other) is primary (timeline 1)', metrics: [{ value: 1 }] },
      ]);
    });

    test('a server of another system is a mistake, said plainly', async () => {
      const foreign = await freshPostgres(version === '18' ? '15' : '18');
      const readings = await one({ kind: 'split-brain', servers: ['source', 'other'] }, { OTHER: foreign });
      expect(readings).toMatchObject([
        { status: 'ok', message: 'source is primary (timeline 1)' },
        { status: 'failed', subject: 'other', message: expect.stringContaining('belongs to another system') },
      ]);
    });

    test('one that can’t be reached makes it unknown', async () => {
      const nowhere = new URL(other);
      nowhere.port = '1';
      const report = await ask(
        { roles: { kind: 'split-brain', servers: ['source', 'other'] } },
        { OTHER: nowhere.href },
      );
      expect(report).toMatchObject({ exitCode: 3, probes: [{ status: 'unknown' }] });
      expect(report.probes[0]!.readings).toMatchObject([{ status: 'ok' }, { status: 'unknown', subject: 'other' }]);
    });
  });

  describe('slots', () => {
    const probe = { kind: 'slots', server: 'source' };
    const mine = (readings: readonly Reading[], name: string) => readings.find(({ subject }) => subject === name);

    test('one that is unused and one that is absent are named', async () => {
      const name = `slot_${randomBytes(4).toString('hex')}`;
      await sql(source, 'select pg_create_physical_replication_slot($1, true)', [name]);
      try {
        const readings = await one({ ...probe, expected: [name, 'gone'], inactive: { warn: 0, fail: '1h' } });
        expect(mine(readings, name)).toMatchObject({ status: 'warning' });
        expect(mine(readings, name)!.message).toMatch(
          version === '18' ? /^inactive for .*warns at 0 ms/ : /^inactive, /,
        );
        expect(mine(readings, name)!.hint).toBe(
          `Drop it (SELECT pg_drop_replication_slot('${name}')) or bring its standby back.`,
        );
        expect(mine(readings, 'gone')).toMatchObject({ status: 'failed', message: 'there is no such slot' });
        await sql(source, 'create table if not exists filling (t text)');
        await sql(source, "insert into filling select repeat('x', 1000) from generate_series(1, 2000)");
        const small = { warn: '1kB', fail: '100kB' };
        const full = mine(await one({ ...probe, retained: small }), name)!;
        expect(full).toMatchObject({ status: 'failed' });
        expect(full.message).toMatch(/^inactive.*, holding .* of WAL \(fails at 100 kB\)$/);
        expect(mine(await one({ ...probe, ignore: [name], retained: small }), name)).toBeUndefined();
      } finally {
        await sql(source, 'select pg_drop_replication_slot($1)', [name]);
      }
    });
  });

  describe('canary', () => {
    const probe = { kind: 'canary', url: variable('CANARY'), standby: 'other', lag: { warn: '2s', fail: '300ms' } };
    const table =
      'create table plumbline_canary (prober text primary key, beat bigint not null, written_at timestamptz not null)';

    test('the hint makes its table and its grants, and then the row arrives where it is written', async () => {
      const role = `canary_${randomBytes(4).toString('hex')}`;
      await sql(source, `create role ${role} login password 'canary-secret'`);
      try {
        const url = new URL(source);
        url.username = role;
        url.password = 'canary-secret';
        const env = { CANARY: url.href, OTHER: source };
        const [missing] = await one(probe, env);
        expect(missing!.status).toBe('unknown');
        const [create, grant] = missing!.hint!.replace('On the primary: ', '').split('; ');
        await sql(source, create!);
        const [denied] = await one(probe, env);
        expect(denied).toMatchObject({ status: 'unknown', message: expect.stringContaining('permission denied') });
        await sql(source, grant!);
        expect(await one(probe, env)).toMatchObject([
          {
            status: 'ok',
            message: expect.stringMatching(/^reached other in \d/),
            metrics: [{ name: 'canary_seconds' }],
          },
        ]);
        await one(probe, env);
        expect(await sql(source, 'select prober, beat::int from plumbline_canary')).toEqual([
          { prober: 'probe', beat: 2 },
        ]);
      } finally {
        await sql(source, `drop owned by ${role}; drop role ${role}`);
      }
    });

    test('a row that does not arrive in time fails, with or without the table there', async () => {
      await sql(source, table.replace('table', 'table if not exists'));
      const failed = [{ status: 'failed', message: 'not on other after 300 ms' }];
      expect(await one(probe)).toMatchObject(failed);
      await sql(other, table);
      expect(await one(probe)).toMatchObject(failed);
    });

    test('its password is in no message', async () => {
      const url = new URL(source);
      url.username = 'nobody';
      url.password = 'canary-secret';
      const report = await ask({ canary: probe }, { CANARY: url.href, OTHER: source });
      expect(report.exitCode).toBe(3);
      expect(JSON.stringify(report)).not.toContain('canary-secret');
      const config = { url: url.href };
      expect(() =>
        parseConfig(
          JSON.stringify({
            source: { url: variable('SOURCE') },
            stores: { other: { kind: 'postgres', url: variable('SOURCE') } },
            entities: { things: { table: 'things', touches: {} } },
            health: { probes: { canary: { ...probe, ...config } } },
          }),
          'plumbline.yaml',
          { SOURCE: source },
        ),
      ).toThrow('a secret stands in the file');
    });
  });
});

const HOUR = 3_600_000;

test.each([
  ['what the disk can hold', { inactive: 3 * HOUR, retained: 18.2e9, safe: null }, 72.8e9, 9 * HOUR],
  ['what the server keeps for it', { inactive: HOUR, retained: 1e9, safe: 2e9 }, undefined, 2 * HOUR],
  ['nothing: no room is known', { inactive: HOUR, retained: 1e9, safe: null }, undefined, null],
  ['nothing: no room is left', { inactive: HOUR, retained: 1e9, safe: -1 }, undefined, null],
  ['nothing: it was unused too shortly', { inactive: 59_000, retained: 1e9, safe: 2e9 }, undefined, null],
  ['nothing: since when is not known', { inactive: null, retained: 1e9, safe: 2e9 }, undefined, null],
])('how long a slot can go on follows from %s', (_, slot, space, left) => {
  expect(timeLeft(slot, space)).toBe(left);
});
