// Retries or removes failed jobs through the library whose queue it is: its scripts keep lists, events and parents in order. Loaded only here.

import type { Cluster, Redis } from 'ioredis';
import pLimit from 'p-limit';
import { wordsOf } from '../../../errors.ts';
import type { FailedJob, JobSettler, Queue } from '../../store.ts';
import { isReplyError } from '../failure.ts';
import { connected, type Session } from '../session.ts';
import { type Layout, layoutOf } from './layout.ts';
import { askAll } from './read.ts';

interface Job {
  retry(): Promise<void>;
  remove(): Promise<void>;
}

/** What of a library is used. */
interface Library {
  job(id: string): Promise<Job | undefined>;
  close(): Promise<void>;
}

const AT_ONCE = 20;

export async function openSettler(session: Session, store: string, queue: Queue): Promise<JobSettler> {
  const layout = await layoutOf(session, store, queue);
  const client = session.duplicate();
  await connected(client);
  const library = await (layout.library === 'bull' ? openBull : openBullMq)(client, layout.prefix, queue.target);
  const limit = pLimit(AT_ONCE);
  return {
    settle: async (jobs, how) => {
      const stillFailed = await haveNotMoved(session, layout, jobs);
      return Promise.all(
        jobs.map((job, i) => limit(() => (stillFailed[i] ? settleOne(client, library, job, how) : MOVED))),
      );
    },
    close: async () => {
      await library.close();
      client.disconnect();
    },
  };
}

const MOVED = 'moved on meanwhile';

/** By the score under which the failure is listed: the same job may have been tried again, and failed again. */
async function haveNotMoved(session: Session, layout: Layout, jobs: readonly FailedJob[]): Promise<readonly boolean[]> {
  const scores = await askAll(
    session,
    jobs.map(({ id }) => ['zscore', layout.key('failed'), id]),
  );
  return jobs.map(({ failedAt }, i) => scores[i] !== null && Number(String(scores[i])) === failedAt);
}

async function settleOne(
  client: Redis | Cluster,
  library: Library,
  { id }: FailedJob,
  how: 'retry' | 'remove',
): Promise<string | undefined> {
  try {
    const job = await library.job(id);
    if (job === undefined) return MOVED;
    await job[how]();
    return undefined;
  } catch (error) {
    // The library's own words say why it won't; what the server or the connection says is thrown.
    if (isReplyError(error) || (client.status !== 'ready' && client.status !== 'connect')) throw error;
    return wordsOf(error);
  }
}

async function openBull(client: Redis | Cluster, prefix: string, name: string): Promise<Library> {
  const { default: Bull } = await import('bull');
  // Its types know the ioredis that it brings itself; it asks nothing of the client in which they differ.
  const createClient = () => client as never;
  const queue = new Bull(name, { prefix, createClient, skipVersionCheck: true } as object);
  return {
    job: async (id) => (await queue.getJob(id)) ?? undefined,
    close: () => queue.close(true),
  };
}

async function openBullMq(client: Redis | Cluster, prefix: string, name: string): Promise<Library> {
  const { Queue: BullMq } = await import('bullmq');
  // Its name and version would otherwise be written over those of the queue's own workers.
  const queue = new BullMq(name, { connection: client, prefix, skipMetasUpdate: true, skipVersionCheck: true });
  queue.on('error', () => {});
  return {
    job: async (id) => {
      const job = await queue.getJob(id);
      return job && { retry: () => job.retry('failed'), remove: () => job.remove({ removeChildren: false }) };
    },
    close: () => queue.close(),
  };
}
