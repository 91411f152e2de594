// After a part of a drain: brings the records that it touched to every replica, by the same compare and repair as everywhere, and settles in their
// contingency stores the writes of those that are proven equal there.

import type { Config } from '../config/config.ts';
import type { Settle } from '../contingency/bring-back.ts';
import type { DrainedReplica } from '../contingency/drain-report.ts';
import type { Item, OpenedStore } from '../contingency/gather.ts';
import type { Write } from '../contingency/write.ts';
import { StoreError } from '../errors.ts';
import { type Key, keyText } from '../mapping/mapping.ts';
import { problemOf } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type Plan } from '../plan/plan.ts';
import { touchesOf } from '../plan/touches.ts';
import { type ReplicaReport, type RunProblem, remainingDrift } from '../report/report.ts';
import { confirmOptions } from './compare-replica.ts';
import { comparePlan } from './find-drift.ts';
import type { RepairOptions, RunOptions } from './options.ts';
import { policyOf, repairDrift, replicaContext } from './repair-drift.ts';
import type { RunContext } from './run.ts';
import { unequal } from './settle.ts';

/** Writes that are settled at once: as many keys are held in memory, and as many are gone through again after a kill. */
export const STAGE = 10_000;
const SETTLED_AT_ONCE = 1000;
const REFUSED_SHOWN = 3;

export interface SettleContext {
  readonly config: Config;
  readonly context: RunContext;
  readonly plan: Plan;
  readonly stores: readonly OpenedStore[];
  readonly run: string;
  readonly options: RunOptions & RepairOptions;
  readonly stage?: number;
}

interface Done {
  readonly item: Item;
  readonly entity: string;
  readonly key: Key;
}

export class DrainSettler implements Settle {
  /** Brought back, and not settled. */
  unsettled = 0;
  readonly problems: RunProblem[] = [];
  readonly settled = new Map<string, number>();
  private readonly replicas = new Map<string, DrainedReplica>();
  private readonly given: SettleContext;
  private done: Done[] = [];
  private stages = 0;

  constructor(given: SettleContext) {
    this.given = given;
  }

  /** In the order of the config. */
  get replicaReports(): readonly DrainedReplica[] {
    const names = this.given.config.entities.flatMap(({ replicas }) => replicas.map(({ name }) => name));
    return names.flatMap((name) => this.replicas.get(name) ?? []);
  }

  async add(item: Item, { entity, key }: Write): Promise<void> {
    this.done.push({ item, entity, key });
    if (this.done.length >= (this.given.stage ?? STAGE)) await this.finish();
  }

  /** What is added and not finished is unsettled. */
  async finish(): Promise<void> {
    const { done } = this;
    if (done.length === 0) return;
    this.done = [];
    this.unsettled += done.length;
    this.given.options.onEvent?.({ type: 'stage', stage: 'compare' });
    const doubtful = await this.bringToReplicas(done);
    const proven = done.filter(({ entity, key }) => !doubtful(entity, key)).map(({ item }) => item);
    this.unsettled -= await this.settle(proven);
    this.given.options.onEvent?.({ type: 'stage', stage: 'drain' });
  }

  async release(items: readonly Item[]): Promise<void> {
    await this.settle(items);
  }

  /** What was added and will not be finished. */
  abandon(): void {
    this.unsettled += this.done.length;
    this.done = [];
  }

  /** How many were. Of a store that is gone the writes stay unsettled. */
  private async settle(items: readonly Item[]): Promise<number> {
    let settled = 0;
    for (const { config, contingency } of this.given.stores) {
      const ids = items.filter(({ store }) => store === config.name).map(({ id }) => id);
      try {
        for (let from = 0; from < ids.length; from += SETTLED_AT_ONCE) {
          const some = ids.slice(from, from + SETTLED_AT_ONCE);
          await contingency.settle(config, some, this.given.run);
          settled += some.length;
          this.settled.set(config.name, (this.settled.get(config.name) ?? 0) + some.length);
        }
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.problems.push(problemOf(config.name, error));
      }
    }
    return settled;
  }

