// The configuration of a check: defaults everywhere, what a user gets who writes down no more than where things are.

import { type Config, parseConfig } from '../src/index.ts';
import type { Copy, StoreKind } from './copies.ts';
import { benchStore } from './stores/bench-store.ts';

/** A running server that holds copies. */
export interface StoreServer {
  readonly kind: StoreKind;
  readonly url: string;
  /** It is not the vendor's own. */
  readonly standIn: boolean;
}

/** One entity with a replica in each of the stores. */
export async function configOf(source: string, servers: readonly StoreServer[], copy: Copy): Promise<Config> {
  // By variable, because the reader refuses a password in the file itself.
  const variable = (name: string) => `\${${name}}`;
  const variables: Record<string, string> = { source };
  const stores: Record<string, unknown> = {};
  const replicas: unknown[] = [];
  for (const { kind, url } of servers) {
    const place = (await benchStore(kind)).place(url, copy);
    variables[kind] = place.url;
    stores[kind] = { kind, url: variable(kind), ...place.store };
    replicas.push({ store: kind, ...place.replica });
  }
  const entities = { incidents: { table: copy.source, version: 'updated_at', replicas } };
  const file = { version: 1, source: { url: variable('source') }, stores, entities };
  return parseConfig(JSON.stringify(file), 'bench.yaml', variables);
}
