// What a store may count on in the stand-in for Oracle, through Oracle's own driver, and how it ends.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import oracledb, { type BindParameters, type Connection } from 'oracledb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine } from '../../engines/engine.ts';
import { connectOracle, startOracle } from '../../engines/oracle.ts';

const SLOW_MS = 180_000;

const STAMP = `'YYYY-MM-DD"T"HH24:MI:SS.FF6'`;
const ZONED = `'YYYY-MM-DD"T"HH24:MI:SS.FF6TZH:TZM'`;

let folder: string;
let engine: Engine;
let connection: Connection;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-test-oracle-'));
  // PostgreSQL runs as another user when the test is root, and that user has to get through.
  await chmod(folder, 0o755);
  vi.stubEnv('TMPDIR', folder);
  engine = await startOracle({ kind: 'oracle' }, () => {});
}, SLOW_MS);

afterAll(async () => {
  await engine.stop();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  connection = await connectOracle(engine.url);
  await connection.execute(`CREATE TABLE "ORDERS" (
    "ID" NUMBER(12) PRIMARY KEY, "STATE" VARCHAR2(40 CHAR), "TOTAL" NUMBER(18,4), "RATE" NUMBER, "CODE" CHAR(4),
    "SEEN" TIMESTAMP(6) WITH TIME ZONE, "DAY" DATE, "NOTE" CLOB, "MARK" RAW(16))`);
});

afterEach(async () => {
  await connection.rollback();
  await connection.execute('DROP TABLE "ORDERS" PURGE');
  await connection.close();
});

describe('who it is', () => {
  test('it says that it is a stand-in, with the versions of its parts', () => {
    expect(engine).toMatchObject({ kind: 'oracle', name: 'oracle', standIn: true });
    expect(engine.url).toMatch(/^oracle:\/\/PLUMBLINE:[0-9a-f]{24}@127\.0\.0\.1:\d+\/FREEPDB1$/);
    expect(engine.version).toMatch(/^seerdb Mirror 3\.3\.0 over PostgreSQL 15\.\d+ \(as Oracle .+\)$/);
  });

  test('a wrong password is ORA-01017', async () => {
    const url = new URL(engine.url);
    url.password = 'wrong';
    await expect(connectOracle(url.href)).rejects.toMatchObject({ code: 'ORA-01017' });
  });

  test.each([
    1, 60, 250,
  ])('a client whose program has %i letters gets in, however long its descriptor is', async (letters) => {
    const { host, pathname, username, password } = new URL(engine.url);
    const login = { user: username, password, connectString: `${host}${pathname}`, program: 'p'.repeat(letters) };
    const other = await oracledb.getConnection(login);
    expect((await other.execute('SELECT 1 FROM dual')).rows).toEqual([[1]]);
    await other.close();
  });

  test('a user of its own sees its own tables', async () => {
    await connection.execute('CREATE USER "GUEST_1" IDENTIFIED BY "secret_1" QUOTA UNLIMITED ON USERS');
    await connection.execute('GRANT CREATE SESSION, CREATE TABLE TO "GUEST_1"');
    const url = new URL(engine.url);
    url.username = 'GUEST_1';
    url.password = 'secret_1';
    const guest = await connectOracle(url.href);
    try {
      await expect(guest.execute('SELECT * FROM orders')).rejects.toMatchObject({ code: 'ORA-00942' });
      await guest.execute('CREATE TABLE orders (id NUMBER(12))');
      expect(await rows('SELECT owner FROM all_tables WHERE table_name = :1 ORDER BY 1', ['ORDERS'])).toEqual([
        ['GUEST_1'],
        ['PLUMBLINE'],
      ]);
    } finally {
      await guest.close();
      await connection.execute('DROP USER "GUEST_1" CASCADE');
    }
  });
});

