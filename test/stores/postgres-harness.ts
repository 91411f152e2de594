// PostgreSQL for the shared suite: a table a place, written and read back by a client of the test's own.

import pg from 'pg';
import { postgres } from '../../src/stores/postgres/postgres.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { freshPostgres } from '../databases.ts';
import type { Harness, NativeRecord, Place } from './contract.ts';

export const connectPostgres = (url: string) => postgres.connect({ name: 'copy', url, options: {} });

let tables = 0;

const COLUMNS: Readonly<Record<string, string>> = {
  text: 'text',
  enum: 'text',
  boolean: 'boolean',
  decimal: 'numeric',
  date: 'date',
  timestamp: 'timestamptz',
  uuid: 'uuid',
  bytes: 'bytea',
  json: 'jsonb',
  interval: 'interval',
};

function columnType(type: FieldType): string {
  if (type.kind === 'integer') return type.bits === 32 ? 'int4' : 'int8';
  if (type.kind === 'float') return type.bits === 32 ? 'float4' : 'float8';
  if (type.kind === 'array') return `${columnType(type.element)}[]`;
  return COLUMNS[type.kind]!;
}

/** What node-postgres is given: it knows nothing of canonical values. */
function toNative(type: FieldType, value: Value | undefined): unknown {
  if (value === null || value === undefined) return null;
  if (type.kind === 'bytes') return Buffer.from(value, 'hex');
  if (type.kind === 'array') return JSON.parse(value);
  return value;
}

/** A SELECT expression that gives the canonical text by PostgreSQL's own means, for the values of the suite. */
function canonicalSql(name: string, type: FieldType): string {
  if (type.kind === 'bytes') return `encode(${name}, 'hex')`;
  if (type.kind === 'timestamp') return `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  if (type.kind === 'array') return `to_jsonb(${name})::text`;
  return `${name}::text`;
}

const quote = (name: string) => `"${name}"`;

export function startPostgres(server: '18' | '15'): (own?: string) => Promise<Harness> {
  return async (own) => {
    const url = await freshPostgres(server, own);
    // A pool of one: unlike a client it connects again when the server comes back.
    const client = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 });
    client.on('error', () => {});
    return {
      url,
      config: { kind: 'postgres' },
      precision: 6,
      canDuplicate: true,
      connect: connectPostgres,
      async makePlace(mapping, { where, unguarded, unique = [] } = {}): Promise<Place> {
        const table = `place${tables++}`;
        const all = [...mapping.key, ...mapping.fields];
        const columns = all.map(
          ({ target, type }) => `${quote(target)} ${columnType(type)}${unique.includes(target) ? ' unique' : ''}`,
        );
        const key = mapping.key.map(({ target }) => quote(target));
        const guard = unguarded ? '' : `, primary key (${key.join(', ')})`;
        await client.query(`create table ${table} (${columns.join(', ')}, extra text${guard})`);
        const isKey = (first: number) => key.map((name, i) => `${name} = $${first + i}`).join(' and ');
        const condition = where ? `extra = 'in'` : undefined;
        return {
          replica: { name: `copy.${table}`, target: table, mapping, where: condition, options: {} },
          config: {
            target: table,
            ...(condition === undefined ? {} : { where: condition }),
            fields: Object.fromEntries(all.map(({ name, target }) => [name, target])),
          },
          async write(records) {
            for (const { key: parts, values, extra } of records) {
              const given = all.map(({ type }, i) =>
                toNative(type, i < parts.length ? parts[i]! : values[i - parts.length]),
              );
              const places = [...given, extra].map((_, i) => `$${i + 1}`);
              await client.query(`insert into ${table} values (${places.join(', ')})`, [...given, extra ?? null]);
            }
          },
          async read(): Promise<readonly NativeRecord[]> {
            const list = all.map(({ target, type }, i) => `${canonicalSql(quote(target), type)} as c${i}`);
            const { rows } = await client.query(`select ${list.join(', ')}, extra from ${table}`);
            return rows.map((row) => {
              const text = (type: FieldType, value: string | null) =>
                type.kind === 'float' && value !== null ? String(Number(value)) : value;
              const values = all.map(({ type }, i) => text(type, row[`c${i}`]));
              const record = { key: values.slice(0, key.length) as string[], values: values.slice(key.length) };
              return row.extra === null ? record : { ...record, extra: row.extra };
            });
          },
          async whole() {
            const { rows } = await client.query(`select row_to_json(held)::text as text from ${table} as held`);
            return rows.map(({ text }) => text as string).sort();
          },
          async set(parts, index, value) {
            const { target, type } = mapping.fields[index]!;
            await client.query(`update ${table} set ${quote(target)} = $1 where ${isKey(2)}`, [
              toNative(type, value),
              ...parts,
            ]);
          },
          async remove(parts) {
            await client.query(`delete from ${table} where ${isKey(1)}`, [...parts]);
          },
        };
      },
      close: () => client.end(),
    };
  };
}
