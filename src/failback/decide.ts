// Which of two rows is right, and why. Pure. Nothing is guessed: what can't be told is left open for a person.

import type { FailbackPolicy } from '../config/config.ts';
import type { Field } from '../mapping/mapping.ts';
import { compareVersions } from '../value/same-value.ts';
import type { State } from './decision.ts';
import type { Evidence } from './evidence.ts';
import { type Both, otherSide, type Side } from './sides.ts';

export interface Rules {
  readonly policy: FailbackPolicy;
  readonly neverDeleted: boolean;
  /** Index of the version among the mapping's fields. */
  readonly version?: number;
  readonly fields: readonly Field[];
  /** When the servers parted, microseconds since 1970, and so long before it nothing is told. */
  readonly parted?: bigint;
  readonly margin: bigint;
}

export interface Verdict {
  readonly take: Side | null;
  readonly why: string;
}

type Since = 'since' | 'before' | undefined;

export function decide(state: State, rows: Both<Evidence | undefined>, rules: Rules): Verdict {
  if (state === 'conflict') return conflict({ here: rows.here!, there: rows.there! }, rules);
  return presence(state === 'only here' ? 'here' : 'there', rows[state === 'only here' ? 'here' : 'there']!, rules);
}

/** The row stands on one side only: it was inserted there, or deleted on the other. */
function presence(side: Side, row: Evidence, rules: Rules): Verdict {
  const other = otherSide(side);
  if (rules.neverDeleted) return { take: side, why: `inserted ${side}: rows of this table are never deleted` };
  switch (written(row, rules)) {
    case 'before':
      return { take: other, why: `deleted ${other}: not written ${side} since they parted` };
    case 'since': {
      if (sinceOf(row.created, rules) !== 'before') return { take: side, why: `written ${side} since they parted` };
      const why = `changed ${side} and deleted ${other} since they parted`;
      // When it was deleted nobody knows, so nothing is the newest.
      return rules.policy === 'here' || rules.policy === 'there'
        ? { take: rules.policy, why: `${why}; policy ${rules.policy}` }
        : { take: null, why };
    }
    case undefined:
      return { take: null, why: `inserted ${side} or deleted ${other}: ${unknownBecause(row, rules)}` };
  }
}

function conflict(rows: Both<Evidence>, rules: Rules): Verdict {
  const here = written(rows.here, rules);
  const there = written(rows.there, rules);
  if (here === 'since' && there === 'before') return { take: 'here', why: 'changed only here since they parted' };
  if (here === 'before' && there === 'since') return { take: 'there', why: 'changed only there since they parted' };
  const why =
    here === 'since' && there === 'since'
      ? 'changed on both sides since they parted'
      : here === 'before' && there === 'before'
        ? 'they differ, though neither was written since they parted'
        : `who changed it can’t be told: ${unknownBecause(rows.here, rules)}`;
  // Two rows that share a number, not one row that was changed twice: to take one is to lose the other.
  if (sinceOf(rows.here.created, rules) === 'since' && sinceOf(rows.there.created, rules) === 'since')
    return { take: null, why: 'two rows were made with this key, one on each side' };
  return byPolicy(why, rows, rules);
}

function byPolicy(why: string, rows: Both<Evidence>, rules: Rules): Verdict {
  const { policy } = rules;
  if (policy === 'manual') return { take: null, why };
  if (policy !== 'newest') return { take: policy, why: `${why}; policy ${policy}` };
  const newest = newestOf(rows, rules);
  return newest === undefined
    ? { take: null, why: `${why}; which is the newest can’t be told` }
    : { take: newest, why: `${why}; ${newest} is the newest` };
}

function newestOf({ here, there }: Both<Evidence>, { version, fields }: Rules): Side | undefined {
  const order = (a: bigint | undefined, b: bigint | undefined) =>
    a === undefined || b === undefined || a === b ? 0 : a < b ? -1 : 1;
  const [mine, theirs] = version === undefined ? [null, null] : [here.row.values[version]!, there.row.values[version]!];
  const byVersion = mine === null || theirs === null ? 0 : compareVersions(fields[version!]!, mine, theirs);
  const all = byVersion || order(here.changed, there.changed) || order(here.committed, there.committed);
  return all === 0 ? undefined : all > 0 ? 'here' : 'there';
}

/** The commit is the server's own word; a column is what the application said. A row that was made before may have been changed since. */
function written(row: Evidence, rules: Rules): Since {
  const at = writtenAt(row);
  if (at !== undefined) return sinceOf(at, rules);
  return sinceOf(row.created, rules) === 'since' ? 'since' : undefined;
}

function writtenAt(row: Evidence): bigint | undefined {
  return row.committed ?? row.changed;
}

function sinceOf(at: bigint | undefined, { parted, margin }: Rules): Since {
  if (at === undefined || parted === undefined) return undefined;
  if (at > parted) return 'since';
  return at <= parted - margin ? 'before' : undefined;
}

function unknownBecause(row: Evidence, { parted, margin }: Rules): string {
  if (parted === undefined) return 'it is not known when they parted';
  if (writtenAt(row) === undefined) return 'neither a version nor a commit time tells when it was written';
  return `it was written within ${Number(margin) / 1e6} s before they parted`;
}
