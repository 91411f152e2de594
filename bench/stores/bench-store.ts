// What the bench needs of a kind of store, by its official driver alone: copies, drift, the bare read that a check is
// measured against and the bare bulk write that a repair is measured against.

import type { Copy, StoreKind } from '../copies.ts';

export interface BenchStore {
  /** Where a copy stands, as the configuration says it; `url` is the server's. */
  place(url: string, copy: Copy): Place;
  /** Removes whatever a bench has left there. */
  clear(url: string): Promise<void>;
  /** Makes the copies, without their drift. */
  seed(url: string, copies: readonly Copy[]): Promise<void>;
  /** Turns a copy that is equal into one that has exactly its drift. */
  plantDrift(url: string, copy: Copy): Promise<void>;
  /** Reads all of a copy into objects, as an application would, and returns how many. */
  drain(url: string, copy: Copy, standIn: boolean): Promise<number>;
  /** Everything that undoes the drift, connected and made before the clock starts. */
  prepareBulkWrite(url: string, copy: Copy): Promise<BulkWrite>;
}

export interface Place {
  readonly url: string;
  /** Words of the store besides `kind` and `url`. */
  readonly store?: Readonly<Record<string, unknown>>;
  /** Words of the replica besides `store`. */
  readonly replica: Readonly<Record<string, unknown>> & { readonly target: string };
}

export interface BulkWrite {
  run(): Promise<void>;
  close(): Promise<unknown>;
}

/** Loads no driver but that of the kind: each counts in the memory of the process that measures. */
export async function benchStore(kind: StoreKind): Promise<BenchStore> {
  switch (kind) {
    case 'postgres':
      return (await import('./postgres.ts')).postgres;
    case 'mongodb':
      return (await import('./mongodb.ts')).mongodb;
    case 'cassandra':
      return (await import('./cassandra.ts')).cassandra;
    case 'neo4j':
      return (await import('./neo4j.ts')).neo4j;
    case 'redis':
      return (await import('./redis.ts')).redis;
    case 'oracle':
      return (await import('./oracle.ts')).oracle;
  }
}
