// Starts the bench's servers, both PostgreSQL servers with the same settings, and seeds them: the source, and for each
// kind of store an equal, a drifted and an empty replica.

import { type Engine, type EngineRequest, type Progress, startEngines } from '../engines/engines.ts';
import { seedGeoriesgo } from '../fixtures/georiesgo/seed.ts';
import { type CopyName, copyOf, DATABASE, SEED, type StoreKind } from './copies.ts';
import { firstKeys, insertDocuments, plantDrift, withMongodb, withPostgres } from './native.ts';

/** On the source and on the replica, for every contestant alike. */
const SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB' };

const COPIES: readonly CopyName[] = ['drifted', 'empty', 'warmUp', 'warmUpDrifted'];
const BATCH_DOCUMENTS = 5000;

export interface Servers {
  readonly engines: readonly Engine[];
  /** Of the source's database. */
  readonly source: string;
  /** By kind of store; those that were asked for. */
  readonly stores: ReadonlyMap<StoreKind, string>;
  /** Of each PostgreSQL server, as it says itself: one that somebody lent us has its own. */
  readonly settings: readonly string[];
  stop(): Promise<void>;
}

export async function startServers(kinds: readonly StoreKind[], rows: number, onProgress: Progress): Promise<Servers> {
  const requests: EngineRequest[] = [{ kind: 'postgres', settings: SETTINGS }];
  for (const kind of kinds) {
    requests.push(
      kind === 'postgres'
        ? { kind, name: 'replica', settings: SETTINGS }
        : { kind, memory: `${Math.max(1, Math.ceil(rows / 80_000))}g` },
    );
  }
  const engines = await startEngines(requests, onProgress);
  const [source, ...replicas] = engines.map(urlOf) as [string, ...string[]];
  const stores = new Map(kinds.map((kind, i) => [kind, replicas[i]!]));
  const stop = async () => {
    await Promise.allSettled(engines.map(removeDatabase));
    await Promise.allSettled(engines.map((engine) => engine.stop()));
  };
  try {
    for (const engine of engines) {
      await removeDatabase(engine);
      if (engine.kind === 'postgres')
        await withPostgres(engine.url, (client) => client.query(`CREATE DATABASE ${DATABASE}`));
    }
    await seed(source, stores, rows, onProgress);
    const asked = engines.filter(({ kind }) => kind === 'postgres').map(({ url }) => settingsOf(url));
    return { engines, source, stores, settings: await Promise.all(asked), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function seed(
  source: string,
  stores: ReadonlyMap<StoreKind, string>,
  rows: number,
  onProgress: Progress,
): Promise<void> {
  onProgress(`seeding ${rows.toLocaleString('en')} rows`);
  const postgres = stores.get('postgres');
  const mongodb = stores.get('mongodb');
  const targets = { source, postgres, mongodb, database: DATABASE, tables: ['incidents'] as const };
  await seedGeoriesgo(targets, { rows, seed: SEED });
  await seedPostgresCopies(source, ['warmUp']);
  if (postgres !== undefined) await seedPostgresCopies(postgres, COPIES, rows);
  if (mongodb !== undefined) await seedMongodbCopies(mongodb, rows);
  for (const [kind, url] of stores) await plantDrift(kind, url, copyOf('drifted', rows));
  // What is left of seeding must not be written out, cleaned up or hinted during a measurement.
  for (const url of postgres === undefined ? [source] : [source, postgres]) {
    await withPostgres(url, async (client) => {
      await client.query('VACUUM ANALYZE');
      await client.query('CHECKPOINT');
    });
  }
}

async function seedPostgresCopies(url: string, names: readonly CopyName[], rows = 0): Promise<void> {
  await withPostgres(url, async (client) => {
    for (const name of names) {
      const copy = copyOf(name, rows);
      await client.query(`CREATE TABLE ${copy.target} (LIKE incidents INCLUDING ALL)`);
      if (name === 'empty') continue;
      const few = copy.source === 'warm_up' ? [firstKeys(copy.rows)] : [];
      await client.query(
        `INSERT INTO ${copy.target} SELECT * FROM incidents ${few.length > 0 ? 'WHERE id = ANY($1)' : ''}`,
        few,
      );
    }
  });
}

async function seedMongodbCopies(url: string, rows: number): Promise<void> {
  await withMongodb(url, async (db) => {
    for (const name of COPIES) {
      const { target, rows: count } = copyOf(name, rows);
      await db.createCollection(target);
      if (name === 'empty') continue;
      for (let start = 0; start < count; start += BATCH_DOCUMENTS)
        await insertDocuments(db, target, start, Math.min(start + BATCH_DOCUMENTS, count));
    }
  });
}

function settingsOf(url: string): Promise<string> {
  return withPostgres(url, async (client) => {
    const words: string[] = [];
    for (const name of Object.keys(SETTINGS)) {
      const { rows } = await client.query<Record<string, string>>(`SHOW ${name}`);
      words.push(`${name} = ${rows[0]![name]}`);
    }
    return words.join(', ');
  });
}

async function removeDatabase(engine: Engine): Promise<void> {
  if (engine.kind === 'postgres') {
    await withPostgres(engine.url, (client) => client.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`));
    return;
  }
  await withMongodb(engine.url, (db) => db.dropDatabase());
}

/** The URL of the bench's own database: a server that somebody lent us has others. */
function urlOf({ kind, url }: Engine): string {
  if (kind === 'mongodb') return url;
  const own = new URL(url);
  own.pathname = `/${DATABASE}`;
  return own.href;
}
