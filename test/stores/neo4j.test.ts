// The Neo4j store: the shared suite with records as nodes and as relationships, and what only Neo4j has. Everything is written and read back by a
// driver of the test's own.

import fc from 'fast-check';
import neo4jDriverModule, { type Driver } from 'neo4j-driver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { neo4jDriver } from '../../engines/neo4j.ts';
import type { StoreError } from '../../src/errors.ts';
import { check, parseConfig, reconcile } from '../../src/index.ts';
import type { Field, Key, Mapping, Row } from '../../src/mapping/mapping.ts';
import { isRejection } from '../../src/stores/neo4j/failure.ts';
import { secondsOfText } from '../../src/stores/neo4j/hash.ts';
import { durationParts, intervalText } from '../../src/stores/neo4j/interval.ts';
import { neo4j } from '../../src/stores/neo4j/neo4j.ts';
import { replicaOptions } from '../../src/stores/neo4j/options.ts';
import { readUrl } from '../../src/stores/neo4j/url.ts';
import type { Change, FetchedRow, Replica, Store } from '../../src/stores/store.ts';
import { fromTimestampText } from '../../src/value/canonical.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { secondsToHash } from '../../src/value/row-hash.ts';
import { freshNeo4j, freshPostgres, sql } from '../databases.ts';
import { expectDigestsOfRows, storeContract } from './contract.ts';
import { field } from './contract-cases.ts';
import { connectNeo4j, startNeo4j } from './neo4j-harness.ts';
import { cypher } from './neo4j-native.ts';

const { int, types } = neo4jDriverModule;

storeContract('neo4j, nodes', startNeo4j('node'));
storeContract('neo4j, relationships', startNeo4j('relationship'));

const text: FieldType = { kind: 'text' };
const integer: FieldType = { kind: 'integer', bits: 32 };
const micros: FieldType = { kind: 'timestamp', precision: 6 };
let url: string;
let prefix: string;
let driver: Driver;
let store: Store;
let names = 0;

beforeAll(async () => {
  ({ url, prefix } = freshNeo4j());
  driver = await neo4jDriver(url);
  store = await connectNeo4j(url);
});
afterAll(async () => {
  await store.close();
  await driver.close();
});

const run = (query: string, parameters?: Record<string, unknown>) => cypher(driver, query, parameters);
const fresh = () => `${prefix}own${names++}`;
const replicaOf = (target: string, mapping: Mapping, more: Partial<Replica> = {}): Replica => ({
  name: `graph.${target}`,
  target,
  mapping,
  options: {},
  ...more,
});

async function scanned(replica: Replica): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of store.scan(replica)) rows.push(...page);
  return rows;
}

async function fetchOne(replica: Replica, ...key: string[]): Promise<FetchedRow> {
  const [row] = await store.fetch(replica, [key]);
  return row!;
}

async function apply(replica: Replica, ...changes: Change[]): Promise<string[]> {
  const outcomes = await store.apply(replica, changes);
  return outcomes.map((outcome) => ('error' in outcome ? `refused: ${outcome.error}` : outcome.outcome));
}

const insert = (key: Key, values: readonly Value[]): Change => ({ kind: 'insert', row: { key, values } });
const remove = (expected: FetchedRow): Change => ({ kind: 'delete', expected });
function update(expected: FetchedRow, changed: Readonly<Record<number, Value>>): Change {
  const values = expected.values.map((value, i) => (i in changed ? changed[i]! : value));
  return { kind: 'update', row: { key: expected.key, values }, fields: Object.keys(changed).map(Number), expected };
}

