// Old runs go: first all but their report, then that as well; the newest and whatever is at work stay.

import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Config, check, parseConfig, reconcile, undo } from '../../src/index.ts';
import { readReport } from '../../src/run/kept-reports.ts';
import { findingsOfRun } from '../../src/run/repair.ts';
import { removeOldRuns } from '../../src/run/retention.ts';
import { freshPostgres, sql } from '../databases.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const FILES = ['run.json', 'findings.ndjson', 'journal.ndjson', 'report.json'];
const ALL = [...FILES].sort();

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-retention-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const variable = (name: string) => ['$', '{', name, '}'].join('');

function config(
  retention: object | undefined,
  urls = { SOURCE: 'postgres://x@h/x', COPY: 'postgres://x@h/y' },
): Config {
  const file = {
    source: { url: variable('SOURCE') },
    stores: { copy: { kind: 'postgres', url: variable('COPY') } },
    entities: { things: { table: 'things', replicas: [{ store: 'copy', maxLag: 0 }] } },
    folder,
    retention,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), urls);
}

/** A run that began so many days before now. */
async function run(days: number, files = FILES, pid = 2 ** 22 + 1): Promise<string> {
  const began = new Date(NOW.getTime() - days * 86_400_000);
  const id = `${began.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}-aaaa`;
  const path = join(folder, 'runs', id);
  await mkdir(path, { recursive: true });
  for (const file of files)
    await writeFile(join(path, file), file === 'run.json' ? JSON.stringify({ pid, host: hostname() }) : '{}');
  return id;
}

const kept = async (id: string) => (await readdir(join(folder, 'runs', id)).catch(() => ['gone'])).sort();

test('a run loses its journal, then its report', async () => {
  const [young, old, killed, oldest] = [await run(89), await run(91), await run(92, FILES.slice(0, 3)), await run(401)];
  await removeOldRuns(config({ runs: 0 }), NOW);
  expect(await kept(young)).toEqual(ALL);
  expect(await kept(old)).toEqual(['report.json']);
  expect(await kept(killed)).toEqual(['gone']);
  expect(await kept(oldest)).toEqual(['gone']);
});

test('the newest stay whole, and so does one that is at work', async () => {
  // The parent of this process lives as long as it does.
  const [working, third, second, newest] = [
    await run(503, FILES, process.ppid),
    await run(502),
    await run(501),
    await run(500),
  ];
  await removeOldRuns(config({ runs: 2 }), NOW);
  expect(await kept(newest)).toEqual(ALL);
  expect(await kept(second)).toEqual(ALL);
  expect(await kept(third)).toEqual(['gone']);
  expect(await kept(working)).toEqual(ALL);
});

test('what is no run is not touched; without a word twenty runs stay', async () => {
  const ids = [];
  for (let days = 500; days < 525; days++) ids.push(await run(days));
  await mkdir(join(folder, 'runs', 'notes'));
  await utimes(join(folder, 'runs', 'notes'), 0, 0);
  await removeOldRuns(config(undefined), NOW);
  expect(await readdir(join(folder, 'runs'))).toHaveLength(21);
  expect(await kept(ids[19]!)).toEqual(ALL);
  expect(await kept(ids[20]!)).toEqual(['gone']);
});

test('each run removes the old ones; their reports can still be shown, and undo says what it lacks', async () => {
  const [source, copy] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
  for (const url of [source, copy]) await sql(url, 'create table things (id int primary key, title text)');
  await sql(source, "insert into things values (1, 'one')");
  const urls = { SOURCE: source, COPY: copy };
  const repaired = await reconcile(config({ runs: 1 }, urls), { apply: true, maxPercent: 100 });
  expect(repaired).toMatchObject({ exitCode: 0, replicas: [{ repair: { outcomes: { written: 1 } } }] });
  const brief = config({ runs: 1, journals: '1ms', reports: '1h' }, urls);
  expect((await check(brief)).exitCode).toBe(0);
  expect(await kept(repaired.run)).toEqual(['report.json']);
  const { report } = await readReport(brief, repaired.run);
  expect(report).toMatchObject({ run: repaired.run, folder: null });
  await expect(undo(brief, repaired.run)).rejects.toThrow(/only the report is left: it is older than retention/);
  await expect(findingsOfRun(brief, repaired.run, {}).next()).rejects.toThrow(/only the report is left/);
});
