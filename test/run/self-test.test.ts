// doctor --self-test: differences that it plants in a place of its own are found, and the place is gone afterwards, whatever happens.

import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { cassandraClient } from '../../engines/cassandra.ts';
import { neo4jDriver } from '../../engines/neo4j.ts';
import { connectOracle } from '../../engines/oracle.ts';
import {
  type Config,
  defineStore,
  doctor,
  parseConfig,
  type Row,
  type Store,
  type StoreDefinition,
} from '../../src/index.ts';
import { storeKinds } from '../../src/stores/registry.ts';
import { freshCassandra, freshMongo, freshPostgres, sql } from '../databases.ts';

const PREFIX = 'plumbline_st_';
let source: string;
let urls: Readonly<Record<string, string>>;
beforeAll(async () => {
  source = await freshPostgres();
  await sql(source, 'create table things (id int primary key, label text)');
  const postgres = await freshPostgres('15');
  await sql(postgres, 'create table things (id int primary key, label text)');
  urls = {
    postgres,
    mongodb: freshMongo(),
    cassandra: await freshCassandra(),
    neo4j: inject('neo4j'),
    redis: inject('redis'),
    oracle: inject('oracle'),
  };
});

/** How each kind's places are listed past the store. */
const LISTED: Readonly<Record<string, (url: string) => Promise<readonly string[]>>> = {
  async postgres(url) {
    return (await sql(url, `select relname from pg_class where relname like '${PREFIX}%'`)).map((row) =>
      String(row.relname),
    );
  },
  async mongodb(url) {
    const client = new MongoClient(url);
    const names = (await client.db().listCollections().toArray()).map(({ name }) => name);
    await client.close();
    return names.filter((name) => name.startsWith(PREFIX));
  },
  async cassandra(url) {
    const client = await cassandraClient(url);
    const query = 'select table_name from system_schema.tables where keyspace_name = ?';
    const { rows } = await client.execute(query, [new URL(url).pathname.slice(1)], { prepare: true });
    await client.shutdown();
    return rows.map((row) => String(row.table_name)).filter((name) => name.startsWith(PREFIX));
  },
  async neo4j(url) {
    const driver = await neo4jDriver(url);
    const { records } = await driver.executeQuery('MATCH (n:PlumblineSelfTest) RETURN DISTINCT n.place AS place');
    await driver.close();
    return records.map((record) => String(record.get('place')));
  },
  async redis(url) {
    const client = new Redis(url);
    const keys = await client.keys(`${PREFIX}*`);
    client.disconnect();
    return keys;
  },
  async oracle(url) {
    const connection = await connectOracle(url);
    const start = PREFIX.toUpperCase();
    const { rows } = await connection.execute<[string]>(
      'SELECT table_name FROM user_tables WHERE SUBSTR(table_name, 1, LENGTH(:prefix)) = :prefix',
      { prefix: start },
    );
    await connection.close();
    return rows!.map(([name]) => name);
  },
};
const KINDS = Object.keys(LISTED);

/** The shared servers have other self-tests' places too: a source of its own makes names of its own. */
async function mine(kind: string, tag: string): Promise<readonly string[]> {
  return (await LISTED[kind]!(urls[kind]!)).filter((name) => name.toLowerCase().includes(tag));
}

function configOf(kind: string, url: string, from = source, more: readonly StoreDefinition[] = []): Config {
  const replica = url === urls.redis ? '{ store: copies, target: "x:{id}", as: hash }' : '{ store: copies }';
  return parseConfig(
    `{ source: { url: "\${FROM}" }, stores: { copies: { kind: ${kind}, url: "\${TO}" } },
       entities: { things: { table: things, replicas: [${replica}] } } }`,
    '/nowhere/plumbline.yaml',
    { FROM: from, TO: url },
    more,
  );
}

async function selfTested(config: Config, kinds: readonly StoreDefinition[] = [], signal?: AbortSignal) {
  const { checks, exitCode } = await doctor(config, { selfTest: true, kinds, signal });
  return { exitCode, own: checks.filter(({ message }) => message.startsWith('self-test')) };
}

describe.each(KINDS)('%s', (kind) => {
  test('finds one planted difference of each kind and no other, and leaves nothing', async () => {
    const { own, place } = await watched(kind, configOf(kind, urls[kind]!));
    const [found] = own;
    // With its message and hint, should it fail.
    expect(own).toEqual([{ subject: 'copies', status: 'ok', message: expect.any(String) }]);
    const classes = ['missing', 'stale', 'ahead', 'mismatched', 'orphan'];
    if (!['cassandra', 'redis'].includes(kind)) classes.push('duplicate');
    expect(found!.message).toContain(`(${classes.join(', ')})`);
    expect(await mine(kind, place)).toEqual([]);
  });

  test('removes what a self-test left that was killed', async () => {
    const from = await freshPostgres();
    await sql(from, 'create table things (id int primary key, label text)');
    const config = configOf(kind, urls[kind]!, from);
    const store = await openStore(kind, config);
    let tag = '';
    try {
      // The name that a self-test of this source would choose, found by watching one.
      const { place } = await watched(kind, config);
      tag = place.slice(PREFIX.length, PREFIX.length + 4);
      await store.scratching!.plant(`${PREFIX}${tag}_left${randomBytes(2).toString('hex')}`, [
        { id: 1, label: 'left', changed: new Date() },
      ]);
    } finally {
      await store.close();
    }
    expect(await mine(kind, `${PREFIX}${tag}`)).not.toEqual([]);
    expect((await selfTested(config)).own).toMatchObject([{ status: 'ok' }]);
    expect(await mine(kind, `${PREFIX}${tag}`)).toEqual([]);
  });

  test('a store that hides a record fails it', async () => {
    const liar = lying(kind, (row) => row.key[0] !== '105');
    const { own, exitCode } = await selfTested(configOf('liar', urls[kind]!, source, [liar]), [liar]);
    expect(own).toMatchObject([{ status: 'failed', message: expect.stringContaining('did not find orphan 105') }]);
    // Elsewhere there is no such place as the configuration names, which weighs more.
    if (kind === 'postgres') expect(exitCode).toBe(3);
  });
});

