// Seeds one scale of reservas for a check of its window: the source whole, the statistics whole, and of the
// reservations in Cassandra those of the window alone, as a look-up never touches the others.

import { MongoClient } from 'mongodb';
import { openAnalytics, TABLE_NAMES } from '../../fixtures/reservas/analytics.ts';
import { rowsOf } from '../../fixtures/reservas/rows.ts';
import { seedAnalytics } from '../../fixtures/reservas/seed-analytics.ts';
import type { SeedContext } from '../../fixtures/reservas/seed-context.ts';
import { seedDocs } from '../../fixtures/reservas/seed-docs.ts';
import { seedSource } from '../../fixtures/reservas/seed-source.ts';
import { DATABASE, SEED } from '../copies.ts';
import { createDatabase, dropDatabase, settle, urlOf } from '../stores/postgres.ts';
import { onlyWindow, touchedHosts, withWindow } from './rows.ts';
import type { WindowPlace } from './window.ts';

/** The servers' URLs. */
export interface WindowServers {
  readonly source: string;
  readonly cassandra: string;
  readonly mongodb: string;
}

/** `newest` of `reservas` reservations are in the window. */
export async function seedWindow(servers: WindowServers, reservas: number, newest: number): Promise<WindowPlace> {
  await clearWindow(servers, reservas);
  const name = nameOf(reservas);
  const all = rowsOf({ reservas, seed: SEED, now: Date.now() });
  const rows = withWindow(all, newest);
  const place = placeOf(servers, reservas);
  const contextOf = (own: SeedContext['rows']): SeedContext => ({ rows: own, uniqueIndexes: true, report: () => {} });
  await createDatabase(servers.source, name);
  await seedSource(place.source, contextOf(rows));
  await settle(place.source);
  await seedAnalytics(place.analytics, contextOf(onlyWindow(rows, newest)));
  await seedDocs(place.docs, contextOf(rows));
  const hosts = touchedHosts(rows, newest).size;
  const looked = Object.fromEntries(TABLE_NAMES.map((table) => [`analytics.${table}`, newest]));
  return { ...place, looked: { ...looked, 'docs.host_statistics': hosts } };
}

export async function clearWindow(servers: WindowServers, reservas: number): Promise<void> {
  const name = nameOf(reservas);
  await dropDatabase(servers.source, name);
  const analytics = await openAnalytics(servers.cassandra);
  try {
    await analytics.execute(`DROP KEYSPACE IF EXISTS ${name}`);
  } finally {
    await analytics.shutdown();
  }
  const docs = new MongoClient(servers.mongodb);
  try {
    await docs.db(name).dropDatabase();
  } finally {
    await docs.close();
  }
}

function nameOf(reservas: number): string {
  return `${DATABASE}_reservas_${reservas}`;
}

function placeOf({ source, cassandra, mongodb }: WindowServers, reservas: number): Omit<WindowPlace, 'looked'> {
  const name = nameOf(reservas);
  return { source: urlOf(source, name), analytics: urlOf(cassandra, name), docs: urlOf(mongodb, name) };
}
