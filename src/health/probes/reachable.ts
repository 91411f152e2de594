// `reachable`: whether each server lets us in and answers, what it is, and how long a round trip takes. Here no answer is an answer: it failed.

import { z } from 'zod';
import { StoreError, wordsOf } from '../../errors.ts';
import { inTime } from '../each.ts';
import { durationInWords } from '../figures.ts';
import { defineProbe, type Metric, type ProbeContext, type Reading } from '../probe.ts';
import type { Servers } from '../servers.ts';
import { durationThresholds, limitReached, orElse, statusOf, type Thresholds } from '../thresholds.ts';

const options = z.strictObject({
  servers: z
    .array(z.string())
    .min(1, { error: 'needs at least one name' })
    .optional()
    .describe('`source` and names of `stores`. Default: all.'),
  roundTrip: orElse(durationThresholds, { warn: 250, fail: 2000 }).describe(
    'How long the smallest question may take. Default warn 250ms, fail 2s.',
  ),
});

export const reachable = defineProbe<z.infer<typeof options>>({
  kind: 'reachable',
  summary: 'Whether the servers answer, and how fast.',
  options,
  servers: ({ servers = [] }) => servers.map((name, index) => ({ path: ['servers', index], name, own: false })),
  run({ servers: named, roundTrip }, context) {
    const names = named ?? ['source', ...context.config.stores.keys()];
    return Promise.all(names.map((name) => look(name, roundTrip, context)));
  },
});

async function look(server: string, thresholds: Thresholds, { servers, signal }: ProbeContext): Promise<Reading> {
  const up = (value: number): Metric => ({
    name: 'server_up',
    help: 'It answers: 1, or 0.',
    value,
    labels: { server },
  });
  try {
    const { product, ping } = await inTime(open(servers, server), signal);
    const milliseconds = await inTime(quickest(ping, signal), signal);
    const status = statusOf(milliseconds, thresholds);
    const limit = limitReached(status, thresholds, durationInWords);
    return {
      status,
      subject: server,
      message: `${product}, round trip ${durationInWords(milliseconds)}${limit}`,
      hint: status === 'ok' ? undefined : 'Look at the network between, and at the server’s load.',
      metrics: [
        up(1),
        {
          name: 'round_trip_seconds',
          help: 'What the smallest question takes.',
          value: milliseconds / 1000,
          labels: { server },
        },
      ],
    };
  } catch (error) {
    if (!signal.aborted && !(error instanceof StoreError)) throw error;
    return {
      status: 'failed',
      subject: server,
      message: signal.aborted ? 'no answer in time' : wordsOf(error),
      hint: error instanceof StoreError ? error.hint : 'Does it hang, or is there a firewall that drops what we send?',
      metrics: [up(0)],
    };
  }
}

interface Reached {
  readonly product: string;
  ping(signal: AbortSignal): Promise<unknown>;
}

async function open(servers: Servers, name: string): Promise<Reached> {
  if (name === 'source') {
    const { product, session } = await servers.source();
    return { product, ping: (signal) => session.query('ping', 'select 1', [], signal) };
  }
  const { product, probing } = await servers.store(name);
  // A kind that takes no questions has answered by letting us in.
  return { product, ping: async (signal) => probing?.ping(signal) };
}

const TRIPS = 3;

/** Other probes are under way at the same time, on this machine's one thread: the quickest of a few is the network's and the server's own time. */
async function quickest(ping: Reached['ping'], signal: AbortSignal): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let trip = 0; trip < TRIPS; trip++) {
    const began = performance.now();
    await ping(signal);
    best = Math.min(best, performance.now() - began);
  }
  return best;
}
