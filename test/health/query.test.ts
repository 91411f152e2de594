// The query probe, and what every probe has from its runner: thresholds, time-outs, one hanging server, words for what went wrong.

import { type AddressInfo, createServer } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { type HealthReport, health, parseConfig } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

let source: string;

beforeAll(async () => {
  source = await freshPostgres();
  await sql(source, 'create table things (id int primary key); insert into things select generate_series(1, 214)');
});

const variable = (name: string) => ['$', '{', name, '}'].join('');

function ask(probes: Record<string, object>, stores: Record<string, object> = {}): Promise<HealthReport> {
  const file = {
    source: { url: variable('SOURCE') },
    stores,
    entities: { things: { table: 'things', touches: {} } },
    health: { probes },
  };
  return health(parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', { SOURCE: source }));
}

const rows = { kind: 'query', server: 'source', query: 'select count(*) from things', unit: 'rows' };

describe('a number is held against its conditions', () => {
  test.each([
    [{}, 'ok', '214 rows', 0],
    [{ warn: '> 214' }, 'ok', '214 rows', 0],
    [{ warn: '>= 214', fail: '> 1000' }, 'warning', '214 rows (warns at >= 214)', 0],
    [{ warn: '> 10', fail: '!= 213' }, 'failed', '214 rows (fails at != 213)', 1],
  ])('%o is %s', async (conditions, status, message, exitCode) => {
    const report = await ask({ backlog: { ...rows, ...conditions } });
    expect(report).toMatchObject({ exitCode, probes: [{ name: 'backlog', status, readings: [{ status, message }] }] });
  });
});

test('a number larger than a double holds is told exactly, and one column of several may be meant', async () => {
  const big = { kind: 'query', server: 'source', query: 'select 9007199254740993, 0.50 as share', fail: '< 1' };
  const { probes } = await ask({ big, share: { ...big, column: 'share', unit: 'of all' } });
  expect(probes.map(({ readings }) => readings[0]!.message)).toEqual([
    '9,007,199,254,740,993',
    '0.50 of all (fails at < 1)',
  ]);
});

test('no answer is unknown, never ok: no row, no number, an error', async () => {
  const report = await ask({
    empty: { ...rows, query: 'select 1 where false' },
    word: { ...rows, query: "select 'many'" },
    nothing: { ...rows, query: 'select null' },
    wrong: { ...rows, query: 'select count(*) from nowhere' },
    writes: { ...rows, query: 'insert into things values (0) returning id' },
    fine: rows,
  });
  expect(report.exitCode).toBe(3);
  expect(report.probes.map(({ status }) => status)).toEqual([...Array(5).fill('unknown'), 'ok']);
  expect(report.probes[3]!.readings[0]!.message).toMatch(/source: ask: .*nowhere/);
  expect(report.probes[4]!.readings[0]!.message).toMatch(/read-only/);
});

test('a server that accepts and never answers costs only its own probes their time', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo;
  const began = performance.now();
  const report = await ask(
    { stuck: { ...rows, server: 'hung', timeout: '300ms' }, fine: rows },
    { hung: { kind: 'postgres', url: `postgres://nobody@127.0.0.1:${port}/x` } },
  );
  silent.close();
  expect(report.probes).toMatchObject([
    { status: 'unknown', readings: [{ message: 'timed out after 300 ms' }] },
    { status: 'ok' },
  ]);
  expect(report.exitCode).toBe(3);
  expect(performance.now() - began).toBeLessThan(5000);
});

test('time in which this process is busy itself is not held against a server', async () => {
  const asked = ask({ fine: { ...rows, timeout: '1s' } });
  setImmediate(() => {
    const until = performance.now() + 1500;
    while (performance.now() < until);
  });
  expect((await asked).probes).toMatchObject([{ status: 'ok' }]);
});

test('what the file gets wrong is told with its line before anything is asked', () => {
  const text = [
    'source: { url: "postgres://x@h/d" }',
    'stores: { docs: { kind: mongodb, url: "mongodb://h/d" } }',
    'entities: { things: { table: things, replicas: [{ store: docs }] } }',
    'health:',
    '  probes:',
    '    a: { kind: qurey }',
    '    b: { kind: query, server: dosc, query: select 1 }',
    '    c: { kind: query, server: docs, query: select 1, warm: "> 1", fail: "1" }',
    '    d: { kind: query, server: docs, query: select 1, timeout: soon }',
  ].join('\n');
  expect(() => parseConfig(text, 'plumbline.yaml', {})).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({ line: 6, message: 'unknown kind "qurey"; did you mean "query"?' }),
        expect.objectContaining({ line: 7, message: 'no server is named "dosc"; did you mean "docs"?' }),
        expect.objectContaining({ line: 8, message: 'unknown key; did you mean "warn"?' }),
        expect.objectContaining({ line: 8, message: 'is no condition; write > 100, <= 5 or != 0' }),
        expect.objectContaining({ line: 9, message: 'is no duration; write 500ms, 2s, 5m, 1h or 7d' }),
      ],
    }),
  );
});

test('only probes that are named are asked, and a name that is none is a mistake', async () => {
  const config = parseConfig(
    JSON.stringify({
      source: { url: variable('SOURCE') },
      stores: {},
      entities: { things: { table: 'things', touches: {} } },
      health: { probes: { one: rows, two: { ...rows, gate: true } } },
    }),
    'plumbline.yaml',
    { SOURCE: source },
  );
  expect((await health(config, { only: ['one'] })).probes.map(({ name }) => name)).toEqual(['one']);
  expect((await health(config, { gates: true })).probes.map(({ name }) => name)).toEqual(['two']);
  await expect(health(config, { only: ['three'] })).rejects.toThrow('no probe is named "three"');
});
