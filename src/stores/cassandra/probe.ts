// `cassandra`: which nodes of the cluster answer, and how much waits in them.

import { setTimeout as pause } from 'node:timers/promises';
import type { Client, Host } from 'cassandra-driver';
import { z } from 'zod';
import { countInWords } from '../../health/figures.ts';
import { defineProbe, type Reading, type Status, worstOf } from '../../health/probe.ts';
import { measured, numberThresholds, orElse, statusOf, type Thresholds } from '../../health/thresholds.ts';
import type { Probing } from '../store.ts';

export interface CassandraProbing extends Probing {
  /** Every node that the cluster knows of. */
  nodes(): Promise<readonly Node[]>;
}

export interface Node {
  readonly address: string;
  readonly rack: string;
  /** Undefined: it belongs to another data center, and was not asked. */
  readonly isUp: boolean | undefined;
  /** Requests that wait in it; undefined: it is not up, or does not say (before Cassandra 4). */
  readonly pending?: number;
}

const options = z.strictObject({
  server: z.string().describe('The name of a store of kind cassandra.'),
  down: orElse(numberThresholds, { fail: 1 }).describe('Nodes that are down. Default fail 1.'),
  pending: orElse(numberThresholds, { warn: 1000 }).describe(
    'Requests that wait in one node, at most. Default warn 1000; as a gate of a repair it wants a fail.',
  ),
});

export const cassandraProbe = defineProbe<z.infer<typeof options>>({
  kind: 'cassandra',
  summary: 'Which nodes of a cluster’s local data center answer.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run({ server, down, pending }, { servers }) {
    const { nodes } = (await servers.store(server)).probing as CassandraProbing;
    return [judgeNodes(await nodes(), down, pending)];
  },
});

const NAMED = 5;

function judgeNodes(nodes: readonly Node[], down: Thresholds, pending: Thresholds): Reading {
  const asked = nodes.filter(({ isUp }) => isUp !== undefined);
  const gone = asked.filter(({ isUp }) => !isUp);
  const named = gone.slice(0, NAMED).map(({ address, rack }) => `${address} (${rack})`);
  const more = gone.length > NAMED ? ` and ${gone.length - NAMED} more` : '';
  const waiting = asked.flatMap((node) => node.pending ?? []);
  const load = measured(Math.max(0, ...waiting), pending, (value) => countInWords(value, 'request'), 'waiting');
  const downs = statusOf(gone.length, down);
  const status = worstOf([downs, load.status]);
  const elsewhere = nodes.length - asked.length;
  const message = [
    `${asked.length - gone.length} of ${countInWords(asked.length, 'node')} up`,
    ...(gone.length === 0 ? [] : [`down: ${named.join(', ')}${more}`]),
    ...(waiting.length === 0 ? [] : [load.words]),
    ...(elsewhere === 0 ? [] : [`${elsewhere} in other data centers not asked`]),
  ].join('; ');
  return {
    status,
    message,
    hint: hintFor(downs, load.status),
    metrics: [
      {
        name: 'cassandra_nodes',
        help: 'Nodes of the local data center that the cluster knows of.',
        value: asked.length,
      },
      { name: 'cassandra_nodes_up', help: 'Those of them that answer.', value: asked.length - gone.length },
      ...asked.flatMap(({ address, pending }) =>
        pending === undefined
          ? []
          : [
              {
                name: 'cassandra_pending',
                help: 'Requests that wait in a node.',
                value: pending,
                labels: { node: address },
              },
            ],
      ),
    ],
  };
}

function hintFor(down: Status, load: Status): string | undefined {
  if (down !== 'ok') return 'nodetool status on another node tells whether the cluster sees it down too.';
  return load === 'ok' ? undefined : 'nodetool tpstats on that node tells what waits there.';
}

/**
 * Each node of the local data center is asked by itself: the driver only hears that one is gone when it next wants something of it. It has no connections
 * to the others.
 */
export async function askNodes(client: Client, localDataCenter: string): Promise<readonly Node[]> {
  return Promise.all(
    client.hosts.values().map(async (host): Promise<Node> => {
      const { address, rack } = host;
      if (host.datacenter !== localDataCenter) return { address, rack, isUp: undefined };
      const isUp = await answers(client, host);
      return { address, rack, isUp, pending: isUp ? await pendingIn(client, host) : undefined };
    }),
  );
}

/** Less than a probe may take: a node that is cut off must not hide the others. */
const PATIENCE_MS = 2000;

async function answers(client: Client, host: Host): Promise<boolean> {
  const asked = client.execute('SELECT key FROM system.local', [], { host, isIdempotent: true }).then(
    () => true,
    () => false,
  );
  return Promise.race([asked, pause(PATIENCE_MS, false, { ref: false })]);
}

/** Stages that a request of ours waits in. */
const STAGES: ReadonlySet<string> = new Set(['MutationStage', 'ReadStage', 'Native-Transport-Requests']);

/** Each node keeps a table of its own for this; a role that may not read it, or a version that has none, leaves it unsaid. */
async function pendingIn(client: Client, host: Host): Promise<number | undefined> {
  const query = 'SELECT name, pending_tasks FROM system_views.thread_pools';
  const asked = client.execute(query, [], { host, isIdempotent: true }).then(
    ({ rows }) => rows.filter(({ name }) => STAGES.has(name)).reduce((sum, row) => sum + Number(row.pending_tasks), 0),
    () => undefined,
  );
  return Promise.race([asked, pause(PATIENCE_MS, undefined, { ref: false })]);
}
