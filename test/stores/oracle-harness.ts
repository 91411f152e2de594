// Oracle for the shared suite: a table a place, written and read back by a connection of the test's own.

import oracledb from 'oracledb';
import { expect } from 'vitest';
import { connectOracle } from '../../engines/oracle.ts';
import type { Field, Key, Mapping } from '../../src/mapping/mapping.ts';
import { oracle } from '../../src/stores/oracle/oracle.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { freshOracle } from '../databases.ts';
import type { Harness, NativeRecord, Place, PlaceOptions } from './contract.ts';

export const openOracle = (url: string, options: Parameters<typeof oracle.connect>[0]['options'] = {}) =>
  oracle.connect({ name: 'erp', url, options });

/** The tests' own connections, so that what the store runs can be told from what they run. */
export const ours = new WeakSet<object>();

export async function connectOurselves(url: string): Promise<oracledb.Connection> {
  const connection = await connectOracle(url);
  ours.add(connection);
  return connection;
}

let places = 0;

/** `plain`: the types that fit best. `texts`: booleans, UUIDs, JSON … in text columns, national texts, times without a zone. */
export function startOracle(columns: Columns = plainColumns): (own?: string) => Promise<Harness> {
  return async (own) => {
    const { url, prefix } = freshOracle(own);
    let connection = await connectOurselves(url);
    const connected = async () => {
      if (!connection.isHealthy()) connection = await connectOurselves(url);
      return connection;
    };
    return {
      url,
      config: { kind: 'oracle' },
      precision: 6,
      emptyIsNull: true,
      unholdable: (type, value) => type.kind === 'decimal' && value === 'NaN',
      canDuplicate: true,
      connect: openOracle,
      makePlace: (mapping, options) => makePlace(connected, `${prefix}${places++}`, columns, mapping, options),
      close: () => connection.close(),
    };
  };
}

type Columns = (type: FieldType, target: string) => Native;

/** A column: its declaration, and how the driver is given and gives its values. */
interface Native {
  readonly ddl: string;
  readonly bind: oracledb.BindDefinition;
  /** SQL around a bind. */
  write(bind: string): string;
  /** The select expression. */
  read(name: string): string;
  give(value: string): unknown;
  take(value: unknown): string;
}

const text = (ddl: string, more: Partial<Native> = {}): Native => ({
  ddl,
  bind: { dir: oracledb.BIND_IN, type: oracledb.DB_TYPE_VARCHAR, maxSize: 32_767 },
  write: (bind) => bind,
  read: (name) => name,
  give: (value) => value,
  take: String,
  ...more,
});
const bytes = (ddl: string, more: Partial<Native> = {}): Native =>
  text(ddl, {
    bind: { dir: oracledb.BIND_IN, type: oracledb.DB_TYPE_RAW, maxSize: 2000 },
    give: (value) => Buffer.from(value.replaceAll('-', ''), 'hex'),
    take: (value) => (value as Buffer).toString('hex'),
    ...more,
  });
const number = (ddl: string): Native =>
  text(ddl, {
    read: (name) => `TO_CHAR(${name}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')`,
    take: (value) => String(value).replace(/^(-?)\./, '$10.'),
  });
const float = (ddl: string, type: oracledb.DbType, take: (value: number) => number): Native =>
  text(ddl, { bind: { dir: oracledb.BIND_IN, type }, give: Number, take: (value) => String(take(value as number)) });
const shortest = (single: number) =>
  [7, 8, 9].map((digits) => Number(single.toPrecision(digits))).find((value) => Math.fround(value) === single)!;
