// failback as a user runs it: what it prints, its exit codes, and a process that is killed in the middle.

import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { freshPostgres, sql } from '../databases.ts';
import { freshFolder, plumbline, startPlumbline } from './plumbline.ts';

let here: string;
let there: string;
let settings: { cwd: string; env: Record<string, string> };

const CONFIG = `source: { url: "\${HERE_URL}" }
stores: { backup: { kind: postgres, url: "\${THERE_URL}" } }
entities:
  orders: { table: orders, version: updated_at, replicas: [{ store: backup }] }
  lines: { table: lines, version: updated_at, replicas: [{ store: backup }] }
  notes: { table: notes, version: updated_at, replicas: [{ store: backup }] }
failback:
  there: { url: "\${THERE_URL}" }
  parted: 2026-06-01T12:00:00Z
  version: updated_at
  created: created_at
`;
const ROWS = 1500;
const columns = `created_at timestamptz not null default '2026-01-01Z', updated_at timestamptz not null default '2026-01-01Z'`;
const SCHEMA = `drop schema public cascade; create schema public;
  create table orders (id bigserial primary key, customer text not null, ${columns});
  create table lines (id bigserial primary key, order_id bigint not null references orders, item text, ${columns});
  create table notes (id bigserial primary key, words text, ${columns});
  insert into orders (customer) select 'c' || i from generate_series(1, ${ROWS}) i;
  insert into lines (order_id, item) select i, 'i' || i from generate_series(1, ${ROWS}) i;
  insert into notes (words) select 'n' || i from generate_series(1, ${ROWS}) i`;
const MERGED = ['--apply', '--max-rows', '100000', '--max-percent', '100', '--both'];

beforeAll(async () => {
  const folder = await freshFolder();
  [here, there] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
  settings = { cwd: folder, env: { HERE_URL: here, THERE_URL: there } };
  await writeFile(join(folder, 'plumbline.yaml'), CONFIG);
});

beforeEach(async () => {
  await Promise.all([sql(here, SCHEMA), sql(there, SCHEMA)]);
});

const later = `'2026-07-01Z', '2026-07-01Z'`;
const TAKEN = `insert into orders (customer, created_at, updated_at) select 'new ' || i, ${later} from generate_series(1, ${ROWS}) i;
  insert into lines (order_id, item, created_at, updated_at) select ${ROWS} + i, 'new ' || i, ${later} from generate_series(1, ${ROWS}) i;
  insert into notes (words, created_at, updated_at) select 'new ' || i, ${later} from generate_series(1, ${ROWS}) i`;

const longestLine = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

test('it says what it would do, writes a plan, and merges', async () => {
  await sql(there, `update orders set customer = 'Ana', updated_at = '2026-07-01Z' where id = 1`);
  await sql(
    here,
    `update orders set customer = 'Eva', updated_at = '2026-07-02Z' where id = 1; insert into notes (words, created_at, updated_at) values ('mine', ${later})`,
  );
  await sql(
    there,
    `update orders set customer = 'Leo', updated_at = '2026-07-01Z' where id = 2; delete from lines where id = 9`,
  );
  const dry = await plumbline(['failback'], settings);
  expect(dry.stderr).toBe('');
  expect(dry.stdout).toMatch(/^! 2 rows to merge, 1 for a person to decide\./);
  expect(dry.stdout).toMatch(/open +id 1: customer Eva \| Ana/);
  expect(dry.stdout).toContain('take there  id 2: customer c2 | Leo');
  expect(dry.stdout).toContain('deleted there: not written here since they parted');
  expect(longestLine(dry.stdout)).toBeLessThanOrEqual(80);
  expect(dry.code).toBe(1);

  const planned = await plumbline(['failback', '--write-plan', 'plan.ndjson', '--quiet'], settings);
  expect(planned.stderr).toBe('');
  const plan = await readFile(join(settings.cwd, 'plan.ndjson'), 'utf8');
  expect(plan.trim().split('\n')).toHaveLength(4);
  await writeFile(join(settings.cwd, 'plan.ndjson'), plan.replaceAll('"take":null', '"take":"there"'));
  const merged = await plumbline(['failback', '--plan', 'plan.ndjson', '--both', '--apply', '--json'], settings);
  expect(JSON.parse(merged.stdout)).toMatchObject({ schema: 'plumbline.failback/1', exitCode: 0, verdict: 'merged' });
  expect(merged.code).toBe(0);
  expect(await sql(here, 'select customer from orders where id < 3 order by id')).toEqual([
    { customer: 'Ana' },
    { customer: 'Leo' },
  ]);
  expect((await plumbline(['check', '--quiet'], settings)).code).toBe(0);
  const shown = await plumbline(['report', JSON.parse(merged.stdout).run], settings);
  expect(shown.stdout).toMatch(/✔ .* Both sides are equal\./);
  expect(shown.code).toBe(0);
  expect((await plumbline(['history'], settings)).code).toBe(0);
  expect((await plumbline(['failback', '--format', 'markdown'], settings)).stdout).toMatch(
    /^### ✔ Plumbline failback: Nothing to merge/,
  );
});

test('a configuration without the two servers is a usage error', async () => {
  await writeFile(join(settings.cwd, 'none.yaml'), CONFIG.slice(0, CONFIG.indexOf('failback:')));
  const { code, stderr } = await plumbline(['failback', '-c', 'none.yaml'], settings);
  expect(stderr).toMatch(/failback: missing/);
  expect(code).toBe(2);
});

test.each([
  1, 120_000, 400_000, 800_000,
])('killed when its journal had %i bytes, it goes on and ends as if it had not been', async (bytes) => {
  await sql(there, TAKEN);
  const { child, ended } = startPlumbline(['failback', ...MERGED], settings);
  const runs = join(settings.cwd, '.plumbline', 'runs');
  const known = await readdir(runs).catch((): string[] => []);
  const journal = async () => {
    const mine = (await readdir(runs).catch((): string[] => [])).filter((name) => !known.includes(name)).at(0);
    return mine === undefined
      ? 0
      : stat(join(runs, mine, 'journal.ndjson')).then(
          ({ size }) => size,
          () => 0,
        );
  };
  while (child.exitCode === null && (await journal()) < bytes) await sleep(2);
  child.kill('SIGKILL');
  expect((await ended).signal).toBe('SIGKILL');
  const resumed = await plumbline(['failback', '--resume', '--json'], settings);
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' });
  const report = JSON.parse(resumed.stdout);
  expect(report).toMatchObject({ verdict: 'merged', takenBack: [], problems: [] });
  const rows =
    'select (select count(*) from orders)::int as orders, (select count(*) from lines)::int as lines, (select count(*) from notes)::int as notes';
  expect(await sql(here, rows)).toEqual([{ orders: 2 * ROWS, lines: 2 * ROWS, notes: 2 * ROWS }]);
  expect(await sql(here, `select nextval('orders_id_seq')::int as next`)).toEqual([{ next: 2 * ROWS + 1 }]);
  const undone = await plumbline(['undo', report.run, '--apply', '--json'], settings);
  expect(undone.code).toBe(0);
  expect(await sql(here, rows)).toEqual([{ orders: ROWS, lines: ROWS, notes: ROWS }]);
});
