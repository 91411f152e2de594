// Queues that Bull 4 and BullMQ made and failed, read without a write and settled by the libraries themselves.

import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEngine } from '../../engines/engines.ts';
import { redis } from '../../src/stores/redis/redis.ts';
import type { FailedJob, Queue, Store } from '../../src/stores/store.ts';
import { freshRedis } from '../databases.ts';
import { LIBRARIES, openQueue, type Place, type TestQueue } from '../queues.ts';

const opened: Store[] = [];
afterAll(async () => {
  for (const store of opened) await store.close();
});

async function connect(url: string): Promise<Store> {
  const store = await redis.connect({ name: 'cache', url, options: {} });
  opened.push(store);
  return store;
}

function asked({ name, prefix }: Pick<TestQueue, 'name' | 'prefix'>, library?: string): Queue {
  return { name: 'replication', target: name, options: { prefix, library } };
}

async function failedJobs(store: Store, queue: Queue, since?: number): Promise<FailedJob[]> {
  const jobs: FailedJob[] = [];
  for await (const page of store.queueing!.failed(queue, since)) jobs.push(...page);
  return jobs.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const boom = ({ fails }: { readonly fails?: boolean }) => {
  if (fails) throw new Error('boom');
};

/** Two jobs failed for good, one was done; then two wait, one is delayed. */
async function fill(queue: TestQueue): Promise<{ readonly failed: string[] }> {
  const failed = [
    await queue.add({ fails: true, id: 1 }),
    await queue.add({ fails: true, id: 2 }, { jobId: 'own-id' }),
  ];
  await queue.add({ id: 3 });
  await queue.work(boom);
  await queue.add({ id: 4 });
  await queue.add({ id: 5 });
  await queue.add({ id: 6 }, { delay: 3_600_000 });
  return { failed: failed.sort() };
}

/** Everything under the prefix, as it stands there. */
async function contents({ url, prefix }: Place): Promise<Record<string, string | undefined>> {
  const client = new Redis(url);
  const keys: string[] = [];
  for await (const page of client.scanStream({ match: `${prefix}*` })) keys.push(...page);
  const dumps = await Promise.all(
    keys.sort().map(async (key) => [key, (await client.dumpBuffer(key))?.toString('hex')]),
  );
  client.disconnect();
  return Object.fromEntries(dumps);
}

describe.each(LIBRARIES)('a queue of %s', (library) => {
  const place = freshRedis();
  let queue: TestQueue;
  let store: Store;
  let failed: string[];

  beforeAll(async () => {
    queue = openQueue(library, { ...place, prefix: `${place.prefix}${library}` }, 'multi-db-replication');
    store = await connect(place.url);
    ({ failed } = await fill(queue));
  });

  test('is counted, its library known by its keys', async () => {
    const state = await store.queueing!.state(asked(queue));
    expect(state.product).toMatch(library === 'bull' ? /^Bull$/ : /^BullMQ \d+\./);
    expect(state.counts).toMatchObject({ waiting: 2, active: 0, delayed: 1, failed: 2, paused: 0 });
    expect(state.isPaused).toBe(false);
    expect(state.oldestWaiting).toBeGreaterThanOrEqual(0);
    expect(state.oldestWaiting).toBeLessThan(60_000);
  });

  test('gives the jobs that failed for good, with their data, and none else', async () => {
    const jobs = await failedJobs(store, asked(queue, library));
    expect(jobs.map(({ id }) => id)).toEqual(failed);
    expect(jobs.map(({ data }) => JSON.parse(data!))).toEqual(
      failed.map((id) => ({ fails: true, id: id === 'own-id' ? 2 : 1 })),
    );
    for (const { failedAt } of jobs) expect(Math.abs(Date.now() - failedAt)).toBeLessThan(60_000);
  });

  test('is not changed by being read', async () => {
    const before = await contents(place);
    expect(Object.keys(before).length).toBeGreaterThan(5);
    await store.queueing!.state(asked(queue));
    await failedJobs(store, asked(queue));
    expect(await contents(place)).toEqual(before);
  });

  test('gives only what failed lately', async () => {
    expect(await failedJobs(store, asked(queue), 60_000)).toHaveLength(2);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await failedJobs(store, asked(queue), 1)).toEqual([]);
  });

  test('that is none, or another library’s, does not pass for an empty one', async () => {
    const none = { ...asked(queue), target: 'nowhere' };
    await expect(store.queueing!.state(none)).rejects.toThrow(/no key begins with .*:nowhere:/);
    await expect(failedJobs(store, none)).rejects.toThrow(/no key begins with/);
    const other = library === 'bull' ? 'bullmq' : 'bull';
    await expect(store.queueing!.state(asked(queue, other))).rejects.toThrow(/its keys are those of Bull/);
  });

  test('loses the job that is removed, gets back the one that is retried, and keeps all others', async () => {
    const [waiting, delayed, completed] = [
      await queue.ids('waiting'),
      await queue.ids('delayed'),
      await queue.ids('completed'),
    ];
    const [first, second] = await failedJobs(store, asked(queue));
    const settler = await store.queueing!.settler(asked(queue));
    try {
      expect(await settler.settle([first!], 'remove')).toEqual([undefined]);
      expect(await queue.ids('failed')).toEqual([second!.id]);
      // Seen at an earlier failure: it has been tried since.
      expect(await settler.settle([{ ...second!, failedAt: second!.failedAt - 1 }], 'remove')).toEqual([
        expect.stringContaining('moved on'),
      ]);
      expect(await settler.settle([first!, second!], 'retry')).toEqual([
        expect.stringContaining('moved on'),
        undefined,
      ]);
    } finally {
      await settler.close();
    }
    expect(await queue.ids('failed')).toEqual([]);
    expect(await queue.ids('waiting')).toEqual([...waiting, second!.id].sort());
    expect([await queue.ids('delayed'), await queue.ids('completed')]).toEqual([delayed, completed]);
    // A worker takes what was retried, and what waited.
    await queue.work(() => {});
    expect(await queue.ids('completed')).toEqual([...completed, ...waiting, second!.id].sort());
  });

  test('that is paused says so', async () => {
    await queue.pause();
    await queue.add({ id: 7 });
    const { isPaused, counts, oldestWaiting } = await store.queueing!.state(asked(queue));
    expect(isPaused).toBe(true);
    expect(counts.waiting! + counts.paused!).toBe(1);
    expect(oldestWaiting).not.toBeNull();
  });
});

