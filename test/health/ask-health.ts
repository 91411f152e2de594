// A health run of a few probes over parts of the servers that are the test's own.

import { createServer, type Server } from 'node:net';
import { type HealthReport, health, parseConfig } from '../../src/index.ts';

export interface Parts {
  /** URL. */
  readonly source: string;
  /** By name: kind, url and the kind's own words. */
  readonly stores?: Readonly<
    Record<string, { readonly kind: string; readonly url: string; readonly [word: string]: unknown }>
  >;
  readonly entities?: Readonly<Record<string, object>>;
}

/** URLs go through variables, as the configuration asks for. */
export function configOf({ source, stores = {}, entities }: Parts, probes: Readonly<Record<string, object>>) {
  const urls = new Map(Object.entries(stores).map(([name, { url }]) => [`URL_${name}`, url]));
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const file = {
    source: { url: variable('SOURCE') },
    stores: Object.fromEntries(
      Object.entries(stores).map(([name, store]) => [name, { ...store, url: variable(`URL_${name}`) }]),
    ),
    entities: entities ?? { things: { table: 'things', touches: {} } },
    health: { probes },
  };
  return parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', { SOURCE: source, ...Object.fromEntries(urls) });
}

export function askHealth(parts: Parts, probes: Readonly<Record<string, object>>): Promise<HealthReport> {
  return health(configOf(parts, probes));
}

/** A server that accepts and never answers. */
export async function silentServer(): Promise<{ readonly port: number; close(): void }> {
  const server: Server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  return { port: address.port, close: () => void server.close() };
}
