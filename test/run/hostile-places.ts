// Places with names that somebody chose in order to break out of a statement, in every kind of store, made and read by the drivers themselves.

import cassandraDriver from 'cassandra-driver';
import { Redis } from 'ioredis';
import { type Document, MongoClient } from 'mongodb';
import pg from 'pg';
import { cassandraClient } from '../../engines/cassandra.ts';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { connectOracle } from '../../engines/oracle.ts';
import { freshCassandra, freshMongo, freshNeo4j, freshOracle, freshPostgres, freshRedis } from '../databases.ts';

/** Key first. Undefined: the record lacks the field. */
export type Record = readonly [key: string, ...values: (string | undefined)[]];

export interface HostileStore {
  readonly name: string;
  readonly config: object;
  readonly url: string;
  /** Whether the server can have such a place, such a field, and hold such a value. */
  takesPlace(name: string): boolean;
  takesField(name: string): boolean;
  takesValue(value: string): boolean;
  /** An empty place for records with these fields, `id` being the key. */
  make(place: string, fields: readonly string[]): Promise<HostilePlace>;
  close(): Promise<void>;
}

export interface HostilePlace {
  /** Of the replica, in the YAML file. */
  readonly words: object;
  write(records: readonly Record[]): Promise<void>;
  /** In the order of their keys. */
  read(): Promise<readonly Record[]>;
}

const WELL_FORMED = /^\P{Surrogate}*$/u;
const shortEnough = (name: string, bytes: number) => name !== '' && Buffer.byteLength(name) <= bytes;
const byKey = (records: readonly Record[]) => [...records].sort((a, b) => (a[0] < b[0] ? -1 : 1));

export async function hostilePostgres(
  server: '18' | '15',
  name: string,
): Promise<HostileStore & { readonly client: pg.Client }> {
  const url = await freshPostgres(server);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const quote = (text: string) => pg.escapeIdentifier(text);
  return {
    name,
    url,
    client,
    config: { kind: 'postgres' },
    // A dot stands between schema and table.
    takesPlace: (place) => shortEnough(place, 63) && !/[\0.]/.test(place) && WELL_FORMED.test(place),
    takesField: (field) => shortEnough(field, 63) && !field.includes('\0') && WELL_FORMED.test(field),
    takesValue: (value) => !value.includes('\0') && WELL_FORMED.test(value),
    async make(place, fields) {
      const columns = ['id text primary key', ...fields.map((field) => `${quote(field)} text`)];
      await client.query(`drop table if exists ${quote(place)}; create table ${quote(place)} (${columns.join(', ')})`);
      return {
        words: { target: place },
        async write(records) {
          for (const record of records) {
            const values = record.map((value) => value ?? null);
            await client.query(`insert into ${quote(place)} values (${values.map((_, i) => `$${i + 1}`)})`, values);
          }
        },
        async read() {
          const { rows } = await client.query({ text: `select * from ${quote(place)}`, rowMode: 'array' });
          return byKey(rows.map((row) => row.map((value: unknown) => value ?? undefined)) as unknown as Record[]);
        },
      };
    },
    close: () => client.end(),
  };
}

export async function hostileMongodb(): Promise<HostileStore> {
  const url = freshMongo();
  const client = await new MongoClient(url).connect();
  const db = client.db();
  return {
    name: 'docs',
    url,
    config: { kind: 'mongodb' },
    takesPlace: (place) =>
      shortEnough(place, 100) && !/[\0$]|^\.|\.$|\.\.|^system\./.test(place) && WELL_FORMED.test(place),
    takesField: (field) =>
      shortEnough(field, 100) && !/[\0.]|^\$/.test(field) && field !== '_id' && WELL_FORMED.test(field),
    takesValue: (value) => WELL_FORMED.test(value),
    async make(place, fields) {
      await db.createCollection(place);
      const collection = db.collection(place);
      await collection.createIndex({ id: 1 }, { unique: true });
      return {
        words: { target: place },
        async write(records) {
          const documents = records.map(([id, ...values]) => {
            const held = values.flatMap((value, i) => (value === undefined ? [] : [[fields[i]!, value]]));
            return { id, ...Object.fromEntries(held) } as Document;
          });
          if (documents.length > 0) await collection.insertMany(documents);
        },
        async read() {
          const documents = await collection.find({}).toArray();
          return byKey(
            documents.map((document) => [document.id, ...fields.map((field) => document[field] ?? undefined)]),
          );
        },
      };
    },
    async close() {
      await db.dropDatabase();
      await client.close();
    },
  };
}

