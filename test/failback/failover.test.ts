// The failover fixture on a real promoted standby: both sides written, merged, undone, merged again; then check says in sync.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStandby } from '../../engines/engines.ts';
import { type ExpectedRow, HAPPENINGS } from '../../fixtures/failover/damages.ts';
import { fixturePath } from '../../fixtures/failover/paths.ts';
import { type FailoverServers, letHappen, startFailover } from '../../fixtures/failover/servers.ts';
import type { DecisionLine } from '../../src/failback/decision.ts';
import { type Config, type FailbackReport, failback, readConfig, undo } from '../../src/index.ts';
import { sql } from '../databases.ts';

let folder: string;
let servers: FailoverServers;
let config: Config;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-failover-'));
  servers = await startFailover('18');
  await letHappen(servers);
  config = { ...(await readConfig(fixturePath('plumbline.yaml'), servers.environment)), folder };
}, 180_000);
afterAll(async () => {
  await servers?.stop();
  await rm(folder, { recursive: true, force: true });
});

const linesOf = async (report: FailbackReport): Promise<DecisionLine[]> =>
  (await readFile(join(report.folder, 'rows.ndjson'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const TABLES = ['clientes', 'pedidos', 'lineas', 'mesas', 'eventos', 'auditoria'];

async function state(url: string): Promise<object> {
  const tables: Record<string, unknown> = {};
  for (const name of TABLES) tables[name] = await sql(url, `select * from ${name} order by 1, 2`);
  return tables;
}

const limits = { maxPercent: 100 } as const;

test('every happening is one decision, the right one, and nothing else is found; nothing is written', async () => {
  const before = [await state(servers.here.url), await state(servers.there.url)];
  const report = await failback(config, {});
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ applied: false, exitCode: 1, verdict: 'open' });
  expect(report.parted.from).toMatch(/there says/);
  const lines = await linesOf(report);
  const words = ({ table, state, take }: Pick<ExpectedRow, 'table' | 'state' | 'take'>, key: string) =>
    `${table} ${key}: ${state}, ${take}`;
  const found = lines.map((line) => words(line, line.table === 'auditoria' ? '' : Object.values(line.key).join()));
  const expected = HAPPENINGS.flatMap((one) => one.expect).map((row) => words(row, row.key?.join() ?? ''));
  expect(found.sort()).toEqual(expected.sort());
  expect(lines.find(({ table, key }) => table === 'clientes' && key.id === '95')!.why).toMatch(/kept, as pedidos 1300/);
  expect(lines.find(({ table, key }) => table === 'clientes' && key.id === '600')!.why).toMatch(/email stands in 500/);
  expect(lines.find(({ table, key }) => table === 'clientes' && key.id === '20')!.fields).toContainEqual({
    name: 'nombre',
    here: 'Ana',
    there: 'Ana María',
  });
  expect([await state(servers.here.url), await state(servers.there.url)]).toEqual(before);
});

test('merged, undone and merged again; nothing is lost, sequences are past both sides, triggers did not fire', async () => {
  const [here, there] = [servers.here.url, servers.there.url];
  const before = await state(here);
  const merged = await failback(config, { apply: true, ...limits });
  expect(merged.problems).toEqual([]);
  expect(merged.takenBack).toEqual([]);
  expect(merged).toMatchObject({ applied: true, exitCode: 1, verdict: 'open' });
  expect(merged.checks.wrong).toEqual([]);
  expect(merged.checks.made).toBeGreaterThan(30);
  expect(merged.tables.map(({ unexplained }) => unexplained)).toEqual(merged.tables.map(() => 0));

  const ids = async (url: string, table: string) =>
    (await sql(url, `select id::text from ${table}`)).map(({ id }) => id);
  for (const table of ['clientes', 'pedidos', 'lineas', 'mesas', 'auditoria']) {
    const [mine, theirs] = [await ids(here, table), await ids(there, table)];
    const lost = theirs.filter((id) => !mine.includes(id));
    expect({ table, lost }).toEqual({ table, lost: table === 'clientes' ? ['600'] : [] });
  }
  expect(await sql(here, 'select id, plaza from mesas where id in (1, 2, 9) order by id')).toEqual([
    { id: 1, plaza: 'plaza 2' },
    { id: 2, plaza: 'plaza 1' },
    { id: 9, plaza: 'terraza' },
  ]);
  expect(await sql(here, 'select ultima_linea::int as last, iva::float from pedidos where id = 1001')).toEqual([
    { last: 2001, iva: 2.625 },
  ]);
  expect(await sql(here, `select count(*)::int as n from auditoria`)).toEqual([{ n: 2 }]);
  const [next] = await sql(
    here,
    `select nextval('pedidos_id_seq')::int as pedido, nextval('lineas_id_seq')::int as linea, nextval(pg_get_serial_sequence('clientes', 'id'))::int as cliente`,
  );
  expect(next).toEqual({ pedido: 1301, linea: 2002, cliente: 501 });

  const after = await state(here);
  const again = await failback(config, { apply: true, ...limits });
  expect(again.tables.map(({ outcomes }) => outcomes!.here!.written)).toEqual(again.tables.map(() => 0));

  const dry = await undo(config, merged.run);
  expect(dry.replicas.flatMap(({ left }) => left)).toEqual([]);
  expect(dry).toMatchObject({ applied: false, exitCode: 0 });
  expect(await state(here)).toEqual(after);
  const undone = await undo(config, merged.run, { apply: true });
  expect(undone.problems).toEqual([]);
  expect(undone).toMatchObject({ applied: true, exitCode: 0 });
  expect(await state(here)).toEqual(before);
  expect((await undo(config, undone.run, { apply: true })).exitCode).toBe(0);
  expect(await state(here)).toEqual(after);
});

test('a promoted backup that was restarted has forgotten when they parted; a place in the log of here tells it', async () => {
  const { here, there } = servers;
  const [known] = await sql(
    there.url,
    'select pg_last_wal_replay_lsn()::text as lsn, pg_last_xact_replay_timestamp() as at',
  );
  await there.down('SIGTERM');
  await there.up();
  await sql(there.url, 'delete from mesas where id = 20');
  const forgotten = await failback(config, {});
  expect(forgotten.parted).toMatchObject({ at: null, from: expect.stringMatching(/set failback\.parted/) });
  expect((await linesOf(forgotten)).find(({ table, key }) => table === 'mesas' && key.id === '20')).toMatchObject({
    take: null,
  });

  const withLsn = { ...config, failback: { ...config.failback!, parted: String(known!.lsn) } };
  expect((await failback(withLsn, {})).problems[0]).toMatchObject({ hint: expect.stringMatching(/pg_walinspect/) });
  await sql(here.url, 'create extension pg_walinspect');
  const told = await failback(withLsn, {});
  expect(told.problems).toEqual([]);
  expect(told.parted.at).toBe((known!.at as Date).toISOString());
  expect((await linesOf(told)).find(({ table, key }) => table === 'mesas' && key.id === '20')).toMatchObject({
    take: 'there',
  });
});

test('neither onto a standby nor from one', async () => {
  const standby = await startStandby(servers.here, { name: 'standby' });
  try {
    const onto = { ...config, failback: { ...config.failback!, here: { url: standby.url } } };
    const from = { ...config, failback: { ...config.failback!, there: { url: standby.url } } };
    expect(await failback(onto, { apply: true })).toMatchObject({
      exitCode: 4,
      problems: [{ message: 'here is a standby: it takes no writes' }],
    });
    expect(await failback(from, { apply: true })).toMatchObject({
      exitCode: 4,
      problems: [{ message: 'there is still a standby: it took no writes of its own' }],
    });
  } finally {
    await standby.stop();
  }
});
