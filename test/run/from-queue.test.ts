// georiesgo's queue gave up on some rows: just those are checked and repaired, and the jobs whose rows are proven equal leave the queue.
// The jobs were failed for good by real workers of Bull 4 and BullMQ.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Planted } from '../../fixtures/georiesgo/damages.ts';
import { type Config, check, doctor, type Report, reconcile } from '../../src/index.ts';
import { freshRedis } from '../databases.ts';
import { LIBRARIES, openQueue, type TestQueue } from '../queues.ts';
import { checkAll, findingsOf, type Georiesgo, openGeoriesgo } from './georiesgo.ts';

const ROWS = 200;
const FROM = { from: { queue: 'replication' }, keep: false, shown: 1000 } as const;

interface JobData {
  readonly source: string;
  readonly operation: string;
  readonly data: object;
  readonly entityType: string;
  readonly timestamp: string;
}

const job = (entityType: string, data: object, operation = 'update'): JobData => ({
  source: 'postgres',
  operation,
  data,
  entityType,
  timestamp: new Date().toISOString(),
});

/** The owners' worker, whose target refuses everything. */
const refuse = () => {
  throw new Error('ORA-00942: table or view does not exist');
};

const words = (report: Report) =>
  findingsOf(report)
    .map(({ replica, class: found, key }) => `${replica} ${found} ${Object.values(key).join()}`)
    .sort();

