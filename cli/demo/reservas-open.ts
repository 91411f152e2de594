// reservas with whichever of its stores run: plumbline.yaml for them, its variables, and native connections.

import { readFile } from 'node:fs/promises';
import type { Client } from 'cassandra-driver';
import { type Db, MongoClient } from 'mongodb';
import { parse, stringify } from 'yaml';
import { openPool } from '../../fixtures/georiesgo/native.ts';
import { openAnalytics } from '../../fixtures/reservas/analytics.ts';
import { type Cache, openCache } from '../../fixtures/reservas/cache.ts';
import type { Native } from '../../fixtures/reservas/damages.ts';
import { dataOf } from '../../fixtures/reservas/data.ts';
import { type Graph, openGraph } from '../../fixtures/reservas/graph.ts';
import { fixturePath } from '../../fixtures/reservas/paths.ts';
import type { Seeded } from '../../fixtures/reservas/rows.ts';
import type { SeedTargets } from '../../fixtures/reservas/seed.ts';
import { databaseOf, keyspaceOf, STORE_NAMES, type StoreName } from '../../fixtures/reservas/targets.ts';

interface Document {
  stores: Record<string, unknown>;
  entities: Record<string, { replicas?: ReplicaNode[]; touches?: Record<string, string> }>;
}

interface ReplicaNode {
  store: StoreName;
  target?: string;
  entries?: string;
  from?: { label: string };
  to?: { label: string };
}

export function storesOf(targets: SeedTargets): readonly StoreName[] {
  return STORE_NAMES.filter((store) => targets[store] !== undefined);
}

/** With only these stores, and with the prefixes of those that are shared. */
export async function configText(targets: SeedTargets): Promise<string> {
  const text = await readFile(fixturePath('plumbline.yaml'), 'utf8');
  const stores = storesOf(targets);
  const [graph, cache] = [targets.graph?.prefix ?? '', targets.cache?.prefix ?? ''];
  if (stores.length === STORE_NAMES.length && graph + cache === '') return text;
  const document = parse(text) as Document;
  const { entities } = document;
  for (const store of STORE_NAMES) if (!stores.includes(store)) delete document.stores[store];
  for (const [name, entity] of Object.entries(entities)) {
    if (entity.replicas === undefined) continue;
    entity.replicas = entity.replicas.filter((replica) => stores.includes(replica.store));
    for (const replica of entity.replicas) {
      const prefix = replica.store === 'graph' ? graph : replica.store === 'cache' ? cache : '';
      if (prefix !== '' || replica.target !== undefined) replica.target = prefix + (replica.target ?? name);
      if (replica.entries !== undefined) replica.entries = prefix + replica.entries;
      for (const end of [replica.from, replica.to]) if (end !== undefined) end.label = prefix + end.label;
    }
    if (entity.replicas.length === 0) delete entity.replicas;
  }
  // What is in no store is only there for what it touches.
  const standing = Object.keys(entities).filter((name) => entities[name]!.replicas !== undefined);
  for (const [name, entity] of Object.entries(entities)) {
    const touches = Object.entries(entity.touches ?? {}).filter(([touched]) => standing.includes(touched));
    if (touches.length > 0) entity.touches = Object.fromEntries(touches);
    else if (standing.includes(name)) delete entity.touches;
    else delete entities[name];
  }
  return stringify(document, { lineWidth: 0 });
}

export function environmentOf({ source, analytics, docs, graph, cache }: SeedTargets): Record<string, string> {
  const all = {
    RESERVAS_SOURCE_URL: source,
    RESERVAS_ANALYTICS_URL: analytics,
    RESERVAS_DOCS_URL: docs,
    RESERVAS_DOCS_DATABASE: docs === undefined ? undefined : databaseOf(docs),
    RESERVAS_GRAPH_URL: graph?.url,
    RESERVAS_CACHE_URL: cache?.url,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, string>;
}

/** Whichever of the stores there are; damages are only planted in those. */
export async function connectNative(targets: SeedTargets, seeded: Seeded): Promise<Native> {
  const source = openPool(targets.source, 6);
  const analytics =
    targets.analytics === undefined ? undefined : await openAnalytics(targets.analytics, keyspaceOf(targets.analytics));
  const docs = targets.docs === undefined ? undefined : new MongoClient(targets.docs);
  const graph = targets.graph === undefined ? undefined : await openGraph(targets.graph);
  const cache = targets.cache === undefined ? undefined : openCache(targets.cache);
  const close = async () => {
    await Promise.allSettled([source.end(), analytics?.shutdown(), docs?.close(), graph?.close(), cache?.redis.quit()]);
  };
  return {
    source,
    analytics: analytics as Client,
    docs: docs?.db(databaseOf(targets.docs!)) as Db,
    graph: graph as Graph,
    cache: cache as Cache,
    data: dataOf(seeded),
    close,
  };
}