export async function hostileCassandra(): Promise<HostileStore> {
  const url = await freshCassandra();
  const client = await cassandraClient(url);
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  return {
    name: 'copies',
    url,
    config: { kind: 'cassandra' },
    takesPlace: (place) => /^\w{1,48}$/.test(place),
    takesField: (field) => shortEnough(field, 100) && !field.includes('\0') && WELL_FORMED.test(field),
    takesValue: (value) => WELL_FORMED.test(value),
    async make(place, fields) {
      const columns = fields.map((field) => `${quote(field)} text`);
      await client.execute(`CREATE TABLE ${quote(place)} (id text PRIMARY KEY, ${columns.join(', ')})`);
      const names = ['id', ...fields.map(quote)];
      return {
        words: { target: place },
        async write(records) {
          const text = `INSERT INTO ${quote(place)} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
          for (const record of records) {
            await client.execute(
              text,
              record.map((value) => value ?? cassandraDriver.types.unset),
              { prepare: true },
            );
          }
        },
        async read() {
          const { rows } = await client.execute(`SELECT ${names.join(', ')} FROM ${quote(place)}`);
          return byKey(rows.map((row) => names.map((_, i) => row.get(i) ?? undefined) as unknown as Record));
        },
      };
    },
    close: () => client.shutdown(),
  };
}

export async function hostileNeo4j(): Promise<HostileStore> {
  const { url, prefix } = freshNeo4j();
  const driver = await neo4jDriver(url);
  const quote = (text: string) => `\`${text.replaceAll('`', '``')}\``;
  return {
    name: 'graph',
    url,
    config: { kind: 'neo4j' },
    takesPlace: (place) => shortEnough(place, 100) && !/[\0]|\\u/.test(place) && WELL_FORMED.test(place),
    takesField: (field) => shortEnough(field, 100) && !/[\0]|\\u/.test(field) && WELL_FORMED.test(field),
    takesValue: (value) => WELL_FORMED.test(value),
    async make(place, fields) {
      const label = quote(`${prefix}${place}`);
      const run = async (query: string, parameters = {}) => (await driver.executeQuery(query, parameters)).records;
      await run(`CREATE CONSTRAINT FOR (n:${label}) REQUIRE n.id IS UNIQUE`);
      return {
        words: { target: `${prefix}${place}` },
        async write(records) {
          const rows = records.map(([id, ...values]) => ({
            id,
            ...Object.fromEntries(values.flatMap((value, i) => (value === undefined ? [] : [[fields[i]!, value]]))),
          }));
          await run(`UNWIND $rows AS row CREATE (n:${label}) SET n = row`, { rows });
        },
        async read() {
          const records = await run(`MATCH (n:${label}) RETURN properties(n) AS held`);
          return byKey(
            records.map((record) => {
              const held = record.get('held') as globalThis.Record<string, string>;
              return [held.id!, ...fields.map((field) => held[field])];
            }),
          );
        },
      };
    },
    close: () => driver.close(),
  };
}

export async function hostileRedis(): Promise<HostileStore> {
  const { url, prefix } = freshRedis();
  const client = new Redis(url);
  return {
    name: 'kv',
    url,
    config: { kind: 'redis' },
    takesPlace: (place) => shortEnough(place, 200) && WELL_FORMED.test(place),
    takesField: (field) => shortEnough(field, 200) && WELL_FORMED.test(field),
    takesValue: (value) => WELL_FORMED.test(value),
    async make(place, fields) {
      const start = `${prefix}${place}:`;
      return {
        words: { target: `${start.replaceAll('{', '{{').replaceAll('}', '}}')}{id}`, as: 'hash' },
        async write(records) {
          for (const [id, ...values] of records) {
            const held = values.flatMap((value, i) => (value === undefined ? [] : [fields[i]!, value]));
            await client.hset(`${start}${id}`, 'id', id, ...held);
          }
        },
        async read() {
          const keys = (await client.keys('*')).filter((key) => key.startsWith(start));
          return byKey(
            await Promise.all(
              keys.map(async (key): Promise<Record> => {
                const held = await client.hgetall(key);
                return [key.slice(start.length), ...fields.map((field) => held[field])];
              }),
            ),
          );
        },
      };
    },
    close: async () => client.disconnect(),
  };
}

export async function hostileOracle(): Promise<HostileStore> {
  const { url, prefix } = freshOracle();
  const connection = await connectOracle(url);
  const quote = (text: string) => `"${text}"`;
  return {
    name: 'erp',
    url,
    config: { kind: 'oracle' },
    // The stand-in keeps its names in PostgreSQL, which has 63 bytes for them, and loses its way in one with a parenthesis.
    takesPlace: (place) => shortEnough(place, 30) && !/[\0"(]/.test(place) && WELL_FORMED.test(place),
    takesField: (field) => shortEnough(field, 60) && !/[\0"]/.test(field) && WELL_FORMED.test(field),
    takesValue: (value) => value !== '' && !value.includes('\0') && WELL_FORMED.test(value),
    async make(place, fields) {
      const table = quote(`${prefix}${place}`);
      const columns = fields.map((field) => `${quote(field)} VARCHAR2(2000 CHAR)`);
      await connection.execute(`CREATE TABLE ${table} ("id" VARCHAR2(400 CHAR) PRIMARY KEY, ${columns.join(', ')})`);
      const names = ['id', ...fields].map(quote);
      return {
        words: { target: `${prefix}${place}` },
        async write(records) {
          const binds = names.map((_, i) => `:${i + 1}`);
          for (const record of records) {
            await connection.execute(
              `INSERT INTO ${table} (${names.join(', ')}) VALUES (${binds.join(', ')})`,
              record.map((value) => value ?? null),
            );
          }
          await connection.commit();
        },
        async read() {
          const { rows } = await connection.execute<unknown[]>(`SELECT ${names.join(', ')} FROM ${table}`, [], {
            maxRows: 0,
          });
          return byKey(rows!.map((row) => row.map((value) => value ?? undefined)) as unknown as Record[]);
        },
      };
    },
    close: () => connection.close(),
  };
}
