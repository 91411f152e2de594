// The PostgreSQL store: the shared suite on 18 and 15, and what only PostgreSQL has. Everything is written and read back by a client of the
// test's own.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mapping } from '../../src/mapping/mapping.ts';
import type { FetchedRow, Replica, Store } from '../../src/stores/store.ts';
import type { FieldType } from '../../src/value/field-type.ts';
import { freshPostgres, sql } from '../databases.ts';
import { storeContract } from './contract.ts';
import { field } from './contract-cases.ts';
import { connectPostgres, startPostgres } from './postgres-harness.ts';

storeContract('PostgreSQL 18', startPostgres('18'));
storeContract('PostgreSQL 15', startPostgres('15'));

describe('what only PostgreSQL has', () => {
  let url: string;
  let store: Store;
  beforeAll(async () => {
    url = await freshPostgres('18');
    store = await connectPostgres(url);
  });
  afterAll(() => store.close());

  const replicaOf = (target: string, mapping: Mapping): Replica => ({
    name: `copy.${target}`,
    target,
    mapping,
    options: {},
  });
  const only = async (replica: Replica, key: readonly string[]): Promise<FetchedRow> =>
    (await store.fetch(replica, [key]))[0]!;

  test('a value that is too long is refused, never cut', async () => {
    await sql(url, 'create table short (id int primary key, v varchar(3))');
    const replica = replicaOf('short', {
      key: [field('id', { kind: 'integer', bits: 32 })],
      fields: [field('v', { kind: 'text' })],
    });
    const [outcome] = await store.apply(replica, [{ kind: 'insert', row: { key: ['1'], values: ['long'] } }]);
    expect(outcome).toMatchObject({ outcome: 'refused', error: expect.stringContaining('too long') });
    expect(await sql(url, 'select * from short')).toEqual([]);
  });

  test('a record under another version of its row is not updated, even with the same values', async () => {
    await sql(url, 'create table versions (id int primary key, v text)');
    await sql(url, "insert into versions values (1, 'a')");
    const replica = replicaOf('versions', {
      key: [field('id', { kind: 'integer', bits: 32 })],
      fields: [field('v', { kind: 'text' })],
    });
    const expected = await only(replica, ['1']);
    await sql(url, "update versions set v = 'a'");
    const outcome = await store.apply(replica, [
      { kind: 'update', row: { key: ['1'], values: ['b'] }, fields: [0], expected },
    ]);
    expect(outcome).toEqual([{ outcome: 'moved' }]);
    expect(await sql(url, 'select v from versions')).toEqual([{ v: 'a' }]);
  });

  test('generated columns are compared and never written; identity keys are written as the source has them', async () => {
    await sql(
      url,
      'create table g (id int generated always as identity primary key, a int, twice int generated always as (a * 2) stored)',
    );
    const int: FieldType = { kind: 'integer', bits: 32 };
    const replica = replicaOf('g', { key: [field('id', int)], fields: [field('a', int), field('twice', int)] });
    expect(await store.apply(replica, [{ kind: 'insert', row: { key: ['41'], values: ['4', '8'] } }])).toEqual([
      { outcome: 'written' },
    ]);
    expect(await only(replica, ['41'])).toMatchObject({ values: ['4', '8'] });
  });

  test('dates before Christ, nested arrays and interval parts survive a write', async () => {
    await sql(url, 'create table odd (id text primary key, d date, t timestamptz, n int[], w interval, x bytea[])');
    const mapping: Mapping = {
      key: [field('id', { kind: 'text' })],
      fields: [
        field('d', { kind: 'date' }),
        field('t', { kind: 'timestamp', precision: 6 }),
        field('n', { kind: 'array', element: { kind: 'integer', bits: 32 } }),
        field('w', { kind: 'interval' }),
        field('x', { kind: 'array', element: { kind: 'bytes' } }),
      ],
    };
    const values = [
      '-0043-03-15',
      '0000-01-01T00:00:00.000001Z',
      '[[1, 2], [3, null]]',
      'P1Y2M3DT4H5M6.7S',
      '["00ff", ""]',
    ];
    const replica = replicaOf('odd', mapping);
    expect(await store.apply(replica, [{ kind: 'insert', row: { key: ['k'], values } }])).toEqual([
      { outcome: 'written' },
    ]);
    expect(await only(replica, ['k'])).toMatchObject({ values });
    expect(
      await sql(
        url,
        `select d = '0044-03-15 BC'::date as d, t = '0001-01-01 00:00:00.000001+00 BC'::timestamptz as t from odd`,
      ),
    ).toEqual([{ d: true, t: true }]);
  });

  test('names with quotes and capitals are quoted', async () => {
    await sql(
      url,
      `create schema "We""ird"; create table "We""ird"."Ta ble" ("I'd" text primary key, "sel""ect" text)`,
    );
    const replica = replicaOf('We"ird.Ta ble', {
      key: [field("I'd", { kind: 'text' })],
      fields: [field('sel"ect', { kind: 'text' })],
    });
    expect(await store.apply(replica, [{ kind: 'insert', row: { key: ["o'k"], values: ['x'] } }])).toEqual([
      { outcome: 'written' },
    ]);
    expect(await only(replica, ["o'k"])).toMatchObject({ values: ['x'] });
  });

  test('a role that may only read can be compared; inspect says what repair would lack', async () => {
    await sql(
      url,
      `create table readable (id int primary key, v text); drop role if exists reader_only; create role reader_only login password 'r'; grant select on readable to reader_only`,
    );
    const mine = new URL(url);
    mine.username = 'reader_only';
    mine.password = 'r';
    const reader = await connectPostgres(mine.href);
    try {
      const replica = replicaOf('readable', {
        key: [field('id', { kind: 'integer', bits: 32 })],
        fields: [field('v', { kind: 'text' })],
      });
      const inspection = await reader.inspect(replica);
      expect(inspection.problems).toEqual([]);
      expect(inspection.writeProblems.map((problem) => problem.message)).toEqual([
        'no permission to insert',
        'no permission to update',
        'no permission to delete',
      ]);
      const [outcome] = await reader.apply(replica, [{ kind: 'insert', row: { key: ['1'], values: ['x'] } }]);
      expect(outcome).toMatchObject({ outcome: 'refused' });
    } finally {
      await reader.close();
      await sql(url, 'drop owned by reader_only; drop role reader_only');
    }
  });
});
