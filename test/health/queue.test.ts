// The queue probe on queues that Bull 4 and BullMQ filled, and what it says when the queue or its server is not there.

import { describe, expect, test } from 'vitest';
import { type HealthReport, health, parseConfig } from '../../src/index.ts';
import { freshRedis } from '../databases.ts';
import { LIBRARIES, openQueue, type TestQueue } from '../queues.ts';

const variable = (name: string) => ['$', '{', name, '}'].join('');

describe.each(LIBRARIES)('a queue of %s', (library) => {
  const place = freshRedis();
  const queue: TestQueue = openQueue(library, place, 'multi-db-replication');

  const look = async (probe: object = {}, url = place.url, name = 'multi-db-replication'): Promise<HealthReport> =>
    health(
      parseConfig(
        JSON.stringify({
          source: { url: variable('SOURCE') },
          stores: { jobs: { kind: 'redis', url: variable('JOBS') } },
          entities: { things: { table: 'things', touches: {} } },
          queues: {
            replication: {
              store: 'jobs',
              name,
              prefix: place.prefix,
              jobs: { entity: 'data.entityType', key: 'data.data.id' },
            },
          },
          health: { probes: { replication: { kind: 'queue', queue: 'replication', timeout: '20s', ...probe } } },
        }),
        '/nowhere/plumbline.yaml',
        { SOURCE: 'postgres://nobody@127.0.0.1:1/none', JOBS: url },
      ),
    );

  const readingOf = (report: HealthReport) => report.probes[0]!.readings[0]!;

  test('that has no key on the server is unknown, never empty', async () => {
    const report = await look({}, place.url, 'nowhere');
    expect(report).toMatchObject({ exitCode: 3, probes: [{ status: 'unknown' }] });
    expect(readingOf(report).message).toMatch(/no key begins with .*:nowhere:/);
    expect(readingOf(report).hint).toMatch(/prefix/);
  });

  test('that is fine is green, with its figures as metrics', async () => {
    await queue.add({});
    await queue.work(() => {});
    await queue.add({});
    const report = await look();
    expect(report).toMatchObject({ exitCode: 0, probes: [{ status: 'ok' }] });
    expect(readingOf(report)).toMatchObject({
      subject: 'replication',
      message: expect.stringMatching(/^Bull(MQ \d\S*)?: 1 waiting, 0 active, 0 delayed, 0 failed; oldest waiting \d/),
      hint: undefined,
    });
    const metric = (name: string, state?: string) =>
      readingOf(report).metrics!.find((one) => one.name === name && one.labels?.state === state);
    expect(metric('queue_jobs', 'waiting')).toMatchObject({ value: 1, labels: { queue: 'replication' } });
    expect(metric('queue_jobs', 'failed')).toMatchObject({ value: 0 });
    expect(metric('queue_oldest_waiting_seconds')!.value).toBeLessThan(60);
    expect(metric('queue_paused')!.value).toBe(0);
  });

  test('whose oldest job waits too long fails', async () => {
    const report = await look({ oldestWaiting: { warn: 0, fail: 0 } });
    expect(report.exitCode).toBe(1);
    expect(readingOf(report)).toMatchObject({ status: 'failed', hint: expect.stringMatching(/workers/) });
    expect(readingOf(report).message).toMatch(/oldest waiting \d.* \(fails at 0 ms\)/);
  });

  test('with jobs that failed for good warns, and says how to look at their records', async () => {
    await queue.work(() => {
      throw new Error('boom');
    });
    const report = await look();
    expect(report).toMatchObject({ exitCode: 0, probes: [{ status: 'warning' }] });
    expect(readingOf(report).message).toMatch(/0 waiting, 0 active, 0 delayed, 1 failed \(warns at 1\)$/);
    expect(readingOf(report).hint).toMatch(/plumbline check --from-queue replication/);
    expect((await look({ failed: { fail: 1 } })).exitCode).toBe(1);
    expect((await look({ failed: { warn: 100 } })).probes[0]!.status).toBe('ok');
  });

  test('that is paused warns', async () => {
    await queue.pause();
    const report = await look({ failed: { warn: 100 } });
    expect(readingOf(report)).toMatchObject({ status: 'warning', message: expect.stringMatching(/: paused, /) });
    expect(readingOf(report).hint).toMatch(/resume/);
  });

  test('on a server that is down is unknown', async () => {
    const report = await look({}, 'redis://127.0.0.1:1');
    expect(report).toMatchObject({ exitCode: 3, probes: [{ status: 'unknown' }] });
    expect(readingOf(report).message).toMatch(/refused/);
  });
});

test('what the file gets wrong about queues is told with its line', () => {
  const text = [
    'source: { url: "postgres://x@h/d" }',
    'stores: { docs: { kind: mongodb, url: "mongodb://h/d" }, jobs: { kind: redis, url: "redis://h" } }',
    'entities:',
    '  things: { table: things, replicas: [{ store: docs }] }',
    '  marks: { table: marks, touches: { things: select 1 } }',
    'queues:',
    '  a: { store: docs, jobs: { entity: data.type, key: data.id } }',
    '  b: { store: jbos, jobs: { entity: data.type, key: data.id } }',
    '  c: { store: jobs, libary: bull, feeds: [dosc], jobs: { entity: data..type, key: data.id } }',
    '  d: { store: jobs, jobs: { entity: name, key: data.id, entities: { x: thing, y: [things, { entity: marks }] } } }',
    'health: { probes: { q: { kind: queue, queue: e }, o: { kind: outbox } } }',
  ].join('\n');
  const problem = (line: number, message: string) => expect.objectContaining({ line, message });
  let problems: readonly unknown[] = [];
  try {
    parseConfig(text, 'plumbline.yaml', {});
  } catch (error) {
    ({ problems } = error as { problems: readonly unknown[] });
  }
  expect(problems).toEqual([
    problem(7, 'a store of kind mongodb keeps no queues'),
    problem(8, 'no store is named "jbos"; did you mean "jobs"?'),
    problem(9, 'unknown key; did you mean "library"?'),
    problem(9, 'no store or replica is named "dosc"; did you mean "docs"?'),
    problem(9, 'is no path; write data.entityType'),
    problem(10, 'no entity with replicas is named "thing"; did you mean "things"?'),
    problem(10, 'no entity with replicas is named "marks"'),
    problem(11, 'no queue is named "e"; did you mean "a"?'),
    problem(11, 'there is no outbox'),
  ]);
});
