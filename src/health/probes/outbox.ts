// `outbox`: what the relay has still to publish, how fast and how well it publishes, and how far its consumers are behind. All from the table
// itself, over a window: nothing is remembered between two runs.

import { z } from 'zod';
import { type OutboxTable, readOutboxTable } from '../../backlog/outbox-table.ts';
import type { ConsumerConfig } from '../../config/config.ts';
import { durationPattern, parseDuration } from '../../config/duration.ts';
import { StoreError } from '../../errors.ts';
import { quoteIdentifier, type Session } from '../../postgres/session.ts';
import { countInWords, durationInWords } from '../figures.ts';
import { defineProbe, type Metric, type Reading, worstOf } from '../probe.ts';
import { durationThresholds, type Measured, measured, numberThresholds, orElse } from '../thresholds.ts';

const MINUTE = 60_000;

const options = z.strictObject({
  window: z
    .string()
    .regex(durationPattern, { error: 'is no duration; write 500ms, 2s or 5m' })
    .default('5m')
    .describe('What rates and latencies are taken over. Default 5m.'),
  unprocessed: orElse(numberThresholds, { warn: 1000, fail: 10_000 }).describe(
    'Events that are still to be published. Default { warn: 1000, fail: 10000 }.',
  ),
  oldest: orElse(durationThresholds, { warn: 5 * MINUTE, fail: 15 * MINUTE }).describe(
    'Since the oldest of them was written. Default { warn: 5m, fail: 15m }.',
  ),
  size: orElse(numberThresholds, { warn: 1_000_000 }).describe(
    'Rows of the table: who deletes what was published? Default { warn: 1000000 }.',
  ),
  errorRate: orElse(numberThresholds, { warn: 0.01, fail: 0.1 }).describe(
    'Share of the events tried in the window that met an error, 0 to 1. Default { warn: 0.01, fail: 0.1 }.',
  ),
  latency: orElse(durationThresholds, { warn: 5000, fail: MINUTE }).describe(
    'From writing to publishing, 95th percentile of the window. Default { warn: 5s, fail: 1m }.',
  ),
  consumerLag: orElse(durationThresholds, { warn: 5 * MINUTE, fail: 30 * MINUTE }).describe(
    'Since the oldest published event was written that a consumer has not taken. Default { warn: 5m, fail: 30m }.',
  ),
});
type Options = z.infer<typeof options>;

export const outbox = defineProbe<Options>({
  kind: 'outbox',
  summary: 'What the relay of the outbox has still to publish, its rate, latency and errors, and its consumers’ lag.',
  options,
  servers: () => [{ path: [], name: 'source', own: false }],
  asksOutbox: true,
  async run(thresholds, { config, servers }) {
    const session = await servers.postgres('source');
    const { consumers } = config.outbox!;
    const columns = consumers.flatMap(({ column }) => column ?? []);
    const table = await readOutboxTable(session, config.outbox!, columns);
    const seconds = parseDuration(thresholds.window)! / 1000;
    const [state, ...lags] = await Promise.all([
      readState(session, table, seconds),
      ...consumers.map((consumer) => readLag(session, table, consumer, thresholds).catch(noLag(consumer))),
    ]);
    return [backlog(state, thresholds), relay(state, thresholds, seconds), ...lags];
  },
});

interface State {
  readonly size: number;
  readonly bytes: number;
  readonly unprocessed: number;
  /** Seconds; 0: none. */
  readonly oldest: number;
  /** Undefined where the table does not tell. */
  readonly published?: number;
  /** Seconds; undefined where nothing was published in the window. */
  readonly latency?: number;
  /** 0 to 1; undefined where nothing was tried in the window. */
  readonly errorRate?: number;
}

/** Beyond this the planner's estimate is good enough, and counting is not. */
const COUNTED = 100_000;

async function readState(session: Session, table: OutboxTable, window: number): Promise<State> {
  const { shape, pending, failed = 'null::boolean', createdAt, processedAt } = table;
  const counted = shape.estimatedRows <= COUNTED ? `(select count(*) from ${shape.from})` : `${shape.estimatedRows}`;
  const recent =
    processedAt === undefined
      ? 'select null::float8 as latency, null::boolean as failed where false'
      : `select extract(epoch from ${processedAt} - ${createdAt})::float8 as latency, (${failed}) as failed
           from ${shape.from} where ${processedAt} >= now() - interval '${window} seconds'`;
  const [row] = await session.query(
    'look at the outbox',
    `with open as (select extract(epoch from now() - ${createdAt})::float8 as age, (${failed}) as failed
                     from ${shape.from} where ${pending}),
          recent as (${recent}),
          tried as (select failed from recent where failed is not null union all select failed from open where failed)
     select ${counted} as size, pg_total_relation_size($1::regclass) as bytes,
            (select count(*) from open) as unprocessed, (select max(age) from open) as oldest,
            (select count(*) from recent) as published,
            (select percentile_cont(0.95) within group (order by latency) from recent) as latency,
            (select avg(failed::int) from tried) as error_rate`,
    [shape.from],
  );
  const number = (text: string | null) => (text === null ? undefined : Number(text));
  return {
    size: Number(row!.size),
    bytes: Number(row!.bytes),
    unprocessed: Number(row!.unprocessed),
    oldest: Math.max(0, Number(row!.oldest ?? 0)),
    published: processedAt === undefined ? undefined : Number(row!.published),
    latency: number(row!.latency!),
    errorRate: number(row!.error_rate!),
  };
}

