// The grants of docs/permissions.md, tried with roles that have just these: enough for what they are for, and no more. A check writes nowhere.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { type Engine, startEngine } from '../../engines/engines.ts';
import { type Config, check, doctor, health, parseConfig, reconcile, undo, verifySync } from '../../src/index.ts';
import { Session } from '../../src/postgres/session.ts';
import { freshPostgres, sql } from '../databases.ts';

const PASSWORD = 'p4ssw0rd';
const COLUMNS = 'id int primary key, name text, amount numeric, changed timestamptz';
const ROWS = `insert into people select i, 'name ' || i, i * 1.5, timestamptz '2026-01-01' + i * interval '1 hour' from generate_series(1, 20) i`;

let source: string;
let folder: string;
const roles: [url: string, name: string][] = [];

async function makeRole(url: string, ...grants: readonly string[]): Promise<string> {
  const name = `role_${randomBytes(5).toString('hex')}`;
  roles.push([url, name]);
  await sql(url, `create role ${name} login password '${PASSWORD}'`);
  for (const grant of grants) await sql(url, `grant ${grant} to ${name}`);
  return Object.assign(new URL(url), { username: name, password: PASSWORD }).href;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-roles-'));
  source = await freshPostgres('18');
  await sql(source, `create table people (${COLUMNS}); ${ROWS}; analyze people`);
});
afterAll(async () => {
  for (const [url, name] of roles) await sql(url, `drop owned by ${name}; drop role ${name}`);
  await rm(folder, { recursive: true, force: true });
});

function configOf(
  store: object,
  urls: { readonly source: string; readonly store: string },
  replica: object = {},
): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  return parseConfig(
    JSON.stringify({
      source: { url: variable('FROM') },
      stores: { copies: { ...store, url: variable('TO') } },
      entities: {
        people: { table: 'people', version: 'changed', replicas: [{ store: 'copies', maxLag: '20ms', ...replica }] },
      },
      limits: { maxPercent: 100 },
      folder,
    }),
    join(folder, 'plumbline.yaml'),
    { FROM: urls.source, TO: urls.store },
  );
}

/** Everything that looks and does not write. */
async function looksAround(config: Config): Promise<void> {
  expect((await check(config)).exitCode).toBe(1);
  expect((await check(config, { keys: [['1']] })).exitCode).toBe(1);
  expect((await verifySync(config, 'people', ['1'])).exitCode).toBe(1);
  expect((await reconcile(config)).exitCode).toBe(1);
  expect((await health(config)).exitCode).toBe(0);
  const { checks } = await doctor(config);
  expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
}

