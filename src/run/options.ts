// What a caller may ask of a run.

import { availableParallelism } from 'node:os';
import type { SettleHow } from '../backlog/backlog.ts';
import type { StoreDefinition } from '../stores/store.ts';
import type { HashScheme } from '../value/digest.ts';
import type { BaselineOptions } from './baseline.ts';
import type { RunListener } from './events.ts';

export interface RunOptions {
  /** Names of replicas, stores or entities; empty or absent: everything. */
  readonly only?: readonly string[];
  /** Only these keys, each a key's parts as text. All chosen replicas must then be of one entity. */
  readonly keys?: readonly (readonly string[])[];
  /**
   * Only the records that a backlog names: the failed jobs of a queue, or the outbox's events that are still to be published. With `since`: the jobs
   * that failed, or all events that were written, in the last so many milliseconds.
   */
  readonly from?: BacklogChoice;
  /** Only rows whose version is at most this many milliseconds old, by the source's clock. */
  readonly since?: number;
  /** Only about this share of the rows, between 0 and 1. */
  readonly sample?: number;
  /** Bytes for digests, per entity. Default 1 GiB. */
  readonly memory?: number;
  /** Replicas compared at the same time. Default 4. */
  readonly concurrency?: number;
  /**
   * Threads that read large replicas beside this one; 0: none. Default: two less than there are cores, one less than there are large replicas, at
   * most 4.
   */
  readonly workers?: number;
  /** Keys per look-up, at most; a store's own limit holds as well. Default 500. */
  readonly batch?: number;
  /** Findings that the report itself holds for each replica. Default 20; the folder has all of them. */
  readonly shown?: number;
  /** False: nothing is kept on disk, but what receivers of alerts were told. Default true. */
  readonly keep?: boolean;
  /** Drift that is known: for a check. */
  readonly baseline?: BaselineOptions;
  /** Drift up to here is exit code 0: records in all, or percent of each replica. */
  readonly maxDrift?: { readonly rows?: number; readonly percent?: number };
  /** Goes on with a run of the same command and choice that was stopped: true, the newest one; or its id, or the end of it. */
  readonly resume?: true | string;
  /** True: tells the receivers that the config names under `alerts`. Default false. Who interrupts a run knows: then nobody is told. */
  readonly alerts?: boolean;
  /** Forces how rows are hashed; chosen by what the servers can otherwise. */
  readonly hash?: HashScheme['algorithm'];
  /** Kinds of store besides the built-in ones. */
  readonly kinds?: readonly StoreDefinition[];
  readonly signal?: AbortSignal;
  readonly onEvent?: RunListener;
}

export type BacklogChoice = { readonly queue: string } | { readonly outbox: true };

/** How a repair goes about the probes that are marked as gates. */
export interface GateOptions {
  /** Milliseconds to wait for them at most. Default 0: refused at once while one is not ok. */
  readonly wait?: number;
  /** True: they are not asked. */
  readonly ignoreGates?: boolean;
}

export interface RepairOptions extends GateOptions {
  /** False: only says what it would do. Default false. */
  readonly apply?: boolean;
  readonly deleteOrphans?: boolean;
  /** Remove the copies of a record that are too many; the one that is nearest to the source's row stays. */
  readonly deleteDuplicates?: boolean;
  /** Overwrite records that are newer than the source's. */
  readonly overwriteAhead?: boolean;
  /** With `from`: what becomes of the jobs or events whose every record is proven equal afterwards. Default: nothing. */
  readonly settle?: SettleHow;
  /** Most records to write in one replica; default from the config. */
  readonly maxRows?: number;
  /** Most records to write, in percent of the replica; default from the config. */
  readonly maxPercent?: number;
  /** Most records to delete in one replica; default from the config. */
  readonly maxDeletes?: number;
  /** Most records to write a second; default from the config, or as fast as it goes. */
  readonly rate?: number;
  /** The source is right although it looks empty, or has shrunk. */
  readonly forceEmpty?: boolean;
  readonly forceShrunk?: boolean;
  /** Writes outside of the maintenance window too. */
  readonly forceWindow?: boolean;
}

/** What only commands that can write are asked. */
export type WritingOptions = Pick<RepairOptions, 'apply'> & GateOptions;

/** A thread costs a third of a second of a core (driver, connection, cold code), a record some 3 µs: smaller replicas are read here. */
export const WORKER_ROWS = 100_000;
export const DEFAULT_MEMORY = 2 ** 30;
export const DEFAULT_CONCURRENCY = 4;
export const DEFAULT_BATCH = 500;
export const DEFAULT_SHOWN = 20;

/**
 * One replica alone is read as soon here: nobody else wants this thread meanwhile. Of several one stays here, and of the cores one is left to the
 * servers, or to whatever else there is.
 */
export function defaultThreads(replicas: number): number {
  return Math.max(0, Math.min(4, availableParallelism() - 2, replicas - 1));
}

/** Whether `only` (names of replicas, stores or entities; empty: all) chooses the replica that has these names. */
export function isChosen(only: readonly string[], names: readonly string[]): boolean {
  return only.length === 0 || names.some((name) => only.includes(name));
}
