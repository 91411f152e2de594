// The plan: what will be compared with what, how, and why. Data only; `makePlan` fills it, everything after reads it.

import type { EntityConfig, ReplicaConfig } from '../config/config.ts';
import type { Field } from '../mapping/mapping.ts';
import type { Relation } from '../postgres/relation.ts';
import type { RunProblem, Strategy } from '../report/report.ts';
import type { Inspection, Replica, Store } from '../stores/store.ts';

export interface Plan {
  /** Entities that are compared at the same time. */
  readonly atOnce: number;
  /** Bytes for the digests of each of them. */
  readonly memory: number;
  readonly entities: readonly EntityPlan[];
}

export interface EntityPlan {
  readonly entity: EntityConfig;
  /** The source's side. */
  readonly relation: Relation;
  /** The key's columns as the source has them. */
  readonly key: readonly Field[];
  readonly estimatedRows: number;
  /** A unique index guards the key in the source. */
  readonly keyIsUnique: boolean;
  readonly replicas: readonly ReplicaPlan[];
}

/** A replica that can be compared, or one that can't be reached: then `problem` says why, and it stays unproven. */
export type ReplicaPlan = ReadyReplica | UnreachableReplica;

export interface UnreachableReplica {
  readonly config: ReplicaConfig;
  readonly entity: EntityConfig;
  readonly kind: string;
  readonly problem: RunProblem;
}

export interface ReadyReplica {
  readonly config: ReplicaConfig;
  readonly entity: EntityConfig;
  readonly kind: string;
  readonly problem?: undefined;
  readonly store: Store;
  readonly replica: Replica;
  readonly inspection: Inspection;
  readonly strategy: Strategy;
  readonly why: string;
  /** Columns left out by `ignore`. */
  readonly ignored: readonly string[];
  /** Sentences for the coverage: precision, tolerances, filters. */
  readonly notes: readonly string[];
}

export function isReady(replica: ReplicaPlan): replica is ReadyReplica {
  return replica.problem === undefined;
}
