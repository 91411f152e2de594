// Cassandra for the shared suite: a table a place, written and read back by a driver of the test's own.

import cassandraDriver, { type Client } from 'cassandra-driver';
import { cassandraClient } from '../../engines/cassandra.ts';
import type { Field, Key, Mapping } from '../../src/mapping/mapping.ts';
import { cassandra } from '../../src/stores/cassandra/cassandra.ts';
import type { Value } from '../../src/value/field-type.ts';
import { freshCassandra } from '../databases.ts';
import { columnType, fromNative, toNative } from './cassandra-native.ts';
import type { Harness, NativeRecord, Place, PlaceOptions } from './contract.ts';

export const connectCassandra = (url: string) =>
  cassandra.connect({ name: 'copies', url, options: { timeouts: { connect: 2000 } } });

/** An index of the first kind takes values of up to 64 KiB. */
const TOO_LONG = 'x'.repeat(70_000);
const WRITES_AT_ONCE = 256;

let places = 0;

export async function startCassandra(own?: string): Promise<Harness> {
  const url = await freshCassandra(own);
  let client = await cassandraClient(url);
  await client.connect();
  const connected = async () => {
    if (client.getState().getConnectedHosts().length > 0) return client;
    // The driver would try again by itself, but less and less often.
    await client.shutdown();
    client = await cassandraClient(url);
    await client.connect();
    return client;
  };
  return {
    url,
    config: { kind: 'cassandra' },
    precision: 3,
    unholdable: (type, value) =>
      (type.kind === 'decimal' && value === 'NaN') || (type.kind === 'array' && value.includes('null')),
    connect: connectCassandra,
    makePlace: (mapping, options) => makePlace(connected, mapping, options),
    close: () => client.shutdown(),
  };
}

async function makePlace(
  connected: () => Promise<Client>,
  mapping: Mapping,
  options: PlaceOptions = {},
): Promise<Place> {
  const client = await connected();
  const target = `place${places++}`;
  const fields = [...mapping.key, ...mapping.fields];
  const columns = fields.map((field) => `"${field.target}" ${columnType(field.type)}`);
  const key = mapping.key.map((field) => `"${field.target}"`);
  await client.execute(`CREATE TABLE "${target}" (${columns.join(', ')}, extra text, PRIMARY KEY (${key.join(', ')}))`);
  for (const name of options.unique ?? []) await client.execute(`CREATE INDEX ON "${target}" ("${name}")`);
  const isKey = key.map((name) => `${name} = ?`).join(' AND ');
  const keyOf = (values: Key) => mapping.key.map((field, i) => toNative(field.type, values[i]!));
  const where = options.where ? "extra = 'in'" : undefined;
  const run = async (text: string, values: unknown[]) => (await connected()).execute(text, values, { prepare: true });
  return {
    replica: { name: `copies.${target}`, target, mapping, where, options: {} },
    config: {
      target,
      ...(where === undefined ? {} : { where }),
      fields: Object.fromEntries(fields.map((field) => [field.name, field.target])),
    },
    async write(records) {
      const names = [...fields.map((field) => `"${field.target}"`), 'extra'];
      const text = `INSERT INTO "${target}" (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
      const rows = records.map((record) => [
        ...keyOf(record.key),
        ...mapping.fields.map((field, i) => given(field, record.values[i])),
        record.extra ?? cassandraDriver.types.unset,
      ]);
      await cassandraDriver.concurrent.executeConcurrent(await connected(), text, rows, {
        concurrencyLevel: WRITES_AT_ONCE,
      });
    },
    async read() {
      const records: NativeRecord[] = [];
      for await (const row of await run(`SELECT * FROM "${target}"`, [])) {
        const read = ({ target: name, type }: Field): Value =>
          row[name] === null ? null : fromNative(type, row[name]);
        const record = { key: mapping.key.map((field) => read(field)!), values: mapping.fields.map(read) };
        records.push(row.extra === null ? record : { ...record, extra: row.extra });
      }
      return records;
    },
    async whole() {
      const { rows } = await run(`SELECT JSON * FROM "${target}"`, []);
      return rows.map((row) => row['[json]'] as string).sort();
    },
    async set(values, index, value) {
      const field = mapping.fields[index]!;
      await run(`UPDATE "${target}" SET "${field.target}" = ? WHERE ${isKey}`, [given(field, value), ...keyOf(values)]);
    },
    async remove(values) {
      await run(`DELETE FROM "${target}" WHERE ${isKey}`, keyOf(values));
    },
    refuse: async () => TOO_LONG,
  };
}

function given({ type }: Field, value: Value | undefined): unknown {
  if (value === undefined) return cassandraDriver.types.unset;
  return value === null ? null : toNative(type, value);
}
