// The queues and the outbox of the file: their kinds' own words, and the entities, stores and replicas that they name.

import type { Loose } from './check.ts';
import type { EntityConfig, ItemPath, NamedEntity, NamingConfig, OutboxConfig, QueueConfig } from './config.ts';
import { checkOwnWords, omit } from './own-words.ts';
import { type Context, checkStore } from './resolve.ts';
import { queueShape, type RawNamedEntities, type RawQueue } from './schema.ts';
import { addUnknown } from './unknown-name.ts';
import { checkSourceUrl } from './urls.ts';
import type { Path } from './yaml-tree.ts';

export function resolveQueues(context: Context, entities: readonly EntityConfig[]): ReadonlyMap<string, QueueConfig> {
  const queues = Object.entries(context.raw.queues ?? {});
  return new Map(queues.map(([name, queue]) => [name, resolveQueue(name, queue ?? {}, context, entities)]));
}

function resolveQueue(
  name: string,
  queue: Loose<RawQueue>,
  context: Context,
  entities: readonly EntityConfig[],
): QueueConfig {
  const { raw, definitions, problems } = context;
  const here = ['queues', name];
  const kind = checkStore(queue.store, [...here, 'store'], raw, problems);
  const words = kind === undefined ? undefined : definitions.get(kind)?.queueOptions;
  if (kind !== undefined && definitions.has(kind) && words === undefined) {
    problems.add([...here, 'store'], `a store of kind ${kind} keeps no queues`);
  }
  const { entity = '', key = '', entities: named } = queue.jobs ?? {};
  return {
    name,
    store: queue.store ?? '',
    target: queue.name ?? name,
    feeds: resolveFeeds(queue.feeds, [...here, 'feeds'], context, entities),
    naming: resolveNaming(entity, key, named, [...here, 'jobs', 'entities'], context, entities),
    options: words && checkOwnWords(words, omit(queue, queueShape), Object.keys(queueShape), here, problems),
  };
}

export function resolveOutbox(context: Context, entities: readonly EntityConfig[]): OutboxConfig | undefined {
  const { outbox } = context.raw;
  if (outbox === undefined) return undefined;
  const { entity = 'aggregate_type', key = 'aggregate_id', markUrl } = outbox;
  if (markUrl !== undefined) checkSourceUrl(markUrl, ['outbox', 'markUrl'], context.problems);
  return {
    table: outbox.table ?? '',
    id: outbox.id ?? 'id',
    createdAt: outbox.createdAt ?? 'created_at',
    processedAt: outbox.processedAt ?? 'processed_at',
    pending: outbox.pending,
    failed: outbox.failed,
    feeds: resolveFeeds(outbox.feeds, ['outbox', 'feeds'], context, entities),
    naming: resolveNaming(entity, key, outbox.entities, ['outbox', 'entities'], context, entities),
    consumers: Object.entries(outbox.consumers ?? {}).map(([name, consumer]) => ({
      name,
      position: consumer?.position?.replace(/;\s*$/, '') ?? '',
      column: consumer?.column,
    })),
    markUrl,
    tls: context.sourceTls,
  };
}

function resolveFeeds(
  feeds: Loose<readonly string[]> | undefined,
  here: Path,
  { raw, problems }: Context,
  entities: readonly EntityConfig[],
): readonly string[] {
  const replicas = entities.flatMap((entity) => entity.replicas.map(({ name }) => name));
  const known = [...Object.keys(raw.stores ?? {}), ...replicas];
  return (feeds ?? []).flatMap((name, index) => {
    if (name === undefined) return [];
    if (!known.includes(name)) {
      addUnknown([...here, index], 'no store or replica is named', name, known, 'Stores and replicas here', problems);
    }
    return [name];
  });
}

type RawNamed = string | { readonly entity?: string; readonly key?: string | readonly (string | undefined)[] };

function resolveNaming(
  entity: string,
  key: string | readonly (string | undefined)[],
  words: Loose<RawNamedEntities> | undefined,
  here: Path,
  { problems }: Context,
  entities: readonly EntityConfig[],
): NamingConfig {
  const known = entities.filter(({ replicas }) => replicas.length > 0).map(({ name }) => name);
  const resolve = (named: RawNamed, path: Path): NamedEntity => {
    const { entity: name, key } = typeof named === 'string' ? { entity: named } : named;
    if (name !== undefined && !known.includes(name)) {
      addUnknown(path, 'no entity with replicas is named', name, known, 'Entities with replicas', problems);
    }
    return { entity: name ?? '', key: key === undefined ? undefined : pathsOf(key) };
  };
  const byWord = Object.entries(words ?? {}).map(([word, meant]): [string, readonly NamedEntity[]] => {
    const list = Array.isArray(meant) ? meant : [meant];
    const path = (index: number) => [...here, word, ...(Array.isArray(meant) ? [index] : [])];
    return [
      word,
      list.flatMap((named, index) => (named === undefined ? [] : [resolve(named as RawNamed, path(index))])),
    ];
  });
  return { entity: entity.split('.'), key: pathsOf(key), entities: new Map(byWord) };
}

function pathsOf(words: string | readonly (string | undefined)[]): readonly ItemPath[] {
  const list = typeof words === 'string' ? [words] : words;
  return list.flatMap((path) => (path === undefined ? [] : [path.split('.')]));
}
