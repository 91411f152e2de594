// Wrong use is refused before the first write, with what to do instead; what can't be told is left to a person.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { DecisionLine } from '../../src/failback/decision.ts';
import { type FailbackReport, failback } from '../../src/index.ts';
import { sql } from '../databases.ts';
import { type TwoServers, twoServers } from './two-servers.ts';

let servers: TwoServers;
beforeAll(async () => {
  servers = await twoServers();
});

const THINGS = `create table things (id int primary key, title text, amount numeric, created_at timestamptz, updated_at timestamptz);
  insert into things select i, 'title ' || i, i + 0.50, '2026-01-01Z', '2026-01-01Z' from generate_series(1, 20) i;`;

beforeEach(() => servers.reset(THINGS));

const refusal = ({ problems }: FailbackReport) => problems.map(({ message, hint }) => `${message} ${hint}`).join('\n');

/** Refused before a write, whatever it was asked for. */
async function expectRefused(config: ReturnType<TwoServers['config']>, words: RegExp): Promise<void> {
  const before = await sql(servers.here, 'select * from things order by 1');
  const report = await failback(config, { apply: true });
  expect(refusal(report)).toMatch(words);
  expect(report).toMatchObject({ exitCode: 4, verdict: 'refused', applied: false });
  expect(await sql(servers.here, 'select * from things order by 1')).toEqual(before);
}

