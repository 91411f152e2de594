// The failed jobs of a queue as a backlog.

import type { QueueConfig } from '../config/config.ts';
import type { FailedJob, Queue, Queueing } from '../stores/store.ts';
import { ValueError } from '../value/canonical.ts';
import { type JsonTree, parseJson } from '../value/json.ts';
import type { Backlog, Item, Settler } from './backlog.ts';

interface JobItem extends Item {
  readonly job: FailedJob;
}

/** `since`: only jobs that failed in the last so many milliseconds. */
export function queueBacklog(config: QueueConfig, queueing: Queueing, since?: number): Backlog {
  const queue: Queue = config;
  return {
    title: `queue ${config.name}`,
    noun: 'failed job',
    async *items(signal) {
      for await (const jobs of queueing.failed(queue, since, signal)) yield jobs.map(itemOf);
    },
    async settler(how): Promise<Settler> {
      const settler = await queueing.settler(queue);
      return {
        settle: (items) =>
          settler.settle(
            items.map((item) => (item as JobItem).job),
            how as 'retry' | 'remove',
          ),
        close: () => settler.close(),
      };
    },
  };
}

function itemOf(job: FailedJob): JobItem {
  const { id, name, data } = job;
  const content = (data: JsonTree): JsonTree => ({
    members: new Map<string, JsonTree>([
      ['id', id],
      ['name', name],
      ['data', data],
    ]),
  });
  if (data === undefined) return { id, job, content: null, unread: 'its data is gone' };
  try {
    return { id, job, content: content(parseJson(data)) };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { id, job, content: null, unread: `its data: ${error.message}` };
  }
}
