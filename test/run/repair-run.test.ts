// repair RUN: the findings of an earlier check are applied after a person has read them; what healed meanwhile is left alone.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Config, check, parseConfig, repair } from '../../src/index.ts';
import { planLine } from '../../src/repair/select-findings.ts';
import { findingsOfRun } from '../../src/run/repair.ts';
import { freshPostgres, sql } from '../databases.ts';

let folder: string;
let source: string;
let copy: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-repair-'));
  [source, copy] = [await freshPostgres('18'), await freshPostgres('15')];
  await sql(source, 'create table things (id int primary key, title text)');
  await sql(source, "insert into things select i, 'title ' || i from generate_series(1, 30) i");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 1-3 missing, 4-6 wrong, 31-32 too many. */
beforeEach(async () => {
  await sql(copy, 'drop table if exists things; create table things (id int primary key, title text)');
  await sql(copy, "insert into things select i, 'title ' || i from generate_series(4, 32) i");
  await sql(copy, "update things set title = 'wrong' where id <= 6");
});

function config(): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const file = {
    source: { url: variable('SOURCE') },
    stores: { copy: { kind: 'postgres', url: variable('COPY') } },
    entities: { things: { table: 'things', replicas: [{ store: 'copy', maxLag: '20ms' }] } },
    folder,
  };
  return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { SOURCE: source, COPY: copy });
}

const wrongOnes = () =>
  sql(copy, "select id from things where title = 'wrong' or id > 30 order by id").then((rows) =>
    rows.map(({ id }) => id),
  );
const options = { apply: true, deleteOrphans: true };

test('only the chosen findings are written, each looked at again; what healed is left alone', async () => {
  const found = await check(config());
  expect(found.replicas[0]!.counts).toMatchObject({ missing: 3, mismatched: 3, orphan: 2 });
  // Somebody mends one and spoils another that the check had found right.
  await sql(copy, "update things set title = 'title 4' where id = 4");
  await sql(copy, "update things set title = 'wrong' where id = 20");

  const dry = await repair(config(), found.run, { classes: ['mismatched'] });
  expect(dry.replicas[0]!.repair).toMatchObject({ applied: false, planned: { insert: 0, update: 2, delete: 0 } });
  const done = await repair(config(), found.run, { ...options, classes: ['mismatched'] });
  expect(done).toMatchObject({ command: 'repair', exitCode: 0 });
  expect(done.replicas[0]!.repair).toMatchObject({ outcomes: { written: 2 }, verified: { read: 2, equal: 2 } });
  expect(await wrongOnes()).toEqual([20, 31, 32]);

  await repair(config(), found.run.slice(-4), { ...options, keys: [['31']] });
  expect(await wrongOnes()).toEqual([20, 32]);
  const rest = await repair(config(), found.run, { ...options, replicas: ['copy.things'] });
  expect(rest.replicas[0]!.repair!.outcomes).toEqual({ written: 4, unchanged: 0, moved: 0, refused: 0 });
  expect(await wrongOnes()).toEqual([20]);
  const again = await repair(config(), found.run, options);
  expect(again.replicas[0]!.repair!.outcomes.written).toBe(0);
});

test('a plan file says which findings are repaired', async () => {
  const found = await check(config());
  const lines: string[] = [];
  for await (const finding of findingsOfRun(config(), found.run, {})) lines.push(planLine(finding));
  expect(lines).toHaveLength(8);
  const plan = join(folder, 'plan.ndjson');
  const edited = lines
    .filter((line) => !line.includes('"id":"5"'))
    .map((line) => (line.includes('"id":"6"') ? line.replace('"repair":true', '"repair":false') : line));
  await writeFile(plan, `# read by hand\n${edited.join('\n')}\n`);
  const done = await repair(config(), found.run, { ...options, plan });
  expect(done.replicas[0]!.repair!.outcomes.written).toBe(6);
  expect(await wrongOnes()).toEqual([5, 6]);

  await writeFile(plan, '{"repair": "yes"}\n');
  await expect(repair(config(), found.run, { ...options, plan })).rejects.toThrow(/plan.ndjson:1: "repair" is neither/);
  await expect(repair(config(), found.run, { ...options, plan: join(folder, 'none') })).rejects.toThrow(
    /there is no file/,
  );
});

test('a run without such findings is a mistake', async () => {
  const found = await check(config());
  await expect(repair(config(), found.run, { classes: ['duplicate'] })).rejects.toThrow(/has no such findings/);
  await expect(repair(config(), 'nope')).rejects.toThrow(/there is no run nope/);
});
