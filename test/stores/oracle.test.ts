// The Oracle store: the shared suite, and what only Oracle has. Everything is written and read back by a connection of the test's own. All SQL
// that ran is then held against Oracle's grammar, as the stand-in runs more than Oracle would.
//
// On a real Oracle: PLUMBLINE_ORACLE_URL=oracle://user:password@host:1521/SERVICE npx vitest run test/stores/oracle.test.ts

import { MongoClient } from 'mongodb';
import type oracledb from 'oracledb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { check, parseConfig, reconcile, StoreError } from '../../src/index.ts';
import type { Field, Mapping, Row } from '../../src/mapping/mapping.ts';
import type { Token } from '../../src/stores/oracle/fetch.ts';
import type { FetchedRow, Outcome, Replica, Store } from '../../src/stores/store.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { freshMongo, freshOracle, freshPostgres, sql as postgres } from '../databases.ts';
import { oracleProblems } from '../oracle-grammar.ts';
import { storeContract } from './contract.ts';
import { everyType, field } from './contract-cases.ts';
import { connectOurselves, openOracle, startOracle, textColumns } from './oracle-harness.ts';
import { recordStatements, withoutParticulars } from './oracle-recorded.ts';

const statements = recordStatements();

storeContract('Oracle', startOracle());

