// Queues of a test's own, filled by the real libraries: Bull 4 and BullMQ. A job fails for good as it does in production: a worker uses up its attempts.

import Bull from 'bull';
import { Queue, Worker } from 'bullmq';
import { type Cluster, Redis } from 'ioredis';
import { afterAll, vi } from 'vitest';

export const LIBRARIES = ['bull', 'bullmq'] as const;
export type Library = (typeof LIBRARIES)[number];

export interface JobOptions {
  readonly jobId?: string;
  readonly delay?: number;
  readonly priority?: number;
  readonly attempts?: number;
}

export interface TestQueue {
  readonly library: Library;
  readonly prefix: string;
  readonly name: string;
  add(data: unknown, options?: JobOptions): Promise<string>;
  /** A worker takes every job that waits, until none is left; those whose handler throws are tried three times. */
  work(handle: (data: never) => void | Promise<void>): Promise<void>;
  pause(): Promise<void>;
  /** Ids of the jobs in a state, as the library itself reads them. */
  ids(state: 'failed' | 'waiting' | 'delayed' | 'completed'): Promise<string[]>;
  /** Also done when the file's tests are over. */
  close(): Promise<void>;
}

const ATTEMPTS = { attempts: 3, backoff: { type: 'exponential', delay: 5 } } as const;

type Counts = Readonly<Record<string, number>>;

/** Jobs that are done or have failed for good, and, if asked, those that will be once the workers are through. */
function endedOf({ completed = 0, failed = 0, waiting = 0, prioritized = 0 }: Counts, soon = false): number {
  return completed + failed + (soon ? waiting + prioritized : 0);
}

/** By one atomic count: a job that waits to be tried again is in no state for long. */
function allEnded(until: number, counts: () => Promise<object>): Promise<boolean> {
  return vi.waitUntil(async () => endedOf((await counts()) as Counts) >= until, { timeout: 30_000, interval: 20 });
}

export interface Place {
  readonly url: string;
  readonly prefix: string;
  /** Connects otherwise than by the URL: to a cluster. */
  readonly connect?: () => Redis | Cluster;
}

const opened: TestQueue[] = [];
afterAll(async () => {
  for (const queue of opened) await queue.close();
});

export function openQueue(library: Library, place: Place, name: string): TestQueue {
  const queue = library === 'bull' ? openBull(place, name) : openBullMq(place, name);
  opened.push(queue);
  return queue;
}

function openBull({ url, prefix, connect }: Place, name: string): TestQueue {
  const clients: (Redis | Cluster)[] = [];
  const createClient = () => {
    const client = connect!();
    clients.push(client);
    return client as never;
  };
  const open = () =>
    connect === undefined ? new Bull(name, url, { prefix }) : new Bull(name, { prefix, createClient } as object);
  const queue = open();
  return {
    library: 'bull',
    prefix,
    name,
    add: async (data, options) => String((await queue.add(data, { ...ATTEMPTS, ...options })).id),
    work: async (handle) => {
      const until = endedOf({ ...(await queue.getJobCounts()) }, true);
      const worker = open();
      worker.process(5, async (job) => handle(job.data as never)).catch(() => {});
      await allEnded(until, () => queue.getJobCounts());
      await worker.close();
    },
    pause: () => queue.pause(),
    ids: async (state) => (await queue.getJobs([state], 0, -1)).map((job) => String(job.id)).sort(),
    close: async () => {
      await queue.close();
      for (const client of clients) client.disconnect();
    },
  };
}

function openBullMq(
  { url, prefix, connect = () => new Redis(url, { maxRetriesPerRequest: null }) }: Place,
  name: string,
): TestQueue {
  const connection = connect();
  const queue = new Queue(name, { prefix, connection });
  return {
    library: 'bullmq',
    prefix,
    name,
    add: async (data, options) => (await queue.add('replicate', data, { ...ATTEMPTS, ...options })).id!,
    work: async (handle) => {
      const until = endedOf({ ...(await queue.getJobCounts()) }, true);
      const own = connect();
      const worker = new Worker(name, async (job) => handle(job.data as never), {
        prefix,
        connection: own,
        concurrency: 5,
      });
      await allEnded(until, () => queue.getJobCounts());
      await worker.close();
      own.disconnect();
    },
    pause: () => queue.pause(),
    ids: async (state) => (await queue.getJobs([state], 0, -1)).map((job) => job.id!).sort(),
    close: async () => {
      await queue.close();
      connection.disconnect();
    },
  };
}
