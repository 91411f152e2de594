// The Cassandra store: the shared suite, and what only Cassandra has. What stands in a table is written and read back in CQL by a client of
// the test's own.

import type { Client } from 'cassandra-driver';
import cassandraDriver from 'cassandra-driver';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import type { Field, Mapping, Row } from '../../src/mapping/mapping.ts';
import { cassandra } from '../../src/stores/cassandra/cassandra.ts';
import { durationBytes, durationText } from '../../src/stores/cassandra/durations.ts';
import { inetBytes, inetText } from '../../src/stores/cassandra/inet.ts';
import { decimalBytes, decimalText, varintBytes, varintText } from '../../src/stores/cassandra/numbers.ts';
import { Cells, eachRow, MARK, rowsOf } from '../../src/stores/cassandra/raw-result.ts';
import type { Change, FetchedRow, Replica, Store, Whereabouts } from '../../src/stores/store.ts';
import { fromDecimalText } from '../../src/value/canonical.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { freshCassandra } from '../databases.ts';
import { startCassandra } from './cassandra-harness.ts';
import { expectDigestsOfRows, storeContract } from './contract.ts';
import { field } from './contract-cases.ts';

storeContract('cassandra', startCassandra);

describe('the cassandra store', () => {
  let url: string;
  let client: Client;
  let store: Store;
  let tables = 0;

  beforeAll(async () => {
    url = await freshCassandra();
    client = await cassandraClient(url);
    store = await connect();
  });
  afterAll(async () => {
    await store?.close();
    await client?.shutdown();
  });

  const connect = (options = {}, to = url) => cassandra.connect({ name: 'copies', url: to, options });
  const cql = async (text: string, values: unknown[] = []) =>
    (await client.execute(text, values, { prepare: values.length > 0 })).rows ?? [];

  /** `TABLE` in the statements is the new table's name. */
  async function replicaOf(
    columns: string,
    mapping: Mapping,
    rows: readonly string[] = [],
    more = {},
  ): Promise<Replica> {
    const target = `own${tables++}`;
    await cql(`CREATE TABLE ${target} (${columns})`);
    for (const row of rows) await cql(row.replace('TABLE', target));
    return { name: `copies.${target}`, target, mapping, options: {}, ...more };
  }

  async function rowsIn(replica: Replica, from = store): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const page of from.scan(replica)) rows.push(...page);
    await expectDigestsOfRows(from, replica);
    return rows;
  }

  async function fetchOne(replica: Replica, key: string, whereabouts?: Whereabouts): Promise<FetchedRow> {
    const [row] = await store.fetch(replica, [[key]], whereabouts && (() => whereabouts));
    return row!;
  }
  const apply = async (replica: Replica, ...changes: Change[]) =>
    (await store.apply(replica, changes)).map((outcome) =>
      outcome.outcome === 'refused' ? outcome.error : outcome.outcome,
    );
  const insert = (key: readonly string[], values: readonly Value[]): Change => ({
    kind: 'insert',
    row: { key, values },
  });
  const update = (expected: FetchedRow, values: readonly Value[], fields: readonly number[]): Change => ({
    kind: 'update',
    row: { key: expected.key, values },
    fields,
    expected,
  });

  const text: FieldType = { kind: 'text' };
  const id = field('id', text);
  const mapOf = (...fields: Field[]): Mapping => ({ key: [id], fields });
  const array = (element: FieldType): FieldType => ({ kind: 'array', element });
  const int: FieldType = { kind: 'integer', bits: 32 };
  const micros = (iso: string) => String(BigInt(Date.parse(iso)) * 1000n);

  describe('values', () => {
    const CASES: readonly (readonly [
      name: string,
      column: string,
      type: FieldType,
      literal: string,
      canonical: string,
    ])[] = [
      ['smallint', 'smallint', int, '-32768', '-32768'],
      ['tinyint', 'tinyint', int, '-128', '-128'],
      [
        'varint of many digits',
        'varint',
        { kind: 'decimal' },
        '-123456789012345678901234567890',
        '-123456789012345678901234567890',
      ],
      ['varint', 'varint', { kind: 'integer', bits: 64 }, '-129', '-129'],
      ['bigint past 2^53', 'bigint', { kind: 'integer', bits: 64 }, '9007199254740993', '9007199254740993'],
      ['decimal with trailing zeros', 'decimal', { kind: 'decimal' }, '1200.500', '1200.5'],
      ['decimal with an exponent', 'decimal', { kind: 'decimal' }, '12E+3', '12000'],
      ['decimal, small and negative', 'decimal', { kind: 'decimal' }, '-0.0000010', '-0.000001'],
      ['zero with a scale', 'decimal', { kind: 'decimal' }, '0.000', '0'],
      ['a number for a boolean', 'int', { kind: 'boolean' }, '1', 'true'],
      ['a number for a word', 'int', { kind: 'enum' }, '3', '3'],
      ['a boolean for a word', 'boolean', { kind: 'enum' }, 'true', 'true'],
      ['double for a decimal', 'double', { kind: 'decimal' }, '0.1', '0.1'],
      ['float for a decimal', 'float', { kind: 'decimal' }, '0.1', '0.1'],
      ['float for a float', 'float', { kind: 'float', bits: 32 }, '0.1', '0.1'],
      ['negative zero', 'double', { kind: 'float', bits: 64 }, '-0.0', '0'],
      ['NaN', 'float', { kind: 'float', bits: 64 }, 'NaN', 'NaN'],
      ['a time of day', 'time', text, "'12:34:56.780'", '12:34:56.78'],
      ['an IPv4 address', 'inet', text, "'10.0.0.1'", '10.0.0.1'],
      ['an IPv6 address', 'inet', text, "'2001:db8:0:0:1:0:0:1'", '2001:db8::1:0:0:1'],
      ['a duration', 'duration', { kind: 'interval' }, '1y2mo3d4h5m6s700ms', 'P1Y2M3DT4H5M6.7S'],
      ['a negative duration', 'duration', { kind: 'interval' }, '-3d30m', 'P-3DT-30M'],
      ['no duration', 'duration', { kind: 'interval' }, '0s', 'PT0S'],
      [
        'timeuuid',
        'timeuuid',
        { kind: 'uuid' },
        '50554d6e-29bb-11e5-b345-feff819cdc9f',
        '50554d6e-29bb-11e5-b345-feff819cdc9f',
      ],
      ['uuid for text', 'uuid', text, '0B0C0D0E-0000-4000-8000-0000000000FF', '0b0c0d0e-0000-4000-8000-0000000000ff'],
      ['a date in a timestamp', 'timestamp', { kind: 'date' }, "'2026-11-22T23:59:59.999Z'", '2026-11-22'],
      [
        'a timestamp cut to seconds',
        'timestamp',
        { kind: 'timestamp', precision: 0 },
        '-1',
        '1969-12-31T23:59:59.000000Z',
      ],
      [
        'a timestamp beyond Dates',
        'timestamp',
        { kind: 'timestamp', precision: 3 },
        '8640000000000001',
        '275760-09-13T00:00:00.001000Z',
      ],
      ['a date before Christ', 'date', { kind: 'date' }, '2146748488', '-0043-03-15'],
      [
        'ISO text with microseconds',
        'text',
        { kind: 'timestamp', precision: 6 },
        "'2026-01-02 03:04:05.123456+02'",
        '2026-01-02T01:04:05.123456Z',
      ],
      ['padded text', 'text', { kind: 'text', padded: true }, "'ab  '", 'ab'],
      ['JSON in text', 'text', { kind: 'json' }, `'{"b":1.50,"a":[]}'`, '{"a": [], "b": 1.5}'],
      ['a list', 'list<text>', array(text), "['a', 'b, c', '\"']", '["a", "b, c", "\\""]'],
      ['a frozen list', 'frozen<list<int>>', array(int), '[3, 1, 3]', '[3, 1, 3]'],
      ['a set, in order', 'set<int>', array(int), '{3, -1, 2}', '[-1, 2, 3]'],
      ['a list of lists', 'list<frozen<list<int>>>', array(int), '[[1], [2, 3]]', '[[1], [2, 3]]'],
      [
        'a list of timestamps',
        'list<timestamp>',
        array({ kind: 'timestamp', precision: 3 }),
        '[5]',
        '["1970-01-01T00:00:00.005000Z"]',
      ],
      ['a tuple as an array', 'tuple<int, int>', array(int), '(1, null)', '[1, null]'],
      ['a vector', 'vector<float, 3>', { kind: 'vector' }, '[0.1, 2, -3.5]', '[0.1, 2, -3.5]'],
      ['a vector of small numbers', 'vector<smallint, 3>', array(int), '[1, -2, 300]', '[1, -2, 300]'],
      ['a vector of texts', 'vector<text, 2>', array(text), `['', '${'x'.repeat(200)}']`, `["", "${'x'.repeat(200)}"]`],
      ['a vector of vectors', 'vector<vector<int, 2>, 2>', array(int), '[[1, 2], [3, 4]]', '[[1, 2], [3, 4]]'],
      ['a map', 'map<text, int>', { kind: 'json' }, "{'bb': 1, 'a': 2}", '{"a": 2, "bb": 1}'],
      ['a map by numbers', 'map<int, boolean>', { kind: 'json' }, '{10: true, 9: false}', '{"9": false, "10": true}'],
      [
        'values of all sorts in JSON',
        'tuple<uuid, date, time, timestamp, blob, decimal, bigint, duration, inet, text>',
        { kind: 'json' },
        "(0b0c0d0e-0000-4000-8000-0000000000ff, '2026-01-02', '01:02:03', 0, 0x00ff, 1.50, 9007199254740993, 1mo, '::1', null)",
        '["0b0c0d0e-0000-4000-8000-0000000000ff", "2026-01-02", "01:02:03", "1970-01-01T00:00:00.000Z", "0x00ff", 1.5, 9007199254740993, "P1M", "::1", null]',
      ],
    ];
    /** The canonical spelling is not the one that was written. */
    const OTHERWISE_SPELLED =
      /trailing zeros|exponent|with a scale|small and|negative zero|padded|ISO text|JSON in|cut|in a timestamp|all sorts/;
    let target: string;

    beforeAll(async () => {
      const columns = CASES.map(([, column], i) => `f${i} ${column}`);
      const literals = CASES.map(([, , , literal]) => literal);
      const replica = await replicaOf(`id text PRIMARY KEY, ${columns.join(', ')}`, mapOf(), [
        `INSERT INTO TABLE (id, ${columns.map((_, i) => `f${i}`).join(', ')}) VALUES ('a', ${literals.join(', ')})`,
      ]);
      target = replica.target;
    });

    test.each(
      CASES.map((one, i) => [...one, i] as const),
    )('%s', async (name, _column, type, _literal, canonical, i) => {
      const replica = { name: `copies.${target}`, target, mapping: mapOf(field(`f${i}`, type)), options: {} };
      expect(await store.inspect(replica)).toMatchObject({ problems: [], writeProblems: [] });
      const valuesOf = async () =>
        (await rowsIn(replica))
          .filter(({ key }) => ['a', `b${i}`].includes(key[0]!))
          .map((row) => row.unread ?? row.values);
      expect(await valuesOf()).toEqual([[canonical]]);
      // And the way back: what is written reads alike to the server.
      expect(await apply(replica, insert([`b${i}`], [canonical]))).toEqual(['written']);
      expect(await valuesOf()).toEqual([[canonical], [canonical]]);
      const [a] = await cql(`SELECT toJson(f${i}) FROM ${target} WHERE id = 'a'`);
      const [b] = await cql(`SELECT toJson(f${i}) FROM ${target} WHERE id = 'b${i}'`);
      if (!OTHERWISE_SPELLED.test(name)) expect({ ...b }).toEqual({ ...a });
    });

    test.each<[string, string, FieldType, string, RegExp]>([
      [
        'text that is no number',
        'text',
        { kind: 'decimal' },
        "'twelve'",
        /^f holds text that is not decimal: "twelve"/,
      ],
      ['2 for a boolean', 'int', { kind: 'boolean' }, '2', /^f holds int that is not boolean: it is neither 0 nor 1$/],
      ['not a number in JSON', 'list<double>', { kind: 'json' }, '[NaN]', /NaN has no form in JSON$/],
    ])('%s makes the record unread', async (_name, column, type, literal, reason) => {
      const replica = await replicaOf(`id text PRIMARY KEY, f ${column}`, mapOf(field('f', type)), [
        `INSERT INTO TABLE (id, f) VALUES ('a', ${literal})`,
      ]);
      expect(await rowsIn(replica)).toMatchObject([{ key: ['a'], unread: expect.stringMatching(reason) }]);
      expect(await fetchOne(replica, 'a')).toMatchObject({ key: ['a'], unread: expect.stringMatching(reason) });
      const { notes } = await store.inspect(replica);
      expect(notes.join()).toMatch(/1 of 1 sampled records can’t be read/);
    });

    test('a sensitive value is told neither in the reason nor in a refusal', async () => {
      const secret = field('f', { kind: 'decimal' }, { sensitive: true });
      const replica = await replicaOf('id text PRIMARY KEY, f text', mapOf(secret), [
        "INSERT INTO TABLE (id, f) VALUES ('a', 's3cret')",
      ]);
      expect((await rowsIn(replica))[0]!.unread).toBe('f holds text that is not decimal');
      const dated = await replicaOf('id text PRIMARY KEY, f date', mapOf({ ...secret, type: { kind: 'date' } }));
      expect(await apply(dated, insert(['a'], ['s3cret']))).toEqual(['f can’t hold it as date']);
    });

    test('an empty collection is null where the source can be null, and empty where it can’t', async () => {
      const columns = 'id text PRIMARY KEY, f list<text>, g frozen<map<text, text>>';
      const fields = [field('f', array(text)), field('g', { kind: 'json' })];
      const rows = [
        "INSERT INTO TABLE (id, f, g) VALUES ('a', [], null)",
        "INSERT INTO TABLE (id, g) VALUES ('b', {})",
      ];
      const replica = await replicaOf(columns, mapOf(...fields), rows);
      const required = { ...replica, mapping: mapOf(...fields.map((it) => ({ ...it, nullable: false }))) };
      const byKey = (found: readonly Row[]) => [...found].sort((a, b) => (a.key[0]! < b.key[0]! ? -1 : 1));
      expect(byKey(await rowsIn(replica)).map((row) => row.values)).toEqual([
        [null, null],
        [null, '{}'],
      ]);
      expect(byKey(await rowsIn(required)).map((row) => row.values)).toEqual([
        ['[]', '{}'],
        ['[]', '{}'],
      ]);
      expect((await store.inspect(replica)).notes.join()).toMatch(/f can’t tell an empty collection from none/);
    });

    test('a user-defined type is read by its fields, and those added later are null', async () => {
      await cql('CREATE TYPE address (street text, "No" int)');
      const mapping = mapOf(field('f', { kind: 'json' }), field('g', { kind: 'json' }));
      const replica = await replicaOf('id text PRIMARY KEY, f address, g frozen<list<frozen<address>>>', mapping, [
        `INSERT INTO TABLE (id, f, g) VALUES ('a', {street: 's', "No": 1}, [{street: 't'}])`,
      ]);
      await cql('ALTER TYPE address ADD zip text');
      const whole = '{"No": 1, "zip": null, "street": "s"}';
      const values = [whole, '[{"No": null, "zip": null, "street": "t"}]'];
      expect(await rowsIn(replica)).toMatchObject([{ values }]);
      expect(await apply(replica, insert(['b'], values))).toEqual(['written']);
      expect((await rowsIn(replica)).map((row) => row.values)).toEqual([values, values]);
    });

    test.each<[string, FieldType, string, RegExp]>([
      ['int', { kind: 'integer', bits: 64 }, '4294967296', /^f can’t hold it as int: it does not fit into 32 bits$/],
      ['int', { kind: 'decimal' }, '1.5', /not a whole number$/],
      ['float', { kind: 'float', bits: 64 }, '0.1', /more digits than a float holds$/],
      ['double', { kind: 'decimal' }, '0.12345678901234567891', /more digits than a double holds$/],
      ['decimal', { kind: 'decimal' }, 'NaN', /nothing but numbers$/],
      ['timestamp', { kind: 'timestamp', precision: 3 }, 'infinity', /never infinite$/],
      ['ascii', text, 'ñ', /not ASCII$/],
      ['list<text>', array(text), '["a", null]', /holds no null$/],
      ['set<int>', array(int), '[1, 1]', /holds each element once$/],
      ['vector<float, 2>', { kind: 'vector' }, '[1]', /1 elements, and not 2$/],
      ['timeuuid', { kind: 'uuid' }, '00000000-0000-4000-8000-0000000000ff', /TimeUUID/],
    ])('%s: what it can’t hold is refused, not bent', async (column, type, value, error) => {
      const replica = await replicaOf(`id text PRIMARY KEY, f ${column}`, mapOf(field('f', type)));
      const [refused, good] = await apply(replica, insert(['a'], [value]), insert(['b'], [null]));
      expect(refused).toMatch(error);
      expect(good).toBe('written');
      expect((await rowsIn(replica)).map((row) => row.key)).toEqual([['b']]);
    });

    test('a number that differs by less than its tolerance is written as the column holds it', async () => {
      const near = field('f', { kind: 'float', bits: 64 }, { tolerance: 0.001 });
      const replica = await replicaOf('id text PRIMARY KEY, f float', mapOf(near));
      expect(await apply(replica, insert(['a'], ['-74.0721']))).toEqual(['written']);
    });
  });

  describe('finding records', () => {
    const guest = field('guest', text);
    const day = field('day', { kind: 'date' });
    const amount = field('amount', int);
    const booking = mapOf(guest, day, amount);
    const BY_GUEST = 'guest text, day date, id text, amount int, extra text, PRIMARY KEY (guest, day, id)';
    const rowOf = (key: string, ...values: Value[]): Row => ({ key: [key], values });

    test('a table with another partition key is looked at where the source says and where a scan met the record', async () => {
      const replica = await replicaOf(BY_GUEST, booking, [
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('ann', '2026-01-02', 'r1', 5)",
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('bob', '2026-01-02', 'r1', 4)",
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('ann', '2026-01-02', 'r2', 7)",
      ]);
      expect(await store.inspect(replica)).toMatchObject({
        placed: true,
        keyIsUnique: false,
        problems: [],
        writeProblems: [],
      });
      const rows = await rowsIn(replica);
      const places = rows.filter(({ key }) => key[0] === 'r1').map((row) => row.place!);
      expect(places.sort()).toEqual([
        ['ann', '2026-01-02'],
        ['bob', '2026-01-02'],
      ]);
      for await (const page of store.hashing!.digests(replica, { algorithm: 'lookup3', seed: 1n })) {
        for (let i = 0; i < page.count; i++) expect(rows.map((row) => row.place)).toContainEqual(page.place!(i));
      }
      const source = rowOf('r1', 'ann', '2026-01-02', '5');
      const found = async (whereabouts: Whereabouts) =>
        (await store.fetch(replica, [['r1']], () => whereabouts)).map((row) => [row.place![0], row.values[2]]);
      expect(await found({ rows: [], places: [] })).toEqual([]);
      expect(await found({ rows: [source, source], places: [['ann', '2026-01-02']] })).toEqual([['ann', '5']]);
      expect(await found({ rows: [source], places })).toEqual([
        ['ann', '5'],
        ['bob', '4'],
      ]);
      // Where a part of the primary key is null or no such value, no record can stand.
      expect(await found({ rows: [rowOf('r1', null, '2026-01-02', '5')], places: [['ann', 'infinity']] })).toEqual([]);
      await expect(store.fetch(replica, [['r1']])).rejects.toThrow(/whereabouts/);
    });

    test('a key that is the partition key finds all rows of its partition', async () => {
      const replica = await replicaOf('id text, day date, amount int, PRIMARY KEY (id, day)', mapOf(day, amount), [
        "INSERT INTO TABLE (id, day, amount) VALUES ('a', '2026-01-02', 5)",
        "INSERT INTO TABLE (id, day, amount) VALUES ('a', '2026-01-03', 5)",
      ]);
      const { placed, keyIsUnique } = await store.inspect(replica);
      expect({ placed, keyIsUnique }).toEqual({ placed: undefined, keyIsUnique: false });
      expect(await store.fetch(replica, [['a'], ['b']])).toHaveLength(2);
    });

    test.each(['', "USING 'sai'"])('an index on the key finds rows wherever they stand %s', async (using) => {
      const replica = await replicaOf(BY_GUEST, booking, [
        `CREATE INDEX ON TABLE (id) ${using}`,
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('ann', '2026-01-02', 'r1', 5)",
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('bob', '2026-01-02', 'r1', 4)",
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('bob', '2026-01-02', 'R1', 4)",
      ]);
      const { placed, keyIsUnique, problems } = await store.inspect(replica);
      expect({ placed, keyIsUnique, problems }).toEqual({ placed: undefined, keyIsUnique: false, problems: [] });
      // A new index takes a moment, in which a look-up is an error and no answer.
      await expect.poll(() => store.fetch(replica, [['r2']]).catch(() => 'not yet'), { timeout: 20_000 }).toEqual([]);
      expect((await store.fetch(replica, [['r1'], ['r2']])).map((row) => row.values[0]).sort()).toEqual(['ann', 'bob']);
    });

    test('the whole primary key in any order is the key', async () => {
      const mapping: Mapping = { key: [id, day, guest], fields: [amount] };
      const replica = await replicaOf(BY_GUEST, mapping, [
        "INSERT INTO TABLE (guest, day, id, amount) VALUES ('ann', '2026-01-02', 'r1', 5)",
      ]);
      const { placed, keyIsUnique } = await store.inspect(replica);
      expect({ placed, keyIsUnique }).toEqual({ placed: undefined, keyIsUnique: true });
      expect(await store.fetch(replica, [['r1', '2026-01-02', 'ann']])).toMatchObject([{ values: ['5'] }]);
    });

    test('a partition with nothing but static columns holds no record', async () => {
      const mapping = mapOf(day, field('s', text));
      const replica = await replicaOf('id text, day date, s text STATIC, PRIMARY KEY (id, day)', mapping, [
        "INSERT INTO TABLE (id, s) VALUES ('bare', 'S')",
        "INSERT INTO TABLE (id, day, s) VALUES ('a', '2026-01-02', 'S')",
      ]);
      expect((await rowsIn(replica)).map((row) => row.key)).toEqual([['a']]);
      expect(await store.fetch(replica, [['bare']])).toEqual([]);
      expect(await store.inspect(replica)).toMatchObject({ writeProblems: [{ path: 's' }] });
      const row = await fetchOne(replica, 'a');
      expect(await apply(replica, update(row, ['2026-01-02', 'T'], [1]))).toEqual([expect.stringMatching(/static/)]);
    });

    test('keys that no row can have are absent, and no error', async () => {
      const replica = await replicaOf('id text PRIMARY KEY, guest text', mapOf(guest), [
        "INSERT INTO TABLE (id, guest) VALUES ('a', 'x')",
      ]);
      expect(await store.fetch(replica, [[''], ['x'.repeat(70_000)], ['a']])).toHaveLength(1);
      const uuids = await replicaOf('id uuid PRIMARY KEY, guest text', mapOf(guest));
      expect(await store.fetch(uuids, [['not a uuid'], ['']])).toEqual([]);
      expect(await apply(replica, insert([''], ['x']), insert(['b'], ['x']))).toEqual([
        'Key may not be empty',
        'written',
      ]);
    });

    test('a key that is spelled as no lookup would spell it is unread, and a problem', async () => {
      const mapping: Mapping = { key: [field('id', { kind: 'uuid' })], fields: [guest] };
      const replica = await replicaOf('id text PRIMARY KEY, guest text', mapping, [
        "INSERT INTO TABLE (id, guest) VALUES ('0B0C0D0E-0000-4000-8000-0000000000FF', 'x')",
        "INSERT INTO TABLE (id, guest) VALUES ('0b0c0d0e-0000-4000-8000-0000000000ff', 'y')",
      ]);
      const rows = await rowsIn(replica);
      expect(rows.map((row) => row.unread !== undefined).sort()).toEqual([false, true]);
      expect((await store.inspect(replica)).problems).toMatchObject([
        { message: expect.stringMatching(/^id is spelled/) },
      ]);
    });

    test('a place leads back to the very row, however its bytes spell the value', async () => {
      const at = field('at', { kind: 'timestamp', precision: 0 });
      const price = field('price', { kind: 'decimal' });
      const replica = await replicaOf(
        'at timestamp, price decimal, id text, PRIMARY KEY (at, price, id)',
        mapOf(at, price),
        ["INSERT INTO TABLE (at, price, id) VALUES ('2026-01-02T03:04:05.678Z', 1.50, 'a')"],
      );
      const [row] = await rowsIn(replica);
      expect(row!.values).toEqual(['2026-01-02T03:04:05.000000Z', '1.5']);
      expect(row!.place![0]).toBe('2026-01-02T03:04:05.678000Z');
      expect(await store.fetch(replica, [['a']], () => ({ rows: [], places: [row!.place!] }))).toHaveLength(1);
    });

    test.each([1, 2, 3, 200])('every row comes once with %i ranges, whatever the pages', async (ranges) => {
      const replica = await replicaOf('id int PRIMARY KEY', { key: [field('id', int)], fields: [] });
      await Promise.all(Array.from({ length: 300 }, (_, i) => cql(`INSERT INTO ${replica.target} (id) VALUES (${i})`)));
      const other = await connect({ ranges, parallel: 7, fetchSize: 11 });
      try {
        const keys = (await rowsIn(replica, other)).map((row) => Number(row.key[0]));
        expect(keys.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i));
      } finally {
        await other.close();
      }
    });

    test('the number of rows is told from a few', async () => {
      const replica = await replicaOf('id int PRIMARY KEY', { key: [field('id', int)], fields: [] });
      const rows = Array.from({ length: 9000 }, (_, i) => [i]);
      const text = `INSERT INTO ${replica.target} (id) VALUES (?)`;
      await cassandraDriver.concurrent.executeConcurrent(client, text, rows, { concurrencyLevel: 256 });
      const { estimatedRows } = await store.inspect(replica);
      expect(estimatedRows).toBeGreaterThan(8000);
      expect(estimatedRows).toBeLessThan(10_000);
    });

    test('what the driver decoded is turned back into the same bytes', async () => {
      const columns =
        'id text, a int, b decimal, c timestamp, d double, e list<text>, f uuid, g blob, h boolean, i date, j inet, k varint, l time, m map<text, int>, n vector<float, 2>, o duration, p frozen<list<text>>';
      const replica = await replicaOf(`${columns}, PRIMARY KEY (id)`, mapOf(), [
        "INSERT INTO TABLE (id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) VALUES ('a', 1, -1.50, 5, -0.0, ['x', ''], 0b0c0d0e-0000-4000-8000-0000000000ff, 0x, true, '2026-01-02', '::1', 300, '01:02:03', {'k': 1}, [1, 2], 1mo2d, [])",
        "INSERT INTO TABLE (id) VALUES ('null')",
      ]);
      const names = [...columns.matchAll(/(?:^|, )(\w+) /g)].map((match) => match[1]!);
      const marked = `SELECT id AS "${MARK}", ${names.slice(1).join(', ')} FROM ${replica.target}`;
      const read = async (from: Client) => {
        const raw = rowsOf(await from.execute(marked, [], { prepare: true }), from, cassandraDriver);
        const cells = new Cells(names.length);
        return [...eachRow(raw, cells)].map(() => names.map((_, i) => cells.copy(i)?.toString('hex')));
      };
      const plain = await cassandraClient(url);
      try {
        // The first page comes decoded, as nobody has asked this client's connections for anything else yet.
        expect((await plain.execute(marked, [], { prepare: true })).rows[0]![MARK]).toBeTypeOf('string');
        const decoded = await read(plain);
        const raw = await read(plain);
        expect((await plain.execute(marked, [], { prepare: true })).rows[0]).toHaveProperty('bytes');
        expect(raw).toEqual(decoded);
        expect(raw).toHaveLength(2);
      } finally {
        await plain.shutdown();
      }
    });
  });

  describe('a table that does not fit', () => {
    const guest = field('guest', text);
    const problemsOf = async (replica: Replica) =>
      (await store.inspect(replica)).problems.map(({ path, message }) => `${path}: ${message}`);

    test.each<[string, string, Mapping, RegExp]>([
      ['a column is missing', 'id text PRIMARY KEY, "Guest" text', mapOf(guest), /^guest: .* has no column guest$/],
      [
        'the type can’t hold the field',
        'id text PRIMARY KEY, guest int',
        mapOf(guest),
        /^guest: compared as text, but the column is int$/,
      ],
      [
        'an element’s type can’t',
        'id text PRIMARY KEY, guest list<int>',
        mapOf(field('guest', array(text))),
        /compared as array of text/,
      ],
      ['a counter', 'id text PRIMARY KEY, guest counter', mapOf(field('guest', int)), /^guest: guest is a counter/],
      [
        'a part of the primary key is not mapped',
        'id text, day date, guest text, PRIMARY KEY (id, day)',
        mapOf(guest),
        /^day: day is part of the primary key/,
      ],
      [
        'the key is not in the primary key',
        'id text, guest text PRIMARY KEY',
        mapOf(guest),
        /records would overwrite each other$/,
      ],
      [
        'a decimal partition key',
        'id decimal PRIMARY KEY, guest text',
        { key: [field('id', { kind: 'decimal' })], fields: [guest] },
        /1\.0 and 1\.00 are two keys/,
      ],
    ])('%s', async (_name, columns, mapping, message) => {
      const replica = await replicaOf(columns, mapping);
      expect((await problemsOf(replica)).join()).toMatch(message);
    });

    test('a sensitive column that is a record’s place is a problem, unless an index finds the record', async () => {
      const secret = mapOf(field('guest', text, { sensitive: true }));
      const replica = await replicaOf('guest text, id text, PRIMARY KEY (guest, id)', secret, [
        "INSERT INTO TABLE (guest, id) VALUES ('s3cret', 'a')",
      ]);
      expect(await problemsOf(replica)).toEqual([expect.stringMatching(/^guest: guest is sensitive/)]);
      await cql(`CREATE INDEX ON ${replica.target} (id)`);
      expect(await problemsOf(replica)).toEqual([]);
      expect(await rowsIn(replica)).toEqual([{ key: ['a'], values: ['s3cret'], place: undefined }]);
    });

    test('no table, no keyspace', async () => {
      const replica = { name: 'copies.x', target: 'no_such', mapping: mapOf(guest), options: {} };
      expect(await problemsOf(replica)).toEqual([
        expect.stringMatching(/^: there is no table no_such in the keyspace test_/),
      ]);
      expect(await problemsOf({ ...replica, target: 'nowhere.x' })).toEqual([': there is no keyspace nowhere']);
      await expect(store.fetch(replica, [['a']])).rejects.toMatchObject({ name: 'StoreError', transient: false });
    });

    test.each([
      ['deleted = ', /^where: line/],
      ['nothing = 1', /^where: Undefined column name nothing/],
      [7, /^where: is not a text$/],
      ["id = 'a'", /^where: id cannot be restricted by more than one relation/],
    ])('a condition that the server does not take: %s', async (where, message) => {
      const replica = await replicaOf(
        'id text PRIMARY KEY, guest text',
        mapOf(guest),
        ["INSERT INTO TABLE (id) VALUES ('a')"],
        { where },
      );
      expect(await problemsOf(replica)).toEqual([expect.stringMatching(message)]);
    });

    test('a wrong data center, a missing one and a missing keyspace are the user’s to mend', async () => {
      await expect(connect({ localDataCenter: 'elsewhere' })).rejects.toMatchObject({
        name: 'StoreError',
        transient: false,
        hint: expect.stringMatching(/localDataCenter/),
      });
      await expect(connect({}, url.replace(/\?.*/, ''))).rejects.toThrow(/names no local data center/);
      await expect(connect({}, url.replace(/test_\w+/, ''))).rejects.toThrow(/names no keyspace/);
      await expect(connect({}, 'cassandra://127.0.0.1/x?password=s3cret')).rejects.not.toThrow(/s3cret/);
    });
  });

  describe('writing', () => {
    const title = field('title', text);
    const amount = field('amount', int);
    const updatedAt = field('updated_at', { kind: 'timestamp', precision: 3 });
    const COLUMNS = 'id text PRIMARY KEY, title text, amount int, updated_at timestamp, extra text';
    const plain = mapOf(title, amount);
    const versioned: Mapping = { ...mapOf(title, amount, updatedAt), version: 2 };
    const VERSION = '2026-01-02T03:04:05.006000Z';
    const timesIn = async ({ target }: Replica) => {
      const [row] = await cql(`SELECT title, amount, WRITETIME(title) AS tt, WRITETIME(amount) AS ta FROM ${target}`);
      return row && [row.title, row.tt?.toString() ?? null, row.amount, row.ta?.toString() ?? null];
    };

    test('a repair is dated just after what was read', async () => {
      const replica = await replicaOf(COLUMNS, plain, [
        "INSERT INTO TABLE (id, title, amount) VALUES ('a', 'old', 1) USING TIMESTAMP 1000",
      ]);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), ['new', '1'], [0]))).toEqual(['written']);
      expect(await timesIn(replica)).toEqual(['new', '1001', 1, '1000']);
    });

    test('a repair is dated as the source’s version where that is later', async () => {
      const replica = await replicaOf(COLUMNS, versioned, [
        "INSERT INTO TABLE (id, title, amount) VALUES ('a', 'old', 1) USING TIMESTAMP 1000",
      ]);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), ['new', '1', VERSION], [0]))).toEqual([
        'written',
      ]);
      expect(await timesIn(replica)).toEqual(['new', micros(VERSION), 1, '1000']);
      expect(await apply(replica, insert(['b'], ['b', '1', VERSION]))).toEqual(['written']);
    });

    test('a change by hand that is dated in the future is beaten, and drags nothing with it', async () => {
      const late = '4102444800000000';
      const replica = await replicaOf(COLUMNS, plain, [
        "INSERT INTO TABLE (id, title, amount) VALUES ('a', 'old', 1) USING TIMESTAMP 1000",
        `UPDATE TABLE USING TIMESTAMP ${late} SET title = 'by hand' WHERE id = 'a'`,
      ]);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), ['new', '2'], [0, 1]))).toEqual(['written']);
      expect(await timesIn(replica)).toEqual(['new', '4102444800000001', 2, '1001']);
    });

    test('a version in the future does not date a repair in the future', async () => {
      const replica = await replicaOf(COLUMNS, versioned);
      expect(await apply(replica, insert(['a'], ['t', '1', '2999-01-01T00:00:00.000000Z']))).toEqual(['written']);
      const [, time] = (await timesIn(replica))!;
      expect(Number(time)).toBeLessThan((Date.now() + 60_000) * 1000);
    });

    test('what is written after the read wins over the repair', async () => {
      const replica = await replicaOf(COLUMNS, plain, [
        "INSERT INTO TABLE (id, title) VALUES ('a', 'old') USING TIMESTAMP 1000",
      ]);
      const read = await fetchOne(replica, 'a');
      expect(await apply(replica, update(read, ['new', null], [0]))).toEqual(['written']);
      // It was on its way while the repair was made.
      await cql(`UPDATE ${replica.target} USING TIMESTAMP 1002 SET title = 'newer' WHERE id = 'a'`);
      expect((await timesIn(replica))![0]).toBe('newer');
    });

    test('the same value written again since is a change', async () => {
      const replica = await replicaOf(COLUMNS, plain, [
        "INSERT INTO TABLE (id, title) VALUES ('a', 'old') USING TIMESTAMP 1000",
      ]);
      const read = await fetchOne(replica, 'a');
      await cql(`UPDATE ${replica.target} SET title = 'old' WHERE id = 'a'`);
      expect(await apply(replica, update(read, ['new', null], [0]), { kind: 'delete', expected: read })).toEqual([
        'moved',
        'moved',
      ]);
    });

    test('a record that was deleted after the source changed is inserted all the same', async () => {
      const replica = await replicaOf(COLUMNS, versioned, ["DELETE FROM TABLE WHERE id = 'a'"]);
      expect(await apply(replica, insert(['a'], ['t', '1', VERSION]))).toEqual(['written']);
      expect(await timesIn(replica)).toMatchObject(['t', expect.any(String), 1, expect.any(String)]);
      const future = await replicaOf(COLUMNS, versioned, [
        "DELETE FROM TABLE USING TIMESTAMP 4102444800000000 WHERE id = 'a'",
      ]);
      expect(await apply(future, insert(['a'], ['t', '1', VERSION]))).toEqual([
        expect.stringMatching(/deletion .* hides/),
      ]);
    });

    test('a value that was made null by hand is set again', async () => {
      const replica = await replicaOf(COLUMNS, plain, [
        "INSERT INTO TABLE (id, title, amount) VALUES ('a', 'old', 1) USING TIMESTAMP 1000",
        "UPDATE TABLE SET amount = null WHERE id = 'a'",
      ]);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), ['new', '1'], [0, 1]))).toEqual(['written']);
      expect(await timesIn(replica)).toMatchObject(['new', '1001', 1, expect.stringMatching(/^\d{16}$/)]);
    });

    test('nulls leave no deletions behind', async () => {
      const replica = await replicaOf(COLUMNS, plain);
      expect(await apply(replica, insert(['a'], ['t', null]))).toEqual(['written']);
      await cql(`UPDATE ${replica.target} USING TIMESTAMP 1 SET amount = 5 WHERE id = 'a'`);
      expect((await timesIn(replica))![2]).toBe(5);
    });

    test('a row that was only ever updated stays when its last value goes', async () => {
      const replica = await replicaOf(COLUMNS, plain, ["UPDATE TABLE SET title = 't' WHERE id = 'a'"]);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), [null, null], [0]))).toEqual(['written']);
      expect((await rowsIn(replica)).map((row) => row.values)).toEqual([[null, null]]);
    });

    test('a row that was inserted after its values were written is removed', async () => {
      const replica = await replicaOf(COLUMNS, plain, [
        "UPDATE TABLE USING TIMESTAMP 1000 SET title = 't' WHERE id = 'a'",
        "INSERT INTO TABLE (id) VALUES ('a') USING TIMESTAMP 2000",
      ]);
      expect(await apply(replica, { kind: 'delete', expected: await fetchOne(replica, 'a') })).toEqual(['written']);
      expect(await cql(`SELECT * FROM ${replica.target}`)).toEqual([]);
    });

    test('values go on living as long as they had to', async () => {
      const replica = await replicaOf(`${COLUMNS}`, plain, [
        "INSERT INTO TABLE (id, title, amount) VALUES ('mortal', 'old', 1) USING TTL 1000",
        "INSERT INTO TABLE (id, title) VALUES ('half', 'old') USING TTL 1000",
        "INSERT INTO TABLE (id, title, amount) VALUES ('eternal', 'old', 1) USING TTL 0",
      ]);
      await cql(`ALTER TABLE ${replica.target} WITH default_time_to_live = 5000`);
      const rows = await store.fetch(replica, [['mortal'], ['half'], ['eternal']]);
      expect(
        await apply(replica, ...rows.map((row) => update(row, ['new', '2'], [0, 1])), insert(['x'], ['x', '1'])),
      ).toEqual(Array(4).fill('written'));
      const lives = await cql(`SELECT id, TTL(title) AS t, TTL(amount) AS a FROM ${replica.target}`);
      const life = (key: string) => {
        const { t, a } = lives.find((row) => row.id === key)!;
        return [t, a].map((seconds) => (seconds === null ? null : Math.ceil(seconds / 1000) * 1000));
      };
      expect([life('mortal'), life('half'), life('eternal'), life('x')]).toEqual([
        [1000, 1000],
        [1000, 1000],
        [null, null],
        [5000, 5000],
      ]);
      expect((await store.inspect(replica)).notes.join()).toMatch(/expire by themselves after 5000 s/);
      expect((await store.inspect(replica)).notes.join()).toMatch(/3 of 4 sampled records expire/);
    });

    test('a collection is replaced whole, however late it was written', async () => {
      const mapping = mapOf(field('tags', array(text)), field('seen', { kind: 'json' }));
      const replica = await replicaOf('id text PRIMARY KEY, tags list<text>, seen map<text, int>', mapping, [
        "INSERT INTO TABLE (id, tags, seen) VALUES ('a', ['x', 'y'], {'k': 1})",
        "UPDATE TABLE USING TIMESTAMP 4102444800000000 SET seen['late'] = 2 WHERE id = 'a'",
      ]);
      const read = await fetchOne(replica, 'a');
      expect(await apply(replica, update(read, ['["z"]', '{"new": 1}'], [0, 1]))).toEqual(['written']);
      expect(await cql(`SELECT tags, seen FROM ${replica.target}`)).toMatchObject([{ tags: ['z'], seen: { new: 1 } }]);
      const again = await fetchOne(replica, 'a');
      await cql(`UPDATE ${replica.target} SET tags = tags + ['w'] WHERE id = 'a'`);
      expect(await apply(replica, update(again, ['[]', '{"new": 1}'], [0]))).toEqual(['moved']);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), ['[]', '{"new": 1}'], [0]))).toEqual([
        'written',
      ]);
    });

    test('a record goes to its new place whole, and leaves none behind', async () => {
      const mapping = mapOf(field('guest', text), amount, title);
      const replica = await replicaOf(
        'guest text, id text, amount int, title text, extra text, tags set<text>, PRIMARY KEY (guest, id)',
        mapping,
        [
          "INSERT INTO TABLE (guest, id, amount, title) VALUES ('ann', 'r1', 5, 'old')",
          "UPDATE TABLE USING TTL 1000 SET extra = 'kept', tags = {'x'} WHERE guest = 'ann' AND id = 'r1'",
          // It has been there before, and was removed by the same write that brought it here.
          "DELETE FROM TABLE WHERE guest = 'bob' AND id = 'r1'",
        ],
      );
      const source: Row = { key: ['r1'], values: ['bob', '6', 'old'] };
      const whereabouts = { rows: [source], places: [['ann']] };
      const read = await fetchOne(replica, 'r1', whereabouts);
      const change: Change = { kind: 'update', row: source, fields: [0, 1], expected: read };
      expect(await apply(replica, change)).toEqual(['written']);
      expect(await cql(`SELECT guest, id, amount, title, extra, tags FROM ${replica.target}`)).toMatchObject([
        { guest: 'bob', id: 'r1', amount: 6, title: 'old', extra: 'kept', tags: ['x'] },
      ]);
      const [lives] = await cql(`SELECT TTL(extra) AS e, TTL(amount) AS a FROM ${replica.target}`);
      expect(lives!.e).toBeGreaterThan(900);
      expect(lives!.a).toBeNull();
      expect(await apply(replica, change)).toEqual(['unchanged']);
      // Another one stands there by now.
      await cql(`INSERT INTO ${replica.target} (guest, id, amount) VALUES ('ann', 'r1', 1)`);
      const back = {
        ...change,
        row: { key: ['r1'], values: ['ann', '6', 'old'] },
        expected: await fetchOne(replica, 'r1', whereabouts),
      };
      expect(back.expected.values[0]).toBe('bob');
      expect(await apply(replica, back)).toEqual(['moved']);
      expect(
        await apply(replica, { ...change, row: { key: ['r1'], values: [null, '6', 'old'] }, expected: back.expected }),
      ).toEqual(['guest is part of the primary key and can’t be null']);
    });

    test('copies are put right and removed in their order', async () => {
      const mapping = mapOf(field('guest', text), amount);
      const replica = await replicaOf('guest text, id text, amount int, PRIMARY KEY (guest, id)', mapping, [
        "INSERT INTO TABLE (guest, id, amount) VALUES ('ann', 'r1', 5)",
        "INSERT INTO TABLE (guest, id, amount) VALUES ('bob', 'r1', 4)",
      ]);
      const places = [['ann'], ['bob']];
      const [ann, bob] = await store.fetch(replica, [['r1']], () => ({ rows: [], places }));
      expect(await apply(replica, update(ann!, ['ann', '6'], [1]), { kind: 'delete', expected: bob! })).toEqual([
        'written',
        'written',
      ]);
      expect(await cql(`SELECT * FROM ${replica.target}`)).toMatchObject([{ guest: 'ann', amount: 6 }]);
    });

    test('columns with names that need quotes', async () => {
      const mapping = mapOf(field('a', text, { target: 'Name "x"' }), field('b', int, { target: 'from' }));
      const replica = await replicaOf('id text PRIMARY KEY, "Name ""x""" text, "from" int', mapping);
      expect(await apply(replica, insert(['a'], ['t', '1']))).toEqual(['written']);
      expect(await apply(replica, update(await fetchOne(replica, 'a'), ['u', '1'], [0]))).toEqual(['written']);
      expect((await rowsIn(replica)).map((row) => row.values)).toEqual([['u', '1']]);
    });
  });

  describe('codecs say the same as the driver’s', () => {
    const { BigDecimal, Duration, InetAddress, Integer } = cassandraDriver.types;
    const big = fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n });

    test('varint and decimal', () => {
      fc.assert(
        fc.property(
          fc.oneof(big, fc.bigInt({ min: -70_000n, max: 70_000n })),
          fc.integer({ min: 0, max: 40 }),
          (value, scale) => {
            const bytes = varintBytes(value);
            expect(bytes).toEqual(Integer.toBuffer(Integer.fromString(String(value))));
            expect(varintText(bytes, 0, bytes.length)).toBe(String(value));
            const canonical = fromDecimalText(`${value}e-${scale}`);
            const encoded = decimalBytes(canonical);
            expect(fromDecimalText(BigDecimal.fromBuffer(encoded).toString())).toBe(canonical);
            expect(fromDecimalText(decimalText(encoded, 0, encoded.length))).toBe(canonical);
          },
        ),
      );
    });

    test('duration', () => {
      const part = fc.integer({ min: 0, max: 2 ** 31 - 1 });
      const nanos = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
      fc.assert(
        fc.property(part, part, nanos, fc.boolean(), (months, days, rest, isNegative) => {
          const sign = isNegative ? -1 : 1;
          const long = cassandraDriver.types.Long.fromString(String(BigInt(sign) * rest));
          const bytes = new Duration(sign * months, sign * days, long).toBuffer();
          expect(durationBytes(durationText(bytes, 0))).toEqual(bytes);
        }),
      );
    });

    test('inet', () => {
      const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
      fc.assert(
        fc.property(fc.oneof(fc.ipV4(), fc.array(group, { minLength: 8, maxLength: 8 })), (address) => {
          const text = typeof address === 'string' ? address : address.map((part) => part.toString(16)).join(':');
          const bytes = inetBytes(text);
          expect(new InetAddress(bytes).equals(InetAddress.fromString(text))).toBe(true);
          expect(inetBytes(inetText(bytes, 0, bytes.length))).toEqual(bytes);
        }),
      );
    });
  });
});