const ISO = `YYYY-MM-DD"T"HH24:MI:SS.FF6`;
const withHyphens = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export function plainColumns(type: FieldType, target: string): Native {
  switch (type.kind) {
    case 'text':
      return text(target === 'f_text' ? 'CLOB' : 'VARCHAR2(1000 CHAR)');
    case 'enum':
      return text('VARCHAR2(40)');
    case 'boolean':
      return {
        ...number('NUMBER(1)'),
        give: (value) => (value === 'true' ? '1' : '0'),
        take: (value) => String(value === '1'),
      };
    case 'integer':
      return number(`NUMBER(${type.bits === 32 ? 10 : 19})`);
    case 'decimal':
      return number('NUMBER');
    case 'float':
      return type.bits === 32
        ? float('BINARY_FLOAT', oracledb.DB_TYPE_BINARY_FLOAT, shortest)
        : float('BINARY_DOUBLE', oracledb.DB_TYPE_BINARY_DOUBLE, (value) => value);
    case 'date':
      return text('DATE', {
        write: (bind) => `TO_DATE(${bind}, 'YYYY-MM-DD')`,
        read: (name) => `TO_CHAR(${name}, 'YYYY-MM-DD')`,
      });
    case 'timestamp':
      return text('TIMESTAMP(6) WITH TIME ZONE', {
        write: (bind) => `TO_TIMESTAMP_TZ(${bind}, '${ISO}TZH:TZM')`,
        read: (name) => `TO_CHAR(SYS_EXTRACT_UTC(${name}), '${ISO}"Z"')`,
        give: (value) => value.replace('Z', '+00:00'),
      });
    case 'uuid':
      return bytes('RAW(16)', { take: (value) => withHyphens((value as Buffer).toString('hex')) });
    case 'bytes':
      return bytes('BLOB');
    default:
      return text('CLOB');
  }
}

export function textColumns(type: FieldType, target: string): Native {
  switch (type.kind) {
    case 'text':
      return target === 'f_text'
        ? text('NCLOB')
        : text('NVARCHAR2(1000)', { bind: { dir: oracledb.BIND_IN, type: oracledb.DB_TYPE_NVARCHAR, maxSize: 4000 } });
    case 'enum':
      return text('CHAR(20)', { take: (value) => String(value).trimEnd() });
    case 'boolean':
      return text('CHAR(1)', {
        give: (value) => (value === 'true' ? 'Y' : 'N'),
        take: (value) => String(value === 'Y'),
      });
    case 'timestamp':
      return text('TIMESTAMP(6)', {
        write: (bind) => `TO_TIMESTAMP(${bind}, '${ISO}')`,
        read: (name) => `TO_CHAR(${name}, '${ISO}"Z"')`,
        give: (value) => value.replace('Z', ''),
      });
    case 'uuid':
      return text('VARCHAR2(36)');
    case 'bytes':
      return bytes('RAW(200)');
    case 'json':
    case 'array':
      return text('VARCHAR2(2000)');
    default:
      return plainColumns(type, target);
  }
}

