// Every statement that the store can build, held against Oracle's grammar: the stand-in runs much that Oracle would not.

import { describe, expect, test } from 'vitest';
import type { Column, Form } from '../../src/stores/oracle/columns.ts';
import {
  CHARACTER_SET_SQL,
  columnsSql,
  PRIVILEGES_SQL,
  READ_ONLY_SQL,
  SCHEMA_SQL,
  SCN_SQLS,
  SERVER_SQL,
  SESSION_SQL,
  TABLE_SQL,
  UNIQUE_SQL,
} from '../../src/stores/oracle/dictionary-sql.ts';
import { restoredColumns } from '../../src/stores/oracle/images.ts';
import {
  captureSql,
  countSql,
  deleteSql,
  fetchSql,
  insertSql,
  type KeyPart,
  type Match,
  type Place,
  probeScnSql,
  restoreSql,
  sampleSql,
  scanSql,
  updateSql,
} from '../../src/stores/oracle/sql.ts';
import { oracleProblems } from '../oracle-grammar.ts';
import { field } from './contract-cases.ts';

const FORMS: readonly Form[] = [
  'char',
  'varchar',
  'clob',
  'json',
  'raw',
  'blob',
  'number',
  'single',
  'double',
  'boolean',
  'date',
  'timestamp',
  'zoned',
  'localZoned',
  'yearToMonth',
  'dayToSecond',
];

function column(name: string, form: Form, more: Partial<Column> = {}): Column {
  return { name, form, declared: form, national: false, bytes: 100, virtual: false, alwaysIdentity: false, ...more };
}

const placed = (one: Column) => ({ field: field(one.name, { kind: 'text' }), column: one });
const keyPart = (form: Form, match: Match = 'equal', name = 'ID'): KeyPart => ({
  ...placed(column(name, form)),
  match,
});

/** One field of each form, and the odd ones: national, nanoseconds, virtual. */
const everyForm = [
  ...FORMS.map((form, i) => column(`C${i}`, form)),
  column('N1', 'char', { national: true }),
  column('N2', 'clob', { national: true }),
  column('NANO', 'timestamp', { scale: 9 }),
  column('NANO TZ', 'zoned', { scale: 9 }),
  column('Virtual', 'number', { virtual: true }),
];
const someForms = [column('NAME', 'varchar'), column('NOTE', 'clob'), column('AT', 'zoned')];

function place(more: Partial<Place> = {}): Place {
  const fields = someForms.map(placed);
  return { owner: 'ERP', table: 'CUSTOMERS', key: [keyPart('number')], fields, hasRowids: true, ...more };
}

const WHERE = `status <> 'gone' -- and so on`;

function check(sql: string): void {
  // The function is newer than the grammar.
  const known = sql.replace(/JSON_SERIALIZE\(("\w+") RETURNING CLOB\)/g, 'F($1)');
  expect(oracleProblems(known), sql).toEqual([]);
}