test('a store that makes differences up fails it', async () => {
  const liar = lying('postgres', (row) => row.key[0] !== '7');
  const { own } = await selfTested(configOf('liar', urls.postgres!, source, [liar]), [liar]);
  expect(own).toMatchObject([
    { status: 'failed', message: expect.stringContaining('found missing 7, which is not so') },
  ]);
});

test('an interruption leaves nothing, and proves nothing', async () => {
  const stopping = new AbortController();
  const kind = watching('postgres', () => stopping.abort());
  const { own } = await selfTested(configOf('watched', urls.postgres!, source, [kind]), [kind], stopping.signal);
  expect(own.every(({ status }) => status === 'failed')).toBe(true);
  expect(own.length).toBeGreaterThan(0);
  expect(await LISTED.postgres!(urls.postgres!)).toEqual([]);
});

test('says which right is missing, and needs none on the source', async () => {
  const reader = `reader_${randomBytes(4).toString('hex')}`;
  for (const url of [source, urls.postgres!]) {
    await sql(url, `create role ${reader} login password 'r'`);
    await sql(
      url,
      `grant select on all tables in schema public to ${reader}; revoke create on schema public from public`,
    );
  }
  try {
    const as = (url: string) => Object.assign(new URL(url), { username: reader, password: 'r' }).href;
    const without = await selfTested(configOf('postgres', as(urls.postgres!), as(source)));
    expect(without.own).toMatchObject([{ status: 'failed', hint: expect.stringContaining('CREATE') }]);
    expect(without.exitCode).toBe(3);
    expect((await selfTested(configOf('postgres', urls.postgres!, as(source)))).own).toMatchObject([{ status: 'ok' }]);
  } finally {
    for (const url of [source, urls.postgres!]) await sql(url, `drop owned by ${reader}; drop role ${reader}`);
  }
});

test('a kind without a self-test says so', async () => {
  const kind = wrapped('plain', 'postgres', (store) => withMembers(store, { scratching: undefined }));
  const { own } = await selfTested(configOf('plain', urls.postgres!, source, [kind]), [kind]);
  expect(own).toMatchObject([{ status: 'warning' }]);
});

function openStore(kind: string, config: Config): Promise<Store> {
  const { name, url, options } = config.stores.get('copies')!;
  return storeKinds().get(kind)!.connect({ name, url, options });
}

/** A self-test, and the name that it gave to its place. */
async function watched(kind: string, config: Config) {
  let place = '';
  const watcher = watching(kind, (name) => {
    place = name;
  });
  const { stores } = config;
  const asked = { ...config, stores: new Map([['copies', { ...stores.get('copies')!, kind: 'watched' }]]) };
  return { ...(await selfTested(asked, [watcher])), place };
}

function watching(kind: string, onPlanted: (name: string) => void): StoreDefinition {
  return wrapped('watched', kind, (store) => {
    const scratching = {
      ...store.scratching!,
      async plant(...[name, records]: Parameters<NonNullable<Store['scratching']>['plant']>) {
        const place = await store.scratching!.plant(name, records);
        onPlanted(name);
        return place;
      },
    };
    return withMembers(store, { scratching });
  });
}

/** A kind that reads as another one does, but leaves records out. */
function lying(kind: string, isShown: (row: Row) => boolean): StoreDefinition {
  return wrapped('liar', kind, (store) =>
    withMembers(store, {
      hashing: undefined,
      async *scan(...given: Parameters<Store['scan']>) {
        for await (const page of store.scan(...given)) yield page.filter(isShown);
      },
      async fetch(...given: Parameters<Store['fetch']>) {
        return (await store.fetch(...given)).filter(isShown);
      },
    }),
  );
}

function wrapped(name: string, kind: string, wrap: (store: Store) => Store): StoreDefinition {
  const definition = storeKinds().get(kind)!;
  return defineStore({
    ...definition,
    kind: name,
    connect: async (settings) => wrap(await definition.connect(settings)),
  });
}

function withMembers(store: Store, members: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name in members) return members[name as keyof Store];
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

// What is not asked for is not written: a doctor without the flag makes no place.
test('without the flag nothing is written', async () => {
  await doctor(configOf('postgres', urls.postgres!));
  expect(await LISTED.postgres!(urls.postgres!)).toEqual([]);
});