describe('values', () => {
  const nodeWith = async (mapped: Field, native: unknown): Promise<Replica> => {
    const target = fresh();
    await run(`CREATE (n:${target} {id: 'a', f: $native})`, { native });
    return replicaOf(target, { key: [field('id', text)], fields: [mapped] });
  };
  const zoned = (...[y, mo, d, h, mi, s, n, offset, zone]: (number | string | undefined)[]) =>
    new types.DateTime(
      y as number,
      mo as number,
      d as number,
      h as number,
      mi as number,
      s as number,
      n as number,
      offset as number,
      zone as string,
    );

  test.each<[string, FieldType, () => unknown, Value]>([
    ['a whole float in an integer field', integer, () => 12, '12'],
    ['a fraction in an integer field stays', integer, () => 1.5, '1.5'],
    ['an integer past 2^53', { kind: 'integer', bits: 64 }, () => int('9007199254740993'), '9007199254740993'],
    ['digits in text for an integer', { kind: 'integer', bits: 64 }, () => '0012', '12'],
    ['a float for a decimal', { kind: 'decimal' }, () => 1200.5, '1200.5'],
    ['text for a decimal, with trailing zeros', { kind: 'decimal' }, () => '1.500', '1.5'],
    ['an integer for a float', { kind: 'float', bits: 64 }, () => int(3), '3'],
    ['negative zero', { kind: 'float', bits: 64 }, () => -0, '0'],
    ['single precision in a double', { kind: 'float', bits: 32 }, () => Math.fround(0.1), '0.1'],
    ['1 for a boolean', { kind: 'boolean' }, () => int(1), 'true'],
    ['a number for a word', { kind: 'enum' }, () => int(3), '3'],
    ['a boolean for a word', { kind: 'enum' }, () => true, 'true'],
    ['padded text', { kind: 'text', padded: true }, () => 'ab  ', 'ab'],
    ['nanoseconds are cut', micros, () => zoned(2026, 1, 2, 3, 4, 5, 123456999, 0), '2026-01-02T03:04:05.123456Z'],
    ['another offset', micros, () => zoned(2026, 1, 2, 3, 4, 5, 0, 7200), '2026-01-02T01:04:05.000000Z'],
    [
      'a named time zone',
      micros,
      () => zoned(2026, 7, 2, 3, 4, 5, 0, undefined, 'Europe/Madrid'),
      '2026-07-02T01:04:05.000000Z',
    ],
    [
      'a local date-time, as UTC',
      micros,
      () => new types.LocalDateTime(2026, 1, 2, 3, 4, 0, 5000),
      '2026-01-02T03:04:00.000005Z',
    ],
    ['a date for a time', micros, () => new types.Date(2026, 1, 2), '2026-01-02T00:00:00.000000Z'],
    ['ISO text for a time', micros, () => '2026-01-02 03:04:05.1234567+02:00', '2026-01-02T01:04:05.123456Z'],
    ['a year before Christ', micros, () => zoned(-43, 3, 15, 12, 0, 0, 0, 0), '-0043-03-15T12:00:00.000000Z'],
    [
      'coarser times',
      { kind: 'timestamp', precision: 0 },
      () => zoned(1969, 12, 31, 23, 59, 59, 999_000_000, 0),
      '1969-12-31T23:59:59.000000Z',
    ],
    ['a moment for a date, in UTC', { kind: 'date' }, () => zoned(2026, 1, 2, 0, 30, 0, 0, 3600), '2026-01-01'],
    [
      'a UUID in capitals',
      { kind: 'uuid' },
      () => '00000000-0000-4000-8000-0000000000FF',
      '00000000-0000-4000-8000-0000000000ff',
    ],
    ['JSON as text', { kind: 'json' }, () => '{"b":1,"a":[1.50]}', '{"a": [1.5], "b": 1}'],
    ['a list for JSON', { kind: 'json' }, () => [int(1), int(2)], '[1, 2]'],
    ['a list of integers', { kind: 'array', element: integer }, () => [int(1), int(-2)], '[1, -2]'],
    ['a list of texts', { kind: 'array', element: text }, () => ['b', 'a'], '["b", "a"]'],
    [
      'a list of times',
      { kind: 'array', element: micros },
      () => [zoned(1970, 1, 1, 0, 0, 0, 5000, 0)],
      '["1970-01-01T00:00:00.000005Z"]',
    ],
    ['an array kept as JSON', { kind: 'array', element: text }, () => '["a",null]', '["a", null]'],
    ['a vector', { kind: 'vector' }, () => [0.1, 2], '[0.1, 2]'],
    ['a duration', { kind: 'interval' }, () => new types.Duration(14, 3, 14706, 700_000_000), 'P1Y2M3DT4H5M6.7S'],
    [
      'a duration of mixed signs',
      { kind: 'interval' },
      () => new types.Duration(-14, 3, -6, 500_000_000),
      'P-1Y-2M3DT-5.5S',
    ],
  ])('%s', async (_name, type, native, canonical) => {
    const replica = await nodeWith(field('f', type), native());
    expect(await scanned(replica)).toEqual([{ key: ['a'], values: [canonical] }]);
    await expectDigestsOfRows(store, replica);
    expect(await fetchOne(replica, 'a')).toMatchObject({ key: ['a'], values: [canonical] });
    expect((await store.inspect(replica)).problems).toEqual([]);
  });

  test.each<[string, FieldType, () => unknown, RegExp]>([
    ['a number in a text field', text, () => int(3), /^f holds an integer, not text$/],
    ['text that is no number', { kind: 'decimal' }, () => 'twelve', /^f holds a string, not decimal: "twelve"/],
    ['2 for a boolean', { kind: 'boolean' }, () => int(2), /^f holds an integer, not boolean/],
    ['a point', text, () => new types.Point(int(4326), 1, 2), /^f holds a point, not text$/],
    ['a time of day', text, () => new types.LocalTime(1, 2, 3, 4), /^f holds a time of day, not text$/],
    ['a number for a time', micros, () => int(1_700_000_000_000), /^f holds an integer, not timestamp$/],
    [
      'numbers in a list of texts',
      { kind: 'array', element: text },
      () => [int(1)],
      /^f holds a list, not array: an element is an integer$/,
    ],
  ])('%s makes the record unread, and is a problem where it stands everywhere', async (_name, type, native, reason) => {
    const replica = await nodeWith(field('f', type), native());
    expect(await scanned(replica)).toEqual([{ key: ['a'], values: [null], unread: expect.stringMatching(reason) }]);
    expect(await fetchOne(replica, 'a')).toMatchObject({ key: ['a'], unread: expect.stringMatching(reason) });
    expect((await store.inspect(replica)).problems).toMatchObject([{ path: 'f' }]);
  });

  test('times hash alike, however they come', () => {
    const precisions = [0, 3, 6];
    const times = [
      '1970-01-01T00:00:00Z',
      '1969-12-31T23:59:59.999999999Z',
      '0000-02-29T12:00:00.5Z',
      '2026-11-22T01:14:07.221987654Z',
      '2254-12-31T23:59:59.123456',
      '2400-02-29T12:00:00.000001Z',
      '2026-11-22 01:14:07Z',
      '2026-11-22T01:14:07+02:00',
      '-0043-03-15T12:00:00Z',
      '+12026-03-15T12:00:00Z',
    ];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(...times),
          fc
            .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
            .map((date) => date.toISOString()),
        ),
        fc.constantFrom(...precisions),
        (written, precision) => {
          const quick = secondsOfText(written, precision);
          if (quick !== undefined) expect(quick).toBe(secondsToHash(fromTimestampText(written, precision)));
        },
      ),
    );
    expect(times.map((written) => secondsOfText(written, 6) !== undefined)).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    for (const wrong of [
      '2026-11-22T01:14:0xZ',
      '2026-11-2aT01:14:07Z',
      '2026-11-22T01:14:07.1xZ',
      '2026-11-22T01:14:07ZZ',
    ]) {
      expect(secondsOfText(wrong, 6)).toBe(undefined);
    }
  });

  test('a sensitive value is not told in the reason', async () => {
    const replica = await nodeWith(field('f', { kind: 'decimal' }, { sensitive: true }), 's3cret');
    expect((await scanned(replica))[0]!.unread).toBe('f holds a string, not decimal');
  });

  test('are written in the form that the graph uses, or that the config names', async () => {
    const target = fresh();
    const fields = [
      field('n', { kind: 'decimal' }),
      field('at', micros),
      field('iso', micros),
      field('flag', { kind: 'boolean' }),
      field('whole', { kind: 'decimal' }, { storedAs: 'double' }),
      field('code', { kind: 'enum' }, { map: new Map([['open', 1]]) }),
      field('span', { kind: 'interval' }),
      field('none', text),
    ];
    const replica = replicaOf(target, { key: [field('id', text)], fields });
    await run(
      `CREATE (n:${target} {id: 'a', n: 1.5, at: localdatetime('2026-01-01T00:00'), iso: '2026-01-01T00:00:00.000Z', flag: 1})`,
    );
    const at = '2026-01-02T03:04:05.060000Z';
    const values = ['2.25', at, at, 'true', '3', '1', 'P1Y2M3DT-4H-5M-6.7S', null];
    expect(await apply(replica, insert(['b'], values))).toEqual(['written']);
    const [row] = await run(
      `MATCH (n:${target} {id: 'b'}) RETURN n.n AS n, toString(n.at) AS at, n.iso AS iso, n.flag AS flag, valueType(n.whole) AS whole, n.code AS code, toString(n.span) AS span, keys(n) AS keys`,
    );
    expect(row).toMatchObject({
      n: 2.25,
      at: '2026-01-02T03:04:05.06',
      iso: '2026-01-02T03:04:05.060Z',
      flag: int(1),
      whole: 'FLOAT NOT NULL',
      code: int(1),
    });
    expect(row!.keys).not.toContain('none');
    expect((await fetchOne(replica, 'b')).values).toEqual(values);
  });

  test('that Neo4j can’t hold exactly are refused', async () => {
    const target = fresh();
    const mapping = {
      key: [field('id', text)],
      fields: [
        field('rate', { kind: 'decimal' }, { storedAs: 'double' }),
        field('tags', { kind: 'array', element: text }),
        field('day', { kind: 'date' }),
        field('big', { kind: 'decimal' }, { storedAs: 'long' }),
        field('near', { kind: 'decimal' }, { storedAs: 'double', tolerance: 0.001 }),
      ],
    } satisfies Mapping;
    const replica = replicaOf(target, mapping);
    const outcomes = await apply(
      replica,
      insert(['a'], ['12345678901234567890.5', null, null, null, null]),
      insert(['b'], [null, '["x", null]', null, null, null]),
      insert(['c'], [null, null, 'infinity', null, null]),
      insert(['d'], [null, null, null, '99999999999999999999', null]),
      insert(['e'], ['0.1', '["x"]', '2026-01-01', '12', '0.12345678901234567890']),
    );
    expect(outcomes).toEqual([
      expect.stringMatching(/^refused: rate: .*digits/),
      expect.stringMatching(/^refused: tags: .*null/),
      expect.stringMatching(/^refused: day: /),
      expect.stringMatching(/^refused: big: .*digits/),
      'written',
    ]);
    expect(await scanned(replica)).toHaveLength(1);
  });

  test('intervals go to durations and back', () => {
    for (const written of [
      'PT0S',
      'P1Y2M3DT4H5M6.7S',
      'P-1Y-2M3DT-4H-5M-6.7S',
      'PT-0.000001S',
      'P1M-30DT100H',
      'PT59.999999S',
    ]) {
      expect(intervalText(durationParts(written))).toBe(written);
    }
  });
});

