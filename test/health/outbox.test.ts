// The outbox probe on an outbox that triggers fill and a relay empties: backlog, rate, latency, errors, consumers.

import { beforeAll, expect, test } from 'vitest';
import { type HealthReport, health, parseConfig } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';
import { createOutbox, relay } from '../outbox.ts';

let source: string;
let replica: string;

const variable = (name: string) => ['$', '{', name, '}'].join('');

function look(probe: object = {}, outbox: object = {}): Promise<HealthReport> {
  const file = {
    source: { url: variable('SOURCE') },
    stores: {},
    entities: { items: { table: 'items', touches: {} } },
    outbox: { table: 'outbox', ...outbox },
    health: { probes: { outbox: { kind: 'outbox', timeout: '20s', ...probe } } },
  };
  return health(parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', { SOURCE: source }));
}

/** Thresholds that nothing here reaches. */
const LAX = { warn: '10h', fail: '10h' };

const readings = (report: HealthReport) => report.probes[0]!.readings;
const metric = (report: HealthReport, name: string, consumer?: string) =>
  readings(report)
    .flatMap(({ metrics = [] }) => metrics)
    .find((one) => one.name === name && one.labels?.consumer === consumer)?.value;

beforeAll(async () => {
  [source, replica] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
  await createOutbox(source, replica);
  await sql(source, "insert into items select i, 'item ' || i from generate_series(1, 30) i");
  await relay(source, replica);
});

test('an outbox that is emptied is green', async () => {
  const report = await look();
  expect(report).toMatchObject({ exitCode: 0, probes: [{ status: 'ok' }] });
  expect(readings(report).map(({ subject, message }) => [subject, message])).toEqual([
    [undefined, '0 unprocessed, 30 rows'],
    ['relay', expect.stringMatching(/^0\.1 published\/s, latency \d.*, errors 0 %$/)],
  ]);
  expect(metric(report, 'outbox_table_size')).toBe(30);
  expect(metric(report, 'outbox_table_bytes')).toBeGreaterThan(0);
  expect(metric(report, 'outbox_oldest_unprocessed_event_age')).toBe(0);
  expect(metric(report, 'messages_published_per_second')).toBeCloseTo(30 / 300);
  expect(metric(report, 'message_publication_latency')).toBeGreaterThan(0);
  expect(metric(report, 'relay_error_rate')).toBe(0);
});

test('a relay that stands still is seen by the age of what waits', async () => {
  await sql(source, "update items set name = 'new' where id <= 3");
  await sql(source, "update outbox set created_at = now() - interval '372 s' where processed_at is null");
  const report = await look();
  expect(report).toMatchObject({ exitCode: 0, probes: [{ status: 'warning' }] });
  expect(readings(report)[0]!.message).toMatch(/^3 unprocessed, oldest 6 min 1\d s \(warns at 5 min\), 33 rows$/);
  expect(readings(report)[0]!.hint).toMatch(/relay running.*--from-outbox/);
  expect(metric(report, 'outbox_oldest_unprocessed_event_age')).toBeGreaterThan(370);
  expect(metric(report, 'outbox_unprocessed_events')).toBe(3);
  expect((await look({ oldest: { fail: '6m' } })).exitCode).toBe(1);
  expect((await look({ oldest: LAX, unprocessed: { fail: 3 } })).exitCode).toBe(1);
});

test('a relay that meets errors is told by its share of the events of the window', async () => {
  await relay(source, replica, (_, id) => id === '3');
  const report = await look({ oldest: LAX, latency: LAX });
  // One of 33 that were tried within five minutes.
  expect(metric(report, 'relay_error_rate')).toBeCloseTo(1 / 33);
  expect(readings(report)[1]).toMatchObject({
    status: 'warning',
    message: expect.stringMatching(/errors 3\.03 % \(warns at 1 %\)/),
  });
  expect((await look({ oldest: LAX, latency: LAX, errorRate: { fail: 0.03 } })).exitCode).toBe(1);
});

test('latency counts from writing to publishing, and rates over the window only', async () => {
  const report = await look({ oldest: LAX, errorRate: { warn: 2, fail: 2 } });
  // Those that had waited for more than six minutes are more than one in twenty.
  expect(metric(report, 'message_publication_latency')).toBeGreaterThan(60);
  expect(readings(report)[1]).toMatchObject({ status: 'failed' });
  await sql(source, "update outbox set processed_at = now() - interval '10 min' where processed_at is not null");
  const later = await look({ oldest: LAX, errorRate: { warn: 2, fail: 2 } });
  expect(metric(later, 'messages_published_per_second')).toBe(0);
  expect(metric(later, 'message_publication_latency')).toBeUndefined();
  expect(readings(later)[1]).toMatchObject({ status: 'ok', message: '0 published/s, errors 100 %, and events wait' });
});

test('a consumer is behind by what was published after its position', async () => {
  await sql(
    source,
    "create table positions (consumer text primary key, last_id bigint); insert into positions values ('search', 28), ('none', null)",
  );
  const consumers = {
    search: { position: "select last_id from positions where consumer = 'search';" },
    done: { position: 'select max(id) from outbox' },
    lost: { position: "select last_id from positions where consumer = 'lost'" },
    wrong: { position: 'select last_id from nowhere' },
  };
  const report = await look(
    { oldest: LAX, errorRate: { warn: 2, fail: 2 }, consumerLag: { warn: 0, fail: '1h' } },
    { consumers },
  );
  const [search, done, lost, wrong] = readings(report).slice(2);
  // 29, 30 and the two of the three changes that were published.
  expect(search).toMatchObject({
    subject: 'search',
    status: 'warning',
    message: expect.stringMatching(/^4 events behind, the oldest/),
  });
  expect(metric(report, 'consumer_lag', 'search')).toBe(4);
  expect(metric(report, 'consumer_lag_seconds', 'search')).toBeGreaterThan(0);
  expect(done).toMatchObject({ subject: 'done', message: 'has taken all' });
  expect(lost).toMatchObject({ subject: 'lost', status: 'unknown', message: expect.stringMatching(/no position/) });
  expect(wrong).toMatchObject({ subject: 'wrong', status: 'unknown', message: expect.stringMatching(/nowhere/) });
  expect(report.exitCode).toBe(3);
});

test('a table without error columns says nothing of errors', async () => {
  await sql(
    source,
    'create view plain as select id, aggregate_type, aggregate_id, created_at, processed_at from outbox',
  );
  await sql(source, 'create table bare as select * from plain');
  const report = await look({ oldest: LAX }, { table: 'bare' });
  expect(metric(report, 'relay_error_rate')).toBeUndefined();
  expect(metric(report, 'outbox_table_size')).toBe(33);
});

test('a source that is down makes it unknown', async () => {
  const gone = source;
  source = 'postgres://nobody@127.0.0.1:1/none';
  const report = await look();
  source = gone;
  expect(report).toMatchObject({ exitCode: 3, probes: [{ status: 'unknown' }] });
});