describe('what only Oracle has', { timeout: 60_000 }, () => {
  let url: string;
  let prefix: string;
  let connection: oracledb.Connection;
  let store: Store;
  let tables = 0;

  beforeAll(async () => {
    const mine = freshOracle();
    url = mine.url;
    prefix = `${mine.prefix}OWN`;
    connection = await connectOurselves(url);
    store = await openOracle(url);
  });
  afterAll(async () => {
    await store?.close();
    await connection?.close();
  });

  const run = (sql: string, binds: oracledb.BindParameters = []) =>
    connection.execute<unknown[]>(sql, binds, { autoCommit: true });
  const rowsOf = async (sql: string) => (await run(sql)).rows!;
  const id = field('id', { kind: 'integer', bits: 64 });
  const one = (type: FieldType, more: Partial<Field> = {}): Mapping => ({
    key: [id],
    fields: [field('v', type, more)],
  });
  const replicaOf = (target: string, mapping: Mapping, more: Partial<Replica> = {}): Replica => ({
    name: `erp.${target}`,
    target,
    mapping,
    options: {},
    ...more,
  });

  /** A table of ID and V, with these SQL expressions as its values, numbered from 1. */
  async function tableOf(ddl: string, values: readonly string[] = []): Promise<string> {
    const table = `${prefix}${tables++}`;
    await run(`CREATE TABLE "${table}" (ID NUMBER PRIMARY KEY, V ${ddl})`);
    for (const [i, value] of values.entries()) await run(`INSERT INTO "${table}" VALUES (${i + 1}, ${value})`);
    return table;
  }

  async function scanned(replica: Replica, from: Store = store): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const page of from.scan(replica)) rows.push(...page);
    return rows.sort((a, b) => Number(a.key[0]) - Number(b.key[0]));
  }

  const valuesOf = async (replica: Replica) => (await scanned(replica)).map((row) => row.unread ?? row.values[0]);
  const insert = async (replica: Replica, ...values: Value[]): Promise<readonly Outcome[]> =>
    store.apply(
      replica,
      values.map((value, i) => ({ kind: 'insert', row: { key: [String(i + 1)], values: [value] } })),
    );
  const words = (outcomes: readonly Outcome[]) =>
    outcomes.map((it) => (it.outcome === 'refused' ? it.error.replace(/^v: /, '') : it.outcome));

  describe('values', () => {
    test.each<[string, string, FieldType, [sql: string, canonical: Value][]]>([
      [
        'NUMBER has all its digits, a zero before the point and no exponent',
        'NUMBER',
        { kind: 'decimal' },
        [
          ['0.1', '0.1'],
          ['-0.1', '-0.1'],
          ['-0.000000000001', '-0.000000000001'],
          ['12345678901234567890123456789012345678', '12345678901234567890123456789012345678'],
          ['-9007199254740993.25', '-9007199254740993.25'],
          ['1E40', `1${'0'.repeat(40)}`],
          ['0', '0'],
          ['NULL', null],
        ],
      ],
      [
        'a fraction where an integer should be',
        'NUMBER',
        { kind: 'integer', bits: 64 },
        [
          ['1.5', '1.5'],
          ['-12', '-12'],
        ],
      ],
      [
        'FLOAT',
        'FLOAT(53)',
        { kind: 'float', bits: 64 },
        [
          ['0.1', '0.1'],
          ['1E21', '1e+21'],
        ],
      ],
      ['a code', 'NUMBER(3)', { kind: 'enum' }, [['7', '7']]],
      [
        'NUMBER(1) for a boolean',
        'NUMBER(1)',
        { kind: 'boolean' },
        [
          ['1', 'true'],
          ['0', 'false'],
          ['2', 'V is NUMBER(1) and holds what is not boolean: it is neither 0 nor 1'],
        ],
      ],
      [
        'CHAR(1) for a boolean',
        'CHAR(1)',
        { kind: 'boolean' },
        [
          [`'Y'`, 'true'],
          [`'n'`, 'false'],
          [`'X'`, 'V is CHAR(1) and holds what is not boolean: "X" is not a boolean'],
        ],
      ],
      [
        'CHAR without its padding',
        'CHAR(8)',
        { kind: 'text' },
        [
          [`'ab'`, 'ab'],
          [`' ab '`, ' ab'],
        ],
      ],
      [
        'an empty text',
        'VARCHAR2(8)',
        { kind: 'text' },
        [
          [`''`, null],
          [`' '`, ' '],
        ],
      ],
      [
        'DATE as a date, whatever the time',
        'DATE',
        { kind: 'date' },
        [
          [`TO_DATE('2026-11-22 13:14:15', 'YYYY-MM-DD HH24:MI:SS')`, '2026-11-22'],
          [`TO_DATE('-0044-03-15', 'SYYYY-MM-DD')`, '-0043-03-15'],
        ],
      ],
      [
        'DATE as a timestamp',
        'DATE',
        { kind: 'timestamp', precision: 0 },
        [[`TO_DATE('2026-11-22 13:14:15', 'YYYY-MM-DD HH24:MI:SS')`, '2026-11-22T13:14:15.000000Z']],
      ],
      [
        'a time in another zone',
        'TIMESTAMP(6) WITH TIME ZONE',
        { kind: 'timestamp', precision: 6 },
        [
          [
            `TO_TIMESTAMP_TZ('2026-11-22 01:14:07.221987 +05:30', 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM')`,
            '2026-11-21T19:44:07.221987Z',
          ],
        ],
      ],
      [
        'a local time',
        'TIMESTAMP(6) WITH LOCAL TIME ZONE',
        { kind: 'timestamp', precision: 6 },
        [
          [
            `TO_TIMESTAMP_TZ('2026-11-22 01:14:07.221987 +05:30', 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM')`,
            '2026-11-21T19:44:07.221987Z',
          ],
        ],
      ],
      [
        'a time before Christ',
        'TIMESTAMP(6)',
        { kind: 'timestamp', precision: 6 },
        [[`TO_TIMESTAMP('-0044-03-15 01:02:03.000004', 'SYYYY-MM-DD HH24:MI:SS.FF6')`, '-0043-03-15T01:02:03.000004Z']],
      ],
      [
        'a time is cut, not rounded',
        'TIMESTAMP(6)',
        { kind: 'timestamp', precision: 3 },
        [[`TO_TIMESTAMP('2026-11-22 01:14:07.221987', 'YYYY-MM-DD HH24:MI:SS.FF6')`, '2026-11-22T01:14:07.221000Z']],
      ],
      [
        'a UUID in RAW',
        'RAW(16)',
        { kind: 'uuid' },
        [[`HEXTORAW('A0EEBC999C0B4EF8BB6D6BB9BD380A11')`, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
      ],
      [
        'a UUID in text',
        'VARCHAR2(36)',
        { kind: 'uuid' },
        [[`'A0EEBC999C0B4EF8BB6D6BB9BD380A11'`, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
      ],
      [
        'JSON in text',
        'VARCHAR2(200)',
        { kind: 'json' },
        [
          [`'{"b":1.50,"a":[1e2,null]}'`, '{"a": [100, null], "b": 1.5}'],
          [`'{'`, 'V is VARCHAR2(200) and holds what is not json: it is not JSON (at character 1)'],
        ],
      ],
      [
        'intervals',
        'INTERVAL DAY TO SECOND(6)',
        { kind: 'interval' },
        [
          [`TO_DSINTERVAL('3 04:05:06.7')`, 'P3DT4H5M6.7S'],
          [`TO_DSINTERVAL('0 00:00:00')`, 'PT0S'],
        ],
      ],
      ['intervals of months', 'INTERVAL YEAR TO MONTH', { kind: 'interval' }, [[`TO_YMINTERVAL('1-2')`, 'P1Y2M']]],
    ])('%s', async (_, ddl, type, cases) => {
      const table = await tableOf(
        ddl,
        cases.map(([sql]) => sql),
      );
      const replica = replicaOf(table, one(type));
      const expected = cases.map(([, value]) => value);
      expect(await valuesOf(replica)).toEqual(expected.map((value) => value?.replace(/^V is/, 'v is') ?? null));
      const keys = cases.map((__, i) => [String(i + 1)]);
      expect(await store.fetch(replica, keys)).toHaveLength(cases.length);
    });

    test('a JSON column keeps every digit', async () => {
      const table = await tableOf('JSON', [`'{"n": 9007199254740993, "a": [1.50]}'`]);
      const replica = replicaOf(table, one({ kind: 'json' }));
      expect(await valuesOf(replica)).toEqual(['{"a": [1.5], "n": 9007199254740993}']);
      const [row] = await store.fetch(replica, [['1']]);
      const change = {
        kind: 'update',
        row: { key: ['1'], values: ['{"b": 2}'] },
        fields: [0],
        expected: row!,
      } as const;
      expect(words(await store.apply(replica, [change]))).toEqual(['written']);
      expect(await valuesOf(replica)).toEqual(['{"b": 2}']);
    });

    test('what can’t be read tells no value of a sensitive field', async () => {
      const table = await tableOf('VARCHAR2(40)', [`'4111-1111'`]);
      const [row] = await scanned(replicaOf(table, one({ kind: 'integer', bits: 64 }, { sensitive: true })));
      expect(row!.unread).toBe('v is VARCHAR2(40) and holds what is not integer');
    });

    test('every type stands in text columns too', async () => {
      const harness = await startOracle(textColumns)();
      try {
        const { mapping, rows } = everyType(6, [], harness.unholdable);
        const there = await harness.makePlace(mapping);
        const wanted = rows.map((values, i) => ({ key: [`k${i}`], values }));
        const held = wanted.map(({ key, values }) => ({ key, values: values.map((value) => value || null) }));
        const inserts = wanted.map((row) => ({ kind: 'insert', row }) as const);
        expect(new Set(words(await store.apply(there.replica, inserts)))).toEqual(new Set(['written']));
        const byKey = (a: { key: readonly string[] }, b: { key: readonly string[] }) =>
          a.key[0]! < b.key[0]! ? -1 : 1;
        expect([...(await there.read())].sort(byKey)).toEqual(held);
        const read = [
          ...(await store.fetch(
            there.replica,
            wanted.map(({ key }) => key),
          )),
        ].sort(byKey);
        expect(read.map(({ key, values }) => ({ key, values }))).toEqual(held);
        const fields = mapping.fields.map((__, i) => i);
        const changes = read.map((expected, i) => ({
          kind: 'update' as const,
          row: { key: expected.key, values: wanted[(i + 1) % wanted.length]!.values },
          fields,
          expected,
        }));
        expect(new Set(words(await store.apply(there.replica, changes)))).toEqual(new Set(['written']));
        expect([...(await there.read())].sort(byKey).map(({ values }) => values)).toEqual(
          held.map((__, i) => held[(i + 1) % held.length]!.values),
        );
      } finally {
        await harness.close();
      }
    });
  });

  describe('writing', () => {
    test.each<[string, string, FieldType, string, string]>([
      [
        'decimals',
        'NUMBER(10,2)',
        { kind: 'decimal' },
        '1.005',
        'it has more digits after the point than NUMBER(10,2) holds',
      ],
      ['digits', 'NUMBER', { kind: 'decimal' }, `1${'0'.repeat(38)}1`, 'it has more digits than NUMBER holds'],
      ['NaN', 'NUMBER', { kind: 'decimal' }, 'NaN', 'NUMBER does not hold NaN'],
      [
        'the smallest double',
        'NUMBER',
        { kind: 'float', bits: 64 },
        '5e-324',
        'it has more digits after the point than a NUMBER holds',
      ],
      [
        'binary digits',
        'BINARY_DOUBLE',
        { kind: 'decimal' },
        '12345678901234567.5',
        'it has more digits than BINARY_DOUBLE holds',
      ],
      ['blanks', 'CHAR(8)', { kind: 'text' }, 'ab ', 'CHAR does not keep blanks at the end'],
      ['the end of time', 'DATE', { kind: 'date' }, 'infinity', 'Oracle has no time infinity'],
      [
        'days that Oracle’s calendar skips',
        'DATE',
        { kind: 'date' },
        '1582-10-10',
        "Oracle's calendar has no 1582-10-10",
      ],
      [
        'microseconds',
        'TIMESTAMP(3)',
        { kind: 'timestamp', precision: 6 },
        '2026-11-22T01:14:07.221987Z',
        'TIMESTAMP(3) keeps fewer digits after the second',
      ],
      [
        'months',
        'INTERVAL DAY TO SECOND',
        { kind: 'interval' },
        'P1MT1S',
        'INTERVAL DAY TO SECOND does not hold P1MT1S',
      ],
      [
        'a day of hours',
        'INTERVAL DAY TO SECOND',
        { kind: 'interval' },
        'PT36H',
        'INTERVAL DAY TO SECOND does not hold PT36H',
      ],
      ['a longer text', 'VARCHAR2(3)', { kind: 'text' }, 'long', 'it is too long for VARCHAR2(3)'],
    ])('%s that the column would lose are refused', async (_, ddl, type, value, reason) => {
      const table = await tableOf(ddl);
      expect(words(await insert(replicaOf(table, one(type)), value))).toEqual([reason]);
      expect(await rowsOf(`SELECT * FROM "${table}"`)).toEqual([]);
    });

    test('what only the server can refuse is refused in its words', async () => {
      const table = await tableOf('VARCHAR2(3 BYTE)');
      const [outcome] = await insert(replicaOf(table, one({ kind: 'text' })), 'ñññ');
      // The stand-in counts characters.
      if (outcome!.outcome === 'refused') expect(outcome!.error).toMatch(/^ORA-12899: /);
      const numbers = await tableOf('NUMBER(3)');
      const result = await insert(replicaOf(numbers, one({ kind: 'decimal' })), '1', '12345', '3');
      expect(words(result)).toEqual(['written', expect.stringMatching(/^ORA-01438: /), 'written']);
    });

    test('a refusal tells nothing of a sensitive field', async () => {
      const table = await tableOf('NUMBER(3)');
      const [outcome] = await insert(replicaOf(table, one({ kind: 'decimal' }, { sensitive: true })), '98765');
      expect(outcome).toEqual({ outcome: 'refused', error: 'ORA-01438: refused by the server' });
    });

    test('a LOB of a megabyte is written, guarded and replaced', async () => {
      const table = await tableOf('CLOB');
      const replica = replicaOf(table, one({ kind: 'text' }));
      const [large, larger] = ['plumb 铅垂线 '.repeat(90_000), 'x'.repeat(1_500_000)];
      expect(words(await insert(replica, large, null, 'small'))).toEqual(['written', 'written', 'written']);
      const read = await store.fetch(replica, [['1'], ['2'], ['3']]);
      expect(new Set(read.map((row) => row.values[0]))).toEqual(new Set([large, null, 'small']));
      const update = (expected: FetchedRow, value: Value) =>
        ({ kind: 'update', row: { key: expected.key, values: [value] }, fields: [0], expected }) as const;
      const byId = [...read].sort((a, b) => Number(a.key[0]) - Number(b.key[0]));
      await run(`UPDATE "${table}" SET V = 'other' WHERE ID = 3`);
      const changes = [update(byId[0]!, 'small'), update(byId[1]!, larger), update(byId[2]!, large)];
      expect(words(await store.apply(replica, changes))).toEqual(['written', 'written', 'moved']);
      expect(await valuesOf(replica)).toEqual(['small', larger, 'other']);
    });

    test('any one mapped value that is not as it was read keeps a write away', async () => {
      const table = `${prefix}${tables++}`;
      const columns: readonly [ddl: string, type: FieldType, sql: string, other: unknown][] = [
        ['VARCHAR2(20)', { kind: 'text' }, `'a'`, 'b'],
        ['NVARCHAR2(20)', { kind: 'text' }, `'a'`, 'b'],
        ['CHAR(4)', { kind: 'text' }, `'a'`, 'b   '],
        ['CLOB', { kind: 'text' }, `'a'`, 'b'],
        ['CLOB', { kind: 'text' }, 'NULL', 'b'],
        ['CLOB', { kind: 'text' }, `'a'`, null],
        ['NUMBER', { kind: 'decimal' }, '1.5', '1.50000001'],
        ['NUMBER', { kind: 'decimal' }, 'NULL', '0'],
        ['NUMBER', { kind: 'decimal' }, '0', null],
        ['BINARY_DOUBLE', { kind: 'float', bits: 64 }, '1.5', 2],
        ['BINARY_DOUBLE', { kind: 'float', bits: 64 }, '1.5', Number.NaN],
        ['BINARY_FLOAT', { kind: 'float', bits: 32 }, '0.5', null],
        ['DATE', { kind: 'date' }, `TO_DATE('2026-11-22', 'YYYY-MM-DD')`, ' 2026-11-22T00:00:01'],
        [
          'TIMESTAMP(6)',
          { kind: 'timestamp', precision: 6 },
          `TO_TIMESTAMP('2026-11-22', 'YYYY-MM-DD')`,
          ' 2026-11-22T00:00:00.000001Z',
        ],
        ['TIMESTAMP(6) WITH TIME ZONE', { kind: 'timestamp', precision: 6 }, 'NULL', ' 2026-11-22T00:00:00.000001Z'],
        ['RAW(4)', { kind: 'bytes' }, `HEXTORAW('00FF')`, Buffer.from('00fe', 'hex')],
        ['BLOB', { kind: 'bytes' }, `HEXTORAW('00FF')`, Buffer.from('00fe', 'hex')],
        [
          'INTERVAL DAY TO SECOND',
          { kind: 'interval' },
          `TO_DSINTERVAL('3 04:05:06')`,
          { days: 3, hours: 4, minutes: 5, seconds: 7 },
        ],
      ];
      await run(
        `CREATE TABLE "${table}" (ID NUMBER PRIMARY KEY, ${columns.map(([ddl], i) => `C${i} ${ddl}`).join(', ')}, T VARCHAR2(9))`,
      );
      await run(`INSERT INTO "${table}" VALUES (1, ${columns.map(([, , sql]) => sql).join(', ')}, 'old')`);
      const fields = [...columns.map(([, type], i) => field(`c${i}`, type)), field('t', { kind: 'text' })];
      const replica = replicaOf(table, { key: [id], fields });
      const [expected] = await store.fetch(replica, [['1']]);
      expect(expected!.unread).toBeUndefined();
      const token = expected!.token as Token;
      const changeFrom = (raw: readonly unknown[]) => ({
        kind: 'update' as const,
        row: { key: ['1'], values: [...expected!.values.slice(0, -1), 'new'] },
        fields: [columns.length],
        expected: { ...expected!, token: { ...token, raw } },
      });
      for (const [i, [ddl, , , other]] of columns.entries()) {
        const raw = [...token.raw];
        raw[i + 1] = other;
        expect([ddl, i, ...words(await store.apply(replica, [changeFrom(raw)]))]).toEqual([ddl, i, 'moved']);
        const { row: __, fields: ___, ...rest } = changeFrom(raw);
        expect([ddl, i, ...words(await store.apply(replica, [{ ...rest, kind: 'delete' }]))]).toEqual([
          ddl,
          i,
          'moved',
        ]);
      }
      expect(await rowsOf(`SELECT T FROM "${table}"`)).toEqual([['old']]);
      expect(words(await store.apply(replica, [changeFrom(token.raw)]))).toEqual(['written']);
      expect(await rowsOf(`SELECT T FROM "${table}"`)).toEqual([['new']]);
    });

    test('booleans and UUIDs are spelled as the column’s records spell theirs, or as the config says', async () => {
      const flags = await tableOf('CHAR(1)', [`'s'`, `'n'`]);
      await run(`UPDATE "${flags}" SET V = 'f' WHERE ID = 1`);
      await run(`DELETE FROM "${flags}" WHERE ID = 2`);
      const outcome = await store.apply(replicaOf(flags, one({ kind: 'boolean' })), [
        { kind: 'insert', row: { key: ['3'], values: ['true'] } },
      ]);
      expect(words(outcome)).toEqual(['written']);
      expect(await rowsOf(`SELECT V FROM "${flags}" ORDER BY ID`)).toEqual([['f'], ['t']]);
      const empty = await tableOf('VARCHAR2(5)');
      await insert(replicaOf(empty, one({ kind: 'boolean' }, { storedAs: '1/0' })), 'true', 'false');
      expect(await rowsOf(`SELECT V FROM "${empty}" ORDER BY ID`)).toEqual([['1'], ['0']]);
      const uuids = await tableOf('VARCHAR2(36)', [`'A0EEBC999C0B4EF8BB6D6BB9BD380A11'`]);
      await store.apply(replicaOf(uuids, one({ kind: 'uuid' })), [
        { kind: 'insert', row: { key: ['2'], values: ['b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'] } },
      ]);
      expect(await rowsOf(`SELECT V FROM "${uuids}" WHERE ID = 2`)).toEqual([['B0EEBC999C0B4EF8BB6D6BB9BD380A11']]);
    });
  });

  describe('keys', () => {
    const keyed = async (ddl: string, values: readonly string[]): Promise<string> => {
      const table = `${prefix}${tables++}`;
      await run(`CREATE TABLE "${table}" (K ${ddl} PRIMARY KEY, V VARCHAR2(9))`);
      for (const value of values) await run(`INSERT INTO "${table}" VALUES (${value}, 'v')`);
      return table;
    };
    const byK = (type: FieldType): Mapping => ({ key: [field('k', type)], fields: [field('v', { kind: 'text' })] });

    test.each<[string, string, FieldType, string, string, string]>([
      ['CHAR', 'CHAR(8)', { kind: 'text' }, `'ab'`, 'ab', 'abc'],
      [
        'RAW',
        'RAW(16)',
        { kind: 'uuid' },
        `HEXTORAW('A0EEBC999C0B4EF8BB6D6BB9BD380A11')`,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      ],
      [
        'a UUID as text',
        'VARCHAR2(36)',
        { kind: 'uuid' },
        `'A0EEBC999C0B4EF8BB6D6BB9BD380A11'`,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      ],
      [
        'a DATE with a time of day',
        'DATE',
        { kind: 'date' },
        `TO_DATE('9999-12-31 13:00', 'YYYY-MM-DD HH24:MI')`,
        '9999-12-31',
        '9999-12-30',
      ],
      [
        'a time that is cut',
        'TIMESTAMP(6)',
        { kind: 'timestamp', precision: 3 },
        `TO_TIMESTAMP('2026-11-22 01:14:07.221987', 'YYYY-MM-DD HH24:MI:SS.FF6')`,
        '2026-11-22T01:14:07.221000Z',
        '2026-11-22T01:14:07.222000Z',
      ],
      ['a number with a point', 'NUMBER', { kind: 'decimal' }, '0.5', '0.5', '0.51'],
      ['NVARCHAR2', 'NVARCHAR2(20)', { kind: 'text' }, `'ñ'`, 'ñ', 'n'],
    ])('%s is found, changed and removed by its key', async (_, ddl, type, sql, key, otherKey) => {
      const replica = replicaOf(await keyed(ddl, [sql]), byK(type));
      expect(await store.fetch(replica, [[otherKey]])).toEqual([]);
      const [expected] = await store.fetch(replica, [[key], [otherKey]]);
      expect(expected).toMatchObject({ key: [key], values: ['v'] });
      const row = { key: [key], values: ['new'] };
      expect(words(await store.apply(replica, [{ kind: 'update', row, fields: [0], expected: expected! }]))).toEqual([
        'written',
      ]);
      const inserts = [otherKey, otherKey].map(
        (it) => ({ kind: 'insert', row: { key: [it], values: ['x'] } }) as const,
      );
      expect(words(await store.apply(replica, inserts))).toEqual(['written', 'moved']);
      const both = await store.fetch(replica, [[key], [otherKey]]);
      expect(both.map((it) => it.values[0]).sort()).toEqual(['new', 'x']);
      const deletes = both.map((it) => ({ kind: 'delete', expected: it }) as const);
      expect(words(await store.apply(replica, deletes))).toEqual(['written', 'written']);
    });

    test('keys that Oracle can’t hold are absent, and inserting one is refused', async () => {
      const replica = replicaOf(await keyed('VARCHAR2(5)', [`'a'`]), byK({ kind: 'text' }));
      expect(await store.fetch(replica, [[''], ['longer'], ['a']])).toHaveLength(1);
      const row = { key: [''], values: ['v'] };
      expect(words(await store.apply(replica, [{ kind: 'insert', row }]))).toEqual(['k: Oracle holds no empty key']);
      const times = replicaOf(await keyed('DATE', []), byK({ kind: 'date' }));
      expect(await store.fetch(times, [['infinity'], ['12026-01-01']])).toEqual([]);
    });

    test('a key that needs another type than the source’s is a problem', async () => {
      const numbers = replicaOf(await keyed('VARCHAR2(20)', []), byK({ kind: 'integer', bits: 64 }));
      expect((await store.inspect(numbers)).problems).toMatchObject([
        { path: 'k', message: expect.stringContaining('VARCHAR2(20)') },
      ]);
    });
  });

  describe('names', () => {
    test('a lower-case name is the upper-case table, a schema may stand before it', async () => {
      const table = await tableOf('NUMBER', ['1']);
      const mapping = one({ kind: 'decimal' });
      const [[user]] = (await rowsOf('SELECT USER FROM DUAL')) as [[string]];
      for (const target of [table, table.toLowerCase(), `${user}.${table}`, `${user}.${table}`.toLowerCase()]) {
        expect(await valuesOf(replicaOf(target, mapping))).toEqual(['1']);
      }
      const elsewhere = await openOracle(url, { schema: 'sys' });
      try {
        const inspection = await elsewhere.inspect(replicaOf(table, mapping));
        expect(inspection.problems).toMatchObject([{ message: expect.stringContaining('there is no table') }]);
        expect(await scanned(replicaOf(`${user}.${table}`, mapping), elsewhere)).toHaveLength(1);
      } finally {
        await elsewhere.close();
      }
    });

    test('a name that exists as it is written comes before the upper-case one', async () => {
      const table = `${prefix}${tables++}`;
      await run(
        `CREATE TABLE "${table}" ("id" NUMBER PRIMARY KEY, "camelCase" NUMBER, "UPPER" NUMBER, "We ird" NUMBER)`,
      );
      await run(`INSERT INTO "${table}" VALUES (1, 2, 3, 4)`);
      const names = ['camelCase', 'upper', 'We ird'];
      const replica = replicaOf(table, { key: [id], fields: names.map((name) => field(name, { kind: 'decimal' })) });
      expect((await scanned(replica))[0]!.values).toEqual(['2', '3', '4']);
    });

    test('what is not there, and two targets in one column, are problems', async () => {
      const table = await tableOf('NUMBER');
      const mapping = (...targets: string[]): Mapping => ({
        key: [id],
        fields: targets.map((target) => field(target, { kind: 'decimal' })),
      });
      const problemsOf = async (replica: Replica) =>
        (await store.inspect(replica)).problems.map(({ message }) => message);
      expect(await problemsOf(replicaOf(`${table}X`, mapping()))).toEqual([`there is no table or view ${table}X`]);
      expect(await problemsOf(replicaOf(table, mapping('v', 'w')))).toEqual([`${table} has no column w`]);
      expect(await problemsOf(replicaOf(table, mapping('v', 'V')))).toEqual(['v and V are both the column V']);
      expect(await problemsOf(replicaOf(table, mapping('v'), { where: { v: 1 } }))).toEqual([
        '`where` must be an SQL condition (a text)',
      ]);
      expect(await problemsOf(replicaOf(table, mapping('v'), { where: 'nope = 1' }))).toEqual([
        expect.stringMatching(/^where: ORA-00904/),
      ]);
      await expect(store.fetch(replicaOf(table, mapping('w')), [['1']])).rejects.toBeInstanceOf(StoreError);
    });
  });

  describe('inspecting', () => {
    test('types that are not read and types that don’t fit are problems', async () => {
      const long = await tableOf('LONG');
      expect((await store.inspect(replicaOf(long, one({ kind: 'text' })))).problems).toMatchObject([
        { path: 'v', message: `${long}.V is LONG`, hint: expect.stringContaining('reads no LONG') },
      ]);
      const numbers = await tableOf('NUMBER(5)');
      expect(
        (await store.inspect(replicaOf(numbers, one({ kind: 'timestamp', precision: 6 })))).problems,
      ).toMatchObject([{ path: 'v', message: `compared as timestamp, but ${numbers}.V is NUMBER(5)` }]);
    });

    test('what Oracle reduces is said', async () => {
      const table = `${prefix}${tables++}`;
      await run(
        `CREATE TABLE "${table}" (ID NUMBER PRIMARY KEY, T VARCHAR2(9), C CHAR(4), B BLOB, D DATE, S TIMESTAMP(3), Z TIMESTAMP(9) WITH TIME ZONE, N NUMBER)`,
      );
      const time: FieldType = { kind: 'timestamp', precision: 6 };
      const fields = [
        field('t', { kind: 'text' }),
        field('c', { kind: 'enum' }),
        field('b', { kind: 'bytes' }),
        field('d', time),
        field('s', time),
        field('z', time),
        field('n', { kind: 'enum' }),
      ];
      const inspection = await store.inspect(replicaOf(table, { key: [id], fields }));
      expect([...inspection.emptyIsNull!]).toEqual(['t', 'c', 'b']);
      expect([...inspection.timestampPrecision]).toEqual([
        ['d', 0],
        ['s', 3],
        ['z', 6],
      ]);
      expect(inspection.notes).toEqual([
        'a scan reads as of one system change number',
        'an empty value is NULL in Oracle: the two are equal in t, c, b',
        'DATE holds seconds: d',
        'no time zone in Oracle, taken as UTC: d, s',
        'blanks at the end of a CHAR are padding: c',
      ]);
    });

    test('a view is compared, and not said to be safe to write', async () => {
      const table = await tableOf('NUMBER', ['1', '2']);
      await run(`CREATE OR REPLACE VIEW "${table}V" AS SELECT ID, V FROM "${table}"`);
      try {
        const replica = replicaOf(`${table}v`, one({ kind: 'decimal' }));
        expect(await valuesOf(replica)).toEqual(['1', '2']);
        expect(await store.fetch(replica, [['2']])).toMatchObject([{ key: ['2'], values: ['2'] }]);
        const { problems, writeProblems } = await store.inspect(replica);
        expect(problems).toEqual([]);
        expect(writeProblems.map(({ message }) => message)).toContainEqual(expect.stringContaining('is a view'));
      } finally {
        await run(`DROP VIEW "${table}V"`);
      }
    });

    test('a user who may only read can compare; what repair would lack is said', async (context) => {
      const table = await tableOf('NUMBER', ['1']);
      const [[owner]] = (await rowsOf('SELECT USER FROM DUAL')) as [[string]];
      const user = `${table}R`;
      const refused = await run(`CREATE USER ${user} IDENTIFIED BY "Plumb1line"`).catch((error: Error) => error);
      if (refused instanceof Error && /ORA-01031/.test(refused.message)) return context.skip('it takes CREATE USER');
      try {
        await run(`GRANT CREATE SESSION TO ${user}`);
        await run(`GRANT SELECT ON "${table}" TO ${user}`);
        const mine = new URL(url);
        const reader = await openOracle(mine.href.replace(/\/\/[^@]*@/, `//${user}:Plumb1line@`));
        try {
          const replica = replicaOf(`${owner}.${table}`, one({ kind: 'decimal' }));
          const inspection = await reader.inspect(replica);
          expect(inspection.problems).toEqual([]);
          expect(inspection.writeProblems.map(({ message }) => message)).toEqual([
            'no permission to insert',
            'no permission to update',
            'no permission to delete',
          ]);
          expect(await scanned(replica, reader)).toHaveLength(1);
        } finally {
          await reader.close();
        }
      } finally {
        await run(`DROP USER ${user} CASCADE`);
      }
    });
  });

  describe('one moment', () => {
    test.each([
      'scn',
      'readOnly',
      'none',
    ] as const)('snapshot: %s sees what stood there when the scan began', async (snapshot) => {
      const table = await tableOf('VARCHAR2(40)');
      await connection.executeMany(
        `INSERT INTO "${table}" VALUES (:1, :2)`,
        Array.from({ length: 3000 }, (_, i) => [i + 1, 'old']),
        { autoCommit: true },
      );
      const reader = await openOracle(url, { snapshot, fetchArraySize: 500 });
      try {
        const replica = replicaOf(table, one({ kind: 'text' }));
        const { notes, problems } = await reader.inspect(replica);
        expect(problems).toEqual([]);
        expect(notes.join()).toContain(
          { scn: 'system change number', readOnly: 'read-only transaction', none: 'one statement' }[snapshot],
        );
        const values: Value[] = [];
        for await (const page of reader.scan(replica)) {
          expect(page.length).toBeLessThanOrEqual(500);
          if (values.length === 0) {
            await run(`UPDATE "${table}" SET V = 'new' WHERE ID > 2000`);
            await run(`INSERT INTO "${table}" VALUES (9999, 'late')`);
          }
          values.push(...page.map((row) => row.values[0]!));
        }
        expect([values.length, new Set(values)]).toEqual([3000, new Set(['old'])]);
        expect(await reader.fetch(replica, [['9999'], ['2500']])).toHaveLength(2);
      } finally {
        await reader.close();
      }
    });
  });

  describe('in a run', () => {
    const configOf = (source: string, entities: string, docs = 'mongodb://nowhere/none') =>
      parseConfig(
        `{ source: { url: "\${SOURCE}" }, limits: { maxPercent: 100 }, entities: { ${entities} },
           stores: { erp: { kind: oracle, url: "\${ERP}" }, docs: { kind: mongodb, url: "\${DOCS}" } } }`,
        '/nowhere/plumbline.yaml',
        { SOURCE: source, ERP: url, DOCS: docs },
      );

    test('an empty text in the source and NULL in Oracle are in sync; what is missing is written, once', async () => {
      const source = await freshPostgres('18');
      await postgres(
        source,
        `create table note (id int primary key, body text, kind varchar(9), data bytea, done boolean, at timestamptz);
         insert into note values (1, '', '', '', true, '2026-11-22 01:14:07.221987Z'), (2, null, 'x', '\\x00', null, null),
           (3, 'b', null, null, false, null), (4, '', 'new', '', true, now())`,
      );
      const table = `${prefix}${tables++}`;
      await run(
        `CREATE TABLE "${table}" (ID NUMBER(10) PRIMARY KEY, BODY CLOB, KIND CHAR(9), DATA BLOB, DONE CHAR(1),
         AT TIMESTAMP(3) WITH LOCAL TIME ZONE)`,
      );
      const at = `TO_TIMESTAMP_TZ('2026-11-22 01:14:07.221 +00:00', 'YYYY-MM-DD HH24:MI:SS.FF3 TZH:TZM')`;
      await run(`INSERT INTO "${table}" VALUES (1, NULL, NULL, NULL, 'Y', ${at})`);
      await run(`INSERT INTO "${table}" VALUES (2, NULL, 'x', HEXTORAW('00'), NULL, NULL)`);
      await run(`INSERT INTO "${table}" VALUES (3, NULL, NULL, NULL, '0', NULL)`);
      const replica = `{ store: erp, target: ${table.toLowerCase()}, maxLag: 20ms, fields: { done: { type: 1/0 } } }`;
      const config = configOf(source, `note: { table: note, replicas: [${replica}] }`);
      const [compared] = (await check(config, { keep: false })).replicas;
      expect(compared).toMatchObject({
        status: 'proven',
        counts: { missing: 1, mismatched: 1, unread: 0, orphan: 0 },
      });
      expect(compared!.coverage.notes).toContain(
        'an empty value is NULL in Oracle: the two are equal in body, kind, data',
      );
      const [repaired] = (await reconcile(config, { keep: false, apply: true })).replicas;
      expect(repaired!.repair).toMatchObject({ outcomes: { written: 2 }, remaining: 0 });
      const [again] = (await reconcile(config, { keep: false, apply: true })).replicas;
      expect(again).toMatchObject({ counts: { missing: 0, mismatched: 0 } });
      expect(again!.repair?.outcomes.written ?? 0).toBe(0);
      expect(await rowsOf(`SELECT ID, KIND, DONE FROM "${table}" ORDER BY ID`)).toEqual([
        [1, null, 'Y'],
        [2, 'x        ', null],
        [3, null, '0'],
        [4, 'new      ', '1'],
      ]);
    });

    test('what is equal in Oracle is still a difference in a store that tells empty from none', async () => {
      const source = await freshPostgres('18');
      await postgres(
        source,
        `create table tag (id int primary key, body text); insert into tag values (1, ''), (2, 'x')`,
      );
      const table = await tableOf('VARCHAR2(9)', ['NULL', `'x'`]);
      const docs = freshMongo();
      const mongo = new MongoClient(docs);
      try {
        const tags = [
          { _id: 1 as never, body: null },
          { _id: 2 as never, body: 'x' },
        ];
        await mongo.db().collection('tag').insertMany(tags);
        const replicas = [
          `{ store: erp, target: ${table.toLowerCase()}, maxLag: 20ms, fields: { body: v } }`,
          `{ store: docs, maxLag: 20ms, fields: { id: _id } }`,
        ];
        const config = configOf(source, `tag: { table: tag, replicas: [${replicas.join(', ')}] }`, docs);
        const { replicas: reports } = await check(config, { keep: false });
        expect(reports.map(({ counts }) => counts.mismatched)).toEqual([0, 1]);
      } finally {
        await mongo.db().dropDatabase();
        await mongo.close();
      }
    });
  });
});

test('all SQL that ran here is Oracle’s', { timeout: 300_000 }, () => {
  const texts = new Set([...statements].map(withoutParticulars));
  expect(texts.size).toBeGreaterThan(60);
  for (const sql of texts) {
    // Newer than the grammar.
    const known = sql.replace(/JSON_SERIALIZE\(("\w+") RETURNING CLOB\)/g, 'F($1)');
    expect(oracleProblems(known), sql).toEqual([]);
  }
});
