// The kinds of store. One line a kind; a driver is loaded only when its store connects.

import { cassandra } from './cassandra/cassandra.ts';
import { mongodb } from './mongodb/mongodb.ts';
import { neo4j } from './neo4j/neo4j.ts';
import { oracle } from './oracle/oracle.ts';
import { postgres } from './postgres/postgres.ts';
import { redis } from './redis/redis.ts';
import type { StoreDefinition } from './store.ts';

// biome-ignore lint/suspicious/noExplicitAny: each kind has options of its own, which only it reads
const kinds: readonly StoreDefinition<any>[] = [postgres, mongodb, cassandra, redis, oracle, neo4j];

/** Kinds by name: the built-in ones and `more`, such as a caller's own. */
export function storeKinds(more: readonly StoreDefinition[] = []): ReadonlyMap<string, StoreDefinition> {
  return new Map([...kinds, ...more].map((definition) => [definition.kind, definition]));
}

/** For a kind of one's own: checks its shape while it is written. */
export function defineStore<Options>(definition: StoreDefinition<Options>): StoreDefinition<Options> {
  return definition;
}
