// The tables and collections of the bench: equal, drifted and empty copies of the source's incidents stand side by side,
// and two small ones to warm up with. Which rows drift, and what a check has to say of each copy. No I/O.

import { UNSEEDED } from '../fixtures/georiesgo/incidents.ts';

export const SEED = 1;
export const DATABASE = 'plumbline_bench';

/** One part in so many of the rows drifts. */
const DRIFT_EVERY = 1000;
const WARM_UP_ROWS = 1000;

export type StoreKind = 'postgres' | 'mongodb';
export type CopyName = 'equal' | 'drifted' | 'empty' | 'warmUp' | 'warmUpDrifted';

/** A replica of the rows 0 to `rows - 1` of a table of the source. */
export interface Copy {
  readonly name: CopyName;
  readonly source: 'incidents' | 'warm_up';
  /** Its table or collection. */
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
      return { name, source: 'incidents', target: 'incidents', rows, drift: scatter(rows, 0) };
    case 'drifted': {
      const drift = scatter(rows, Math.max(10, Math.round(rows / DRIFT_EVERY)));
      return { name, source: 'incidents', target: 'incidents_drifted', rows, drift };
    }
    case 'empty': {
      const missing = Array.from({ length: rows }, (_, index) => index);
      return { name, source: 'incidents', target: 'incidents_empty', rows, drift: { ...scatter(rows, 0), missing } };
    }
    case 'warmUp':
      return { name, source: 'warm_up', target: 'warm_up', rows: WARM_UP_ROWS, drift: scatter(WARM_UP_ROWS, 0) };
    case 'warmUpDrifted': {
      const drift = scatter(WARM_UP_ROWS, WARM_UP_ROWS / 20);
      return { name, source: 'warm_up', target: 'warm_up_drifted', rows: WARM_UP_ROWS, drift };
    }
  }
}

/** The rows that a repair has to write again, and those that it has to delete. */
export function sizeOf({ changed, missing, orphans }: Drift): number {
  return changed.length + missing.length + orphans.length;
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
