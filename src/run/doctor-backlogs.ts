// What doctor says of the queues and the outbox: whether they are where the config says. Reads no job and no event.

import { namingColumns, readOutboxTable } from '../backlog/outbox-table.ts';
import type { Config, QueueConfig } from '../config/config.ts';
import { ConfigError, StoreError } from '../errors.ts';
import type { Connections } from './connections.ts';
import type { Check } from './doctor.ts';

export async function backlogChecks({ queues, outbox }: Config, connections: Connections): Promise<readonly Check[]> {
  const checks = await Promise.all(
    [...queues.values()].map((queue) => checkOf(`queue ${queue.name}`, () => look(queue, connections))),
  );
  if (outbox === undefined) return checks;
  const { session } = connections.source;
  const own = await checkOf('outbox', async () => {
    const { shape, failed } = await readOutboxTable(session, outbox, namingColumns(outbox.naming));
    const rows = `about ${shape.estimatedRows.toLocaleString('en')} events in ${outbox.table}`;
    return failed === undefined ? `${rows}; it does not say which of them failed` : rows;
  });
  return [...checks, own];
}

async function look(queue: QueueConfig, { stores }: Connections): Promise<string> {
  const store = stores.get(queue.store)!;
  if ('message' in store) throw new StoreError(queue.store, 'connect', 'could not be reached');
  const { product, counts } = await store.queueing!.state(queue);
  return `${product}, ${counts.waiting ?? 0} waiting, ${counts.failed ?? 0} failed`;
}

async function checkOf(subject: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { subject, status: 'ok', message: await work() };
  } catch (error) {
    if (error instanceof StoreError) return { subject, status: 'failed', message: error.message, hint: error.hint };
    if (!(error instanceof ConfigError)) throw error;
    const message = error.problems.map((problem) => problem.message).join('; ');
    return { subject, status: 'failed', message, hint: error.problems[0]?.hint };
  }
}
