// What a caller may ask of a run.

import type { StoreDefinition } from '../stores/store.ts';
import type { HashScheme } from '../value/digest.ts';
import type { RunListener } from './events.ts';

export interface RunOptions {
  /** Names of replicas, stores or entities; empty or absent: everything. */
  readonly only?: readonly string[];
  /** Only these keys, each a key's parts as text. All chosen replicas must then be of one entity. */
  readonly keys?: readonly (readonly string[])[];
  /** Only rows whose version is at most this many milliseconds old, by the source's clock. */
  readonly since?: number;
  /** Only about this share of the rows, between 0 and 1. */
  readonly sample?: number;
  /** Bytes for digests, per entity. Default 1 GiB. */
  readonly memory?: number;
  /** Replicas compared at the same time. Default 4. */
  readonly concurrency?: number;
  /** Threads that read large replicas beside this one. Default: one less than there are cores, at most 4; 0: none. */
  readonly workers?: number;
  /** Keys per look-up, at most; a store's own limit holds as well. Default 500. */
  readonly batch?: number;
  /** Findings that the report itself holds for each replica. Default 20; the folder has all of them. */
  readonly shown?: number;
  /** False: nothing is kept on disk. Default true. */
  readonly keep?: boolean;
  /** Forces how rows are hashed; chosen by what the servers can otherwise. */
  readonly hash?: HashScheme['algorithm'];
  /** Kinds of store besides the built-in ones. */
  readonly kinds?: readonly StoreDefinition[];
  readonly signal?: AbortSignal;
  readonly onEvent?: RunListener;
}

export interface RepairOptions {
  /** False: only says what it would do. Default false. */
  readonly apply?: boolean;
  readonly deleteOrphans?: boolean;
  /** Remove the copies of a record that are too many; the one that is nearest to the source's row stays. */
  readonly deleteDuplicates?: boolean;
  /** Overwrite records that are newer than the source's. */
  readonly overwriteAhead?: boolean;
  /** Most records to write in one replica; default from the config. */
  readonly maxRows?: number;
  /** Most records to write, in percent of the replica; default from the config. */
  readonly maxPercent?: number;
}

/** A connection and a driver of its own cost a worker a quarter of a second: smaller replicas are read here. */
export const WORKER_ROWS = 50_000;
export const DEFAULT_MEMORY = 2 ** 30;
export const DEFAULT_CONCURRENCY = 4;
export const DEFAULT_BATCH = 500;
export const DEFAULT_SHOWN = 20;

/** Whether `only` (names of replicas, stores or entities; empty: all) chooses the replica that has these names. */
export function isChosen(only: readonly string[], names: readonly string[]): boolean {
  return only.length === 0 || names.some((name) => only.includes(name));
}
