// --resume: a check or a repair that was stopped goes on where it was, and its report is that of a run that nothing disturbed.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Config, check, parseConfig, type Report, type RunEvent, reconcile, undo } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

let folder: string;
let source: string;
let copies: readonly string[];

const variable = (name: string) => ['$', '{', name, '}'].join('');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-resume-'));
  source = await freshPostgres('18');
  copies = [await freshPostgres('15'), await freshPostgres('15')];
  await sql(source, 'create table things (id int primary key, title text)');
  await sql(source, "insert into things select i, 'title ' || i from generate_series(1, 200) i");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 50 missing, 50 wrong, 10 too many in each copy. */
beforeEach(async () => {
  for (const url of copies) {
    await sql(url, 'drop table if exists things; create table things (id int primary key, title text)');
    await sql(url, "insert into things select i, 'title ' || i from generate_series(51, 210) i");
    await sql(url, "update things set title = 'wrong' where id <= 100");
  }
});

function config(): Config {
  const file = {
    source: { url: variable('SOURCE') },
    stores: { one: { kind: 'postgres', url: variable('ONE') }, two: { kind: 'postgres', url: variable('TWO') } },
    entities: {
      things: { table: 'things', replicas: ['one', 'two'].map((store) => ({ store, maxLag: '20ms' })) },
    },
    folder,
  };
  const [ONE, TWO] = copies;
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, ONE, TWO });
}

/** Options of a run that is stopped when the event comes for the n-th time. */
function stopAt(isIt: (event: RunEvent) => boolean, n = 1) {
  const stop = new AbortController();
  let count = 0;
  const onEvent = (event: RunEvent) => {
    if (isIt(event) && ++count === n) stop.abort();
  };
  return { onEvent, signal: stop.signal };
}

/** What may not depend on whether the run was stopped. */
function essence(report: Report) {
  return report.replicas.map(({ name, status, counts, sourceRows, replicaRows, findings, repair }) => ({
    name,
    status,
    counts,
    sourceRows,
    replicaRows,
    keys: findings.map(({ key }) => key.id).sort(),
    repair,
  }));
}

const repairing = {
  apply: true,
  deleteOrphans: true,
  maxPercent: 100,
  concurrency: 1,
  batch: 20,
  shown: 1000,
} as const;

test('a check goes on with the replicas that it had not compared', async () => {
  const whole = await check(config(), { concurrency: 1, shown: 1000 });
  const stopped = await check(config(), { concurrency: 1, shown: 1000, ...stopAt(({ type }) => type === 'compared') });
  expect(stopped).toMatchObject({ exitCode: 3, verdict: 'incomplete' });
  expect(stopped.replicas.map(({ status }) => status).sort()).toEqual(['proven', 'unproven']);
  const proven = stopped.replicas.find(({ status }) => status === 'proven')!;
  // Were it compared again, this would be found.
  await sql(copies[proven.store === 'one' ? 0 : 1]!, 'delete from things');
  const resumed = await check(config(), { resume: true, concurrency: 1, shown: 1000 });
  expect(resumed.run).toBe(stopped.run);
  expect(essence(resumed)).toEqual(essence(whole));
  expect(resumed.exitCode).toBe(1);
  const findings = (await readFile(join(resumed.folder!, 'findings.ndjson'), 'utf8')).trim().split('\n');
  expect(findings).toHaveLength(220);
  await expect(check(config(), { resume: true })).rejects.toThrow(/came to its end/);
});

test.each([
  1, 3, 6, 8,
])('a repair that is stopped at its batch %i goes on, and reports as if it had not been', async (n) => {
  const whole = await reconcile(config(), repairing);
  expect(whole.exitCode).toBe(0);
  await undo(config(), whole.run, { apply: true });

  const stopped = await reconcile(config(), { ...repairing, ...stopAt(({ type }) => type === 'repaired', n) });
  expect(stopped.exitCode).toBe(3);
  const resumed = await reconcile(config(), { resume: true, shown: 1000 });
  expect(resumed.run).toBe(stopped.run);
  expect(essence(resumed)).toEqual(essence(whole));
  expect(resumed.exitCode).toBe(0);
  expect((await check(config(), { keep: false })).exitCode).toBe(0);

  // The journal of both processes is enough to undo them.
  expect((await undo(config(), resumed.run, { apply: true })).exitCode).toBe(0);
  const again = await check(config(), { keep: false });
  expect(again.replicas.map(({ counts }) => counts)).toEqual(whole.replicas.map(({ counts }) => counts));
});

test('a run that was stopped between its report and its last word is gone on with, and reports the same', async () => {
  const whole = await reconcile(config(), repairing);
  const file = join(whole.folder!, 'run.json');
  const { endedAt, ...start } = JSON.parse(await readFile(file, 'utf8'));
  expect(endedAt).toBeDefined();
  await writeFile(file, JSON.stringify({ ...start, pid: 2 ** 30 }));
  const resumed = await reconcile(config(), { resume: true, shown: 1000 });
  expect(resumed.run).toBe(whole.run);
  expect(essence(resumed)).toEqual(essence(whole));
  await expect(reconcile(config(), { resume: true })).rejects.toThrow(/came to its end/);
});

test('a repair whose lock is lost writes no more, and goes on later', async () => {
  const terminate = `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`;
  let lost: Promise<unknown> | undefined;
  const report = await reconcile(config(), {
    ...repairing,
    rate: 100,
    onEvent: (event) => {
      if (event.type === 'repaired') lost ??= sql(source, terminate);
    },
  });
  await lost;
  expect(report).toMatchObject({ exitCode: 3, verdict: 'incomplete' });
  expect(report.replicas.map(({ error }) => error?.message)).toContainEqual(
    expect.stringContaining('the connection that held the lock is gone'),
  );
  expect(await reconcile(config(), { resume: true })).toMatchObject({ exitCode: 0 });
});

test('a run is not gone on with as another', async () => {
  const stopped = await check(config(), { only: ['one'], ...stopAt(({ type }) => type === 'finding') });
  expect(stopped.exitCode).toBe(3);
  await expect(check(config(), { resume: true, only: ['two'] })).rejects.toThrow(/asked for something else/);
  await expect(reconcile(config(), { resume: stopped.run })).rejects.toThrow(/no reconcile is called/);
  await expect(check(config(), { resume: 'zzzz' })).rejects.toThrow(/no check is called zzzz/);
  const resumed = await check(config(), { resume: stopped.run.slice(-4) });
  expect(resumed.replicas.map(({ name, status }) => [name, status])).toEqual([['one.things', 'proven']]);
});
