// What Oracle's grammar takes and refuses, by statements as a store and its tests write them.

import { expect, test } from 'vitest';
import { oracleProblems } from '../oracle-grammar.ts';

const MERGE = `MERGE INTO "SHOP"."ORDERS" o
  USING (SELECT CAST(:1 AS NUMBER) AS "ID", CAST(:2 AS VARCHAR2(40 CHAR)) AS "STATE" FROM DUAL) n
  ON (o."ID" = n."ID")
  WHEN MATCHED THEN UPDATE SET "STATE" = n."STATE"
  WHEN NOT MATCHED THEN INSERT ("ID", "STATE") VALUES (n."ID", n."STATE")`;

test.each([
  'SELECT "ID", "TOTAL" FROM "SHOP"."ORDERS" WHERE "ID" > :1 ORDER BY "ID" FETCH FIRST 500 ROWS ONLY',
  'SELECT id FROM orders ORDER BY id OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY',
  'SELECT p.id FROM (SELECT id FROM orders ORDER BY id) p WHERE ROWNUM <= 10',
  'SELECT id FROM orders WHERE shop > :1 OR (shop = :2 AND id > :3)',
  'SELECT id FROM orders WHERE (shop, id) IN ((:1, :2), (:3, :4))',
  'SELECT id FROM orders WHERE total > (SELECT MIN(total) FROM orders)',
  'SELECT o.id FROM "SHOP"."ORDERS" AS OF SCN :scn o WHERE o.id > :low',
  'SELECT DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER FROM DUAL',
  'SELECT CURRENT_SCN FROM V$DATABASE',
  'SELECT BITAND(ORA_HASH(id, 255), 15) AS part, COUNT(*) FROM orders GROUP BY BITAND(ORA_HASH(id, 255), 15)',
  `SELECT RAWTOHEX(STANDARD_HASH(TO_CHAR(total, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') || NVL(note, '~'), 'MD5'))
     FROM orders`,
  `SELECT TO_CHAR(SYS_EXTRACT_UTC(seen), 'YYYY-MM-DD"T"HH24:MI:SS.FF6') FROM visits`,
  `INSERT INTO visits (id, seen) VALUES (:1, TO_TIMESTAMP_TZ(:2, 'YYYY-MM-DD"T"HH24:MI:SS.FF9TZH:TZM'))`,
  `INSERT ALL INTO a (id) VALUES (1) INTO b (id) VALUES (2) SELECT * FROM DUAL`,
  MERGE,
  'UPDATE orders SET total = :1 WHERE id = :2 RETURNING total INTO :3',
  'DELETE FROM "SHOP"."ORDERS" WHERE "ID" = :id AND "STATE" IS NULL',
  'SELECT id FROM orders WHERE id = :1 FOR UPDATE NOWAIT',
  `SELECT owner, column_name, data_type FROM all_tab_columns WHERE owner = :1 AND table_name = :2 ORDER BY column_id`,
  `SELECT q'[it's; why?]' FROM DUAL -- ; ?`,
  'SELECT "NUMBER", USER, ROWID, SYSDATE FROM "TABLE"',
  'SET TRANSACTION READ ONLY',
  `ALTER SESSION SET TIME_ZONE = '+00:00' NLS_NUMERIC_CHARACTERS = '.,'`,
  'COMMIT',
  'BEGIN DBMS_SESSION.SLEEP(1); END;',
  `CREATE TABLE orders (id NUMBER(12) PRIMARY KEY, state VARCHAR2(40 CHAR) DEFAULT 'new' NOT NULL, note CLOB,
     seen TIMESTAMP(6) WITH TIME ZONE, CONSTRAINT one_state UNIQUE (id, state))`,
])('takes %s', (sql) => {
  expect(oracleProblems(sql)).toEqual([]);
});

test.each([
  ['SELECT id FROM orders LIMIT 10', '1:28 nothing may follow'],
  ['SELECT id FRM orders', '1:14 '],
  ['SELECT id, FROM orders', '1:11 '],
  ['SELECT id::text FROM orders', '1:9 '],
  ['SELECT `id` FROM orders', '1:7 '],
  ['SELECT id FROM orders WHERE (id > :1', 'WHERE'],
  ['SELECT id FROM orders WHERE id = $1', '1:33 '],
  ['SELECT id FROM orders WHERE id = ?', 'a bind is written :1'],
  ['SELECT o.id FROM orders AS o', '1:24 nothing may follow'],
  ['SELECT o.id FROM orders o AS OF SCN 12345', '1:26 nothing may follow'],
  ['SELECT id FROM orders FETCH FIRST 10 ROWS', '2:0 '],
  ['SELECT id FROM orders WHERE (shop, id) > (:1, :2)', '1:39 rows are not compared'],
  ['SELECT id FROM orders WHERE (shop, id) <= (:1, :2)', 'rows are not compared'],
  ['SELECT id FROM orders WHERE state IS DISTINCT FROM :1', '1:34 nothing may follow'],
  ['SELECT id FROM orders WHERE paid = TRUE', '1:35 SQL has no booleans'],
  ['SELECT id FROM orders;', '1:21 a semicolon'],
  ['DELETE FROM a; DELETE FROM b', '1:13 a semicolon'],
  ['SELECT number FROM orders', '1:7 number is reserved'],
  ['SELECT o.size FROM orders o', '1:9 '],
  ['INSERT INTO orders (id, comment) VALUES (:1, :2)', '1:24 comment is reserved'],
  ['INSERT INTO orders (id) VALUES (1), (2)', '1:34 nothing may follow'],
  ['INSERT INTO orders (id) VALUES (:1) ON CONFLICT DO NOTHING', '1:36 nothing may follow'],
  ['UPDATE orders o SET o.total = 1 FROM shops s WHERE s.id = o.shop', '1:32 nothing may follow'],
  ['DELETE FROM orders WHERE id = :1 RETURNING id', '1:33 nothing may follow'],
  [MERGE.replace('ON (o."ID" = n."ID")', 'ON o."ID" = n."ID"'), "missing '('"],
])('refuses %s', (sql, problem) => {
  expect(oracleProblems(sql).join('\n')).toContain(problem);
});

test('refuses more than 1,000 values in a list', () => {
  const query = (count: number) => `SELECT id FROM orders WHERE id IN (${Array.from({ length: count }, () => ':id')})`;
  expect(oracleProblems(query(1_000))).toEqual([]);
  expect(oracleProblems(query(1_001))).toEqual(['1:31 IN takes 1000 values']);
});
