// `redis`: keys, look-ups that hit, evictions and expiries a second, memory against its limit; in a cluster of each master.

import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { countInWords, percentInWords, sizeInWords } from '../../health/figures.ts';
import { defineProbe, type Metric, type Reading, type Status, worstOf } from '../../health/probe.ts';
import {
  durationOption,
  limitReached,
  numberThresholds,
  orElse,
  percentThresholds,
  statusOf,
  type Thresholds,
} from '../../health/thresholds.ts';
import type { Probing } from '../store.ts';
import { fieldsOf } from './server-info.ts';
import type { Session } from './session.ts';

export interface RedisProbing extends Probing {
  /** What each server that holds keys counts. */
  looks(): Promise<readonly Look[]>;
}

/** What one server counts; totals since it started. */
export interface Look {
  /** `host:port`; undefined where there is only one. */
  readonly node: string | undefined;
  /** Milliseconds, of this process's clock. */
  readonly at: number;
  /** Of the database that the URL names. */
  readonly keys: number;
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
  readonly expired: number;
  /** Bytes. */
  readonly memory: number;
  /** 0: without a limit. */
  readonly maxMemory: number;
  /** `noeviction`, `allkeys-lru` … */
  readonly policy: string;
}

const options = z.strictObject({
  server: z.string().describe('The name of a store of kind redis.'),
  keys: numberThresholds.optional().describe('Fewest keys of the database: `{ fail: 0 }` fails when it is empty.'),
  hitRatio: percentThresholds.optional().describe('Least share of look-ups that find their key.'),
  evicted: orElse(numberThresholds, { warn: 1 }).describe(
    'Keys a second that the server throws away when it is full. Default warn 1.',
  ),
  expired: numberThresholds.optional().describe('Keys a second whose time is over.'),
  memory: percentThresholds
    .optional()
    .describe('Share of maxmemory. Default warn 80%, fail 95%, but none where the server evicts keys when it is full.'),
  window: durationOption.optional().describe('How long it is watched, for what happens a second. Default 1s.'),
});
type Options = z.infer<typeof options>;

const DEFAULT_WINDOW = 1000;
const DEFAULT_MEMORY: Thresholds = { warn: 80, fail: 95 };
/** Fewer look-ups than these say nothing. Where the window has fewer, all of the server's life counts. */
const ENOUGH_LOOKUPS = 100;

export const redisProbe = defineProbe<Options>({
  kind: 'redis',
  summary: 'Keys, hit ratio, evictions, expiries and memory of a Redis.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run(given, { servers, signal }) {
    const { looks } = (await servers.store(given.server)).probing as RedisProbing;
    const first = await looks();
    await pause(given.window ?? DEFAULT_WINDOW, undefined, { signal });
    const before = new Map(first.map((look) => [look.node, look]));
    return (await looks()).map((look) => judge(before.get(look.node) ?? look, look, given));
  },
});

interface Part {
  readonly words: string;
  readonly status: Status;
  readonly hint?: string;
}

function judge(before: Look, now: Look, given: Options): Reading {
  const seconds = Math.max((now.at - before.at) / 1000, 0.001);
  // A server that was started anew between the two looks counts from 0 again.
  const perSecond = (total: 'evicted' | 'expired') => Math.max(0, now[total] - before[total]) / seconds;
  const [evicted, expired] = [perSecond('evicted'), perSecond('expired')];
  const hits = hitRatio(before, now);
  const parts = [
    keysPart(now, given.keys ?? {}),
    ...(hits === undefined ? [] : [hitsPart(hits, given.hitRatio ?? {})]),
    ratePart('evicted', evicted, given.evicted, FULL),
    ratePart('expired', expired, given.expired ?? {}),
    memoryPart(now, given.memory ?? (now.policy === 'noeviction' ? DEFAULT_MEMORY : {})),
  ];
  const status = worstOf(parts.map((part) => part.status));
  return {
    status,
    subject: now.node,
    message: parts.map(({ words }) => words).join(', '),
    hint: parts.find((part) => part.status === status && part.hint !== undefined && status !== 'ok')?.hint,
    metrics: metricsOf(now, evicted, expired, hits?.share),
  };
}

interface Hits {
  /** 0 to 1. */
  readonly share: number;
  readonly lookups: number;
  readonly isRecent: boolean;
}

