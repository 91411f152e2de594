// Where Bull 4 and BullMQ keep a queue: `prefix:name:` and a word, or a job's id. Each command names one key, so that it runs in a cluster too.

import { z } from 'zod';
import { StoreError } from '../../../errors.ts';
import type { Queue } from '../../store.ts';
import type { Session } from '../session.ts';

export const queueOptions = z.strictObject({
  library: z.enum(['bull', 'bullmq']).optional().describe('Whose queue it is. Default: as its keys say.'),
  prefix: z.string().min(1).optional().describe('What its keys begin with. Default bull.'),
});
export type QueueOptions = z.infer<typeof queueOptions>;
export type Library = NonNullable<QueueOptions['library']>;

export interface Layout {
  readonly library: Library;
  readonly prefix: string;
  key(word: string): string;
}

/** Keys that only BullMQ has, and keys that both have; a queue that has seen a job has one of them for ever. */
const BULLMQ_KEYS = ['meta', 'events', 'marker'];
const COMMON_KEYS = ['id', 'wait', 'paused', 'active', 'delayed', 'completed', 'failed', 'stalled-check'];

/** Throws a StoreError where there is no such queue, or where it is the other library's. */
export async function layoutOf(session: Session, store: string, queue: Queue): Promise<Layout> {
  const { library, prefix = 'bull' } = queue.options as QueueOptions;
  const key = (word: string) => `${prefix}:${queue.target}:${word}`;
  const words = [...BULLMQ_KEYS, ...COMMON_KEYS];
  const replies = await session.ask(words.map((word) => ['exists', key(word)]));
  const failure = replies.find((reply) => reply instanceof Error);
  if (failure !== undefined) throw failure;
  const present = words.filter((_, i) => replies[i] === 1);
  if (present.length === 0) {
    throw new StoreError(store, `look at queue ${queue.name}`, `no key begins with ${key('')}`, {
      hint: 'Check the queue’s name on the server and its prefix; a queue that never had a job has no keys either.',
    });
  }
  const found: Library = present.some((word) => BULLMQ_KEYS.includes(word)) ? 'bullmq' : 'bull';
  if (library !== undefined && library !== found) {
    throw new StoreError(store, `look at queue ${queue.name}`, `its keys are those of ${TITLES[found]}`, {
      hint: `Write library: ${found}, or leave it out.`,
    });
  }
  return { library: found, prefix, key };
}

export const TITLES: Readonly<Record<Library, string>> = { bull: 'Bull', bullmq: 'BullMQ' };
