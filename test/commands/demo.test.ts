// The demo against the tests' own servers: every claim that it makes holds, and nothing is left behind.

import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { sql } from '../databases.ts';
import { plumbline, startPlumbline } from './plumbline.ts';

let folder: string;
const servers = {
  PLUMBLINE_TEST_POSTGRES_URL: inject('postgres18'),
  PLUMBLINE_TEST_POSTGRES15_URL: inject('postgres15'),
  PLUMBLINE_TEST_MONGODB_URL: inject('mongodb'),
  PLUMBLINE_TEST_CASSANDRA_URL: inject('cassandra'),
  PLUMBLINE_TEST_NEO4J_URL: inject('neo4j'),
  PLUMBLINE_TEST_REDIS_URL: inject('redis'),
  // Nobody listens there.
  PLUMBLINE_TEST_ORACLE_URL: 'oracle://nobody:nothing@127.0.0.1:1/FREEPDB1',
};

/** A temporary folder of its own, so that somebody else's demo is not taken for this one. */
const env = () => ({ ...servers, TMPDIR: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-cli-'));
  // Servers that the demo starts run as another user where it runs as root.
  await chmod(folder, 0o711);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const brokenClaims = (stdout: string) => stdout.split('\n').filter((line) => line.startsWith('   ✖'));

const verdictOf = (stdout: string) => stdout.slice(stdout.indexOf('Verdict')).replaceAll(/\s+/g, ' ');

test('reservas: every expectation holds', { timeout: 400_000 }, async () => {
  const { code, stdout, stderr } = await plumbline(['demo', '--only', 'reservas'], { env: env() });
  expect(stderr).toBe('');
  expect(brokenClaims(stdout)).toEqual([]);
  expect(verdictOf(stdout)).toMatch(/✔ all \d+ expectations held: reservas with analytics, docs, graph and cache/);
  expect(code).toBe(0);
  expect(longestLine(stdout)).toBeLessThanOrEqual(80);
  expect(await leftBehind()).toEqual([]);
});

test('georiesgo: every expectation holds, and the server that does not run is named', {
  timeout: 400_000,
}, async () => {
  const words = ['demo', '--only', 'georiesgo', '--stores', 'backup,docs,legacy'];
  const { code, stdout, stderr } = await plumbline(words, { env: env() });
  expect(stderr).toBe('');
  expect(brokenClaims(stdout)).toEqual([]);
  expect(verdictOf(stdout)).toMatch(/✔ all \d+ expectations held: georiesgo with backup and docs/);
  expect(verdictOf(stdout)).toContain('? legacy not run: oracle Set PLUMBLINE_TEST_ORACLE_URL to a server of your own');
  expect(code).toBe(0);
  expect(longestLine(stdout)).toBeLessThanOrEqual(80);
  expect(await leftBehind()).toEqual([]);
});

test('failover: every expectation holds, on servers that it starts itself', { timeout: 400_000 }, async () => {
  const { code, stdout, stderr } = await plumbline(['demo', '--only', 'failover'], { env: env() });
  expect(stderr).toBe('');
  expect(brokenClaims(stdout)).toEqual([]);
  expect(verdictOf(stdout)).toMatch(/✔ all \d+ expectations held: failover with here and there/);
  expect(code).toBe(0);
  expect(longestLine(stdout)).toBeLessThanOrEqual(80);
  expect(await leftBehind()).toEqual([]);
});

test('in CI a server that does not run is a failure', async () => {
  const words = ['demo', '--only', 'georiesgo', '--stores', 'docs,legacy'];
  const { code, stderr } = await plumbline(words, { env: { ...env(), CI: 'true' } });
  expect(stderr).toContain('PLUMBLINE_TEST_ORACLE_URL');
  expect(code).toBe(3);
  expect(await leftBehind()).toEqual([]);
});

test('a store that there is not is a usage error', async () => {
  const { code, stderr } = await plumbline(['demo', '--stores', 'docs,grape'], { env: env() });
  expect(stderr).toContain('no store is called "grape"');
  expect(code).toBe(2);
});

test('Ctrl-C leaves nothing behind', async () => {
  const { child, ended } = startPlumbline(['demo', '--stores', 'docs,graph,cache'], { env: env() });
  await new Promise<void>((resolve) => {
    child.stdout!.on('data', (text) => {
      if (String(text).includes('$ plumbline check')) resolve();
    });
  });
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('interrupted');
  expect(code).toBe(3);
  expect(await leftBehind()).toEqual([]);
});

const longestLine = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

/** Names of the demo's on any of the servers. */
async function leftBehind(): Promise<unknown[]> {
  const folders = await readdir(folder);
  const databases = `select datname from pg_database where datname like 'plumbline_demo%'`;
  const neo4j = await neo4jDriver(inject('neo4j'));
  const mongo = new MongoClient(inject('mongodb'));
  const redis = new Redis(inject('redis'));
  const cassandra = await cassandraClient(inject('cassandra'));
  const isOurs = (name: string) => name.startsWith('plumbline_demo_');
  try {
    const nodes = await neo4j.executeQuery(
      `MATCH (n) WHERE any(label IN labels(n) WHERE label STARTS WITH 'plumbline_demo_') RETURN n`,
    );
    const keyspaces = await cassandra.execute('SELECT keyspace_name FROM system_schema.keyspaces');
    return [
      ...folders,
      ...(await sql(inject('postgres18'), databases)),
      ...(await sql(inject('postgres15'), databases)),
      ...(await mongo.db().admin().listDatabases()).databases.map(({ name }) => name).filter(isOurs),
      ...keyspaces.rows.map((row) => String(row.keyspace_name)).filter(isOurs),
      ...nodes.records,
      ...(await redis.keys('plumbline_demo_*')),
    ];
  } finally {
    redis.disconnect();
    await Promise.all([neo4j.close(), mongo.close(), cassandra.shutdown()]);
  }
}
