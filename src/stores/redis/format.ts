// How a record stands in one key: what all formats offer.

import type { Row } from '../../mapping/mapping.ts';
import type { Value } from '../../value/field-type.ts';
import type { Change, FetchedRow, Image } from '../store.ts';
import type { Habits } from './habits.ts';
import type { Sample } from './json-value.ts';
import type { Call } from './scripts.ts';
import type { Asker } from './session.ts';
import type { Pieces } from './text-hash.ts';

/** A key that holds something else than a record. */
export interface Misfit {
  readonly misfit: string;
}

/** What was read of a key; undefined: it is not there. */
export type Held<Raw> = Raw | Misfit | undefined;

export interface Decoded {
  readonly values: readonly Value[];
  /** Names the fields that can't be read, and why. */
  readonly unread?: string;
}

export interface Format<Raw = unknown> {
  /** One for each key. `bytes` of all values that came are added up by the caller of `sizeOf`. */
  read(asker: Asker, keys: readonly string[]): Promise<readonly Held<Raw>[]>;
  sizeOf(raw: Raw): number;
  /** Undefined where the replica's `where` says that the record is none of it. */
  decode(raw: Raw): Decoded | undefined;
  /** Where the fields lie; false where `where` says no. Throws ValueError for what is no record. */
  pieces(raw: Raw, into: Pieces): boolean;
  /** One field of what `pieces` was given last. Throws ValueError. */
  valueAt(raw: Raw, field: number): Value;
  /** One for each field of the mapping: what is there, and whether it reads as the field. */
  look(raw: Raw): readonly Look[];
  /** The changes as calls of scripts. They throw ValueError for what can't be held. */
  insert(key: string, row: Row, habits: Habits): Call;
  /** A record that was removed, as its image has it. */
  restore(key: string, image: Image): Call;
  /** Undefined where there is nothing to write. */
  update(key: string, change: Extract<Change, { kind: 'update' }>, raw: Raw, habits: Habits): Call | undefined;
  remove(key: string, raw: Raw, image?: Image): Call;
}

export interface Look {
  readonly sample: Sample;
  readonly trouble?: string;
}

/** What `apply` gets back with a fetched row. */
export interface Token {
  readonly key: string;
  /** Undefined for a key that holds no record. */
  readonly raw: unknown;
}

export function tokenOf(row: FetchedRow): Token {
  return row.token as Token;
}

export function isMisfit(held: unknown): held is Misfit {
  return typeof held === 'object' && held !== null && 'misfit' in held;
}
