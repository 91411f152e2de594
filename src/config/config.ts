// The configuration after reading: every default filled in, every variable resolved, nothing connected yet.

import type { MappedValue } from '../mapping/mapping.ts';

export interface Config {
  /** Where it was read from, for messages. */
  readonly file: string;
  readonly source: SourceConfig;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly entities: readonly EntityConfig[];
  readonly confirm: ConfirmConfig;
  readonly limits: LimitsConfig;
  /** Folder of the runs, resolved against the config file's folder. Default `.plumbline`. */
  readonly folder: string;
}

export interface SourceConfig {
  /** With its secrets; never to be printed. `redactUrl` gives what may be. */
  readonly url: string;
  /** Parallel workers that one of our queries may take there. Default 0: at most one core of a server that has other work. */
  readonly parallel?: number;
}

export interface StoreConfig {
  readonly name: string;
  readonly kind: string;
  readonly url: string;
  /** What the kind's own schema made of the other keys. */
  readonly options: unknown;
}

export interface EntityConfig {
  readonly name: string;
  /** A table, `schema.table` or `table`; or a query. Exactly one is given. */
  readonly table?: string;
  readonly sql?: string;
  /** SQL condition on the source's rows. Trusted, as `sql` is. */
  readonly where?: string;
  /** Columns; undefined: the table's primary key. */
  readonly key?: readonly string[];
  readonly version?: string;
  /** The column that `--since` looks at; undefined: the version. */
  readonly since?: string;
  /** By entity: SQL over the relation `changed` that gives the keys of its records which depend on those rows. Trusted, as `sql` is. */
  readonly touches: ReadonlyMap<string, string>;
  readonly replicas: readonly ReplicaConfig[];
}

export interface ReplicaConfig {
  /** `store.target`, or `store.target#entity` where two replicas would share it. */
  readonly name: string;
  readonly store: string;
  readonly target: string;
  /** How a column's name becomes a field's name where `fields` does not say. */
  readonly naming: 'asIs' | 'camelCase' | 'snake_case';
  readonly where?: unknown;
  /** Milliseconds that the replica may trail the source: a difference is drift once it has stood that long. Default 500. */
  readonly maxLag: number;
  /** By source column: what the entity says, overridden by what the replica says. */
  readonly fields: ReadonlyMap<string, FieldConfig>;
  /** When true only the columns in `fields`, the key and the version are compared; else all columns of the source. */
  readonly onlyListed: boolean;
  /** What the kind's own replica schema made of the other keys. */
  readonly options: unknown;
  /** Its records are cached results, see `Mapping.cache`. */
  readonly cache: boolean;
}

export interface FieldConfig {
  /** The replica's field; undefined: by `naming`. */
  readonly to?: string;
  /** Overrides the type read from the source's catalogue, or says how the replica stores it (see docs/config.md). */
  readonly type?: string;
  /** For numbers in their own unit, for timestamps in microseconds. */
  readonly tolerance?: number;
  /** The tolerance was written as a duration (`1s`), which is a mistake on a field that holds no time. */
  readonly toleranceIsDuration?: boolean;
  readonly ignoreCase?: boolean;
  readonly map?: ReadonlyMap<string, MappedValue>;
  readonly ignore?: boolean;
  readonly sensitive?: boolean;
}

export interface ConfirmConfig {
  /** Milliseconds between two looks at a record that has not settled. Default 100. */
  readonly interval: number;
  /** Milliseconds after which a record that won't settle is given up as unread. Default 10 × maxLag, at least 5,000. */
  readonly giveUp?: number;
}

export interface LimitsConfig {
  /** Most records that one run may write in one replica. Default 10,000. */
  readonly maxRows: number;
  /** Most records that one run may write, in percent of the replica. Default 10. */
  readonly maxPercent: number;
}