describe('keys', () => {
  test.each<[string, FieldType, string, readonly string[]]>([
    [
      'a UUID',
      { kind: 'uuid' },
      '0b0c0d0e-0000-4000-8000-0000000000ff',
      ["'0B0C0D0E-0000-4000-8000-0000000000FF'", "'0b0c0d0e0000400080000000000000ff'"],
    ],
    ['an integer', { kind: 'integer', bits: 64 }, '12', ['12', '12.0', "'12'"]],
    ['a decimal', { kind: 'decimal' }, '0.5', ['0.5', "'0.5'"]],
    ['a date', { kind: 'date' }, '2026-01-02', ["date('2026-01-02')", "'2026-01-02'"]],
    [
      'a time',
      micros,
      '2026-01-02T03:04:05.006000Z',
      [
        "datetime('2026-01-02T03:04:05.006Z')",
        "localdatetime('2026-01-02T03:04:05.006')",
        "'2026-01-02T03:04:05.006Z'",
      ],
    ],
    ['a boolean', { kind: 'boolean' }, 'true', ['true', '1', "'true'"]],
  ])('%s is found in every form in which it stands, with an index and without', async (_name, type, key, forms) => {
    for (const indexed of [true, false]) {
      const target = fresh();
      if (indexed) await run(`CREATE INDEX FOR (n:${target}) ON (n.id)`);
      await run(
        `UNWIND [${forms.map((form) => `{v: ${form}}`).join(', ')}] AS row CREATE (n:${target} {id: row.v, f: 'x'})`,
      );
      const replica = replicaOf(target, { key: [field('id', type)], fields: [field('f', text)] });
      await run('CALL db.awaitIndexes()');
      expect(await scanned(replica)).toEqual(forms.map(() => ({ key: [key], values: ['x'] })));
      await expectDigestsOfRows(store, replica);
      expect(await store.fetch(replica, [[key]])).toHaveLength(forms.length);
      expect(await apply(replica, insert([key], ['new']))).toEqual(['moved']);
    }
  });

  test('in a spelling by which they can’t be looked up make the record unread', async () => {
    const target = fresh();
    await run(`CREATE (:${target} {id: '0012'}), (:${target} {id: '13'}), (:${target} {id: 14})`);
    const replica = replicaOf(target, { key: [field('id', integer)], fields: [] });
    const rows = await scanned(replica);
    expect(rows.map((row) => [row.key[0], row.unread !== undefined])).toEqual([
      ['12', true],
      ['13', false],
      ['14', false],
    ]);
  });

  test('that are missing make the record unread', async () => {
    const target = fresh();
    await run(`CREATE (:${target} {id: 'a'}), (:${target} {other: 1})`);
    const rows = await scanned(replicaOf(target, { key: [field('id', text)], fields: [] }));
    expect(rows.map(({ unread }) => unread)).toEqual([undefined, 'id is part of the key and has no value']);
  });

  test('of several properties are found without an index', async () => {
    const target = fresh();
    await run(`UNWIND range(1, 40) AS i CREATE (:${target} {a: i % 4, b: 'b' + (i / 4)})`);
    const replica = replicaOf(target, { key: [field('a', integer), field('b', text)], fields: [] });
    const rows = await store.fetch(replica, [
      ['1', 'b3'],
      ['2', 'b4'],
      ['3', 'nowhere'],
    ]);
    expect(rows.map(({ key }) => key.join()).sort()).toEqual(['1,b3', '2,b4']);
  });
});

