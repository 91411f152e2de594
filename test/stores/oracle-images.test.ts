// Whole rows of Oracle: columns of every type that no mapping names, as they were, and what can't come back is said. All SQL that ran is held
// against Oracle's grammar.

import type oracledb from 'oracledb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { enteredFormat } from '../../src/stores/oracle/column-sql.ts';
import { type Column, columnOf } from '../../src/stores/oracle/columns.ts';
import { restoredColumns } from '../../src/stores/oracle/images.ts';
import type { Change, Guarded, Replica, Store } from '../../src/stores/store.ts';
import { freshOracle } from '../databases.ts';
import { oracleProblems } from '../oracle-grammar.ts';
import { field } from './contract-cases.ts';
import { connectOurselves, openOracle } from './oracle-harness.ts';
import { recordStatements } from './oracle-recorded.ts';
import { capture, deletion, outcomesOf, removeRows } from './put-back.ts';

const statements = recordStatements();
let prefix: string;
let connection: oracledb.Connection;
let store: Store;
let tables = 0;

beforeAll(async () => {
  const mine = freshOracle();
  prefix = `${mine.prefix}IMG`;
  connection = await connectOurselves(mine.url);
  store = await openOracle(mine.url);
});
afterAll(async () => {
  await store?.close();
  await connection?.close();
});

const run = (sql: string) => connection.execute<unknown[]>(sql, [], { autoCommit: true });
const mapping: Mapping = {
  key: [field('id', { kind: 'integer', bits: 64 })],
  fields: [field('name', { kind: 'text' })],
};

async function replicaOf(columns: string, ...values: readonly string[]): Promise<Replica> {
  const target = `${prefix}${tables++}`;
  await run(`CREATE TABLE "${target}" (ID NUMBER PRIMARY KEY, NAME CHAR(8), ${columns})`);
  for (const row of values) await run(`INSERT INTO "${target}" VALUES (${row})`);
  return { name: `erp.${target}`, target, mapping, options: {} };
}
const fetchOne = async (replica: Replica, id = '1') => (await store.fetch(replica, [[id]]))[0]!;

const TIME = `'SYYYY-MM-DD"T"HH24:MI:SS`;
/** What a column holds as a text that hides nothing. */
const SHOWN: Readonly<Record<string, (name: string) => string>> = {
  N: (name) => `TO_CHAR(${name}, 'TM9')`,
  D: (name) => `TO_CHAR(${name}, ${TIME}')`,
  T: (name) => `TO_CHAR(${name}, ${TIME}.FF6')`,
  Z: (name) => `TO_CHAR(${name}, ${TIME}.FF6TZH:TZM')`,
  L: (name) => `TO_CHAR(SYS_EXTRACT_UTC(${name}), ${TIME}.FF6')`,
  R: (name) => `RAWTOHEX(${name})`,
  X: (name) => name,
};

async function shown(replica: Replica, columns: readonly string[]): Promise<readonly string[]> {
  const list = ['ID', 'NAME', ...columns].map((name) => (SHOWN[name === 'NAME' ? 'X' : name[0]!] ?? SHOWN.X!)(name));
  const { rows } = await run(`SELECT ${list.join(', ')} FROM "${replica.target}"`);
  return rows!.map((row) => JSON.stringify(row)).sort();
}

test('columns of every type that no mapping names come back as they were', async () => {
  const columns = ['N1', 'N2', 'D1', 'D2', 'T1', 'Z1', 'L1', 'R1', 'X1', 'X2', 'X3', 'X4', 'X5', 'X6', 'X7'];
  const replica = await replicaOf(
    `N1 NUMBER, N2 NUMBER(38), D1 DATE, D2 DATE, T1 TIMESTAMP(6), Z1 TIMESTAMP(6) WITH TIME ZONE, L1 TIMESTAMP(6) WITH LOCAL TIME ZONE, R1 RAW(16),
     X1 CHAR(5), X2 NVARCHAR2(20), X3 BINARY_DOUBLE, X4 BINARY_FLOAT, X5 INTERVAL DAY TO SECOND, X6 INTERVAL YEAR TO MONTH, X7 VARCHAR2(4000)`,
    `1, 'ab', -0.000000000012345678901234567, 12345678901234567890123456789012345678, TO_DATE('2026-03-04T05:06:07', 'YYYY-MM-DD"T"HH24:MI:SS'), NULL,
     TO_TIMESTAMP('1969-12-31T23:59:59.999999', 'YYYY-MM-DD"T"HH24:MI:SS.FF6'), TO_TIMESTAMP_TZ('2026-03-04T05:06:07.000008+05:30', 'YYYY-MM-DD"T"HH24:MI:SS.FF6TZH:TZM'),
     TO_TIMESTAMP_TZ('2026-03-04T05:06:07.000008-03:00', 'YYYY-MM-DD"T"HH24:MI:SS.FF6TZH:TZM'), HEXTORAW('00FF10'),
     'x', 'Ñandú', 0.1, 0.5, TO_DSINTERVAL('-3 04:05:06.7'), TO_YMINTERVAL('1-2'), ' blanks '`,
    `2, NULL, ${columns.map(() => 'NULL').join(', ')}`,
  );
  const before = await shown(replica, columns);
  const rows = await store.fetch(replica, [['1'], ['2']]);
  const restores = await removeRows(store, replica, rows);
  expect(await shown(replica, columns)).toEqual([]);
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await shown(replica, columns)).toEqual(before);
  expect(await outcomesOf(store, replica, restores)).toEqual(['moved', 'moved']);
});

