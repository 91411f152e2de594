// Starts servers for a part of the bench and stops them after it, so that none of another part's is at work meanwhile;
// both PostgreSQL servers get the same settings.

import { type Engine, type EngineRequest, type Progress, startEngines } from '../engines/engines.ts';
import type { StoreServer } from './config.ts';
import { type CopyName, copyOf, DATABASE, type StoreKind } from './copies.ts';
import { benchStore } from './stores/bench-store.ts';
import { dropDatabase, seedSource, urlOf, withPostgres } from './stores/postgres.ts';

/** On the source and on the replica, for every contestant alike. */
const SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB' };

/** Rows of two copies for each gigabyte of heap; the cursors of MongoDB's stand-in are copies too. */
const ROWS_A_GIGABYTE: Readonly<Partial<Record<StoreKind, number>>> = {
  mongodb: 80_000,
  cassandra: 400_000,
  neo4j: 400_000,
};

export interface Source {
  /** The URL of the server. */
  readonly server: string;
  /** Of the bench's own database. */
  readonly url: string;
}

/** What the results say of the servers that took part, each once; `more` took part as well. */
export class Census {
  readonly engines: Map<string, Engine>;
  /** Of each PostgreSQL server, as it says itself: one that somebody lent us has its own. */
  readonly settings: Map<string, string>;

  constructor(more?: Census) {
    this.engines = new Map(more?.engines);
    this.settings = new Map(more?.settings);
  }

  async add(engines: readonly Engine[]): Promise<void> {
    for (const engine of engines) {
      this.engines.set(engine.name, engine);
      if (engine.kind === 'postgres') this.settings.set(engine.name, await settingsOf(engine.url));
    }
  }
}

/** With a table of incidents for each of these sizes. */
export async function withSource<T>(
  rows: readonly number[],
  census: Census,
  onProgress: Progress,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const [engine] = await startEngines([{ kind: 'postgres', settings: SETTINGS }], onProgress);
  const { url: server } = engine!;
  try {
    await census.add([engine!]);
    onProgress(`seeding the source: ${Math.max(0, ...rows).toLocaleString('en')} rows`);
    await seedSource(server, rows);
    return await work({ server, url: urlOf(server, DATABASE) });
  } finally {
    await Promise.allSettled([isLent(engine!) && dropDatabase(server, DATABASE)]);
    await engine!.stop();
  }
}

/** In the order of the kinds. Nothing is left in a server that somebody lent us. */
export async function withStores(
  kinds: readonly StoreKind[],
  rows: number,
  census: Census,
  onProgress: Progress,
  work: (servers: readonly StoreServer[]) => Promise<void>,
): Promise<void> {
  const requests = kinds.map((kind): EngineRequest => {
    if (kind === 'postgres') return { kind, name: 'replica', settings: SETTINGS };
    const share = ROWS_A_GIGABYTE[kind];
    return share === undefined ? { kind } : { kind, memory: `${Math.max(1, Math.ceil(rows / share))}g` };
  });
  const engines = await startEngines(requests, onProgress);
  const servers = engines.map(({ url, standIn }, i) => ({ kind: kinds[i]!, url, standIn }));
  const clear = async (all: readonly StoreServer[]) => {
    for (const { kind, url } of all) await (await benchStore(kind)).clear(url);
  };
  try {
    await census.add(engines);
    await clear(servers);
    await work(servers);
  } finally {
    await Promise.allSettled([clear(servers.filter((_, i) => isLent(engines[i]!)))]);
    await Promise.allSettled(engines.map((engine) => engine.stop()));
  }
}

/** Makes the copies, those that drift with their drift, but for the warm-up's: it plants its own. */
export async function seedCopies(
  { kind, url }: StoreServer,
  names: readonly CopyName[],
  rows: number,
  onProgress: Progress,
): Promise<void> {
  onProgress(`seeding ${kind}: ${rows.toLocaleString('en')} rows a copy`);
  const store = await benchStore(kind);
  const copies = names.map((name) => copyOf(name, rows));
  await store.seed(url, copies);
  for (const copy of copies) if (copy.name === 'drifted') await store.plantDrift(url, copy);
}

/** Not started by this process: what we leave there stays. */
function isLent({ pid }: Engine): boolean {
  return pid === undefined;
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