describe('values', () => {
  test('a NUMBER comes as text, to the last digit', async () => {
    await connection.execute(`INSERT INTO orders (id, total, rate)
      VALUES (1, 12345678901234.5678, 12345678901234567890123456789012345678)`);
    await connection.execute('INSERT INTO orders (id, total, rate) VALUES (2, -0.5, :1)', ['0.000000000000000000001']);
    expect(await rows('SELECT id, total, rate FROM orders ORDER BY id')).toEqual([
      ['1', '12345678901234.5678', '12345678901234567890123456789012345678'],
      ['2', '-.5', '.000000000000000000001'],
    ]);
    expect(
      await rows(`SELECT TO_CHAR(total, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') FROM orders WHERE id = 2`),
    ).toEqual([['-.5']]);
  });

  test('dates and moments come and go as text, whatever the time zone of server and client', async () => {
    await connection.execute(
      `INSERT INTO orders (id, seen, day) VALUES (:1, TO_TIMESTAMP_TZ(:2, ${ZONED}), TO_DATE(:3, 'YYYY-MM-DD'))`,
      [1, '2024-02-29T23:30:00.123456-05:00', '2024-02-29'],
    );
    expect(
      await rows(`SELECT TO_CHAR(SYS_EXTRACT_UTC(seen), ${STAMP}), TO_CHAR(seen, ${ZONED}),
        TO_CHAR(day, 'YYYY-MM-DD"T"HH24:MI:SS') FROM orders`),
    ).toEqual([['2024-03-01T04:30:00.123456', '2024-02-29T23:30:00.123456-05:00', '2024-02-29T00:00:00']]);
  });

  test('a year has its sign where SYYYY asks for it', async () => {
    const format = `'SYYYY-MM-DD"T"HH24:MI:SS.FF6TZH:TZM'`;
    for (const moment of [' 2024-02-29T23:30:00.123456-04:30', '-0044-03-15T12:00:00.000000+00:00']) {
      expect(await rows(`SELECT TO_CHAR(TO_TIMESTAMP_TZ(:1, ${format}), ${format}) FROM DUAL`, [moment])).toEqual([
        [moment],
      ]);
    }
  });

  test('a CLOB of 100,000 characters, an empty string that is NULL, a padded CHAR, a RAW', async () => {
    const note = 'añ日 '.repeat(25_000);
    await connection.execute(
      'INSERT INTO orders (id, note, state, code, mark) VALUES (1, :note, :state, :code, :mark)',
      {
        note: { val: note, type: oracledb.CLOB },
        state: '',
        code: 'ab',
        mark: Buffer.from('00ff', 'hex'),
      },
    );
    expect(await rows('SELECT note, state, code, mark, DBMS_LOB.GETLENGTH(note) FROM orders')).toEqual([
      [note, null, 'ab  ', Buffer.from('00ff', 'hex'), String(note.length)],
    ]);
  });

  test('LOBs of all kinds go with a batch, between other values', async () => {
    await connection.execute(
      'CREATE TABLE lobs (id NUMBER(12), c CLOB, n NCLOB, b BLOB, v NVARCHAR2(2000), z NUMBER(12))',
    );
    try {
      const text = '日本語 '.repeat(10_000);
      const bytes = Buffer.alloc(50_000, 7);
      await connection.executeMany(
        'INSERT INTO lobs VALUES (:1, :2, :3, :4, :5, :6)',
        [
          [1, text, text, bytes, 'ñ'.repeat(2_000), 6],
          [2, null, null, null, null, null],
          [3, 'c', 'n', Buffer.from('b'), 'v', 7],
        ],
        {
          bindDefs: [
            { type: oracledb.NUMBER },
            { type: oracledb.CLOB },
            { type: oracledb.NCLOB },
            { type: oracledb.BLOB },
            { type: oracledb.DB_TYPE_NVARCHAR, maxSize: 4_000 },
            { type: oracledb.NUMBER },
          ],
        },
      );
      expect(
        await rows('SELECT DBMS_LOB.COMPARE(c, n), DBMS_LOB.GETLENGTH(b), LENGTH(v), z FROM lobs ORDER BY id'),
      ).toEqual([
        ['0', '50000', '2000', '6'],
        [null, null, null, null],
        ['-1', '1', '1', '7'],
      ]);
    } finally {
      await connection.execute('DROP TABLE lobs');
    }
  });

  test('text hashes in SQL as elsewhere, and NULL as the empty string', async () => {
    const hash = (sql: string) => rows(`SELECT LOWER(RAWTOHEX(STANDARD_HASH(${sql}, 'MD5'))) FROM DUAL`);
    const expected = createHash('md5').update('añ.5').digest('hex');
    expect(await hash(`'añ' || TO_CHAR(0.50, 'TM9')`)).toEqual([[expected]]);
    expect(await hash('NULL')).toEqual([['d41d8cd98f00b204e9800998ecf8427e']]);
    expect(await rows(`SELECT TO_NUMBER('ff0a', 'XXXX') FROM DUAL`)).toEqual([['65290']]);
  });

  test('a quoted name in upper case is the unquoted one', async () => {
    await connection.execute('INSERT INTO Orders ("ID", state) VALUES (:id, :state)', { id: 7, state: '"ID"' });
    const result = await connection.execute(`SELECT o."ID", o.state, 1 AS "Mixed" FROM "PLUMBLINE"."ORDERS" o`);
    expect(result.metaData!.map(({ name }) => name)).toEqual(['ID', 'STATE', 'Mixed']);
    expect(result.rows).toEqual([[7, '"ID"', 1]]);
    expect(
      await rows('SELECT column_name FROM all_tab_columns WHERE owner = :1 AND table_name = :2 AND column_id < 3', [
        'PLUMBLINE',
        'ORDERS',
      ]),
    ).toEqual([['ID'], ['STATE']]);
  });
});

