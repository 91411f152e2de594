// The probe `reachable`: every kind of server, what it is and how far away; one that refuses or hangs fails by itself.

import { expect, inject, test } from 'vitest';
import { freshCassandra, freshMongo, freshPostgres, sql } from '../databases.ts';
import { askHealth, configOf, type Parts, silentServer } from './ask-health.ts';

async function everyKind(): Promise<Parts> {
  const source = await freshPostgres();
  await sql(source, 'create table things (id int primary key)');
  return {
    source,
    stores: {
      backup: { kind: 'postgres', url: inject('postgres15') },
      docs: { kind: 'mongodb', url: freshMongo() },
      analytics: { kind: 'cassandra', url: await freshCassandra() },
      graph: { kind: 'neo4j', url: inject('neo4j') },
      cache: { kind: 'redis', url: inject('redis') },
      legacy: { kind: 'oracle', url: inject('oracle') },
    },
  };
}

test('every server is asked, and says what it is and how long a round trip takes', async () => {
  const { probes, exitCode } = await askHealth(await everyKind(), {
    servers: { kind: 'reachable', timeout: '30s', roundTrip: { warn: '20s', fail: '30s' } },
  });
  expect(exitCode).toBe(0);
  const time = String.raw`, round trip [\d.]+ (ms|s)$`;
  const says = (subject: string, product: string) => ({
    subject,
    status: 'ok',
    message: expect.stringMatching(new RegExp(`^${product}.*${time}`)),
    metrics: [
      { name: 'server_up', value: 1, labels: { server: subject } },
      { name: 'round_trip_seconds', value: expect.any(Number), labels: { server: subject } },
    ],
  });
  expect(probes[0]!.readings).toMatchObject([
    says('source', `PostgreSQL 18`),
    says('backup', `PostgreSQL 15`),
    says('docs', 'MongoDB'),
    says('analytics', 'Cassandra'),
    says('graph', 'Neo4j'),
    says('cache', 'Redis'),
    says('legacy', ''),
  ]);
});

test('one that refuses and one that hangs have failed, the others answer', async () => {
  const silent = await silentServer();
  const source = await freshPostgres();
  const hung = (kind: string, scheme: string, path = '') => ({
    kind,
    url: `${scheme}://127.0.0.1:${silent.port}${path}`,
  });
  const parts: Parts = {
    source,
    stores: {
      gone: { kind: 'redis', url: 'redis://127.0.0.1:1' },
      hungPostgres: hung('postgres', 'postgres', '/x'),
      hungMongodb: hung('mongodb', 'mongodb', '/x'),
      hungCassandra: hung('cassandra', 'cassandra', '/x?localDataCenter=dc'),
      hungNeo4j: hung('neo4j', 'bolt'),
      hungRedis: hung('redis', 'redis'),
      hungOracle: { kind: 'oracle', url: `oracle://a:b@127.0.0.1:${silent.port}/XEPDB1` },
    },
  };
  const began = performance.now();
  const { probes, exitCode } = await askHealth(parts, { servers: { kind: 'reachable', timeout: '2s' } });
  silent.close();
  expect(performance.now() - began).toBeLessThan(8000);
  expect(exitCode).toBe(1);
  expect(probes[0]!.readings.map(({ subject, status, message }) => [subject, status, message])).toEqual([
    ['source', 'ok', expect.stringMatching(/^PostgreSQL 18/)],
    ['gone', 'failed', expect.stringMatching(/connection refused/)],
    ...['Postgres', 'Mongodb', 'Cassandra', 'Neo4j', 'Redis', 'Oracle'].map((kind) => [
      `hung${kind}`,
      'failed',
      'no answer in time',
    ]),
  ]);
  expect(probes[0]!.readings[1]!.hint).toMatch(/Is the server up/);
  expect(probes[0]!.readings[1]!.metrics).toMatchObject([{ name: 'server_up', value: 0, labels: { server: 'gone' } }]);
});

test('a slow answer warns or fails', async () => {
  const source = await freshPostgres();
  const read = async (roundTrip: object) =>
    (await askHealth({ source }, { servers: { kind: 'reachable', servers: ['source'], roundTrip } })).probes[0]!
      .readings;
  expect(await read({ warn: 0 })).toMatchObject([
    { status: 'warning', message: expect.stringMatching(/\(warns at 0 ms\)$/) },
  ]);
  expect(await read({ fail: 0 })).toMatchObject([{ status: 'failed', hint: expect.stringMatching(/network/) }]);
  expect(() => configOf({ source }, { servers: { kind: 'reachable', servers: ['sources'] } })).toThrow(
    'no server is named "sources"; did you mean "source"?',
  );
});