describe('PostgreSQL', () => {
  let copy: string;
  let owner: { readonly source: string; readonly store: string };
  beforeAll(async () => {
    copy = await freshPostgres('15');
    owner = { source, store: copy };
  });
  beforeEach(async () => {
    await sql(copy, `drop table if exists people; create table people (${COLUMNS}); ${ROWS}`);
    await sql(
      copy,
      `delete from people where id = 1; update people set name = 'wrong' where id = 2; insert into people values (99)`,
    );
    await sql(copy, 'analyze people');
  });

  test('the source needs SELECT, on the columns that are mapped; nothing is ever written to it', async () => {
    const reader = await makeRole(source, 'select (id, name, amount, changed) on people');
    const before = await written(source);
    const config = configOf({ kind: 'postgres' }, { source: reader, store: copy });
    await looksAround(config);
    expect((await reconcile(config, { apply: true, deleteOrphans: true })).exitCode).toBe(0);
    await expect(sql(reader, `update people set name = 'x'`)).rejects.toThrow(/permission denied/);
    expect(await written(source)).toEqual(before);
  });

  test('a source session refuses to write, whatever its role may do', async () => {
    const session = new Session({ name: 'source', url: source, readOnly: true, connections: 1 });
    for (const statement of ['insert into people values (1000)', 'create table sneaked (a int)', 'truncate people']) {
      await expect(session.query('write', statement)).rejects.toThrow(/read-only transaction/);
    }
    await session.close();
  });

  test('a replica that is only looked at needs SELECT, and a repair with that is refused', async () => {
    const reader = await makeRole(copy, 'select on people');
    const config = configOf({ kind: 'postgres' }, { ...owner, store: reader });
    const before = await written(copy);
    await looksAround(config);
    const { checks } = await doctor(config);
    const hints = checks.flatMap(({ status, hint }) => (status === 'warning' ? [hint] : []));
    expect(hints).toEqual(
      expect.arrayContaining(['INSERT', 'UPDATE', 'DELETE'].map((verb) => expect.stringContaining(`GRANT ${verb}`))),
    );
    const report = await reconcile(config, { apply: true, deleteOrphans: true });
    expect(report.exitCode).not.toBe(0);
    expect(await written(copy)).toEqual(before);
  });

  test('a repair needs SELECT, INSERT, UPDATE and DELETE, and so does its undo', async () => {
    const writer = await makeRole(copy, 'select, insert, update, delete on people');
    const config = configOf({ kind: 'postgres' }, { ...owner, store: writer });
    const before = await sql(copy, 'select * from people order by id');
    const report = await reconcile(config, { apply: true, deleteOrphans: true });
    expect(report.exitCode).toBe(0);
    expect((await undo(config, report.run, { apply: true })).exitCode).toBe(0);
    expect(await sql(copy, 'select * from people order by id')).toEqual(before);
  });

  test('INSERT and UPDATE may be granted on the mapped columns alone, and DELETE be left out', async () => {
    await sql(copy, `alter table people add note text default 'by hand'`);
    const columns = '(id, name, amount, changed)';
    const writer = await makeRole(
      copy,
      `select on people`,
      `insert ${columns} on people`,
      `update ${columns} on people`,
    );
    const config = configOf({ kind: 'postgres' }, { ...owner, store: writer });
    const report = await reconcile(config, { apply: true });
    expect(report.replicas[0]!.repair).toMatchObject({ outcomes: { written: 2, refused: 0 }, left: { orphan: 1 } });
    await expect(sql(writer, `update people set note = 'x'`)).rejects.toThrow(/permission denied/);
    await expect(sql(writer, 'delete from people')).rejects.toThrow(/permission denied/);
  });
});

/** Rows that were written to the database's tables since it was made. */
async function written(url: string): Promise<unknown> {
  // What a session counted is told when it ends, a moment later.
  await sql(url, 'select pg_stat_force_next_flush()').catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  return sql(url, 'select sum(n_tup_ins + n_tup_upd + n_tup_del) as rows, count(*) as tables from pg_stat_user_tables');
}

describe('Redis', () => {
  const prefix = `roles_${randomBytes(5).toString('hex')}:`;
  const users: string[] = [];
  let admin: Redis;
  beforeAll(async () => {
    admin = new Redis(inject('redis'));
    for (let i = 2; i <= 20; i++) {
      const [row] = await sql(
        source,
        `select id::text, name, amount::text, to_char(changed at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as changed from people where id = ${i}`,
      );
      await admin.hset(`${prefix}${i}`, row as Record<string, string>);
    }
    await admin.hset(`${prefix}2`, 'name', 'wrong');
  });
  afterAll(async () => {
    for (const user of users) await admin.call('ACL', 'DELUSER', user);
    const keys = await admin.keys(`${prefix}*`);
    if (keys.length > 0) await admin.del(keys);
    admin.disconnect();
  });

  async function userWith(...rules: readonly string[]): Promise<string> {
    const name = `user_${randomBytes(5).toString('hex')}`;
    users.push(name);
    await admin.call('ACL', 'SETUSER', name, 'on', `>${PASSWORD}`, ...rules);
    return Object.assign(new URL(inject('redis')), { username: name, password: PASSWORD }).href;
  }

  const READ = [`%R~${prefix}*`, '+@read', '+@connection', '+info', '+multi', '+exec'];
  const REPAIR = [
    `~${prefix}*`,
    '+@read',
    '+@connection',
    '+info',
    '+multi',
    '+exec',
    ...'eval evalsha hset hdel set unlink sadd srem pexpire'.split(' ').map((name) => `+${name}`),
  ];
  const replica = { target: `${prefix}{id}`, as: 'hash' };

  test('to look needs the read category on the keys, and a repair with that is refused', async () => {
    const config = configOf({ kind: 'redis' }, { source, store: await userWith(...READ) }, replica);
    await looksAround(config);
    const { exitCode } = await reconcile(config, { apply: true });
    expect(exitCode).not.toBe(0);
    expect(await admin.hget(`${prefix}2`, 'name')).toBe('wrong');
    expect(await admin.exists(`${prefix}1`)).toBe(0);
  });

  test('health needs INFO and DBSIZE alone', async () => {
    const config = configOf(
      { kind: 'redis' },
      { source, store: await userWith('+@connection', '+info', '+dbsize', '+exists', `%R~plumbline`) },
      replica,
    );
    const asked = {
      ...config,
      health: { ...config.health, probes: config.health.probes.filter(({ name }) => name !== 'source') },
    };
    expect((await health(asked)).exitCode).toBe(0);
  });

  test('to repair needs the writing commands on the keys and no others', async () => {
    const config = configOf({ kind: 'redis' }, { source, store: await userWith(...REPAIR) }, replica);
    const report = await reconcile(config, { apply: true });
    expect(report.exitCode).toBe(0);
    expect(await admin.hget(`${prefix}2`, 'name')).toBe('name 2');
    expect(await admin.exists(`${prefix}1`)).toBe(1);
  });
});