describe('every statement of the oracle store is Oracle’s SQL', { timeout: 120_000 }, () => {
  test.each(
    Object.entries({
      SESSION_SQL,
      SERVER_SQL,
      SCHEMA_SQL,
      CHARACTER_SET_SQL,
      READ_ONLY_SQL,
      TABLE_SQL,
      UNIQUE_SQL,
      PRIVILEGES_SQL,
    }),
  )('%s', (_, sql) => check(sql));

  test('columns and system change numbers', () => {
    check(columnsSql(1, 1));
    check(columnsSql(3, 4));
    for (const sql of SCN_SQLS) check(sql);
  });

  test.each(FORMS)('a column of the form %s: read, guarded with and without a value, set', (form) => {
    const one = place({ fields: [placed(column('F', form))] });
    check(scanSql(one));
    check(updateSql(one, [0], [false]));
    check(updateSql(one, [0], [true]));
    check(insertSql(one));
  });

  test.each<[string, Partial<Place>]>([
    ['a table', {}],
    ['with a condition', { where: WHERE }],
    ['a view', { hasRowids: false }],
    ['odd names', { owner: 'O%s', table: 'Ta ble', fields: [placed(column(`sel'ect; --`, 'varchar'))] }],
    ['no fields', { fields: [] }],
  ])('%s: scanned, counted, sampled, fetched and written', (_, more) => {
    const one = place(more);
    check(scanSql(one));
    check(scanSql(one, '123456789012345678'));
    check(countSql(one, 1000));
    check(probeScnSql(one, '5'));
    check(fetchSql(one, 1));
    check(fetchSql(one, 10));
    check(insertSql(one));
    for (const isNull of [true, false]) {
      const nulls = one.fields.map(() => isNull);
      check(deleteSql(one, nulls));
      if (one.fields.length > 0) check(updateSql(one, [0], nulls));
    }
    const columns = one.fields.map((part) => part.column);
    if (columns.length > 0) check(sampleSql(one, columns));
  });

  test('all columns at once, null and not', () => {
    const one = place({ fields: everyForm.map(placed) });
    const written = [...everyForm.keys()].filter((i) => !everyForm[i]!.virtual);
    check(scanSql(one, '1'));
    check(insertSql(one));
    for (const isNull of [true, false]) {
      check(
        updateSql(
          one,
          written,
          everyForm.map(() => isNull),
        ),
      );
    }
  });

  test('whole records: captured, and put back by themselves, beside others and column by column', () => {
    const columns = everyForm.filter(({ virtual }) => !virtual);
    const one = place({ fields: columns.map(placed) });
    check(captureSql(one, columns, 1));
    check(captureSql(one, columns, 1000));
    const names = new Map(columns.map((each) => [each.name, each]));
    for (const [value, local] of [
      ['', '2026-03-04T05:06:07.000000+05:30'],
      ['1', '2026-10-25T02:30:00.000000 Europe/Madrid CEST'],
      ['1', '2026-10-25T02:30:00.000000 UTC'],
      [null, undefined],
    ]) {
      const image = Object.fromEntries(columns.map(({ name, form }) => [name, { form, value, local }]));
      const restored = restoredColumns(image, names);
      for (const beside of [0, 2]) check(restoreSql(one, restored, beside));
      check(
        updateSql(
          one,
          [...columns.keys()],
          columns.map(() => false),
          restored,
        ),
      );
    }
    for (const match of ['equal', 'range', { spellings: 4 }] as const) {
      const key = [keyPart('number'), keyPart('timestamp', match, 'AT')];
      check(restoreSql(place({ key }), restoredColumns({ C1: { form: 'varchar', value: 'x' } }, names), 0));
    }
  });

  test.each(FORMS.filter((form) => !['clob', 'blob', 'json'].includes(form)))('a key of the form %s', (form) => {
    const one = place({ key: [keyPart(form)], fields: [] });
    check(fetchSql(one, 3));
    check(insertSql(one));
    check(deleteSql(one, []));
  });

  test('composite keys, keys of several spellings and ranges', () => {
    for (const key of [
      [keyPart('number'), keyPart('char', 'equal', 'REGION'), keyPart('zoned', 'equal', 'AT')],
      [keyPart('varchar', { spellings: 4 })],
      [keyPart('date', 'range')],
      [keyPart('number'), keyPart('timestamp', 'range', 'AT'), keyPart('varchar', { spellings: 4 }, 'U')],
    ]) {
      const one = place({ key, fields: [] });
      check(fetchSql(one, 1));
      check(fetchSql(one, 4));
      check(insertSql(one));
      check(deleteSql(one, []));
    }
  });

  test('the longest list of keys', () => check(fetchSql(place({ key: [keyPart('varchar')], fields: [] }), 1000)));
});

test('what is no identifier and no system change number never becomes part of a statement', () => {
  expect(() => scanSql(place({ table: 'a" b' }))).toThrow();
  expect(() => scanSql(place(), '1 OR 1=1')).toThrow();
});
