// How one entity's columns stand in one replica: pure data, made by plan, read by everything after it.

import type { FieldType, Value } from '../value/field-type.ts';

export interface Field {
  /** The source's column. */
  readonly name: string;
  /** The replica's column, document path (`address.city`) or property. */
  readonly target: string;
  /** What both sides are compared as: the source's type, made coarser where the replica holds less. */
  readonly type: FieldType;
  /** False only where the source declares the column NOT NULL. */
  readonly nullable: boolean;
  /** Values differ only by more than this: a number's own unit, microseconds for a timestamp. */
  readonly tolerance?: number;
  /** Letters are compared without regard to case. */
  readonly ignoreCase?: boolean;
  /** The source's canonical value → the replica's. A value that is not in it can't be compared. */
  readonly map?: ReadonlyMap<string, MappedValue>;
  /** Compared, but never shown, logged or kept. */
  readonly sensitive?: boolean;
  /** How the replica should store it where the store has several ways (`int`, `long`, `decimal`, `string`, `uuid` …). */
  readonly storedAs?: string;
  /** The replica can't tell an empty value from none, so the two are equal. Never on a key. */
  readonly emptyIsNull?: boolean;
}

/** A value as the config's `map` spells it; the number 1 and the text "1" compare alike but are written as they stand. */
export type MappedValue = string | number | boolean;

export interface Mapping {
  /** One or more. Keys are never null. */
  readonly key: readonly Field[];
  /** All other mapped fields, in the order in which they are hashed and shown. */
  readonly fields: readonly Field[];
  /** Index into `fields` of the version, absent when the entity has none or the replica does not hold it. */
  readonly version?: number;
  /**
   * The replica's records are cached results: none need be there, and `fields` is the version alone, which in the replica is when the result
   * was written. One that was written before the source's version is stale.
   */
  readonly cache?: true;
}

/** A record's key: one canonical value for each of `mapping.key`. */
export type Key = readonly string[];

/**
 * Where a record stands, in a store that can't find it by its key alone: canonical values in an order that only the store knows (Cassandra: its
 * partition and clustering columns). Plain texts, so that a finding can keep them.
 */
export type Place = readonly string[];

/** One record in canonical form, in the replica's spelling: a source row has gone through `map` already. */
export interface Row {
  readonly key: Key;
  /** One for each of `mapping.fields`. */
  readonly values: readonly Value[];
  /** Why this record can't be compared, such as `latitud: "sin señal" is not a number`. Never a match, never drift. */
  readonly unread?: string;
  readonly place?: Place;
}

/** A key as one string: equal keys, equal strings. */
export function keyText(key: Key): string {
  return key.length === 1 ? key[0]! : JSON.stringify(key);
}