  private async bringToReplicas(done: readonly Done[]): Promise<(entity: string, key: Key) => boolean> {
    const { config, context, options, plan } = this.given;
    const keys = await this.keysOf(done);
    const entities = plan.entities.filter(({ entity }) => keys.has(entity.name));
    this.stages++;
    const folder = await context.folder.part(`replicas-${this.stages}`);
    const own: RunContext = { ...context, folder };
    const chosen = (entity: EntityPlan) => ({
      kind: 'keys' as const,
      keys: [...keys.get(entity.entity.name)!.values()],
      mayBeDeleted: true as const,
    });
    const drift = await comparePlan(config, own, options, { ...plan, entities }, chosen);
    await folder.finish();
    // The drain's own limits hold: what it wrote to the source is to stand in the replicas too.
    const policy = {
      ...policyOf(config, options),
      deleteOrphans: true,
      maxRows: Number.POSITIVE_INFINITY,
      maxDeletes: Number.POSITIVE_INFINITY,
    };
    const repaired = await repairDrift(config, own, drift, options, policy);
    this.problems.push(...repaired.problems);
    if (repaired.refused !== undefined) {
      const { by, message, hint } = repaired.refused;
      this.problems.push({ where: by, message: `the replicas were not brought up to date: ${message}`, hint });
    }
    for (const report of repaired.replicas) this.addReplica(report, keys.get(report.entity)!.size);
    const doubts = await this.doubtsOf(own, entities, repaired.replicas, folder);
    return (entity, key) => doubts.has(entity) || doubts.has(nameOf(entity, key));
  }

  /** By entity and text: of every entity that is made from the tables that were written, or that they touch. */
  private async keysOf(done: readonly Done[]): Promise<ReadonlyMap<string, ReadonlyMap<string, Key>>> {
    const { config, context, plan } = this.given;
    const { source } = context.connections;
    const keys = new Map<string, Map<string, Key>>();
    const add = (entity: string, key: Key) => {
      const known = keys.get(entity) ?? new Map<string, Key>();
      keys.set(entity, known.set(keyText(key), key));
    };
    for (const { entity, key } of done) {
      const { table } = config.entities.find(({ name }) => name === entity)!;
      for (const other of plan.entities) if (other.entity.table === table) add(other.entity.name, key);
    }
    const written = new Map(done.map(({ entity, key }) => [nameOf(entity, key), { entity, key }]));
    for (const touched of plan.entities) {
      for (const touch of await touchesOf(config, source, touched.entity, touched.key)) {
        const changed = [...written.values()].filter(({ entity }) => entity === touch.entity).map(({ key }) => key);
        for (const key of await source.touchedKeys(touch, changed, touched.key)) add(touched.entity.name, key);
      }
    }
    return keys;
  }

  /** Names of records that are not proven equal in every replica, and of entities of which none is. */
  private async doubtsOf(
    context: RunContext,
    entities: readonly EntityPlan[],
    reports: readonly ReplicaReport[],
    folder: RunContext['folder'],
  ): Promise<ReadonlySet<string>> {
    const { config, options } = this.given;
    const doubts = new Set<string>();
    const found = new Map<string, Key[]>();
    for await (const { replica, key } of folder.findings()) {
      found.set(replica, [...(found.get(replica) ?? []), Object.values(key)]);
    }
    for (const entityPlan of entities) {
      for (const replica of entityPlan.replicas) {
        const report = reports.find(({ name }) => name === replica.config.name);
        const suspects = found.get(replica.config.name) ?? [];
        if (!isReady(replica) || report?.status !== 'proven') this.doubtAll(doubts, entityPlan);
        else if (suspects.length > 0) {
          const own = confirmOptions(replicaContext(config, context, options, entityPlan), replica, false);
          for (const text of await unequal(replica, suspects, own)) {
            for (const name of this.sharing(entityPlan)) doubts.add(JSON.stringify([name, text]));
          }
        }
      }
    }
    return doubts;
  }

  private doubtAll(doubts: Set<string>, entityPlan: EntityPlan): void {
    for (const name of this.sharing(entityPlan)) doubts.add(name);
  }

  /** Entities whose records are rows of the same table. */
  private sharing({ entity }: EntityPlan): readonly string[] {
    if (entity.table === undefined) return [];
    return this.given.config.entities.filter(({ table }) => table === entity.table).map(({ name }) => name);
  }

  private addReplica(report: ReplicaReport, records: number): void {
    const { name, entity, store, status, repair, error, counts } = report;
    const known = this.replicas.get(name);
    const unread = counts.unread > 0 ? `${counts.unread} records could not be read` : undefined;
    this.replicas.set(name, {
      name,
      entity,
      store,
      records: (known?.records ?? 0) + records,
      written: (known?.written ?? 0) + (repair?.outcomes.written ?? 0),
      remaining: (known?.remaining ?? 0) + remainingDrift(report),
      refused: [...(known?.refused ?? []), ...(repair?.errors ?? [])].slice(0, REFUSED_SHOWN),
      error: known?.error ?? (status === 'proven' ? unread : (error?.message ?? 'not compared to the end')),
    });
  }
}

function nameOf(entity: string, key: Key): string {
  return JSON.stringify([entity, keyText(key)]);
}