function backlog({ size, bytes, unprocessed, oldest }: State, thresholds: Options): Reading {
  const rows = measured(size, thresholds.size, (value) => countInWords(value, 'row'));
  const open = measured(unprocessed, thresholds.unprocessed, (value) => value.toLocaleString('en-US'), 'unprocessed');
  const age = measured(oldest * 1000, thresholds.oldest, durationInWords);
  const parts = [open, ...(unprocessed === 0 ? [] : [{ ...age, words: `oldest ${age.words}` }])];
  const isBehind = worstOf([open.status, age.status]) !== 'ok';
  return {
    status: worstOf([rows, open, age].map(({ status }) => status)),
    message: [...parts, rows].map(({ words }) => words).join(', '),
    hint: isBehind
      ? 'is the relay running? plumbline check --from-outbox looks at the records that wait'
      : rows.status !== 'ok'
        ? 'delete what was published long ago: polling reads through it'
        : undefined,
    metrics: [
      { name: 'outbox_table_size', help: 'Rows of the outbox.', value: size },
      { name: 'outbox_table_bytes', help: 'Bytes of the outbox, indexes and toast included.', value: bytes },
      { name: 'outbox_unprocessed_events', help: 'Events that are still to be published.', value: unprocessed },
      {
        name: 'outbox_oldest_unprocessed_event_age',
        help: 'Seconds since the oldest event that is still to be published was written; 0 where there is none.',
        value: oldest,
      },
    ],
  };
}

function relay({ published, latency, errorRate, unprocessed }: State, thresholds: Options, window: number): Reading {
  const parts: Measured[] = [];
  const metrics: Metric[] = [];
  const percent = (share: number) => `${+(100 * share).toPrecision(3)} %`;
  if (published !== undefined) {
    const rate = published / window;
    parts.push({ status: 'ok', words: `${+rate.toPrecision(3)} published/s` });
    metrics.push({ name: 'messages_published_per_second', help: 'Events published, over the window.', value: rate });
  }
  if (latency !== undefined) {
    const { status, words } = measured(latency * 1000, thresholds.latency, durationInWords);
    parts.push({ status, words: `latency ${words}` });
    metrics.push({
      name: 'message_publication_latency',
      help: 'Seconds from writing to publishing an event, 95th percentile of the window.',
      value: latency,
    });
  }
  if (errorRate !== undefined) {
    const { status, words } = measured(errorRate, thresholds.errorRate, percent);
    parts.push({ status, words: `errors ${words}` });
    metrics.push({
      name: 'relay_error_rate',
      help: 'Share of the events tried in the window that met an error, 0 to 1.',
      value: errorRate,
    });
  }
  const status = worstOf(parts.map((part) => part.status));
  const still = published === 0 && unprocessed > 0 ? ', and events wait' : '';
  return {
    status,
    subject: 'relay',
    message: `${parts.map(({ words }) => words).join(', ') || 'the table does not say when events are published'}${still}`,
    hint: status === 'ok' ? undefined : 'the relay’s log, and last_error of the events, say what holds it up',
    metrics,
  };
}

/** One consumer that can't be asked hides neither the others nor the relay. */
function noLag({ name }: ConsumerConfig): (error: unknown) => Reading {
  return (error) => {
    if (!(error instanceof StoreError)) throw error;
    return { status: 'unknown', subject: name, message: error.message, hint: error.hint };
  };
}

async function readLag(
  session: Session,
  { shape, pending, id, createdAt }: OutboxTable,
  { name, position, column }: ConsumerConfig,
  thresholds: Options,
): Promise<Reading> {
  const at = column === undefined ? id : quoteIdentifier(column);
  const [row] = await session.query(
    `look at consumer ${name}`,
    `with position as (select (${position}\n) as at)
     select (select at is not null from position) as known, count(*) as behind,
            coalesce(max(extract(epoch from now() - ${createdAt})), 0)::float8 as age
       from ${shape.from} where (${pending}) is not true and ${at} > (select at from position)`,
  );
  if (row!.known !== 't') throw new StoreError('source', `look at consumer ${name}`, 'it has no position');
  const behind = Number(row!.behind);
  const age = Number(row!.age);
  const lag = measured(age * 1000, thresholds.consumerLag, durationInWords);
  const labels = { consumer: name };
  return {
    status: lag.status,
    subject: name,
    message: behind === 0 ? 'has taken all' : `${countInWords(behind, 'event')} behind, the oldest ${lag.words}`,
    hint: lag.status === 'ok' ? undefined : 'is this consumer running?',
    metrics: [
      { name: 'consumer_lag', help: 'Published events that a consumer has not taken.', value: behind, labels },
      {
        name: 'consumer_lag_seconds',
        help: 'Since the oldest published event was written that a consumer has not taken.',
        value: age,
        labels,
      },
    ],
  };
}