const linesOf = async ({ folder }: FailbackReport): Promise<DecisionLine[]> =>
  (await readFile(join(folder, 'rows.ndjson'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

test('one database under two names', async () => {
  await sql(servers.there, 'delete from things where id = 1');
  await expectRefused(
    servers.config({ urls: { here: servers.here, there: servers.here } }),
    /same database.*failback\.here\.url/s,
  );
});

test('schemas that differ, each difference named at once', async () => {
  await sql(
    servers.there,
    `alter table things add note text; alter table things alter amount type float8; create table others (id int primary key)`,
  );
  await sql(servers.here, 'create unique index on things (title)');
  await expectRefused(
    servers.config(),
    /others: there has this table, here does not\nthings: amount is numeric here and double precision there\nthings: here lacks the column note\nthings: only here: unique \(title\).*same migration/s,
  );
});

test('a table without a primary key, unless it is left out', async () => {
  await servers.onBoth('create table loose (a int)');
  await expectRefused(servers.config(), /loose: it has no primary key.*failback\.except/s);
  expect((await failback(servers.config({ failback: { except: ['loose'] } }), { apply: true })).exitCode).toBe(0);
});

test('a table that refers to one that is left out', async () => {
  await servers.onBoth('create table parts (id int primary key, thing int references things)');
  await expectRefused(
    servers.config({ failback: { tables: ['parts'] } }),
    /parts_thing_fkey refers to things.*Choose both/s,
  );
});

test('triggers that would fire, unless they are wanted', async () => {
  await servers.onBoth(`create function shout() returns trigger language plpgsql as $$ begin new.title := new.title || '!'; return new; end $$;
    create trigger shout before insert on things for each row execute function shout()`);
  await sql(servers.there, `insert into things values (30, 'quiet', 1, '2026-07-01Z', '2026-07-01Z')`);
  const config = servers.config({ urls: await servers.plainRole() });
  await expectRefused(config, /here: triggers would fire: shout on things.*session_replication_role.*--fire-triggers/s);
  const fired = await failback(config, { apply: true, fireTriggers: true });
  expect(fired.tables[0]).toMatchObject({ unexplained: 1 });
  expect(fired.exitCode).toBe(1);
  expect(await sql(servers.here, 'select title from things where id = 30')).toEqual([{ title: 'quiet!!' }]);
  await sql(servers.here, 'delete from things where id = 30');
  expect((await failback(servers.config(), { apply: true })).exitCode).toBe(0);
  expect(await sql(servers.here, 'select title from things where id = 30')).toEqual([{ title: 'quiet!' }]);
});

test('a role without the rights', async () => {
  const urls = await servers.plainRole();
  const role = new URL(urls.here).username;
  await sql(servers.here, `revoke delete on things from ${role}`);
  await expectRefused(servers.config({ urls }), /here: no permission to delete.*GRANT DELETE/s);
});

test('limits: rows, percent, deletes, a side that looks empty', async () => {
  await sql(servers.there, `update things set amount = 0, updated_at = '2026-07-01Z' where id <= 5`);
  const config = servers.config();
  const narrow = { ...config, limits: { ...config.limits, maxPercent: 10 } };
  await expectRefused(narrow, /here\.things: 5 writes are 25\.0 % of 20 records.*--max-percent 25/s);
  expect(await failback(config, { apply: true, maxRows: 4 })).toMatchObject({ exitCode: 4 });
  await sql(servers.there, 'delete from things');
  await expectRefused(config, /looks empty.*--force-empty/s);
});

test('a second failback waits for the first', async () => {
  const client = new pg.Client({ connectionString: servers.here });
  await client.connect();
  await client.query(`select pg_advisory_lock(hashtextextended('plumbline failback', 0))`);
  try {
    await expect(failback(servers.config(), { apply: true })).rejects.toThrow(/failback/);
    expect((await failback(servers.config(), {})).exitCode).toBe(0);
  } finally {
    await client.end();
  }
});

test('a server that is not there, and a table that somebody writes to', async () => {
  const gone = servers.config({ urls: { here: servers.here, there: 'postgres://nobody@127.0.0.1:1/nothing' } });
  expect(await failback(gone, { apply: true })).toMatchObject({ exitCode: 3, applied: false });
  await sql(servers.there, `update things set amount = 7, updated_at = '2026-07-01Z' where id = 1`);
  const client = new pg.Client({ connectionString: servers.here });
  await client.connect();
  await client.query('begin; update things set amount = 1 where id = 2');
  try {
    const report = await failback(servers.config(), { apply: true });
    expect(report.exitCode).toBe(3);
    expect(refusal(report)).toMatch(/lock the tables.*Keep them away/s);
  } finally {
    await client.end();
  }
  expect((await failback(servers.config(), { apply: true })).exitCode).toBe(0);
});

test('what no time tells is left open, whatever the policy, and a plan decides it', async () => {
  await servers.reset(
    "create table things (id int primary key, title text); insert into things values (1, 'a'), (2, 'b'), (3, 'c')",
  );
  await sql(servers.here, `delete from things where id = 1; update things set title = 'x' where id = 3`);
  await sql(servers.there, `delete from things where id = 2; update things set title = 'y' where id = 3`);
  const config = servers.config({ failback: { policy: 'there' } });
  const report = await failback(config, { both: true, apply: true });
  const taken = (await linesOf(report)).map(({ key, take, why }) => [key.id, take, why.split(':')[0]]);
  expect(taken.sort()).toEqual([
    ['1', null, 'inserted there or deleted here'],
    ['2', null, 'inserted here or deleted there'],
    ['3', 'there', 'who changed it can’t be told'],
  ]);
  expect(report.exitCode).toBe(1);
  const plan = join(servers.folder, 'plan.ndjson');
  const lines = await linesOf(await failback(config, {}));
  await writeFile(plan, `# decided\n${lines.map((line) => `${JSON.stringify({ ...line, take: 'here' })}\n`).join('')}`);
  await sql(servers.there, `update things set title = 'later' where id = 3; insert into things values (9, 'new')`);
  const planned = await failback(config, { both: true, apply: true, plan });
  const left = (await linesOf(planned)).filter(({ take }) => take === null).map(({ key, why }) => [key.id, why]);
  expect(left.sort()).toEqual([
    ['3', 'the plan does not name it'],
    ['9', 'the plan does not name it'],
  ]);
  expect(await sql(servers.there, 'select id from things order by 1')).toEqual([{ id: 2 }, { id: 3 }, { id: 9 }]);
});

test('a row that changed after it was planned is left and named; a plan that can’t be had is refused', async () => {
  await servers.onBoth(
    'create table parts (id int primary key, thing int not null references things, updated_at timestamptz, created_at timestamptz)',
  );
  await sql(
    servers.there,
    `insert into things values (30, 'new', 1.50, '2026-07-01Z', '2026-07-01Z'); insert into parts values (1, 30, '2026-07-01Z', '2026-07-01Z');
    update things set amount = 9.90, updated_at = '2026-07-01Z' where id = 4`,
  );
  const config = servers.config();
  const lines = await linesOf(await failback(config, {}));
  const plan = join(servers.folder, 'plan.ndjson');
  const write = (change: (line: DecisionLine) => object) =>
    writeFile(plan, lines.map((line) => `${JSON.stringify(change(line))}\n`).join(''));
  await write((line) => (line.table === 'things' && line.key.id === '30' ? { ...line, take: 'here' } : line));
  await expect(failback(config, { plan })).rejects.toThrow(/things 30: can’t be taken from here: parts 1 refers to it/);
  await write((line) => line);
  await sql(servers.here, `update things set amount = 1 where id = 4`);
  const merged = await failback(config, { apply: true, plan });
  expect(merged.tables.find(({ name }) => name === 'things')).toMatchObject({
    open: 1,
    outcomes: { here: { written: 1 } },
  });
  expect(await sql(servers.here, 'select id, amount from things where id in (4, 30) order by 1')).toEqual([
    { id: 4, amount: '1' },
    { id: 30, amount: '1.50' },
  ]);
  await writeFile(plan, '{"take":"both"}\n');
  await expect(failback(config, { plan })).rejects.toThrow(/"take" is neither/);
  await expect(failback(config, { plan: join(servers.folder, 'none.ndjson') })).rejects.toThrow(/there is no file/);
});

test('times near the parting, times without a zone and rows that are never deleted', async () => {
  await servers.reset(`create table things (id int primary key, local timestamp); create table notes (id int primary key);
    insert into things values (1, '2026-06-01 11:59:58'), (2, '2026-01-01')`);
  await sql(servers.there, 'delete from things; insert into notes values (1)');
  const of = async (failback_: object) => {
    const report = await failback(servers.config({ failback: { margin: '5s', version: 'local', ...failback_ } }), {});
    return (await linesOf(report)).map(({ table, key, take }) => [table, key.id, take]).sort();
  };
  expect(await of({})).toEqual([
    ['notes', '1', null],
    ['things', '1', null],
    ['things', '2', null],
  ]);
  expect(await of({ timeZone: 'UTC', rules: { notes: { neverDeleted: true } } })).toEqual([
    ['notes', '1', 'there'],
    ['things', '1', null],
    ['things', '2', 'there'],
  ]);
  expect((await of({ timeZone: 'America/Lima' }))[1]).toEqual(['things', '1', 'here']);
});

test('a row that breaks another server’s constraint takes its group back, and the other groups stand', async () => {
  await servers.onBoth(`create table parts (id int primary key, thing int not null references things, note text, updated_at timestamptz, created_at timestamptz);
    create unique index on parts (lower(note)); create table alone (id int primary key, updated_at timestamptz)`);
  await sql(servers.here, `insert into parts values (1, 1, 'Same', '2026-07-01Z', '2026-07-01Z')`);
  await sql(
    servers.there,
    `insert into parts values (2, 1, 'same', '2026-07-01Z', '2026-07-01Z'), (3, 2, 'good', '2026-07-01Z', '2026-07-01Z');
    insert into alone values (1, '2026-07-01Z')`,
  );
  const report = await failback(servers.config(), { apply: true });
  expect(report.takenBack).toMatchObject([{ side: 'here', tables: expect.arrayContaining(['parts', 'things']) }]);
  expect(report.takenBack[0]!.errors.join()).toMatch(/parts 2: duplicate key/);
  expect(report.exitCode).toBe(1);
  expect(await sql(servers.here, 'select id from parts')).toEqual([{ id: 1 }]);
  expect(await sql(servers.here, 'select id from alone')).toEqual([{ id: 1 }]);
});
