// Known drift: a baseline file lets through what a team has accepted, until its day; --max-drift lets through a number or a share.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Config, check, parseConfig } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

let folder: string;
let file: string;
let source: string;
let copy: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-baseline-'));
  file = join(folder, 'baseline.json');
  [source, copy] = [await freshPostgres('18'), await freshPostgres('15')];
  await sql(source, 'create table things (id int primary key, title text, amount int)');
  await sql(source, "insert into things select i, 'title ' || i, i from generate_series(1, 100) i");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 1 missing, 2 wrong, 101 too many. */
beforeEach(async () => {
  await rm(file, { force: true });
  await sql(copy, 'drop table if exists things; create table things (id int primary key, title text, amount int)');
  await sql(copy, "insert into things select i, 'title ' || i, i from generate_series(2, 101) i");
  await sql(copy, "update things set title = 'wrong' where id = 2");
});

function config(): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const given = {
    source: { url: variable('SOURCE') },
    stores: { copy: { kind: 'postgres', url: variable('COPY') } },
    entities: { things: { table: 'things', replicas: [{ store: 'copy', maxLag: '20ms' }] } },
    folder,
  };
  return parseConfig(JSON.stringify(given), join(folder, 'plumbline.yaml'), { SOURCE: source, COPY: copy });
}

const gate = (more: object = {}) => check(config(), { keep: false, baseline: { file, ...more } });

test('what is in the baseline is known, anything else is new, and what healed is resolved', async () => {
  await expect(gate()).rejects.toThrow(/there is no such baseline/);
  const first = await gate({ update: true });
  expect(first).toMatchObject({ exitCode: 0, verdict: 'in sync', baseline: { updated: true, entries: 0 } });
  const written = await readFile(file, 'utf8');
  expect(JSON.parse(written).entries).toHaveLength(3);

  const same = await gate();
  expect(same).toMatchObject({ exitCode: 0, baseline: { entries: 3, resolved: 0, expired: 0 } });
  expect(same.replicas[0]).toMatchObject({ known: 3, counts: { missing: 1, mismatched: 1, orphan: 1 } });
  expect(same.replicas[0]!.findings.every(({ known }) => /^\d{4}-\d\d-\d\d$/.test(known!))).toBe(true);

  await sql(copy, "update things set title = 'wrong' where id = 50; delete from things where id = 101");
  const drifted = await gate();
  expect(drifted).toMatchObject({ exitCode: 1, baseline: { resolved: 1 }, replicas: [{ known: 2 }] });
  expect(drifted.replicas[0]!.findings.filter(({ known }) => known === undefined).map(({ key }) => key.id)).toEqual([
    '50',
  ]);
  expect(drifted.baseline!.resolvedEntries).toMatchObject([{ class: 'orphan', key: { id: '101' } }]);
});

test('another field of a known record is new drift', async () => {
  await gate({ update: true });
  await sql(copy, 'update things set amount = -1 where id = 2');
  expect(await gate()).toMatchObject({ exitCode: 1, replicas: [{ known: 2 }] });
});

test('an entry counts until its day, and keeps its first day and its note when the file is written anew', async () => {
  await gate({ update: true, expires: Number.POSITIVE_INFINITY });
  const parsed = JSON.parse(await readFile(file, 'utf8'));
  expect(parsed.entries.every((entry: { expires?: string }) => entry.expires === undefined)).toBe(true);
  parsed.entries[0].expires = '2020-01-31';
  parsed.entries[1].since = '2020-01-01';
  parsed.entries[1].note = 'ticket 7';
  await writeFile(file, JSON.stringify(parsed));
  expect(await gate()).toMatchObject({ exitCode: 1, baseline: { expired: 1 }, replicas: [{ known: 2 }] });
  await gate({ update: true });
  const anew = JSON.parse(await readFile(file, 'utf8'));
  expect(anew.entries[1]).toMatchObject({ since: '2020-01-01', note: 'ticket 7' });
  expect(await gate()).toMatchObject({ exitCode: 0 });
});

test('what was not compared whole is neither resolved nor taken out', async () => {
  await gate({ update: true });
  const some = await check(config(), { keep: false, keys: [['50']], baseline: { file, update: true } });
  expect(some).toMatchObject({ exitCode: 0, baseline: { resolved: 0 } });
  expect(JSON.parse(await readFile(file, 'utf8')).entries).toHaveLength(3);
});

test('a file that is no baseline is a mistake', async () => {
  await writeFile(file, '{"schema": "plumbline.baseline/1", "entries": [{"replica": 1}]}');
  await expect(gate()).rejects.toThrow(/entries.0/);
  await writeFile(file, 'nonsense');
  await expect(gate()).rejects.toThrow(/is no JSON/);
});

test.each([
  [{ rows: 2 }, 1],
  [{ rows: 3 }, 0],
  [{ percent: 2.9 }, 1],
  [{ percent: 3 }, 0],
])('max drift %o is exit code %i', async (maxDrift, exitCode) => {
  const report = await check(config(), { keep: false, maxDrift });
  expect(report).toMatchObject({ exitCode, verdict: 'drift', allowed: maxDrift });
});