describe('writes', () => {
  test('all of 5,000 rows arrive, in requests of many packets', async () => {
    const binds = Array.from({ length: 5_000 }, (_, id) => [
      id,
      `state ${id} `.padEnd(30 + (id % 10), 'x'),
      `${id}.25`,
    ]);
    const { rowsAffected } = await connection.executeMany(
      'INSERT INTO orders (id, state, total) VALUES (:1, :2, :3)',
      binds,
    );
    expect(rowsAffected).toBe(5_000);
    expect(await rows('SELECT COUNT(*), COUNT(DISTINCT state), SUM(total) FROM orders')).toEqual([
      ['5000', '5000', '12498750'],
    ]);
  });

  test('MERGE updates what is there and inserts what is not, under its conditions', async () => {
    await connection.execute(`INSERT INTO orders (id, state, total) VALUES (1, 'old', 1)`);
    await connection.execute(`INSERT INTO orders (id, state, total) VALUES (2, 'final', 2)`);
    const { rowsAffected, dmlRowCounts } = await connection.executeMany(
      `MERGE INTO "PLUMBLINE"."ORDERS" o
       USING (SELECT CAST(:1 AS NUMBER) AS "ID", CAST(:2 AS VARCHAR2(40 CHAR)) AS "STATE" FROM DUAL) n
       ON (o."ID" = n."ID")
       WHEN MATCHED THEN UPDATE SET o."STATE" = n."STATE" WHERE o."STATE" <> 'final'
       WHEN NOT MATCHED THEN INSERT ("ID", "STATE") VALUES (n."ID", n."STATE") WHERE n."ID" < 9`,
      [
        [1, 'new'],
        [2, 'new'],
        [3, null],
        [9, 'new'],
      ],
      { bindDefs: [{ type: oracledb.NUMBER }, { type: oracledb.STRING, maxSize: 160 }], dmlRowCounts: true },
    );
    expect(rowsAffected).toBe(2);
    expect(dmlRowCounts).toEqual([1, 0, 1, 0]);
    expect(await rows('SELECT id, state, total FROM orders ORDER BY id')).toEqual([
      ['1', 'new', '1'],
      ['2', 'final', '2'],
      ['3', null, null],
    ]);
  });

  test('a batch goes on behind its errors and says where they were, broken keys last', async () => {
    const result = await connection.executeMany(
      'INSERT INTO orders (id, state) VALUES (:1, :2)',
      [
        [1, 'a'],
        [1, 'twice'],
        [2, 'b'],
        [3, 'x'.repeat(41)],
      ],
      { batchErrors: true },
    );
    expect(result.rowsAffected).toBe(2);
    expect(result.batchErrors!.map(({ offset, message }) => [offset, message.slice(0, 9)])).toEqual([
      [3, 'ORA-12899'],
      [1, 'ORA-00001'],
    ]);
  });

  test.each([
    [{ dmlRowCounts: true }],
    [{ dmlRowCounts: true, batchErrors: true }],
  ])('rows are counted for each set of binds, with %o', async (options) => {
    await connection.execute(`INSERT INTO orders (id, state) VALUES (1, 'a')`);
    const update = `UPDATE orders SET state = 'b' WHERE id = :1 AND state = :2`;
    const counts = async (...binds: unknown[][]) =>
      (await connection.executeMany(update, binds as BindParameters[], options)).dmlRowCounts;
    expect(await counts([1, 'a'], [1, 'a'], [9, 'a'])).toEqual([1, 0, 0]);
    expect(await counts([1, 'b'])).toEqual([1]);
  });

  test('a batch of one row has its error too', async () => {
    const insert = () =>
      connection.executeMany('INSERT INTO orders (id) VALUES (:1)', [[1]], { batchErrors: true, dmlRowCounts: true });
    expect(await insert()).toMatchObject({ rowsAffected: 1, dmlRowCounts: [1] });
    const { batchErrors, dmlRowCounts } = await insert();
    expect(batchErrors!.map(({ offset }) => offset)).toEqual([0]);
    expect(dmlRowCounts).toEqual([0]);
  });

  test('a statement that fails undoes itself alone, and a rollback the rest', async () => {
    await connection.execute('INSERT INTO orders (id) VALUES (1)');
    await connection.commit();
    await connection.execute('INSERT INTO orders (id) VALUES (2)');
    await expect(connection.execute('INSERT INTO orders (id) VALUES (1)')).rejects.toMatchObject({ code: 'ORA-00001' });
    expect(await rows('SELECT COUNT(*) FROM orders')).toEqual([['2']]);
    await connection.rollback();
    expect(await rows('SELECT COUNT(*) FROM orders')).toEqual([['1']]);
  });
});

