// The probe `cassandra`, on a node of the test's own that is told of others which are not there.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { type Engine, startEngine } from '../../engines/engines.ts';
import { freshPostgres } from '../databases.ts';
import { askHealth } from './ask-health.ts';

let engine: Engine;
let source: string;

beforeAll(async () => {
  [engine, source] = await Promise.all([
    startEngine({ kind: 'cassandra', name: 'nodes', memory: '512m' }),
    freshPostgres(),
  ]);
});
afterAll(() => engine?.stop());

async function look(words: object = {}) {
  const url = new URL(engine.url);
  url.pathname = '/system';
  const stores = { analytics: { kind: 'cassandra', url: url.href } };
  const probe = { kind: 'cassandra', server: 'analytics', timeout: '20s', ...words };
  return (await askHealth({ source, stores }, { nodes: probe })).probes[0]!.readings;
}

test('a node that answers is up', async () => {
  expect(await look()).toMatchObject([
    {
      status: 'ok',
      message: expect.stringMatching(/^1 of 1 node up; \d+ requests? waiting$/),
      metrics: [
        { name: 'cassandra_nodes', value: 1 },
        { name: 'cassandra_nodes_up', value: 1 },
        { name: 'cassandra_pending', value: expect.any(Number), labels: { node: expect.any(String) } },
      ],
    },
  ]);
});

test('requests that wait are counted against what may wait', async () => {
  expect(await look({ pending: { fail: 0 } })).toMatchObject([
    {
      status: 'failed',
      message: expect.stringMatching(/^1 of 1 node up; \d+ requests? waiting \(fails at 0 requests\)$/),
      hint: expect.stringMatching(/nodetool tpstats/),
    },
  ]);
});

test('nodes that the cluster knows and that do not answer are named', async () => {
  const client = await cassandraClient(engine.url);
  const [local] = (await client.execute('SELECT schema_version, release_version FROM system.local')).rows;
  const peers = [
    ['127.0.0.2', 'datacenter1'],
    ['127.0.0.3', 'datacenter1'],
    ['127.0.0.4', 'far'],
  ];
  for (const [address, dataCenter] of peers) {
    await client.execute(
      `INSERT INTO system.peers (peer, rpc_address, data_center, rack, host_id, release_version, schema_version, tokens)
       VALUES ('${address}', '${address}', '${dataCenter}', 'rack1', uuid(), '${local!.release_version}',
         ${local!.schema_version}, {'${address!.at(-1)}'})`,
    );
  }
  await client.shutdown();
  expect(await look()).toMatchObject([
    {
      status: 'failed',
      message: expect.stringMatching(
        /^1 of 3 nodes up; down: 127\.0\.0\.[23]:\d+ \(rack1\), 127\.0\.0\.[23]:\d+ \(rack1\); \d+ requests? waiting; 1 in other data centers not asked$/,
      ),
      hint: expect.stringMatching(/nodetool status/),
    },
  ]);
  expect(await look({ down: { warn: 1, fail: 3 } })).toMatchObject([{ status: 'warning' }]);
  expect(await look({ down: { fail: 3 } })).toMatchObject([{ status: 'ok', hint: undefined }]);
});