function hitRatio(before: Look, now: Look): Hits | undefined {
  const recent = { hits: now.hits - before.hits, misses: now.misses - before.misses };
  const isRecent = recent.hits >= 0 && recent.hits + recent.misses >= ENOUGH_LOOKUPS;
  const { hits, misses } = isRecent ? recent : now;
  const lookups = hits + misses;
  return lookups < ENOUGH_LOOKUPS ? undefined : { share: hits / lookups, lookups, isRecent };
}

function keysPart({ keys }: Look, thresholds: Thresholds): Part {
  const status = statusOf(keys, thresholds, 'lower');
  const words = `${countInWords(keys, 'key')}${limitReached(status, thresholds, (limit) => countInWords(limit, 'key'))}`;
  return { words, status, hint: 'Does whatever fills it still run, and does it write to this server and database?' };
}

function hitsPart({ share, lookups, isRecent }: Hits, thresholds: Thresholds): Part {
  const status = statusOf(share * 100, thresholds, 'lower');
  const of = isRecent ? countInWords(lookups, 'look-up') : `all ${countInWords(lookups, 'look-up')}`;
  return {
    words: `${percentInWords(share * 100)} of ${of} hit${limitReached(status, thresholds, percentInWords)}`,
    status,
    hint: 'Keys expire or are evicted before they are asked for, or were never written.',
  };
}

const FULL = 'It is full: raise maxmemory, or store less. What it throws away is missed by whoever counts on it.';

function ratePart(what: string, rate: number, thresholds: Thresholds, hint?: string): Part {
  const status = statusOf(rate, thresholds);
  const inWords = (value: number) => `${Math.round(value * 10) / 10}/s`;
  return { words: `${inWords(rate)} ${what}${limitReached(status, thresholds, inWords)}`, status, hint };
}

function memoryPart({ memory, maxMemory, policy }: Look, thresholds: Thresholds): Part {
  if (maxMemory === 0) return { words: `memory ${sizeInWords(memory)} without a limit`, status: 'ok' };
  const percent = (100 * memory) / maxMemory;
  const status = statusOf(percent, thresholds);
  const of = `${sizeInWords(memory)} of ${sizeInWords(maxMemory)} (${policy})`;
  return {
    words: `memory ${of}${limitReached(status, thresholds, percentInWords)}`,
    status,
    hint: policy === 'noeviction' ? 'Once it is full, every write is refused: raise maxmemory or store less.' : FULL,
  };
}

function metricsOf(look: Look, evicted: number, expired: number, hits: number | undefined): readonly Metric[] {
  const labels: Record<string, string> = look.node === undefined ? {} : { node: look.node };
  const metric = (name: string, help: string, value: number): Metric => ({
    name: `redis_${name}`,
    help,
    value,
    labels,
  });
  return [
    metric('keys', 'Keys of the database.', look.keys),
    metric('evicted_keys_per_second', 'Keys that the full server threw away, a second.', evicted),
    metric('expired_keys_per_second', 'Keys whose time was over, a second.', expired),
    metric('memory_bytes', 'Memory in use.', look.memory),
    metric('max_memory_bytes', 'The limit of memory; 0: none.', look.maxMemory),
    ...(hits === undefined ? [] : [metric('hit_ratio', 'Share of look-ups that found their key, 0 to 1.', hits)]),
  ];
}

export async function looksOf(session: Session): Promise<readonly Look[]> {
  const [infos, sizes] = await Promise.all([session.askEach(['info']), session.askEach(['dbsize'])]);
  return infos.map(({ node, reply }, i): Look => {
    const { reply: size } = sizes.find((other) => other.node === node) ?? sizes[i]!;
    for (const answer of [reply, size]) if (answer instanceof Error) throw answer;
    const fields = fieldsOf(reply);
    const number = (name: string) => Number(fields.get(name) ?? 0);
    return {
      node,
      at: performance.now(),
      keys: Number(size),
      hits: number('keyspace_hits'),
      misses: number('keyspace_misses'),
      evicted: number('evicted_keys'),
      expired: number('expired_keys'),
      memory: number('used_memory'),
      maxMemory: number('maxmemory'),
      policy: fields.get('maxmemory_policy') ?? 'noeviction',
    };
  });
}