describe.each(LIBRARIES)('what a queue of %s gave up on', (library) => {
  const jobs = freshRedis();
  let georiesgo: Georiesgo;
  let queue: TestQueue;
  let config: Config;
  const planted = new Map<string, Planted>();
  const failed: Record<string, string> = {};
  let others: { waiting: string[]; delayed: string[]; completed: string[] };

  const idOf = (damage: string) => planted.get(damage)!.key.id!;
  const rest = async () => ({
    waiting: await queue.ids('waiting'),
    delayed: await queue.ids('delayed'),
    completed: await queue.ids('completed'),
  });

  beforeAll(async () => {
    georiesgo = await openGeoriesgo(ROWS, { stores: ['backup', 'docs'], jobs });
    ({ config } = georiesgo);
    for (const damage of georiesgo.damages) {
      if (
        !/^(docs-(incident-(missing|stale|orphan|mismatched)|resource-status)|backup-user-missing)$/.test(damage.name)
      )
        continue;
      planted.set(damage.name, await damage.plant(georiesgo.native));
    }
    queue = openQueue(library, jobs, 'multi-db-replication');
    const untouched = await georiesgo.native.source.query(
      'select id from incidents where id <> all($1) order by id limit 1',
      [[...planted.values()].map(({ key }) => key.id)],
    );
    await queue.add(job('incident', { id: 'done' }));
    await queue.work(() => {});
    failed.missing = await queue.add(job('incident', { id: idOf('docs-incident-missing'), title: 'x' }, 'insert'));
    failed.again = await queue.add(job('incident', { id: idOf('docs-incident-missing') }));
    failed.stale = await queue.add(job('incident', { id: idOf('docs-incident-stale') }));
    failed.deleted = await queue.add(job('incident', { id: idOf('docs-incident-orphan') }, 'delete'));
    failed.resource = await queue.add(job('resource', { id: idOf('docs-resource-status') }));
    failed.fine = await queue.add(job('incident', { id: untouched.rows[0].id }));
    failed.gone = await queue.add(job('user', { id: 'usr_never_there' }, 'delete'));
    failed.unknown = await queue.add(job('vehiculo', { id: 'veh_1' }));
    failed.nameless = await queue.add(job('incident', { ID: 'inc_1' }));
    await queue.work(refuse);
    await queue.add(job('incident', { id: idOf('docs-incident-mismatched') }));
    await queue.add(job('incident', { id: idOf('docs-incident-mismatched') }), { delay: 3_600_000 });
    others = await rest();
    expect(others).toMatchObject({
      waiting: [expect.anything()],
      delayed: [expect.anything()],
      completed: [expect.anything()],
    });
  });
  afterAll(() => georiesgo?.close());

  test('is found, and nothing else; what names no record is said', async () => {
    const report = await check(config, FROM);
    expect(words(report)).toEqual(
      [
        `docs.incidents missing ${idOf('docs-incident-missing')}`,
        `docs.incidents stale ${idOf('docs-incident-stale')}`,
        `docs.incidents orphan ${idOf('docs-incident-orphan')}`,
        `docs.resources mismatched ${idOf('docs-resource-status')}`,
      ].sort(),
    );
    expect(report.backlog).toMatchObject({
      kind: 'queue',
      name: 'replication',
      read: 9,
      records: 6,
      unread: 2,
      notChosen: 0,
    });
    expect(Object.fromEntries(report.backlog!.examples.map(({ id, reason }) => [id, reason]))).toEqual({
      [failed.unknown!]: 'data.entityType "vehiculo" names no entity of the config',
      [failed.nameless!]: 'data.data.id is missing',
    });
    expect(report.problems).toMatchObject([
      { where: 'queue replication', message: "it can't be told what 2 of 9 failed jobs name" },
    ]);
    expect(report.exitCode).toBe(3);
    // backup is not fed by the queue.
    expect(report.replicas.map(({ name, coverage }) => [name, coverage.rows])).toEqual([
      ['docs.incidents', '4 keys'],
      ['docs.users', '1 key'],
      ['docs.resources', '1 key'],
    ]);
    expect(await queue.ids('failed')).toHaveLength(9);
    expect(await rest()).toEqual(others);
  });

  test('is known to doctor, which says when the queue is not there', async () => {
    const checkOf = async (asked: Config) =>
      (await doctor(asked)).checks.find(({ subject }) => subject === 'queue replication');
    expect(await checkOf(config)).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/^Bull.*, 1 waiting, 9 failed$/),
    });
    const nowhere = { ...config.queues.get('replication')!, target: 'nowhere' };
    expect(await checkOf({ ...config, queues: new Map([['replication', nowhere]]) })).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/no key begins with/),
    });
  });

  test('of other replicas than the chosen ones is not looked at', async () => {
    const report = await check(config, { ...FROM, only: ['docs.users'] });
    expect(report.backlog).toMatchObject({ read: 9, records: 1, unread: 1, notChosen: 7 });
    await expect(check(config, { ...FROM, only: ['backup'] })).rejects.toThrow('it feeds none of backup');
  });

  test('is repaired, and leaves the queue once every row is equal; the rest stays as it was', async () => {
    const report = await reconcile(config, { ...FROM, apply: true, settle: 'remove' });
    expect(report.backlog!.settled).toEqual({
      how: 'remove',
      settled: 6,
      left: [
        {
          reason: 'what they name can’t be told',
          count: 2,
          examples: expect.arrayContaining([failed.unknown, failed.nameless]),
        },
        { reason: 'not proven equal in every replica', count: 1, examples: [failed.deleted] },
      ],
    });
    expect(report.exitCode).toBe(3);
    expect(await queue.ids('failed')).toEqual([failed.deleted, failed.unknown, failed.nameless].sort());
    expect(await rest()).toEqual(others);
    expect(words(await checkAll(config))).toEqual(
      [
        `backup.users missing ${idOf('backup-user-missing')}`,
        `docs.incidents mismatched ${idOf('docs-incident-mismatched')}`,
        `docs.incidents orphan ${idOf('docs-incident-orphan')}`,
      ].sort(),
    );
  });

  test('that was deleted in the source is deleted on demand, and its job is retried', async () => {
    const report = await reconcile(config, { ...FROM, apply: true, deleteOrphans: true, settle: 'retry' });
    expect(report.backlog!.settled).toMatchObject({ how: 'retry', settled: 1, left: [{ count: 2 }] });
    expect(await queue.ids('failed')).toEqual([failed.unknown, failed.nameless].sort());
    expect(await queue.ids('waiting')).toEqual([...others.waiting, failed.deleted].sort());
    expect(words(await checkAll(config))).toEqual(
      [
        `backup.users missing ${idOf('backup-user-missing')}`,
        `docs.incidents mismatched ${idOf('docs-incident-mismatched')}`,
      ].sort(),
    );
  });

  test('is nothing to do the second time, but for what can’t be told', async () => {
    const report = await reconcile(config, { ...FROM, apply: true, deleteOrphans: true, settle: 'remove' });
    expect(report.replicas).toEqual([]);
    expect(report.backlog).toMatchObject({ read: 2, records: 0, unread: 2, settled: { settled: 0 } });
    expect(report.exitCode).toBe(3);
    expect(await queue.ids('failed')).toEqual([failed.unknown, failed.nameless].sort());
  });

  test('before the window is left out', async () => {
    await sleep(5);
    const report = await check(config, { ...FROM, since: 1 });
    expect(report).toMatchObject({ exitCode: 0, verdict: 'in sync', backlog: { read: 0, records: 0 } });
  });

  describe('stays in the queue', () => {
    let other: TestQueue;
    let both: Config;
    let id: string;

    beforeAll(async () => {
      other = openQueue(library, jobs, 'other');
      id = await other.add(job('user', { id: 'usr_never_there' }));
      await other.work(refuse);
      const replication = { ...config.queues.get('replication')!, target: 'other', feeds: ['docs', 'backup'] };
      both = { ...config, queues: new Map([['replication', replication]]) };
    });

    test('where a replica was not chosen', async () => {
      const report = await reconcile(both, { ...FROM, only: ['docs'], apply: true, settle: 'remove' });
      const left = [{ reason: 'backup.users was not chosen', count: 1, examples: [id] }];
      expect(report).toMatchObject({ exitCode: 0, backlog: { settled: { settled: 0, left } } });
      expect(await other.ids('failed')).toEqual([id]);
    });

    test('where a store is down', async () => {
      const stores = new Map(config.stores);
      stores.set('backup', { ...stores.get('backup')!, url: 'postgres://nobody@127.0.0.1:1/none' });
      const report = await reconcile({ ...both, stores }, { ...FROM, apply: true, settle: 'remove' });
      const left = [{ reason: 'backup.users could not be reached', count: 1, examples: [id] }];
      expect(report).toMatchObject({ exitCode: 3, backlog: { settled: { settled: 0, left } } });
      expect(await other.ids('failed')).toEqual([id]);
    });

    test('until every replica is looked at', async () => {
      const report = await reconcile(both, { ...FROM, apply: true, settle: 'remove' });
      expect(report).toMatchObject({ exitCode: 0, backlog: { settled: { settled: 1, left: [] } } });
      expect(await other.ids('failed')).toEqual([]);
    });
  });

  test('a queue whose server is down is no empty queue', async () => {
    const stores = new Map(config.stores);
    stores.set('jobs', { ...stores.get('jobs')!, url: 'redis://127.0.0.1:1' });
    const report = await check({ ...config, stores }, FROM);
    expect(report).toMatchObject({ exitCode: 3, verdict: 'incomplete', replicas: [] });
    expect(report.problems).toMatchObject([{ message: expect.stringMatching(/^jobs: .*refused/) }]);
  });
});

test('what can’t be asked for is said before anything is connected', async () => {
  const { config, close } = await openGeoriesgo(ROWS, { stores: ['backup', 'docs'] });
  await close();
  await expect(check(config, { from: { queue: 'replicaton' } })).rejects.toThrow('no queue is named "replicaton"');
  await expect(check(config, { from: { outbox: true } })).rejects.toThrow('the config has no outbox');
  await expect(reconcile(config, { settle: 'remove', apply: true })).rejects.toThrow('--settle');
});
