// The servers that trials share, and, for trials that kill them, servers of their own; each started when a trial first asks for it.

import { type LocalEngine, startLocalEngine } from '../../engines/engines.ts';
import { freshPostgres } from '../databases.ts';
import { startCassandra } from '../stores/cassandra-harness.ts';
import type { Harness } from '../stores/contract.ts';
import { startMongodb } from '../stores/mongodb-harness.ts';
import { startNeo4j } from '../stores/neo4j-harness.ts';
import { plainColumns, startOracle } from '../stores/oracle-harness.ts';
import { startPostgres } from '../stores/postgres-harness.ts';
import { startRedis } from '../stores/redis-harness.ts';

/** By kind, in every way in which it may hold records. */
const STARTS = {
  postgres: [startPostgres('15')],
  mongodb: [startMongodb('_id'), startMongodb('field')],
  redis: [startRedis('hash'), startRedis('json')],
  cassandra: [startCassandra],
  neo4j: [startNeo4j('node'), startNeo4j('relationship')],
  oracle: [startOracle(plainColumns)],
} as const satisfies Readonly<Record<string, readonly ((own?: string) => Promise<Harness>)[]>>;

export type StoreKind = keyof typeof STARTS;
export const STORE_KINDS = Object.keys(STARTS) as StoreKind[];

export interface OwnServer<T> {
  readonly engine: LocalEngine;
  readonly held: T;
}

export class Servers {
  private readonly shared = new Map<string, Promise<Harness>>();
  private readonly own = new Map<string, Promise<OwnServer<Harness>>>();
  private sharedSource: Promise<string> | undefined;
  private ownSource: Promise<OwnServer<string>> | undefined;

  /** The URL of a database for the source. */
  source(): Promise<string> {
    this.sharedSource ??= freshPostgres('18');
    return this.sharedSource;
  }

  /** A server that may be killed, with the URL of a database for the source. */
  sourceToKill(): Promise<OwnServer<string>> {
    this.ownSource ??= startOwn({ kind: 'postgres', version: '18', name: 'source-to-kill' }, (url) =>
      freshPostgres('18', url),
    );
    return this.ownSource;
  }

  /** `way`: which of the ways in which it may hold records, as far as there are more. */
  store(kind: StoreKind, way: number): Promise<Harness> {
    const ways = STARTS[kind];
    const name = `${kind} ${way % ways.length}`;
    const harness = this.shared.get(name) ?? ways[way % ways.length]!();
    this.shared.set(name, harness);
    return harness;
  }

  /** A server that may be killed, and keeps what it acknowledged. */
  storeToKill(kind: StoreKind): Promise<OwnServer<Harness>> {
    const request = { kind, version: '15', name: 'to-kill', memory: '512m', shortLived: true, durable: true } as const;
    const server = this.own.get(kind) ?? startOwn(request, STARTS[kind][0]);
    this.own.set(kind, server);
    return server;
  }

  async close(): Promise<void> {
    const own = await Promise.all([...this.own.values()]);
    const harnesses = await Promise.all([...this.shared.values()]);
    await Promise.allSettled([...harnesses, ...own.map(({ held }) => held)].map((harness) => harness.close()));
    await Promise.all([...own, await this.ownSource].map((server) => server?.engine.stop()));
  }
}

async function startOwn<T>(
  request: Parameters<typeof startLocalEngine>[0],
  hold: (url: string) => Promise<T>,
): Promise<OwnServer<T>> {
  const engine = await startLocalEngine(request);
  return { engine, held: await hold(engine.url) };
}