describe('Cassandra', () => {
  let engine: Engine;
  let admin: Awaited<ReturnType<typeof cassandraClient>>;
  beforeAll(async () => {
    engine = await startEngine({
      kind: 'cassandra',
      name: 'roles',
      memory: '512m',
      shortLived: true,
      settings: {
        authenticator: 'PasswordAuthenticator',
        authorizer: 'CassandraAuthorizer',
        permissions_validity: '100ms',
        roles_validity: '100ms',
      },
    });
    admin = await cassandraClient(engine.url, { socketOptions: { readTimeout: 60_000 } });
    await admin.execute(
      `create keyspace shop with replication = { 'class': 'SimpleStrategy', 'replication_factor': 1 }`,
    );
    await admin.execute('create table shop.people (id int primary key, name text, amount decimal, changed timestamp)');
    for (let i = 2; i <= 20; i++) {
      const changed = Date.UTC(2026, 0, 1) + i * 3_600_000;
      await admin.execute(
        `insert into shop.people (id, name, amount, changed) values (${i}, 'name ${i}', ${i * 1.5}, ${changed})`,
      );
    }
    await admin.execute(`update shop.people set name = 'wrong' where id = 2`);
  }, 300_000);
  afterAll(async () => {
    await admin?.shutdown();
    await engine?.stop();
  });

  async function roleWith(name: string, ...grants: readonly string[]): Promise<string> {
    await admin.execute(`create role ${name} with login = true and password = '${PASSWORD}'`);
    for (const grant of grants) await admin.execute(`grant ${grant} to ${name}`);
    return Object.assign(new URL(engine.url), { username: name, password: PASSWORD, pathname: '/shop' }).href;
  }
  const nameOf = async (id: number) =>
    (await admin.execute(`select name from shop.people where id = ${id}`)).first()?.name;

  test('to look needs SELECT on the table, and a repair with that is refused', { timeout: 240_000 }, async () => {
    const config = configOf(
      { kind: 'cassandra' },
      { source, store: await roleWith('looker', 'select on shop.people') },
    );
    await looksAround(config);
    const { checks } = await doctor(config);
    expect(checks.some(({ hint }) => hint?.startsWith('GRANT MODIFY'))).toBe(true);
    expect((await reconcile(config, { apply: true })).exitCode).not.toBe(0);
    expect([await nameOf(1), await nameOf(2)]).toEqual([undefined, 'wrong']);
  });

  test('to repair needs MODIFY too', { timeout: 240_000 }, async () => {
    const grants = ['select on shop.people', 'modify on shop.people'];
    const config = configOf({ kind: 'cassandra' }, { source, store: await roleWith('mender', ...grants) });
    expect((await reconcile(config, { apply: true })).exitCode).toBe(0);
    expect([await nameOf(1), await nameOf(2)]).toEqual(['name 1', 'name 2']);
  });

  test('the self-test needs CREATE, DROP, SELECT and MODIFY on the keyspace, and says so', {
    timeout: 240_000,
  }, async () => {
    const without = configOf(
      { kind: 'cassandra' },
      { source, store: await roleWith('tester', 'select on shop.people') },
    );
    const own = async () =>
      (await doctor(without, { selfTest: true })).checks.filter(({ message }) => message.startsWith('self-test'));
    expect(await own()).toMatchObject([{ status: 'failed', hint: expect.stringContaining('CREATE') }]);
    for (const right of ['create', 'drop', 'select', 'modify'])
      await admin.execute(`grant ${right} on keyspace shop to tester`);
    await expect.poll(async () => (await own())[0]?.status, { timeout: 30_000 }).toBe('ok');
  });
});
