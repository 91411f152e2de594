// The limits of a repair say no before the first write, each with the flag that lifts it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Config, check, parseConfig, type RepairOptions, reconcile } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

let folder: string;
let source: string;
let copy: string;

beforeAll(async () => {
  [source, copy] = [await freshPostgres('18'), await freshPostgres('15')];
});

/** 100 rows; the copy lacks 5, has 5 wrong, and 6 too many. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-limits-'));
  for (const url of [source, copy])
    await sql(url, 'drop table if exists things; create table things (id int primary key, title text)');
  await sql(source, "insert into things select i, 'title ' || i from generate_series(1, 100) i");
  await sql(copy, "insert into things select i, 'title ' || i from generate_series(6, 106) i");
  await sql(copy, "update things set title = 'wrong' where id <= 10");
  return () => rm(folder, { recursive: true, force: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function config(limits: object = {}): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const given = {
    source: { url: variable('SOURCE') },
    stores: { copy: { kind: 'postgres', url: variable('COPY') } },
    entities: { things: { table: 'things', replicas: [{ store: 'copy', maxLag: '20ms' }] } },
    limits: { maxPercent: 50, ...limits },
    folder,
  };
  return parseConfig(JSON.stringify(given), join(folder, 'plumbline.yaml'), { SOURCE: source, COPY: copy });
}

const state = () => sql(copy, 'select * from things order by id');

async function refusal(own: Config, options: RepairOptions = {}): Promise<string> {
  const before = await state();
  const report = await reconcile(own, { apply: true, ...options });
  expect(report).toMatchObject({ exitCode: 4, verdict: 'refused' });
  expect(await state()).toEqual(before);
  const [problem] = report.problems;
  return `${problem!.message} | ${problem!.hint}`;
}

const everything = { deleteOrphans: true } as const;

describe('refused, and lifted by its flag', () => {
  test('more records than maxRows', async () => {
    expect(await refusal(config({ maxRows: 9 }))).toMatch(/10 writes are more than the limit of 9 .*--max-rows 10/);
    expect(await reconcile(config({ maxRows: 9 }), { apply: true, maxRows: 10 })).toMatchObject({ exitCode: 1 });
  });

  test('more deletions than maxDeletes', async () => {
    expect(await refusal(config({ maxDeletes: 5 }), everything)).toMatch(/6 records to delete .*--max-deletes 6/);
    expect(await reconcile(config({ maxDeletes: 5 }), { ...everything, apply: true, maxDeletes: 6 })).toMatchObject({
      exitCode: 0,
    });
  });

  test('a source that looks empty', async () => {
    await sql(source, 'delete from things');
    const open = config({ maxPercent: 100 });
    expect(await refusal(open, everything)).toMatch(/the source looks empty .*--force-empty/);
    expect(await reconcile(open, { ...everything, apply: true, forceEmpty: true })).toMatchObject({ exitCode: 0 });
    expect(await state()).toEqual([]);
  });

  test('a source that has shrunk since it was last compared whole', async () => {
    const open = config({ maxPercent: 100 });
    expect((await check(open)).exitCode).toBe(1);
    await sql(source, 'delete from things where id > 40');
    // A look at a few keys tells nothing of the size.
    await check(open, { keys: [['1']] });
    expect(await refusal(open, everything)).toMatch(
      /40 rows, 60 % fewer than the 100 of the last run .*--force-shrunk/,
    );
  });

  test('outside of the maintenance window', async () => {
    const now = new Date();
    const clock = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16);
    const closed = config({ window: `${clock(60)}-${clock(120)}` });
    expect(await refusal(closed)).toMatch(/outside of limits.window .*--force-window/);
    expect(await reconcile(closed, { apply: true, forceWindow: true })).toMatchObject({ exitCode: 1 });
  });
});

test('inside of the window, at a rate, all is written', async () => {
  const now = new Date();
  const clock = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16);
  const own = config({ window: [`${clock(-10)}-${clock(10)}`], rate: 40 });
  const began = performance.now();
  expect(await reconcile(own, { apply: true, ...everything })).toMatchObject({ exitCode: 0 });
  expect(performance.now() - began).toBeGreaterThan(350);
});