test('LOBs come back whole, an empty one as empty', async () => {
  const replica = await replicaOf(
    'BODY CLOB, NOTE CLOB, PICTURE BLOB, SCAN BLOB',
    `1, 'ab', EMPTY_CLOB(), NULL, NULL, EMPTY_BLOB()`,
  );
  const body = `${'plumb line · 铅垂线 · '.repeat(5000)}end`;
  const picture = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
  await connection.execute(
    `INSERT INTO "${replica.target}" VALUES (2, 'cd', :1, :2, :3, NULL)`,
    [body, ' ', picture].map((val) => ({ val })),
    { autoCommit: true },
  );
  const state = async () =>
    (
      await run(
        `SELECT ID, DBMS_LOB.GETLENGTH(BODY), DBMS_LOB.GETLENGTH(NOTE), DBMS_LOB.GETLENGTH(PICTURE), DBMS_LOB.GETLENGTH(SCAN) FROM "${replica.target}" ORDER BY ID`,
      )
    ).rows;
  const before = await state();
  const restores = await removeRows(store, replica, await store.fetch(replica, [['1'], ['2']]));
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await state()).toEqual(before);
  const same = await connection.execute<unknown[]>(
    `SELECT COUNT(*) FROM "${replica.target}" WHERE DBMS_LOB.COMPARE(BODY, :1) = 0 AND DBMS_LOB.COMPARE(PICTURE, :2) = 0`,
    [body, picture].map((val) => ({ val })),
  );
  expect(Number(same.rows![0]![0])).toBe(1);
});

test('an update puts back padding and null, and leaves the columns alone that no mapping names', async () => {
  const replica = await replicaOf('X1 VARCHAR2(20)', `1, 'ab', 'old'`, `2, NULL, 'old'`);
  const rows = await store.fetch(replica, [['1'], ['2']]);
  const before = await shown(replica, []);
  const updates = rows.map(
    (expected): Guarded => ({ kind: 'update', row: { key: expected.key, values: ['new'] }, fields: [0], expected }),
  );
  const captured = await capture(store, replica, ...updates);
  expect(await outcomesOf(store, replica, updates)).toEqual(['written', 'written']);
  await run(`UPDATE "${replica.target}" SET X1 = 'since'`);
  const restores = await Promise.all(
    updates.map(async (change, i): Promise<Change> => {
      const expected = await fetchOne(replica, change.expected.key[0]);
      return { ...change, row: change.expected, expected, image: captured[i]!.image } as Change;
    }),
  );
  expect(await outcomesOf(store, replica, restores)).toEqual(['written', 'written']);
  expect(await shown(replica, [])).toEqual(before);
  expect((await run(`SELECT X1 FROM "${replica.target}"`)).rows).toEqual([['since'], ['since']]);
});

test('a column that no mapping names, changed since it was captured, keeps its row from being deleted', async () => {
  const replica = await replicaOf(
    'X1 VARCHAR2(20), BODY CLOB, Z1 TIMESTAMP(6) WITH TIME ZONE',
    `1, 'ab', NULL, 'x', NULL`,
  );
  const [captured] = await capture(store, replica, deletion(await fetchOne(replica)));
  const remove = async () =>
    outcomesOf(store, replica, [{ ...deletion(await fetchOne(replica)), image: captured!.image } as Change]);
  for (const change of [`X1 = 'y'`, `BODY = NULL`, `Z1 = SYSTIMESTAMP`]) {
    await run(`UPDATE "${replica.target}" SET ${change}`);
    expect(await remove()).toEqual(['moved']);
    await run(`UPDATE "${replica.target}" SET X1 = NULL, BODY = 'x', Z1 = NULL`);
  }
  expect(await remove()).toEqual(['written']);
});

test('what can’t come back is said, and what is another column by now is not written', async () => {
  const replica = await replicaOf('NOTE LONG, X1 VARCHAR2(20)', `1, 'ab', 'long', 'x'`);
  const [captured] = await capture(store, replica, deletion(await fetchOne(replica)));
  expect(captured!.lacks).toBe('its column NOTE is LONG, which is not read');
  const columns = new Map<string, Column>([
    ['X1', columnOf(['O', 'T', 'X1', 'DATE', null, '7', null, null, null, 'NO', null])],
  ]);
  expect(() => restoredColumns(captured!.image, columns, ['X1'])).toThrow(/X1 is no longer the one/);
});

test('a time with a zone keeps its offset, or its region and what tells summer from winter', () => {
  const zoned = { form: 'zoned', scale: 6 } as Column;
  const text = 'SYYYY-MM-DD"T"HH24:MI:SS.FF6';
  expect(enteredFormat(zoned, '2026-10-25T02:30:00.000000+05:30')).toBe(`${text}TZH:TZM`);
  expect(enteredFormat(zoned, '2026-10-25T02:30:00.000000 Europe/Madrid CEST')).toBe(`${text} TZR TZD`);
  expect(enteredFormat(zoned, '2026-10-25T02:30:00.000000 UTC')).toBe(`${text} TZR`);
});

test('all of this is Oracle’s SQL', { timeout: 120_000 }, () => {
  expect([...statements].some((sql) => sql.includes('TZR TZD'))).toBe(true);
  expect([...statements].some((sql) => sql.includes('EMPTY_CLOB()'))).toBe(true);
  for (const sql of statements) expect(oracleProblems(sql), sql).toEqual([]);
});