async function makePlace(
  connected: () => Promise<oracledb.Connection>,
  table: string,
  columns: Columns,
  wanted: Mapping,
  { where, unguarded, unique = [] }: PlaceOptions = {},
): Promise<Place> {
  // The stand-in takes the column "NUMBER" for its type.
  const renamed = (field: Field): Field => (field.target === 'number' ? { ...field, target: 'numero' } : field);
  const mapping = { ...wanted, key: wanted.key.map(renamed), fields: wanted.fields.map(renamed) };
  const run = async (sql: string, binds: oracledb.BindParameters = []) => {
    const connection = await connected();
    return connection.execute<unknown[]>(sql, binds, { autoCommit: true, fetchTypeHandler: lobsWhole });
  };
  const all = [...mapping.key, ...mapping.fields].map(({ type, target }) => ({
    name: `"${target.toUpperCase()}"`,
    target,
    native: columns(type, target),
  }));
  const keys = all.slice(0, mapping.key.length);
  const declared = all.map(({ name, native }) => `${name} ${native.ddl}`);
  const guards = [
    ...(unguarded ? [] : [keys.map(({ name }) => name).join(', ')]),
    ...unique.map((it) => `"${it.toUpperCase()}"`),
  ];
  const constraints = guards.map((names, i) => `, ${i === 0 && !unguarded ? 'PRIMARY KEY' : 'UNIQUE'} (${names})`);
  await run(`CREATE TABLE "${table}" (${declared.join(', ')}, "EXTRA" VARCHAR2(100)${constraints.join('')})`);
  const isKey = (first: number) =>
    keys.map(({ name, native }, i) => `${name} = ${native.write(`:${first + i}`)}`).join(' AND ');
  const given = ({ native }: (typeof all)[number], value: Value | undefined) =>
    value === null || value === undefined || value === '' ? null : native.give(value);
  const bound = (part: (typeof all)[number], value: Value | undefined) => ({
    ...part.native.bind,
    val: given(part, value),
  });
  const target = table.toLowerCase();
  return {
    replica: { name: `erp.${target}`, target, mapping, where: where ? `extra = 'in'` : undefined, options: {} },
    config: {
      target,
      ...(where ? { where: `extra = 'in'` } : {}),
      fields: Object.fromEntries(mapping.fields.map((field) => [field.name, field.target])),
    },
    async write(records) {
      const connection = await connected();
      const binds = all.map(({ native }, i) => native.write(`:${i + 1}`));
      for (let from = 0; from < records.length; from += 5000) {
        await connection.executeMany(
          `INSERT INTO "${table}" VALUES (${[...binds, `:${all.length + 1}`].join(', ')})`,
          records
            .slice(from, from + 5000)
            .map(({ key, values, extra }) => [
              ...all.map((part, i) => given(part, [...key, ...values][i])),
              extra ?? null,
            ]),
          {
            autoCommit: true,
            bindDefs: [...all.map(({ native }) => native.bind), { type: oracledb.DB_TYPE_VARCHAR, maxSize: 100 }],
          },
        );
      }
    },
    async read() {
      const list = all.map(({ name, native }) => native.read(name));
      const { rows } = await run(`SELECT ${list.join(', ')}, "EXTRA" FROM "${table}"`);
      return rows!.map((row): NativeRecord => {
        const values = all.map(({ native }, i) => (row[i] === null ? null : native.take(row[i])));
        const record = { key: values.slice(0, keys.length) as string[], values: values.slice(keys.length) };
        const extra = row[all.length] as string | null;
        return extra === null ? record : { ...record, extra };
      });
    },
    async whole() {
      const list = all.map(({ name, native }) => native.read(name));
      const { rows } = await run(`SELECT ${list.join(', ')}, "EXTRA" FROM "${table}"`);
      // What JSON has no word for, such as a NaN, is spelled.
      const spelled = (_: string, value: unknown) => (typeof value === 'number' ? String(value) : value);
      return rows!.map((row) => JSON.stringify(row, spelled)).sort();
    },
    async set(key: Key, index, value) {
      const part = all[keys.length + index]!;
      const sql = `UPDATE "${table}" SET ${part.name} = ${part.native.write(':1')} WHERE ${isKey(2)}`;
      const result = await run(sql, [bound(part, value), ...keys.map((it, i) => bound(it, key[i]))]);
      expect(result.rowsAffected).toBe(1);
    },
    async remove(key: Key) {
      const result = await run(
        `DELETE FROM "${table}" WHERE ${isKey(1)}`,
        keys.map((it, i) => bound(it, key[i])),
      );
      expect(result.rowsAffected).toBe(1);
    },
  };
}

function lobsWhole({ dbType }: { readonly dbType?: oracledb.DbType }): oracledb.FetchTypeResponse | undefined {
  if (dbType === oracledb.DB_TYPE_CLOB || dbType === oracledb.DB_TYPE_NCLOB) return { type: oracledb.DB_TYPE_VARCHAR };
  return dbType === oracledb.DB_TYPE_BLOB ? { type: oracledb.DB_TYPE_RAW } : undefined;
}
