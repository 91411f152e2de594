// Reads a queue without the library's scripts, which write: counts, the age of what waits, and the jobs that failed for good.

import { InterruptedError } from '../../../errors.ts';
import type { FailedJob, JobState, Queue, QueueState } from '../../store.ts';
import { RecentKeys } from '../recent.ts';
import type { Command, Reply, Session } from '../session.ts';
import { type Layout, layoutOf, TITLES } from './layout.ts';

const LISTS: Readonly<Partial<Record<JobState, string>>> = { waiting: 'wait', paused: 'paused', active: 'active' };
const SETS: Readonly<Partial<Record<JobState, string>>> = { delayed: 'delayed', failed: 'failed' };
/** Jobs looked at from either end of what waits, to find the oldest: retried and prioritized ones stand out of order. */
const ENDS = 50;
const PAGE = 500;

export async function readState(session: Session, store: string, queue: Queue): Promise<QueueState> {
  const layout = await layoutOf(session, store, queue);
  const isNew = layout.library === 'bullmq';
  const lists = Object.entries(LISTS);
  const sets = Object.entries(isNew ? { ...SETS, prioritized: 'prioritized' } : SETS);
  const lengths = await askAll(session, [
    ...lists.map(([, word]): Command => ['llen', layout.key(word)]),
    ...sets.map(([, word]): Command => ['zcard', layout.key(word)]),
  ]);
  const counts = Object.fromEntries([...lists, ...sets].map(([state], i) => [state, Number(lengths[i])]));
  const [time, version, paused, ...ends] = await askAll(session, [
    ['time'],
    ...(isNew
      ? ([
          ['hget', layout.key('meta'), 'version'],
          ['hexists', layout.key('meta'), 'paused'],
        ] as const)
      : ([
          ['exists', layout.key('meta')],
          ['exists', layout.key('meta-paused')],
        ] as const)),
    ...['wait', 'paused'].flatMap((word): Command[] => [
      ['lrange', layout.key(word), '0', String(ENDS - 1)],
      ['lrange', layout.key(word), String(-ENDS), '-1'],
    ]),
    ...(isNew
      ? ([
          ['zrange', layout.key('prioritized'), '0', String(ENDS - 1)],
          ['zrange', layout.key('prioritized'), String(-ENDS), '-1'],
        ] as const)
      : []),
  ]);
  const waiting = ends.map((ids) => (ids as readonly Buffer[]).map(String));
  // BullMQ before 5 keeps a marker among the ids, which is no job.
  if (waiting[1]?.at(-1)?.startsWith('0:')) counts.waiting!--;
  const versionWords = isNew ? ` ${String(version ?? '').replace(/^bullmq(-\w+)?:/, '')}` : '';
  return {
    product: `${TITLES[layout.library]}${versionWords}`.trim(),
    counts,
    isPaused: paused === 1,
    oldestWaiting: await oldest(session, layout, new Set(waiting.flat()), milliseconds(time!)),
  };
}

async function oldest(session: Session, layout: Layout, ids: ReadonlySet<string>, now: number): Promise<number | null> {
  const jobs = await askAll(
    session,
    [...ids].map((id): Command => ['hmget', layout.key(id), 'timestamp', 'delay']),
  );
  const since = jobs.flatMap((reply) => {
    const [timestamp, delay] = reply as readonly (Buffer | null)[];
    return timestamp == null ? [] : [Number(String(timestamp)) + Number(String(delay ?? 0))];
  });
  return since.length === 0 ? null : Math.max(0, now - Math.min(...since));
}

export async function* readFailed(
  session: Session,
  store: string,
  queue: Queue,
  since: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly FailedJob[]> {
  const layout = await layoutOf(session, store, queue);
  const failed = layout.key('failed');
  const [time, last] = await askAll(session, [['time'], ['zrange', failed, '-1', '-1', 'WITHSCORES']]);
  const [, newest] = last as readonly Buffer[];
  if (newest === undefined) return;
  const until = Number(String(newest));
  const from = since === undefined ? Number.NEGATIVE_INFINITY : milliseconds(time!) - since;
  const recent = new RecentKeys();
  let cursor = '0';
  do {
    if (signal?.aborted) throw new InterruptedError();
    const [reply] = await askAll(session, [['zscan', failed, cursor, 'COUNT', String(PAGE)]]);
    const [next, pairs] = reply as readonly [Buffer, readonly Buffer[]];
    cursor = String(next);
    const found: { readonly id: string; readonly failedAt: number }[] = [];
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = String(pairs[i]);
      const failedAt = Number(String(pairs[i + 1]));
      if (failedAt >= from && failedAt <= until && recent.add(id)) found.push({ id, failedAt });
    }
    // A small set comes whole, whatever COUNT says.
    for (let i = 0; i < found.length; i += PAGE) yield await jobsOf(session, layout, found.slice(i, i + PAGE));
  } while (cursor !== '0');
}

async function jobsOf(
  session: Session,
  layout: Layout,
  found: readonly { readonly id: string; readonly failedAt: number }[],
): Promise<readonly FailedJob[]> {
  const replies = await askAll(
    session,
    found.map(({ id }): Command => ['hmget', layout.key(id), 'name', 'data']),
  );
  return found.map((job, i) => {
    const [name, data] = replies[i] as readonly (Buffer | null)[];
    return { ...job, name: String(name ?? ''), data: data == null ? undefined : String(data) };
  });
}

/** Throws where the server refuses any of them. */
export async function askAll(session: Session, commands: readonly Command[]): Promise<readonly Reply[]> {
  const replies = await session.ask(commands);
  const failure = replies.find((reply) => reply instanceof Error);
  if (failure !== undefined) throw failure;
  return replies;
}

/** Of a reply to TIME. */
function milliseconds(reply: Reply): number {
  const [seconds, micros] = (reply as readonly Buffer[]).map((part) => Number(String(part)));
  return seconds! * 1000 + Math.floor(micros! / 1000);
}
