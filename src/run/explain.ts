// explain: how a check would compare each replica, and why. Connects and plans; reads no rows, writes nothing, keeps nothing.

import { tableBytes } from '../compare/digest-table.ts';
import type { Config } from '../config/config.ts';
import { makePlan } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type ReplicaPlan } from '../plan/plan.ts';
import type { RunProblem, Strategy } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import { storeKinds } from '../stores/registry.ts';
import { narrowToBacklog } from './backlog.ts';
import { isLookup } from './choose.ts';
import { connect } from './connections.ts';
import { DEFAULT_CONCURRENCY, DEFAULT_MEMORY, isChosen, type RunOptions } from './options.ts';

export interface Explanation {
  readonly schema: 'plumbline.plan/1';
  readonly config: string;
  readonly entities: readonly ExplainedEntity[];
  readonly exitCode: number;
}

export interface ExplainedEntity {
  readonly name: string;
  readonly estimatedRows: number;
  readonly key: readonly string[];
  readonly keyIsUnique: boolean;
  readonly version?: string;
  /** Bytes for digests, at most; 0 where none are kept. */
  readonly memory: number;
  readonly replicas: readonly ExplainedReplica[];
}

export type ExplainedReplica = ExplainedReady | ExplainedUnreachable;

export interface ExplainedReady {
  readonly name: string;
  readonly store: string;
  readonly kind: string;
  readonly product: string;
  readonly strategy: Strategy;
  /** One sentence. */
  readonly why: string;
  readonly estimatedRows: number;
  /** Source columns compared, keys included. */
  readonly fields: readonly string[];
  readonly ignored: readonly string[];
  readonly orphans: boolean;
  readonly notes: readonly string[];
  /** Milliseconds. */
  readonly maxLag: number;
  /** What stands in the way of a repair, not of a check. */
  readonly writeProblems: readonly string[];
  readonly problem?: undefined;
}

export interface ExplainedUnreachable {
  readonly name: string;
  readonly store: string;
  readonly kind: string;
  readonly problem: RunProblem;
}

/** Throws ConfigError for schema trouble and the source's StoreError; a store that can't be reached is in the result. */
export async function explain(config: Config, given: RunOptions = {}): Promise<Explanation> {
  const options = narrowToBacklog(config, given);
  const listener = options.onEvent ?? (() => {});
  const only = options.only ?? [];
  listener({ type: 'stage', stage: 'connect' });
  const connections = await connect(
    config,
    storesOf(config, only),
    storeKinds(options.kinds),
    listener,
    options.signal,
  );
  try {
    listener({ type: 'stage', stage: 'plan' });
    const lookup = isLookup(options);
    const memory = options.memory ?? DEFAULT_MEMORY;
    const { source, stores } = connections;
    const plan = await makePlan({
      config,
      source,
      stores,
      only,
      lookup,
      memory,
      concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    });
    const entities = plan.entities.map(explainedEntity);
    const down = entities.some((entity) => entity.replicas.some((replica) => replica.problem !== undefined));
    return {
      schema: 'plumbline.plan/1',
      config: config.file,
      entities,
      exitCode: down ? EXIT.incomplete : EXIT.inSync,
    };
  } finally {
    await connections.close();
  }
}

function explainedEntity(plan: EntityPlan): ExplainedEntity {
  const ready = plan.replicas.filter(isReady);
  const joined = ready.filter((replica) => replica.strategy === 'digests').length;
  return {
    name: plan.entity.name,
    estimatedRows: plan.estimatedRows,
    key: ready[0]?.replica.mapping.key.map((field) => field.name) ?? plan.entity.key ?? [],
    keyIsUnique: plan.keyIsUnique,
    version: plan.entity.version,
    memory: joined === 0 ? 0 : tableBytes(plan.estimatedRows, joined),
    replicas: plan.replicas.map(explainedReplica),
  };
}

function explainedReplica(plan: ReplicaPlan): ExplainedReplica {
  const { name, store, maxLag } = plan.config;
  if (!isReady(plan)) return { name, store, kind: plan.kind, problem: plan.problem };
  const { mapping } = plan.replica;
  const { estimatedRows, writeProblems } = plan.inspection;
  return {
    name,
    store,
    kind: plan.kind,
    product: plan.store.product,
    strategy: plan.strategy,
    why: plan.why,
    estimatedRows,
    fields: [...mapping.key, ...mapping.fields].map((field) => field.name),
    ignored: plan.ignored,
    orphans: plan.strategy !== 'lookup',
    notes: plan.notes,
    maxLag,
    writeProblems: writeProblems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)),
  };
}

function storesOf(config: Config, only: readonly string[]): ReadonlySet<string> {
  const chosen = config.entities.flatMap((entity) =>
    entity.replicas.filter(({ name, store }) => isChosen(only, [name, store, entity.name])),
  );
  return new Set(chosen.map((replica) => replica.store));
}