test('prioritized jobs of BullMQ wait too', async () => {
  const place = freshRedis();
  const queue = openQueue('bullmq', place, 'urgent');
  await queue.add({ id: 1 }, { priority: 3 });
  const store = await connect(place.url);
  const { counts, oldestWaiting } = await store.queueing!.state(asked(queue));
  expect(counts).toMatchObject({ waiting: 0, prioritized: 1 });
  expect(oldestWaiting).not.toBeNull();
});

test('hundreds of failed jobs come each once, in pages', async () => {
  const place = freshRedis();
  const queue = openQueue('bullmq', place, 'many');
  const ids = await Promise.all(
    Array.from({ length: 700 }, (_, id) => queue.add({ fails: true, id }, { attempts: 1 })),
  );
  await queue.work(boom);
  const store = await connect(place.url);
  const pages: number[] = [];
  const seen: string[] = [];
  for await (const page of store.queueing!.failed(asked(queue))) {
    pages.push(page.length);
    seen.push(...page.map(({ id }) => id));
  }
  expect(seen.sort()).toEqual(ids.sort());
  expect(Math.max(...pages)).toBeLessThanOrEqual(500);
});

/** As a user of its own, who may do just that. */
async function storeOf(server: string, user: string, rights: string): Promise<Store> {
  const admin = new Redis(server);
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', ...rights.split(' '));
  admin.disconnect();
  const url = new URL(server);
  url.username = user;
  url.password = 'secret';
  return connect(url.href);
}

describe('on a server of its own', () => {
  test.each(LIBRARIES)('reading %s needs no right to write; settling does, and says so', async (library) => {
    const engine = await startEngine({ kind: 'redis', name: `queue-reader-${library}` });
    try {
      const queue = openQueue(library, { url: engine.url, prefix: 'bull' }, 'guarded');
      const { failed } = await fill(queue);
      // The rights of docs/permissions.md.
      const reader = await storeOf(engine.url, 'reader', '%R~bull:guarded:* +@read +@connection +info +time');
      expect((await reader.queueing!.state(asked(queue))).counts.failed).toBe(2);
      const jobs = await failedJobs(reader, asked(queue));
      expect(jobs.map(({ id }) => id)).toEqual(failed);
      const refused = await reader.queueing!.settler(asked(queue));
      await expect(refused.settle(jobs, 'remove')).rejects.toThrow(
        /cache: remove 2 jobs of queue replication: .*NOPERM/,
      );
      await refused.close();
      expect(await queue.ids('failed')).toEqual(failed);
      const writes = '~bull:guarded:* &* +@read +@write +@connection +info +time +eval +evalsha +publish';
      const settler = await (await storeOf(engine.url, 'writer', writes)).queueing!.settler(asked(queue));
      expect(await settler.settle(jobs.slice(0, 1), 'remove')).toEqual([undefined]);
      expect(await settler.settle(jobs.slice(1), 'retry')).toEqual([undefined]);
      await settler.close();
      expect(await queue.ids('failed')).toEqual([]);
      await queue.close();
    } finally {
      await engine.stop();
    }
  });

  test.each(LIBRARIES)('a queue of %s in a cluster', async (library) => {
    const engine = await startEngine({
      kind: 'redis',
      name: `queue-cluster-${library}`,
      settings: { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' },
    });
    try {
      const { hostname, port, password } = new URL(engine.url);
      const admin = new Redis(engine.url);
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      await expect.poll(() => admin.call('CLUSTER', 'INFO'), { timeout: 10_000 }).toMatch(/cluster_state:ok/);
      admin.disconnect();
      const connectCluster = () =>
        new Cluster([{ host: hostname, port: Number(port) }], {
          redisOptions: { password, maxRetriesPerRequest: null, enableReadyCheck: false },
        });
      const queue = openQueue(library, { url: engine.url, prefix: '{bull}', connect: connectCluster }, 'spread');
      const { failed } = await fill(queue);
      const store = await connect(engine.url.replace('redis://', 'redis+cluster://'));
      expect((await store.queueing!.state(asked(queue))).counts).toMatchObject({ waiting: 2, delayed: 1, failed: 2 });
      const jobs = await failedJobs(store, asked(queue));
      expect(jobs.map(({ id }) => id)).toEqual(failed);
      const settler = await store.queueing!.settler(asked(queue));
      expect(await settler.settle(jobs.slice(0, 1), 'remove')).toEqual([undefined]);
      expect(await settler.settle(jobs.slice(1), 'retry')).toEqual([undefined]);
      await settler.close();
      expect(await queue.ids('failed')).toEqual([]);
      expect(await queue.ids('waiting')).toHaveLength(3);
      await queue.close();
    } finally {
      await engine.stop();
    }
  });
});