describe('tables', () => {
  test('columns may have the names of types, and columns of JSON check what they get', async () => {
    await connection.execute(`CREATE TABLE odd ("NUMBER" NUMBER(12), "DATE" DATE, j JSON, k CLOB CHECK (k IS JSON))`);
    try {
      const columns = 'SELECT column_name, data_type FROM all_tab_columns WHERE table_name = :1 ORDER BY column_name';
      expect(await rows(columns, ['ODD'])).toEqual([
        ['DATE', 'DATE'],
        ['J', 'JSON'],
        ['K', 'CLOB'],
        ['NUMBER', 'NUMBER'],
      ]);
      await connection.execute('INSERT INTO odd ("NUMBER", j, k) VALUES (1, :1, :2)', ['{"a":1.50}', '[1]']);
      expect(await rows('SELECT "NUMBER", JSON_SERIALIZE(j RETURNING CLOB), k FROM odd')).toEqual([
        ['1', '{"a":1.50}', '[1]'],
      ]);
      await expect(connection.execute('INSERT INTO odd (k) VALUES (:1)', ['[1'])).rejects.toMatchObject({
        code: 'ORA-02290',
      });
    } finally {
      await connection.execute('DROP TABLE odd');
    }
  });

  test('one session reads while others create and drop', { timeout: SLOW_MS }, async () => {
    const others = await Promise.all(Array.from({ length: 3 }, () => connectOracle(engine.url)));
    try {
      let busy = true;
      const changing = Promise.all(
        others.map(async (other, i) => {
          for (let round = 0; round < 12; round += 1) {
            await other.execute(`CREATE TABLE busy_${i} (id NUMBER(12) PRIMARY KEY, k CLOB CHECK (k IS JSON))`);
            await other.execute(`INSERT INTO busy_${i} (id) VALUES (1)`);
            expect((await other.execute(`SELECT * FROM busy_${i}`)).rows).toHaveLength(1);
            await other.execute(`DROP TABLE busy_${i} PURGE`);
          }
        }),
      ).finally(() => {
        busy = false;
      });
      while (busy) {
        expect(await rows('SELECT column_name FROM all_tab_columns WHERE table_name = :1', ['ORDERS'])).toHaveLength(9);
        expect(await rows('SELECT * FROM orders')).toEqual([]);
      }
      await changing;
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  });
});

describe('moments', () => {
  let writer: Connection;

  beforeEach(async () => {
    writer = await connectOracle(engine.url);
    await write('INSERT INTO orders (id, state) VALUES (1, :1)', ['before']);
  });

  afterEach(() => writer.close());

  test.each([
    'SELECT DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER FROM DUAL',
    'SELECT CURRENT_SCN FROM V$DATABASE',
  ])('a query AS OF the number of %s sees what was there then', async (question) => {
    const [[scn]] = (await rows(question)) as [[string]];
    await write('UPDATE orders SET state = :1', ['after']);
    const query = 'SELECT o.state FROM "PLUMBLINE"."ORDERS" AS OF SCN :scn o WHERE o.id > :low';
    expect(await rows(query, { scn, low: 0 })).toEqual([['before']]);
    expect(await rows(`SELECT o.state FROM orders AS OF SCN ${scn} o WHERE o.id > :low`, [0])).toEqual([['before']]);
    expect(await rows('SELECT state FROM orders')).toEqual([['after']]);
    const [[later]] = (await rows(question)) as [[string]];
    expect(Number(later)).toBeGreaterThan(Number(scn));
    expect(await rows(query, { scn: later, low: 0 })).toEqual([['after']]);
  });

  test('the tables of a statement share the moment, however its binds are given', async () => {
    const [[scn]] = (await rows('SELECT CURRENT_SCN FROM V$DATABASE')) as [[string]];
    await write('DELETE FROM orders WHERE id = :1', [1]);
    const join = (first: string, second: string, low: string) =>
      `SELECT a.state FROM orders AS OF SCN ${first} a JOIN orders AS OF SCN ${second} b ON b.id = a.id
       WHERE a.id > ${low} AND b.id > ${low} AND a.state <> ':scn'`;
    expect(await rows(join(':scn', ':scn', ':low'), { low: 0, scn })).toEqual([['before']]);
    expect(await rows(join(':1', ':2', '0'), [scn, scn])).toEqual([['before']]);
    expect(await rows(join(':scn', scn, ':low'), { scn, low: 0 })).toEqual([['before']]);
    expect(await rows(join(':1', ':2', ':3'), [scn, scn, 0, 0])).toEqual([['before']]);
  });

  test('a number that nobody was given is ORA-08181', async () => {
    await expect(rows('SELECT id FROM orders AS OF SCN 5')).rejects.toMatchObject({ code: 'ORA-08181' });
  });

  test('one session asks often, and none of its own changes is lost', async () => {
    await connection.execute(`INSERT INTO orders (id) VALUES (2)`);
    for (let asked = 0; asked < 150; asked += 1) await rows('SELECT CURRENT_SCN FROM V$DATABASE');
    const [[scn]] = (await rows('SELECT CURRENT_SCN FROM V$DATABASE')) as [[string]];
    await expect(rows('SELECT id FROM orders AS OF SCN :1', [scn])).rejects.toMatchObject({ code: 'ORA-03001' });
    await connection.commit();
    expect(await rows('SELECT id FROM orders ORDER BY id')).toEqual([['1'], ['2']]);
  });

  test('a read-only transaction sees one moment and writes nothing', async () => {
    await connection.execute('SET TRANSACTION READ ONLY');
    expect(await rows('SELECT state FROM orders')).toEqual([['before']]);
    await write('UPDATE orders SET state = :1', ['after']);
    expect(await rows('SELECT state FROM orders')).toEqual([['before']]);
    await expect(connection.execute('DELETE FROM orders')).rejects.toMatchObject({ code: 'ORA-01456' });
    await connection.commit();
    expect(await rows('SELECT state FROM orders')).toEqual([['after']]);
  });

  test.each(['AS OF SCN', 'read-only'])('a moment may be older than the end of other tables (%s)', async (way) => {
    const gone = Array.from({ length: 8 }, (_, i) => `gone_${i}`);
    const checked = Array.from({ length: 9 }, (_, i) => `c${i} CLOB CHECK (c${i} IS JSON)`).join(', ');
    for (const table of gone) await writer.execute(`CREATE TABLE ${table} (${checked})`);
    const reader = await connectOracle(engine.url);
    try {
      const [[scn]] = (await rows('SELECT CURRENT_SCN FROM V$DATABASE')) as [[string]];
      if (way === 'read-only') {
        await reader.execute('SET TRANSACTION READ ONLY');
        await reader.execute('SELECT 1 FROM DUAL');
      }
      for (const table of gone) await writer.execute(`DROP TABLE ${table} PURGE`);
      const query = way === 'read-only' ? 'SELECT state FROM orders' : `SELECT state FROM orders AS OF SCN ${scn}`;
      expect((await reader.execute(query)).rows).toEqual([['before']]);
    } finally {
      await reader.close();
    }
  });

  test('what is not committed yet is seen by its session alone', async () => {
    await writer.execute('INSERT INTO orders (id) VALUES (2)');
    expect(await rows('SELECT COUNT(*) FROM orders')).toEqual([['1']]);
    await writer.commit();
    expect(await rows('SELECT COUNT(*) FROM orders')).toEqual([['2']]);
  });

  test('a statement behind a lock ends when its client has waited enough, or is broken off, and nothing else does', async () => {
    await writer.execute('UPDATE orders SET total = 1 WHERE id = 1');
    await connection.execute('INSERT INTO orders (id) VALUES (2)');
    connection.callTimeout = 300;
    const blocked = 'UPDATE orders SET total = 2 WHERE id = :1';
    await expect(connection.execute(blocked, [1])).rejects.toMatchObject({ code: 'NJS-123' });
    await expect(
      connection.executeMany(blocked, [[2], [1], [1]], { batchErrors: true, dmlRowCounts: true }),
    ).rejects.toMatchObject({ code: 'NJS-123' });
    connection.callTimeout = 0;
    const broken = expect(connection.execute(blocked, [1])).rejects.toMatchObject({ code: 'ORA-01013' });
    await sleep(200);
    await connection.break();
    await broken;
    expect(await rows('SELECT id FROM orders ORDER BY id')).toEqual([['1'], ['2']]);
    await writer.rollback();
    expect((await connection.execute(blocked, [1])).rowsAffected).toBe(1);
  });

  async function write(statement: string, binds: unknown[]): Promise<void> {
    await writer.execute(statement, binds as BindParameters, { autoCommit: true });
  }
});

describe('its end', () => {
  test.each([undefined, 'SIGKILL'] as const)('stop(%s) leaves no process and no folder', {
    timeout: SLOW_MS,
  }, async (signal) => {
    const before = await readdir(folder);
    const other = await startOracle({ kind: 'oracle', name: 'other' }, () => {});
    const mine = (await readdir(folder)).filter((name) => !before.includes(name));
    expect(mine).toHaveLength(2);
    await Promise.all([other.stop(signal), other.stop(signal)]);
    expect(await readdir(folder)).toEqual(before);
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,stat=,args=']);
    const alive = stdout.split('\n').filter((line) => !/^ *\d+ Z/.test(line));
    expect(alive.filter((line) => mine.some((name) => line.includes(name)))).toEqual([]);
    expect(alive.filter((line) => line.trim().startsWith(`${other.pid} `))).toEqual([]);
    await expect(connectOracle(other.url)).rejects.toMatchObject({ code: 'NJS-503' });
  });
});

async function rows(sql: string, binds: unknown = []): Promise<unknown[][]> {
  const result = await connection.execute<unknown[]>(sql, binds as BindParameters, {
    fetchTypeHandler: ({ dbType }) => {
      if (dbType === oracledb.DB_TYPE_NUMBER || dbType === oracledb.DB_TYPE_CLOB) return { type: oracledb.STRING };
    },
  });
  return result.rows!;
}
