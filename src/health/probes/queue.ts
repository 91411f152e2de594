// `queue`: how many jobs of a queue wait, run, failed for good, and how long the oldest has waited.

import { z } from 'zod';
import { StoreError } from '../../errors.ts';
import type { JobState } from '../../stores/store.ts';
import { countInWords, durationInWords } from '../figures.ts';
import { defineProbe, type Reading, worstOf } from '../probe.ts';
import { durationThresholds, type Measured, measured, numberThresholds, orElse } from '../thresholds.ts';

const MINUTE = 60_000;

const options = z.strictObject({
  queue: z.string().describe('The name of one of `queues`.'),
  waiting: orElse(numberThresholds, { warn: 1000, fail: 10_000 }).describe(
    'Jobs that nobody has taken, prioritized and paused ones too. Default { warn: 1000, fail: 10000 }.',
  ),
  oldestWaiting: orElse(durationThresholds, { warn: 5 * MINUTE, fail: 30 * MINUTE }).describe(
    'Since the oldest of them was added. Default { warn: 5m, fail: 30m }.',
  ),
  active: orElse(numberThresholds, {}).describe('Jobs that a worker has. Default none.'),
  delayed: orElse(numberThresholds, {}).describe('Jobs that wait for their time. Default none.'),
  failed: orElse(numberThresholds, { warn: 1 }).describe('Jobs that failed for good. Default { warn: 1 }.'),
});

export const queue = defineProbe<z.infer<typeof options>>({
  kind: 'queue',
  summary: 'Jobs of a queue that wait, run and failed for good.',
  options,
  servers: () => [],
  queues: ({ queue }) => [{ path: ['queue'], name: queue }],
  async run(thresholds, { config, servers }) {
    const asked = config.queues.get(thresholds.queue)!;
    const { queueing } = await servers.store(asked.store);
    if (queueing === undefined) throw new StoreError(asked.store, 'look at a queue', 'it keeps none');
    const { product, counts, isPaused, oldestWaiting } = await queueing.state(asked);
    const count = (...states: readonly JobState[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
    const number = (value: number) => value.toLocaleString('en-US');
    const untaken = count('waiting', 'prioritized', 'paused');
    const parts: Measured[] = [
      measured(untaken, thresholds.waiting, number, 'waiting'),
      measured(count('active'), thresholds.active, number, 'active'),
      measured(count('delayed'), thresholds.delayed, number, 'delayed'),
      measured(count('failed'), thresholds.failed, number, 'failed'),
    ];
    const oldest = measured(oldestWaiting ?? 0, thresholds.oldestWaiting, durationInWords);
    if (isPaused) parts.unshift({ status: 'warning', words: 'paused' });
    const age = oldestWaiting === null ? '' : `; oldest waiting ${oldest.words}`;
    const waits = worstOf([parts.at(-4)!.status, oldest.status]);
    const failed = parts.at(-1)!.status;
    const labels = { queue: thresholds.queue };
    const reading: Reading = {
      status: worstOf([...parts.map(({ status }) => status), oldest.status]),
      subject: thresholds.queue,
      message: `${product}: ${parts.map(({ words }) => words).join(', ')}${age}`,
      hint:
        failed !== 'ok'
          ? `plumbline check --from-queue ${thresholds.queue} looks at the records of ${count('failed') === 1 ? 'the failed job' : `the ${countInWords(count('failed'), 'failed job')}`}`
          : isPaused
            ? 'resume it: nobody takes its jobs'
            : waits !== 'ok'
              ? 'are its workers running, and are they fast enough?'
              : undefined,
      metrics: [
        ...Object.entries(counts).map(([state, value]) => ({
          name: 'queue_jobs',
          help: 'Jobs of a queue by state.',
          value,
          labels: { ...labels, state },
        })),
        {
          name: 'queue_oldest_waiting_seconds',
          help: 'Since the oldest waiting job was added; 0 where none waits.',
          value: (oldestWaiting ?? 0) / 1000,
          labels,
        },
        { name: 'queue_paused', help: 'Whether nobody takes jobs of the queue.', value: isPaused ? 1 : 0, labels },
      ],
    };
    return [reading];
  },
});
