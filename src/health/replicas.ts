// Replicas as probes see them: planned by the engine's own plan, one by one, so that what is wrong with one says nothing of the others.

import type { Config } from '../config/config.ts';
import { ConfigError, StoreError } from '../errors.ts';
import { makePlan } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type ReadyReplica } from '../plan/plan.ts';
import type { Source } from '../source/source.ts';
import type { Servers } from './servers.ts';

export interface PlannedReplica {
  readonly source: Source;
  readonly entity: EntityPlan;
  readonly replica: ReadyReplica;
}

/** Names of replicas: those that are named, or that belong to a store or an entity that is; all where none is. In the config's order. */
export function replicaNames({ entities }: Config, only: readonly string[] = []): readonly string[] {
  return entities.flatMap(({ name: entity, replicas }) =>
    replicas
      .filter(({ name, store }) => only.length === 0 || [name, store, entity].some((it) => only.includes(it)))
      .map(({ name }) => name),
  );
}

/** Connects to both sides. Throws a StoreError, also for what the schemas lack. */
export async function planReplica(config: Config, servers: Servers, name: string): Promise<PlannedReplica> {
  const entity = config.entities.find(({ replicas }) => replicas.some((replica) => replica.name === name))!;
  const replicas = entity.replicas.filter((replica) => replica.name === name);
  const { store } = replicas[0]!;
  const [source, connected] = await Promise.all([servers.source(), servers.store(store)]);
  try {
    const { entities } = await makePlan({
      config: { ...config, entities: [{ ...entity, replicas }] },
      source,
      stores: new Map([[store, connected]]),
      only: [],
      lookup: true,
      memory: 0,
      concurrency: 1,
    });
    const [planned] = entities;
    const [replica] = planned!.replicas;
    if (isReady(replica!)) return { source, entity: planned!, replica };
    throw new StoreError(name, 'plan', replica!.problem.message, { hint: replica!.problem.hint });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [{ path, message, hint }] = error.problems as [ConfigError['problems'][number]];
    throw new StoreError(name, 'plan', path === '' ? message : `${path}: ${message}`, { hint });
  }
}
