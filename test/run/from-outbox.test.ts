// The records that the outbox's events name are checked and repaired; events that failed are marked as published only on demand, and only by a role
// that may.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, check, doctor, parseConfig, type Report, reconcile } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';
import { createOutbox, relay } from '../outbox.ts';

const FROM = { from: { outbox: true }, keep: false, shown: 1000 } as const;
const MARKER = `marker_${randomBytes(6).toString('hex')}`;

let source: string;
let replica: string;
let config: Config;

const variable = (name: string) => ['$', '{', name, '}'].join('');

function configOf(outbox: object, marker?: string): Config {
  const file = {
    source: { url: variable('SOURCE') },
    stores: { backup: { kind: 'postgres', url: variable('REPLICA') } },
    entities: {
      items: { table: 'items', version: 'updated_at', replicas: [{ store: 'backup', maxLag: '50ms' }] },
      orders: { table: 'orders', replicas: [{ store: 'backup', maxLag: '50ms' }] },
    },
    outbox: {
      table: 'outbox',
      entities: { item: 'items', order: 'orders' },
      ...(marker === undefined ? {} : { markUrl: variable('MARKER') }),
      ...outbox,
    },
  };
  const env = { SOURCE: source, REPLICA: replica, MARKER: marker };
  return parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', env);
}

const words = (report: Report) =>
  report.replicas
    .flatMap(({ findings }) => findings)
    .map(({ replica, class: found, key }) => `${replica} ${found} ${Object.values(key).join()}`)
    .sort();

const pending = async () =>
  (await sql(source, 'select aggregate_type, aggregate_id from outbox where processed_at is null order by id')).map(
    ({ aggregate_type: type, aggregate_id: id }) => `${type} ${id}`,
  );

beforeAll(async () => {
  [source, replica] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
  await createOutbox(source, replica);
  await sql(source, "insert into items select i, 'item ' || i from generate_series(1, 50) i");
  await sql(source, "insert into orders select 'acme', i, i * 1.5 from generate_series(1, 5) i");
  await relay(source, replica);
  await sql(
    source,
    "update outbox set created_at = now() - interval '2 days', processed_at = now() - interval '2 days'",
  );
  // Nobody has an event of this one.
  await sql(replica, "update items set name = 'changed by hand' where id = 20");
  await sql(source, "update items set name = 'new', updated_at = now() + interval '1 s' where id in (1, 2)");
  await sql(source, 'delete from items where id = 4');
  await sql(source, "insert into orders values ('acme', 6, 9)");
  await sql(source, "insert into outbox (aggregate_type, aggregate_id) values ('ghost', '1'), ('item', 'one')");
  // The relay publishes one change, and fails with all others.
  await relay(source, replica, (type, id) => !(type === 'item' && id === '2'));
  await sql(replica, "update items set name = 'lost again' where id = 2");
  await sql(source, "update items set name = 'newer', updated_at = now() + interval '1 s' where id = 3");
  config = configOf({});
  expect(await pending()).toEqual(['item 1', 'item 4', 'order ["acme", 6]', 'ghost 1', 'item one', 'item 3']);
});

test('what is still to be published is looked at, and nothing else', async () => {
  const report = await check(config, FROM);
  expect(words(report)).toEqual([
    'backup.items orphan 4',
    'backup.items stale 1',
    'backup.items stale 3',
    'backup.orders missing acme,6',
  ]);
  expect(report.backlog).toMatchObject({ kind: 'outbox', name: 'outbox', read: 6, records: 4, unread: 2 });
  expect(report.backlog!.examples.map(({ reason }) => reason)).toEqual([
    'aggregate_type "ghost" names no entity of the config',
    'id: "one" is not a number',
  ]);
  expect(report.exitCode).toBe(3);
});

test('with a window, what any event of it named, published or not', async () => {
  const report = await check(config, { ...FROM, since: 3_600_000 });
  expect(words(report)).toContain('backup.items mismatched 2');
  expect(words(report)).not.toContain('backup.items mismatched 20');
  expect(report.backlog).toMatchObject({ read: 7, records: 5 });
});

test('a key may stand in a column of JSON', async () => {
  const byPayload = configOf({ entities: { item: { entity: 'items', key: 'payload.id' } } });
  const report = await check(byPayload, { ...FROM, only: ['items'] });
  expect(words(report)).toEqual(['backup.items orphan 4', 'backup.items stale 1', 'backup.items stale 3']);
  expect(report.backlog!.examples.map(({ reason }) => reason)).toContain('payload.id is missing');
});

test('a table or column that is not there is the config’s mistake', async () => {
  const { checks } = await doctor(configOf({ table: 'outbx' }));
  expect(checks).toContainEqual({ subject: 'outbox', status: 'failed', message: 'the source has no table outbx' });
  expect((await doctor(config)).checks.find(({ subject }) => subject === 'outbox')).toMatchObject({ status: 'ok' });
  await expect(check(configOf({ table: 'outbx' }), FROM)).rejects.toThrow('the source has no table outbx');
  await expect(check(configOf({ processedAt: 'sent_at', key: 'aggregate.id' }), FROM)).rejects.toThrow(
    /no column sent_at\n.*no column aggregate/,
  );
});

test('nothing is marked without a role of its own, and nothing but events can be', async () => {
  await expect(reconcile(config, { ...FROM, apply: true, settle: 'mark' })).rejects.toThrow('markUrl');
  await expect(reconcile(config, { ...FROM, apply: true, settle: 'remove' })).rejects.toThrow('--settle mark');
  await reconcile(config, { ...FROM, apply: true });
  expect(await pending()).toHaveLength(6);
});

test('events that failed are marked once their records are equal; the others stay the relay’s', async () => {
  await sql(
    source,
    `create role ${MARKER} login password 'secret'; grant select, update (processed_at) on outbox to ${MARKER}`,
  );
  afterAll(() => sql(source, `drop owned by ${MARKER}; drop role ${MARKER}`));
  const marker = new URL(source);
  marker.username = MARKER;
  marker.password = 'secret';
  const marking = configOf({}, marker.href);
  const report = await reconcile(marking, { ...FROM, apply: true, deleteOrphans: true, settle: 'mark' });
  expect(report.backlog!.settled).toEqual({
    how: 'mark',
    settled: 3,
    left: [
      { reason: 'what they name can’t be told', count: 2, examples: ['60', '61'] },
      { reason: 'not failed, so still the relay’s to publish', count: 1, examples: [expect.any(String)] },
    ],
  });
  expect(await pending()).toEqual(['ghost 1', 'item one', 'item 3']);
  expect(words(await check(config, { keep: false }))).toEqual([
    'backup.items mismatched 2',
    'backup.items mismatched 20',
  ]);
  const again = await reconcile(marking, { ...FROM, apply: true, settle: 'mark' });
  expect(again.backlog).toMatchObject({ read: 3, settled: { settled: 0 } });
});
