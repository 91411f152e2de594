// What becomes of a write, given the row that stands in the source now. Pure.

import type { ConflictRule } from '../config/config.ts';
import type { Mapping, Row } from '../mapping/mapping.ts';
import type { Change, FetchedRow } from '../stores/store.ts';
import { microsOf } from '../value/canonical.ts';
import type { Value } from '../value/field-type.ts';
import { compareVersions, sameValue } from '../value/same-value.ts';
import type { Write } from './write.ts';

/** The source's row, and what is known of its last change. */
export interface Look {
  /** Undefined: there is none. */
  readonly row?: FetchedRow;
  /** When it was changed last: a canonical timestamp; undefined where that can't be told. */
  readonly changedAt?: string;
  /** A drain has written it, this one or one that it goes on with. */
  readonly isOurs: boolean;
}

export interface Rules {
  readonly rule: ConflictRule;
  /** When the source went away: what changed there afterwards was changed in both. */
  readonly began: string;
  /** What a person decided about this very write. */
  readonly taken?: 'source' | 'contingency';
}

/** `changed`: both changed the row. `inserted`: both have it, and the write takes it for new. `deleted`: the source no longer has it. */
export type ConflictKind = 'changed' | 'inserted' | 'deleted';

export interface Conflict {
  readonly kind: ConflictKind;
  readonly rule: ConflictRule | 'person';
  /** Null: nobody, until a person decides. */
  readonly winner: 'source' | 'contingency' | null;
  readonly row?: Row;
  readonly changedAt?: string;
}

export type Decision =
  | { readonly kind: 'change'; readonly change: Change; readonly conflict?: Conflict }
  /** The source holds already what the write wants. */
  | { readonly kind: 'same' }
  /** The source's row stays, in favour of it or until a person decides. */
  | { readonly kind: 'kept' | 'undecided'; readonly conflict: Conflict }
  | { readonly kind: 'failed'; readonly error: string };

export function decide(write: Write, look: Look, rules: Rules, mapping: Mapping): Decision {
  const { row, changedAt } = look;
  if (row?.unread !== undefined) return { kind: 'failed', error: `the source's row can't be read: ${row.unread}` };
  if (isSame(write, row, mapping)) return { kind: 'same' };
  const kind = conflictOf(write, look, rules, mapping);
  if (kind === undefined) return { kind: 'change', change: changeOf(write, row, mapping) };
  const rule = rules.taken === undefined ? rules.rule : 'person';
  const winner = rules.taken ?? winnerBy(rules.rule, kind, write.at, changedAt);
  const conflict: Conflict = { kind, rule, winner, row, changedAt };
  if (winner === null) return { kind: 'undecided', conflict };
  if (winner === 'source') return { kind: 'kept', conflict };
  return { kind: 'change', change: changeOf(write, row, mapping), conflict };
}

function isSame({ operation, values }: Write, row: Row | undefined, { fields }: Mapping): boolean {
  if (operation === 'delete') return row === undefined;
  return row !== undefined && [...values].every(([index, value]) => isEqual(fields[index]!, value, row.values[index]!));
}

function isEqual(field: Mapping['fields'][number], a: Value, b: Value): boolean {
  return sameValue({ ...field, tolerance: undefined, ignoreCase: undefined }, a, b);
}

function conflictOf(write: Write, { row, changedAt, isOurs }: Look, { began }: Rules, mapping: Mapping) {
  if (row === undefined) return write.operation === 'update' ? 'deleted' : undefined;
  if (isOurs) return undefined;
  if (write.operation === 'insert') return 'inserted';
  const version = mapping.version === undefined ? undefined : row.values[mapping.version];
  if (write.base !== undefined && typeof version === 'string') {
    const field = mapping.fields[mapping.version!]!;
    return compareVersions(field, version, write.base) === 0 ? undefined : 'changed';
  }
  return changedAt !== undefined && microsOf(changedAt) > microsOf(began) ? 'changed' : undefined;
}

/**
 * A row that is gone can have been deleted only before the source went away, when nobody would have changed it any more, or after it came back, which
 * is later than the write. Where nobody can tell when the source's row was changed, the source is the truth.
 */
function winnerBy(
  rule: ConflictRule,
  kind: ConflictKind,
  at: string,
  changedAt: string | undefined,
): 'source' | 'contingency' | null {
  if (rule === 'manual') return null;
  if (rule !== 'newest') return rule;
  if (kind === 'deleted' || changedAt === undefined) return 'source';
  return microsOf(at) > microsOf(changedAt) ? 'contingency' : 'source';
}

function changeOf({ operation, key, values }: Write, row: FetchedRow | undefined, { fields }: Mapping): Change {
  if (operation === 'delete') return { kind: 'delete', expected: row! };
  const wanted = { key, values: fields.map((_, i) => (values.has(i) ? values.get(i)! : (row?.values[i] ?? null))) };
  if (row === undefined) return { kind: 'insert', row: wanted };
  const differing = [...values.keys()].filter((i) => !isEqual(fields[i]!, values.get(i)!, row.values[i]!));
  return { kind: 'update', row: wanted, fields: differing.sort((a, b) => a - b), expected: row };
}
