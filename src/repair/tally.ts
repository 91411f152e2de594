// What became of findings, counted. Pure.

import type { Outcome } from '../stores/store.ts';

export interface Tally {
  readonly outcomes: Readonly<Record<Outcome['outcome'], number>>;
  readonly verified: { readonly read: number; readonly equal: number };
  /** The first errors of refused writes. */
  readonly errors: readonly string[];
}

export const ERRORS_SHOWN = 10;

export const NOTHING: Tally = {
  outcomes: { written: 0, unchanged: 0, moved: 0, refused: 0 },
  verified: { read: 0, equal: 0 },
  errors: [],
};

export function plusTally(a: Tally, b: Tally): Tally {
  return {
    outcomes: plus(a.outcomes, b.outcomes),
    verified: plus(a.verified, b.verified),
    errors: [...a.errors, ...b.errors].slice(0, ERRORS_SHOWN),
  };
}

export function plus<Counts extends Readonly<Record<string, number>>>(a: Counts, b: Counts): Counts {
  return Object.fromEntries(Object.keys(a).map((name) => [name, a[name]! + b[name]!])) as Counts;
}