describe('names and conditions', () => {
  test('names are quoted, whatever they hold', async () => {
    const target = `${fresh()} we\`ird "x" {}`;
    const mapping = {
      key: [field('k', text, { target: 'a `key`' })],
      fields: [field('f', text, { target: 'n.f // ' })],
    };
    const replica = replicaOf(target, mapping);
    expect(await apply(replica, insert(['1'], ['x']))).toEqual(['written']);
    expect(await apply(replica, update(await fetchOne(replica, '1'), { 0: 'y' }))).toEqual(['written']);
    expect(await scanned(replica)).toEqual([{ key: ['1'], values: ['y'] }]);
    expect(await store.inspect(replica)).toMatchObject({ problems: [], estimatedRows: 1 });
    expect(await apply(replica, remove(await fetchOne(replica, '1')))).toEqual(['written']);
  });

  test('a name with an escape, which would end its quotes, is a problem and never sent', async () => {
    const replica = replicaOf(`${fresh()}\\u0060) DETACH DELETE n //`, { key: [field('k', text)], fields: [] });
    expect((await store.inspect(replica)).problems).toMatchObject([
      { message: expect.stringMatching(/can't be a name/) },
    ]);
    await expect(scanned(replica)).rejects.toThrow(/can't be a name/);
  });

  test('`where` is Cypher, even with a comment in the end; anything else is a problem', async () => {
    const target = fresh();
    await run(`CREATE (:${target} {id: 'a', v: 1}), (:${target} {id: 'b', v: 2}), (:${target} {id: 'c', v: 1})`);
    const mapping = { key: [field('id', text)], fields: [] };
    const replica = replicaOf(target, mapping, { where: "n.v = 2 OR n.id = 'c' // not the rest" });
    expect((await scanned(replica)).map(({ key }) => key[0]).sort()).toEqual(['b', 'c']);
    expect(await store.inspect(replica)).toMatchObject({ estimatedRows: 2, problems: [] });
    const held = await fetchOne(replica, 'b');
    await run(`MATCH (n:${target} {id: 'b'}) SET n.v = 3`);
    expect(await apply(replica, remove(held), insert(['a'], []))).toEqual(['unchanged', 'moved']);
    expect(await run(`MATCH (n:${target} {id: 'b'}) RETURN n`)).toHaveLength(1);
    const wrong = await store.inspect(replicaOf(target, mapping, { where: { v: 2 } }));
    expect(wrong.problems).toMatchObject([{ path: 'where' }]);
    const broken = replicaOf(target, mapping, { where: 'n.v ==== 2' });
    expect((await store.inspect(broken)).problems).toMatchObject([
      { path: 'where', message: expect.stringMatching(/=/) },
    ]);
    await expect(scanned(broken)).rejects.toMatchObject({
      name: 'StoreError',
      transient: false,
      hint: expect.stringMatching(/where/),
    });
  });
});

describe('nodes', () => {
  const mapping: Mapping = { key: [field('id', text)], fields: [field('f', text)] };

  test('with relationships are only deleted where the replica says `detach`', async () => {
    const target = fresh();
    await run(
      `CREATE (a:${target} {id: 'a', f: 'x'})-[:${target}R]->(b:${target} {id: 'b', f: 'x'}), (:${target} {id: 'c', f: 'x'})`,
    );
    const replica = replicaOf(target, mapping);
    const rows = await Promise.all(['a', 'c'].map((id) => fetchOne(replica, id)));
    expect(await apply(replica, ...rows.map(remove))).toEqual([
      expect.stringMatching(/^refused: 1 relationship .*detach/),
      'written',
    ]);
    const detaching = replicaOf(target, mapping, { options: { detach: true } });
    expect(await apply(detaching, remove(await fetchOne(detaching, 'a')))).toEqual(['written']);
    expect((await scanned(replica)).map(({ key }) => key)).toEqual([['b']]);
  });

  test('that were deleted and made again are not the ones that were read', async () => {
    const target = fresh();
    await run(`CREATE (:${target} {id: 'a', f: 'x'})`);
    const replica = replicaOf(target, mapping);
    const row = await fetchOne(replica, 'a');
    await run(`MATCH (n:${target}) DELETE n`);
    // Neo4j gives the elementId to the next node sooner or later: whoever has it now must not be taken for the old one.
    await run(`UNWIND range(1, 50) AS i CREATE (:${target} {id: 'a', f: 'another ' + i})`);
    expect(await apply(replica, update(row, { 0: 'y' }))).toEqual(['moved']);
    expect(['moved', 'unchanged']).toContain((await apply(replica, remove(row)))[0]);
    expect(await run(`MATCH (n:${target}) WHERE n.f STARTS WITH 'another' RETURN n`)).toHaveLength(50);
  });

  test('1 and 1.0, and labels that were taken away, are changes', async () => {
    const target = fresh();
    const replica = replicaOf(target, {
      key: [field('id', text)],
      fields: [field('n', { kind: 'float', bits: 64 }), field('f', text)],
    });
    await run(`CREATE (:${target} {id: 'a', n: 1}), (:${target} {id: 'b', n: 1}), (:${target} {id: 'c', n: 0.0/0.0})`);
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => fetchOne(replica, id)));
    await run(`MATCH (n:${target} {id: 'a'}) SET n.n = 1.0`);
    await run(`MATCH (n:${target} {id: 'b'}) SET n:${target}_gone REMOVE n:${target}`);
    const outcomes = await apply(replica, update(a!, { 1: 'x' }), update(b!, { 1: 'x' }), update(c!, { 1: 'x' }));
    expect(outcomes).toEqual(['moved', 'moved', 'written']);
  });

  test('a change that is being made meanwhile is waited for and left alone', async () => {
    const target = fresh();
    await run(`CREATE CONSTRAINT FOR (n:${target}) REQUIRE n.id IS UNIQUE`);
    await run(`UNWIND range(1, 5) AS i CREATE (:${target} {id: 'n' + i, f: 'old'})`);
    const replica = replicaOf(target, mapping);
    const rows = await store.fetch(replica, [['n1'], ['n2'], ['n3']]);
    const session = driver.session();
    const other = session.beginTransaction();
    await other.run(`MATCH (n:${target} {id: 'n1'}) SET n.f = 'theirs'`);
    await other.run(`MATCH (n:${target} {id: 'n2'}) DELETE n`);
    await other.run(`CREATE (:${target} {id: 'new', f: 'theirs'})`);
    const changes = [...rows].sort((a, b) => (a.key[0]! < b.key[0]! ? -1 : 1)).map((row) => update(row, { 0: 'ours' }));
    const applying = apply(replica, ...changes, insert(['new'], ['ours']));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await other.commit();
    await session.close();
    expect(await applying).toEqual(['moved', 'moved', 'written', 'moved']);
    expect(await run(`MATCH (n:${target}) WHERE n.f = 'theirs' RETURN n.id AS id ORDER BY id`)).toEqual([
      { id: 'n1' },
      { id: 'new' },
    ]);
  });

  test('two stores that write the same at once write it once', async () => {
    const target = fresh();
    await run(`CREATE CONSTRAINT FOR (n:${target}) REQUIRE n.id IS UNIQUE`);
    const replica = replicaOf(target, mapping);
    const second = await connectNeo4j(url);
    try {
      const changes = Array.from({ length: 200 }, (_, i) => insert([`n${i}`], ['x']));
      const both = await Promise.all([
        store.apply(replica, changes),
        second.apply({ ...replica }, [...changes].reverse()),
      ]);
      const [first, reversed] = both.map((outcomes) => outcomes.map(({ outcome }) => outcome));
      reversed!.reverse();
      for (const [i, outcome] of first!.entries()) expect([outcome, reversed![i]].sort()).toEqual(['moved', 'written']);
      expect(await scanned(replica)).toHaveLength(200);
    } finally {
      await second.close();
    }
  });

  test('one row that is rejected in a thousand leaves the others written, and a sensitive value is not told', async () => {
    const target = fresh();
    await run(`CREATE CONSTRAINT FOR (n:${target}) REQUIRE n.f IS UNIQUE`);
    await run(`CREATE (:${target} {id: 'there', f: 's3cret'})`);
    const secret = field('f', text, { sensitive: true });
    const replica = replicaOf(target, { ...mapping, fields: [secret] });
    const changes = Array.from({ length: 1000 }, (_, i) => insert([`n${i}`], [i === 617 ? 's3cret' : `v${i}`]));
    const outcomes = await apply(replica, ...changes);
    expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(999);
    expect(outcomes[617]).toBe('refused: the server rejects it: ConstraintValidationFailed');
    const outspoken = replicaOf(target, mapping);
    expect(
      await apply(
        outspoken,
        insert(['again'], ['s3cret']),
        insert(['long'], ['x'.repeat(9000)]),
        insert(['ok'], ['ok']),
      ),
    ).toEqual([
      expect.stringMatching(/^refused: Node.* already exists/),
      expect.stringMatching(/^refused: Property value is too large to index/),
      'written',
    ]);
  });

  test('go in transactions of maxTransactionRows', async () => {
    const small = await neo4j.connect({ name: 'graph', url, options: { maxTransactionRows: 7, fetchSize: 3 } });
    try {
      const replica = replicaOf(fresh(), mapping);
      expect(small.limits.applyChanges).toBe(7);
      const changes = Array.from({ length: 30 }, (_, i) => insert([`n${i}`], ['x']));
      expect(new Set((await small.apply(replica, changes)).map(({ outcome }) => outcome))).toEqual(
        new Set(['written']),
      );
      const pages: Row[] = [];
      for await (const page of small.scan(replica)) pages.push(...page);
      expect(pages).toHaveLength(30);
    } finally {
      await small.close();
    }
  });
});

describe('relationships', () => {
  interface Graph {
    readonly type: string;
    readonly user: string;
    readonly city: string;
    readonly byEnds: Replica;
    readonly byNumber: Replica;
  }

  /** Users 1 to 3, cities Lima, Cusco and Quito, and relationships of `rows` (user, city, number). */
  async function graph(rows: readonly (readonly [number, string, number])[], options: object = {}): Promise<Graph> {
    const type = fresh();
    const user = `${type}_User`;
    const city = `${type}_City`;
    await run(`CREATE CONSTRAINT FOR (n:${user}) REQUIRE n.id IS UNIQUE`);
    await run(`CREATE CONSTRAINT FOR (n:${city}) REQUIRE n.name IS UNIQUE`);
    await run(`UNWIND [1, 2, 3] AS i CREATE (:${user} {id: i})`);
    await run(`UNWIND ['Lima', 'Cusco', 'Quito'] AS name CREATE (:${city} {name: name})`);
    await run(
      `UNWIND $rows AS row MATCH (a:${user} {id: toInteger(row[0])}) MATCH (b:${city} {name: row[1]}) CREATE (a)-[:${type} {number: toInteger(row[2]), count: 1, note: 'n' + toInteger(row[2])}]->(b)`,
      { rows },
    );
    const ends = { from: { label: user, key: { user_id: 'id' } }, to: { label: city, key: { ciudad: 'name' } } };
    const userId = field('user_id', integer);
    const ciudad = field('ciudad', text);
    const count = field('count', integer);
    const number = field('number', integer);
    return {
      type,
      user,
      city,
      byEnds: replicaOf(type, { key: [userId, ciudad], fields: [count] }, { options: { ...ends, ...options } }),
      byNumber: replicaOf(
        type,
        { key: [number], fields: [userId, ciudad, count] },
        { options: { ...ends, ...options } },
      ),
    };
  }
  const hung = ({ type }: Graph) =>
    run(
      `MATCH (a)-[r:${type}]->(b) RETURN a.id AS user, b.name AS city, r.number AS number, r.count AS count, r.note AS note ORDER BY r.number, user, city`,
    ).then((rows) => rows.map(({ user, city, number, count, note }) => [user, city, number, count, note].join(' ')));

  test('keyed by their ends are read, and copies come twice', async () => {
    const there = await graph([
      [1, 'Lima', 10],
      [1, 'Cusco', 11],
      [2, 'Lima', 12],
      [2, 'Lima', 13],
    ]);
    expect((await scanned(there.byEnds)).map(({ key }) => key.join()).sort()).toEqual([
      '1,Cusco',
      '1,Lima',
      '2,Lima',
      '2,Lima',
    ]);
    const copies = await store.fetch(there.byEnds, [
      ['2', 'Lima'],
      ['3', 'Lima'],
    ]);
    expect(copies.map(({ key }) => key)).toEqual([
      ['2', 'Lima'],
      ['2', 'Lima'],
    ]);
    expect(await apply(there.byEnds, remove(copies[0]!))).toEqual(['written']);
    expect(await store.fetch(there.byEnds, [['2', 'Lima']])).toHaveLength(1);
    expect(await store.inspect(there.byEnds)).toMatchObject({
      keyIsUnique: false,
      estimatedRows: 3,
      problems: [],
      writeProblems: [],
      notes: [expect.stringMatching(/no constraint can guard/)],
    });
  });

  test('keyed by their ends are written once, whoever else writes', async () => {
    const there = await graph([[1, 'Lima', 10]]);
    const session = driver.session();
    const other = session.beginTransaction();
    await other.run(
      `MATCH (a:${there.user} {id: 2}) MATCH (b:${there.city} {name: 'Quito'}) MERGE (a)-[:${there.type} {number: 9}]->(b)`,
    );
    const applying = apply(
      there.byEnds,
      insert(['1', 'Lima'], ['5']),
      insert(['2', 'Quito'], ['5']),
      insert(['2', 'Cusco'], ['5']),
      insert(['2', 'Cusco'], ['6']),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    await other.commit();
    await session.close();
    expect(await applying).toEqual(['moved', 'moved', 'written', 'moved']);
    expect(await hung(there)).toEqual(['2 Quito 9  ', '1 Lima 10 1 n10', '2 Cusco  5 ']);
  });

  test('direction matters', async () => {
    const there = await graph([]);
    await run(
      `MATCH (a:${there.user} {id: 1}) MATCH (b:${there.city} {name: 'Lima'}) CREATE (b)-[:${there.type} {number: 1}]->(a)`,
    );
    expect(await store.fetch(there.byEnds, [['1', 'Lima']])).toEqual([]);
    expect(await scanned(there.byEnds)).toMatchObject([
      { unread: expect.stringMatching(/starts is no .*_User with id; .*ends is no .*_City with name/) },
    ]);
  });

  test('a wrong end is a field that differs, and is hung right with all that the relationship holds', async () => {
    const there = await graph([
      [1, 'Lima', 10],
      [2, 'Lima', 11],
    ]);
    await run(`CREATE CONSTRAINT FOR ()-[r:${there.type}]-() REQUIRE r.number IS UNIQUE`);
    expect((await store.inspect(there.byNumber)).keyIsUnique).toBe(true);
    const row = await fetchOne(there.byNumber, '10');
    expect(row.values).toEqual(['1', 'Lima', '1']);
    const change = update(row, { 1: 'Quito', 2: '7' });
    expect(await apply(there.byNumber, change)).toEqual(['written']);
    expect(await hung(there)).toEqual(['1 Quito 10 7 n10', '2 Lima 11 1 n11']);
    expect(await apply(there.byNumber, change)).toEqual(['unchanged']);
    const stale = update(await fetchOne(there.byNumber, '11'), { 0: '3' });
    await run(`MATCH ()-[r:${there.type} {number: 11}]->() SET r.count = 2`);
    expect(await apply(there.byNumber, stale)).toEqual(['moved']);
    expect(await hung(there)).toEqual(['1 Quito 10 7 n10', '2 Lima 11 2 n11']);
  });

  test('without one of the ends are refused, or the end is made with its key alone', async () => {
    const there = await graph([[1, 'Lima', 10]]);
    const changes = [insert(['1', 'Arequipa'], ['1']), insert(['9', 'Cusco'], ['1']), insert(['2', 'Cusco'], ['1'])];
    expect(await apply(there.byEnds, ...changes)).toEqual([
      expect.stringMatching(/^refused: no \S+_City with name "Arequipa"$/),
      expect.stringMatching(/^refused: no \S+_User with id "9"$/),
      'written',
    ]);
    const making: Replica = { ...there.byEnds, options: { ...(there.byEnds.options as object), createEnds: true } };
    expect(await apply(making, ...changes)).toEqual(['written', 'written', 'moved']);
    expect(await run(`MATCH (n:${there.city} {name: 'Arequipa'}) RETURN keys(n) AS keys, labels(n) AS labels`)).toEqual(
      [{ keys: ['name'], labels: [there.city] }],
    );
    expect(await run(`MATCH (n:${there.user} {id: 9}) RETURN n`)).toHaveLength(1);
    const numbered: Replica = { ...there.byNumber, options: making.options };
    const row = await fetchOne(numbered, '10');
    expect(await apply(numbered, update(row, { 1: 'Puno' }))).toEqual(['written']);
    expect(await apply(numbered, insert(['77'], ['2', null, '1']))).toEqual([
      expect.stringMatching(/^refused: ciudad is null/),
    ]);
    expect(await apply(numbered, insert(['10'], ['2', 'Nowhere', '1']))).toEqual(['moved']);
    expect(await run(`MATCH (n:${there.city} {name: 'Nowhere'}) RETURN n`)).toEqual([]);
  });

  test('whose end node stands twice are refused', async () => {
    const there = await graph([]);
    const twin = `${there.type}_Twin`;
    await run(`CREATE (:${twin} {name: 'Lima'}), (:${twin} {name: 'Lima'})`);
    const options = {
      from: { label: there.user, key: { user_id: 'id' } },
      to: { label: twin, key: { ciudad: 'name' } },
    };
    const replica = { ...there.byEnds, options };
    expect(await apply(replica, insert(['1', 'Lima'], ['1']))).toEqual([
      expect.stringMatching(/^refused: several nodes \S+_Twin with name "Lima"$/),
    ]);
  });

  test('at a node without the label or its key are unread, with the reason', async () => {
    const there = await graph([[1, 'Lima', 10]]);
    await run(
      `MATCH (a:${there.user} {id: 1}) CREATE (a)-[:${there.type} {number: 20}]->(:${there.type}_Other {name: 'Lima'})`,
    );
    await run(`MATCH (b:${there.city} {name: 'Lima'}) CREATE (:${there.user})-[:${there.type} {number: 21}]->(b)`);
    const rows = (await scanned(there.byNumber)).sort((a, b) => (a.key[0]! < b.key[0]! ? -1 : 1));
    expect(rows.map(({ key, unread }) => [key[0], unread])).toEqual([
      ['10', undefined],
      ['20', expect.stringMatching(/^the node where it ends is no \S+_City with name$/)],
      ['21', expect.stringMatching(/^the node where it starts is no \S+_User with id$/)],
    ]);
    expect((await fetchOne(there.byNumber, '20')).unread).toMatch(/ends is no/);
  });

  test('between nodes of one label, both ends alike', async () => {
    const label = fresh();
    await run(`CREATE CONSTRAINT FOR (n:${label}) REQUIRE n.user_id IS UNIQUE`);
    await run(`UNWIND range(1, 3) AS i CREATE (:${label} {user_id: i})`);
    const options = {
      from: { label, key: { guest_id: 'user_id' } },
      to: { label, key: { host_id: 'user_id' } },
      createEnds: true,
    };
    const fields = [field('reservas', { kind: 'array', element: integer }), field('primera', micros)];
    const replica = replicaOf(
      `${label}R`,
      { key: [field('guest_id', integer), field('host_id', integer)], fields },
      { options },
    );
    const values = ['[3, 1]', '2026-01-02T03:04:05.000006Z'];
    const changes = [
      ['1', '2'],
      ['2', '1'],
      ['3', '3'],
      ['7', '7'],
      ['7', '8'],
    ].map((key) => insert(key, values));
    expect(await apply(replica, ...changes)).toEqual(changes.map(() => 'written'));
    expect(await apply(replica, ...changes)).toEqual(changes.map(() => 'moved'));
    expect(new Set((await scanned(replica)).map((row) => row.values.join()))).toEqual(new Set([values.join()]));
    expect(await run(`MATCH (n:${label}) RETURN n`)).toHaveLength(5);
  });
});

describe('inspect', () => {
  test('tells of what guards nothing and what is slow, with the statement that mends it', async () => {
    const target = fresh();
    const options = {
      from: { label: `${target}_User`, key: { user_id: 'id' } },
      to: { label: `${target}_City`, key: { ciudad: 'name' } },
    };
    const mapping = { key: [field('number', integer)], fields: [field('user_id', integer), field('ciudad', text)] };
    const { problems, writeProblems, notes, keyIsUnique } = await store.inspect(
      replicaOf(target, mapping, { options }),
    );
    expect({ problems, keyIsUnique }).toEqual({ problems: [], keyIsUnique: false });
    expect(writeProblems.map(({ path, hint }) => `${path}: ${hint}`)).toEqual([
      `number: CREATE CONSTRAINT FOR ()-[r:${target}]-() REQUIRE r.number IS UNIQUE`,
      `user_id: CREATE CONSTRAINT FOR (n:${target}_User) REQUIRE n.id IS UNIQUE`,
      `ciudad: CREATE CONSTRAINT FOR (n:${target}_City) REQUIRE n.name IS UNIQUE`,
    ]);
    expect(notes.join('\n')).toMatch(/no relationship .* yet\nthere is no node .*_User yet/);
    for (const { hint } of writeProblems) await run(hint!);
    expect(await store.inspect(replicaOf(target, mapping, { options }))).toMatchObject({
      keyIsUnique: true,
      writeProblems: [],
    });
  });

  test('tells what in from and to does not fit', async () => {
    const mapping = { key: [field('id', text)], fields: [field('a', text), field('b', text)] };
    const problemsOf = async (options: object) =>
      (await store.inspect(replicaOf(fresh(), mapping, { options }))).problems.map(({ path }) => path);
    const from = { label: 'User', key: { a: 'id' } };
    expect(await problemsOf({ from })).toEqual(['to']);
    expect(await problemsOf({ from, to: { label: 'City', key: { nowhere: 'name' } } })).toEqual(['to.key.nowhere']);
    expect(await problemsOf({ from, to: { label: 'City', key: { a: 'name' } } })).toEqual(['a']);
    expect(await problemsOf({ from, to: { label: 'City', key: { b: 'x', id: 'x' } } })).toEqual(['to.key']);
    expect(await problemsOf({ createEnds: true })).toEqual(['createEnds']);
    expect(replicaOptions.safeParse({ from: { label: 'User', kye: {} } }).success).toBe(false);
  });
});

describe('connecting', () => {
  const failureOf = async (to: string, options: object = {}) => {
    const failure = await neo4j.connect({ name: 'graph', url: to, options }).then(
      (opened) => opened.close().then(() => undefined),
      (error: unknown) => error as StoreError,
    );
    return failure!;
  };

  test('with a wrong password or to a database that is not there fails for good, and tells no password', async () => {
    const wrong = await failureOf(url.replace(/:[^:@/]+@/, ':s3cr%21t@'));
    expect(wrong).toMatchObject({ name: 'StoreError', transient: false, detail: 'authentication failed' });
    expect(JSON.stringify([wrong.message, wrong.hint])).not.toMatch(/s3cr/);
    expect(await failureOf(url, { database: 'nowhere' })).toMatchObject({
      name: 'StoreError',
      transient: false,
      hint: expect.stringMatching(/SHOW DATABASES/),
    });
    expect(await failureOf(`${url}/nowhere`)).toMatchObject({ name: 'StoreError', transient: false });
  });

  test('says at once what is wrong with URL and options', async () => {
    expect(await failureOf('http://s3cret@host')).toMatchObject({
      name: 'ConfigError',
      message: expect.not.stringMatching(/s3cret/),
    });
    expect(await failureOf('bolt+s://u:p@host:1', { tls: { verify: false } })).toMatchObject({ name: 'ConfigError' });
    expect(await failureOf('bolt://u:p@one:1,two:2')).toMatchObject({ name: 'ConfigError' });
    expect(readUrl('neo4j://me:p%40ss%2Fw@one:7687,[::1]:7688/shop?region=eu')).toEqual({
      url: 'neo4j://one:7687?region=eu',
      hosts: ['one:7687', '[::1]:7688'],
      isSecure: false,
      user: 'me',
      password: 'p@ss/w',
      database: 'shop',
      secrets: ['p%40ss%2Fw', 'p@ss/w'],
    });
  });

  test('a server that is silent ends in a transient error', async () => {
    const { createServer } = await import('node:net');
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const failure = await failureOf(`bolt://u:s3cr%21t@127.0.0.1:${port}`, { timeouts: { connect: 300, answer: 300 } });
    server.close();
    expect(failure).toMatchObject({ name: 'StoreError', transient: true });
  });

  test('a lock that is never given up ends in a transient error', async () => {
    const hasty = await neo4j.connect({ name: 'graph', url, options: { timeouts: { answer: 500 } } });
    const target = fresh();
    await run(`CREATE (:${target} {id: 'a', f: 'x'})`);
    const replica = replicaOf(target, { key: [field('id', text)], fields: [field('f', text)] });
    const [row] = await hasty.fetch(replica, [['a']]);
    const session = driver.session();
    const other = session.beginTransaction();
    await other.run(`MATCH (n:${target}) SET n.f = 'theirs'`);
    await expect(hasty.apply(replica, [update(row!, { 0: 'ours' })])).rejects.toMatchObject({
      name: 'StoreError',
      transient: true,
    });
    await other.rollback();
    await session.close();
    await hasty.close();
    expect(isRejection({ code: 'Neo.ClientError.Statement.SyntaxError' })).toBe(false);
  });
});

describe('a graph as a whole', () => {
  test('missing, mismatched, orphaned, doubled, wrongly hung: each is found once and repaired', async () => {
    const source = await freshPostgres();
    const type = fresh();
    await sql(
      source,
      'create table booking (id int primary key, user_id int not null, city text not null, nights int, tags text[], at timestamptz)',
    );
    await sql(
      source,
      "insert into booking select i, i % 20, 'city ' || i % 7, i, array['t' || i, 'x'], '2026-01-01T00:00:00.000123Z'::timestamptz + i * interval '1 h' from generate_series(1, 200) i",
    );
    const config = parseConfig(
      `
source: { url: "\${SOURCE}" }
stores: { graph: { kind: neo4j, url: "\${GRAPH}" } }
entities:
  users:
    sql: select distinct user_id as id from booking
    key: id
    replicas: [{ store: graph, target: ${type}_User, maxLag: 20ms }]
  booked_in:
    sql: select user_id, city, count(*)::int as count from booking group by 1, 2
    key: [user_id, city]
    replicas:
      - store: graph
        target: ${type}_BOOKED
        from: { label: ${type}_User, key: { user_id: id } }
        to: { label: ${type}_City, key: { city: name } }
        createEnds: true
        maxLag: 20ms
  bookings:
    table: booking
    replicas:
      - store: graph
        target: ${type}_STAY
        from: { label: ${type}_User, key: { user_id: id } }
        to: { label: ${type}_City, key: { city: name } }
        maxLag: 20ms
limits: { maxPercent: 100 }
`,
      '/nowhere/plumbline.yaml',
      { SOURCE: source, GRAPH: url },
    );
    for (const [label, key] of [
      [`${type}_User`, 'id'],
      [`${type}_City`, 'name'],
    ]) {
      await run(`CREATE CONSTRAINT FOR (n:${label}) REQUIRE n.${key} IS UNIQUE`);
    }
    await run(`CREATE CONSTRAINT FOR ()-[r:${type}_STAY]-() REQUIRE r.id IS UNIQUE`);
    // From nothing: users first, then what hangs on them.
    for (const only of [['users'], ['booked_in'], ['bookings']]) {
      expect((await reconcile(config, { keep: false, apply: true, only })).exitCode).toBe(0);
    }
    expect((await check(config, { keep: false })).exitCode).toBe(0);
    expect((await run(`MATCH ()-[r:${type}_STAY]->() RETURN count(r) AS count`))[0]!.count).toEqual(int(200));

    await run(`MATCH ()-[r:${type}_STAY {id: 1}]->() DELETE r`);
    await run(`MATCH ()-[r:${type}_STAY {id: 2}]->() SET r.nights = 9, r.tags = ['x', 't2']`);
    await run(`MATCH (a)-[r:${type}_STAY {id: 3}]->(b) CREATE (a)-[:${type}_STAY {id: 999}]->(b)`);
    await run(
      `MATCH (a)-[r:${type}_STAY {id: 4}]->() MATCH (b:${type}_City {name: 'city 0'}) WITH a, b, r, properties(r) AS held DELETE r CREATE (a)-[n:${type}_STAY]->(b) SET n = held, n.ours = 'kept'`,
    );
    await run(
      `MATCH (a:${type}_User {id: 5})-[r:${type}_BOOKED]->(b {name: 'city 5'}) CREATE (a)-[:${type}_BOOKED {count: r.count}]->(b)`,
    );
    await run(`MATCH (:${type}_User {id: 6})-[r:${type}_BOOKED]->({name: 'city 6'}) SET r.count = 77`);
    await run(`CREATE (:${type}_User {id: 1000})`);
    const found = await check(config, { keep: false });
    const seen = found.replicas.flatMap(({ findings }) =>
      (findings ?? []).map((one) =>
        `${one.entity} ${one.class} ${Object.values(one.key)} ${one.fields.map(({ name }) => name)}`.trim(),
      ),
    );
    expect(seen.sort()).toEqual([
      'booked_in duplicate 5,city 5',
      'booked_in mismatched 6,city 6 count',
      'bookings mismatched 2 nights,tags',
      'bookings mismatched 4 city',
      'bookings missing 1',
      'bookings orphan 999',
      'users orphan 1000',
    ]);
    const repaired = await reconcile(config, { keep: false, apply: true, deleteOrphans: true, deleteDuplicates: true });
    expect(repaired.exitCode).toBe(0);
    expect((await check(config, { keep: false })).exitCode).toBe(0);
    expect(await run(`MATCH ()-[r:${type}_STAY {id: 4}]->(b) RETURN b.name AS city, r.ours AS ours`)).toEqual([
      { city: 'city 4', ours: 'kept' },
    ]);
  });
});
