// The copies that the bench compares with the source's incidents: equal, drifted and empty ones stand side by side in
// each store, and two small ones to warm up with. Which rows drift, and what a check has to say of each copy. No I/O.

import { UNSEEDED } from '../fixtures/georiesgo/incidents.ts';

export const SEED = 1;
export const DATABASE = 'plumbline_bench';

/** One part in so many of the rows drifts. */
const DRIFT_EVERY = 1000;
const WARM_UP_ROWS = 1000;

export const STORE_KINDS = ['mongodb', 'postgres', 'cassandra', 'neo4j', 'redis', 'oracle'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** What the goals are for. */
export const GOAL_ROWS = 1_000_000;

/** Of a full copy, unless --rows says otherwise: as many as the official driver loads in a few minutes. */
export const DEFAULT_ROWS: Readonly<Record<StoreKind, number>> = {
  mongodb: GOAL_ROWS,
  postgres: GOAL_ROWS,
  cassandra: GOAL_ROWS,
  neo4j: 200_000,
  redis: GOAL_ROWS,
  oracle: 20_000,
};

/** Of these the names of the copies' places are made. */
export const COPY_NAMES = ['equal', 'drifted', 'empty', 'warmUp', 'warmUpDrifted'] as const;
export type CopyName = (typeof COPY_NAMES)[number];

/** A replica of the rows 0 to `rows - 1` of incidents. */
export interface Copy {
  readonly name: CopyName;
  /** The table of the source that holds just those rows. */
  readonly source: string;
  /** What its table, collection … is called, where the store has no reason to call it otherwise. */
  readonly target: string;
  readonly rows: number;
  readonly drift: Drift;
}

/** The indexes of rows: disjoint, ascending, evenly scattered over the keys. */
export interface Drift {
  readonly changed: readonly number[];
  readonly missing: readonly number[];
  /** Of rows that the source never had; each key stands beside a seeded one. */
  readonly orphans: readonly number[];
}

export function copyOf(name: CopyName, rows: number): Copy {
  switch (name) {
    case 'equal':
      return { name, source: sourceTable(rows), target: 'incidents', rows, drift: scatter(rows, 0) };
    case 'drifted': {
      const drift = scatter(rows, Math.max(10, Math.round(rows / DRIFT_EVERY)));
      return { name, source: sourceTable(rows), target: 'incidents_drifted', rows, drift };
    }
    case 'empty': {
      const drift = { ...scatter(rows, 0), missing: Array.from({ length: rows }, (_, index) => index) };
      return { name, source: sourceTable(rows), target: 'incidents_empty', rows, drift };
    }
    case 'warmUp':
      return { ...warmUp('warm_up'), name, drift: scatter(WARM_UP_ROWS, 0) };
    case 'warmUpDrifted':
      return { ...warmUp('warm_up_drifted'), name, drift: scatter(WARM_UP_ROWS, WARM_UP_ROWS / 20) };
  }
}

/** Rows that the source has to hold for copies of these sizes, each in a table of its own. */
export function sourceSizes(rows: readonly number[]): readonly number[] {
  return [...new Set([WARM_UP_ROWS, ...rows])];
}

export function sourceTable(rows: number): string {
  return `incidents_${rows}`;
}

/** The rows that a repair has to write again, and those that it has to delete. */
export function sizeOf({ changed, missing, orphans }: Drift): number {
  return changed.length + missing.length + orphans.length;
}

/** How many records stand in the replica. */
export function recordsIn({ rows, drift }: Copy): number {
  return rows + drift.orphans.length - drift.missing.length;
}

function warmUp(target: string): Omit<Copy, 'name' | 'drift'> {
  return { source: sourceTable(WARM_UP_ROWS), target, rows: WARM_UP_ROWS };
}

/** Four changed, three missing and three orphans in ten. */
function scatter(rows: number, count: number): Drift {
  const drift = { changed: [] as number[], missing: [] as number[], orphans: [] as number[] };
  for (let i = 0; i < count; i += 1) {
    const index = Math.floor(((i + 0.5) * rows) / count);
    if (i % 10 < 4) drift.changed.push(index);
    else if (i % 10 < 7) drift.missing.push(index);
    else drift.orphans.push(UNSEEDED + index);
  }
  return drift;
}
