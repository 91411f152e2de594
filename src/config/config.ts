// The configuration after reading: every default filled in, every variable resolved, nothing connected yet.

import type { MappedValue } from '../mapping/mapping.ts';
import type { Window } from '../repair/window.ts';
import type { Tls } from '../tls/tls.ts';

export interface Config {
  /** Where it was read from, for messages. */
  readonly file: string;
  readonly source: SourceConfig;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly entities: readonly EntityConfig[];
  readonly confirm: ConfirmConfig;
  readonly limits: LimitsConfig;
  readonly health: HealthConfig;
  readonly journal: JournalConfig;
  readonly retention: RetentionConfig;
  readonly queues: ReadonlyMap<string, QueueConfig>;
  readonly outbox?: OutboxConfig;
  readonly contingency?: ContingencyConfig;
  readonly alerts: readonly AlertConfig[];
  readonly failback?: FailbackConfig;
  /** Folder of the runs, resolved against the config file's folder. Default `.plumbline`. */
  readonly folder: string;
}

export interface SourceConfig {
  /** With its secrets; never to be printed. `redactUrl` gives what may be. */
  readonly url: string;
  /** Parallel workers that one of our queries may take there. Default 0: at most one core of a server that has other work. */
  readonly parallel?: number;
  /** Files with their whole paths; undefined: as the URL says. */
  readonly tls?: Tls;
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
  /** Most records that one run may delete in one replica. Default 1,000. */
  readonly maxDeletes: number;
  /** Percent that the source may have shrunk by since its last whole comparison. Default 50. */
  readonly maxShrink: number;
  /** Records a second; undefined: as fast as it goes. */
  readonly rate?: number;
  /** When a repair may write; empty: always. */
  readonly windows: readonly Window[];
  readonly timeZone: string;
  /** Milliseconds that a repair waits at most when its health gate closes while it writes. Default 10 minutes. */
  readonly pause: number;
}

export interface HealthConfig {
  /** At least one. */
  readonly probes: readonly ProbeConfig[];
  /** The file names none: these ask whether each server answers. */
  readonly assumed: boolean;
}

export interface ProbeConfig {
  readonly name: string;
  readonly kind: string;
  /** Milliseconds after which it is `unknown`. Default `health.timeout`, 5,000. */
  readonly timeout: number;
  /** A repair starts only while it does not fail and can be asked. Default false. */
  readonly gate: boolean;
  /** The user's own word on what to do when it is not ok. */
  readonly hint?: string;
  /** Names of probes: while one of them fails, a failure of this one is its consequence and counts as a warning. Without circles. */
  readonly dependsOn: readonly string[];
  /** What the kind's own schema made of the other keys. */
  readonly options: unknown;
}

/** How long runs are kept. */
export interface RetentionConfig {
  /** Milliseconds that a run's findings, checkpoint and journal are kept: what repair, undo and --resume need. Default 90 days. */
  readonly journals: number;
  /** Milliseconds that its report is kept: what history shows. Default 400 days. */
  readonly reports: number;
  /** So many of the newest runs stay whole, whatever their age. Default 20. */
  readonly runs: number;
}

export interface JournalConfig {
  /** 32 bytes that sensitive before-images are sealed with; absent: they are not kept. Never to be printed. */
  readonly key?: Buffer;
}

/** How an item of a backlog (a job, an event) names the records that it is about. */
export interface NamingConfig {
  /** Where the word for the entity stands. */
  readonly entity: ItemPath;
  /** Where the key stands: one path for each column, or one whose value is a list of them. */
  readonly key: readonly ItemPath[];
  /** By the word: the entities that are meant. A word that is not in it may be an entity's own name. */
  readonly entities: ReadonlyMap<string, readonly NamedEntity[]>;
}

/** `data.entityType` in its parts. */
export type ItemPath = readonly string[];

export interface NamedEntity {
  readonly entity: string;
  /** Where its key stands, where that differs. */
  readonly key?: readonly ItemPath[];
}

export interface QueueConfig {
  readonly name: string;
  readonly store: string;
  /** Its name on the server. */
  readonly target: string;
  /** Names of stores and replicas that are written from it; empty: all. */
  readonly feeds: readonly string[];
  readonly naming: NamingConfig;
  /** What the kind's own queue schema made of the other keys. */
  readonly options: unknown;
}

export interface OutboxConfig {
  readonly table: string;
  /** Columns. */
  readonly id: string;
  readonly createdAt: string;
  readonly processedAt: string;
  /** SQL conditions on its rows. Trusted. Undefined: by the columns that the table has. */
  readonly pending?: string;
  readonly failed?: string;
  readonly feeds: readonly string[];
  readonly naming: NamingConfig;
  readonly consumers: readonly ConsumerConfig[];
  /** With its secrets. The one way in which anything is ever written to the source's outbox. */
  readonly markUrl?: string;
  /** The source's. */
  readonly tls?: Tls;
}

export interface ConsumerConfig {
  readonly name: string;
  /** SQL that gives one value: how far it has come. Trusted. */
  readonly position: string;
  /** The column of the outbox that the position is of; undefined: its id. */
  readonly column?: string;
}

/** Who wins where a row was changed in the source as well; `manual`: nobody, until a person decides. */
export const CONFLICT_RULES = ['newest', 'source', 'contingency', 'manual'] as const;
export type ConflictRule = (typeof CONFLICT_RULES)[number];

export type Operation = 'insert' | 'update' | 'delete';

/** What took the writes while the source was down. */
export interface ContingencyConfig {
  /** The name of the source's database: nothing is drained into another. */
  readonly database: string;
  /** The system identifier of the source's cluster; undefined: not checked. */
  readonly system?: string;
  /** With its secrets. The one way in which anything is ever written to the source's tables. */
  readonly writerUrl?: string;
  /** By the word that stands in a write. A word that is not in it may be an entity's own name. */
  readonly entities: ReadonlyMap<string, string>;
  /** Words for what is left where it is. */
  readonly leave: readonly string[];
  /** By the word in lower case. */
  readonly operations: ReadonlyMap<string, Operation>;
  readonly conflicts: ConflictRule;
  /** By entity, where it is another rule. */
  readonly conflictsOf: ReadonlyMap<string, ConflictRule>;
  /** Milliseconds after its first try at which a refused write is tried, in ascending order, the first 0. */
  readonly tries: readonly number[];
  /** Milliseconds between two looks whether the source is back. */
  readonly interval: number;
  readonly stores: readonly ContingencyStoreConfig[];
}

export interface ContingencyStoreConfig extends WriteShape {
  readonly name: string;
  /** One of `Config.stores`; undefined: files. */
  readonly store?: string;
  /** The collection or table; for files the absolute path of a file or a folder. */
  readonly target: string;
  /** What the kind's own schema made of the other keys. */
  readonly options: unknown;
}

/** Where in a write is what. */
export interface WriteShape {
  readonly data: ItemPath;
  readonly entity: ItemPath;
  readonly operation: ItemPath;
  readonly timestamp: ItemPath;
  /** Where the version stands that the write was based on. */
  readonly base?: ItemPath;
  /** The store whose replicas spell their fields as `data` does; undefined: the source's own columns. */
  readonly spelledAs?: string;
}

/** What a receiver can be told of: `failure` (drift, a failed probe, a refusal), `unknown` (not proven, not answered), `warning`, `recovery`. */
export const ALERT_EVENTS = ['failure', 'unknown', 'warning', 'recovery'] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

export const ALERTING_COMMANDS = ['check', 'reconcile', 'rebuild', 'drain', 'health'] as const;
export type AlertingCommand = (typeof ALERTING_COMMANDS)[number];

export interface AlertConfig {
  readonly name: string;
  readonly kind: string;
  /** Default: all but warnings. */
  readonly on: readonly AlertEvent[];
  /** Names of probes, replicas, stores and entities; empty: everything. */
  readonly about: readonly string[];
  readonly commands: readonly AlertingCommand[];
  /** Milliseconds in which the same is not told twice. Default 4 hours. */
  readonly quiet: number;
  /** Milliseconds that one attempt may take. Default 10,000. */
  readonly timeout: number;
  /** How often sending is tried. Default 4. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubled for each further one. Default 1,000. */
  readonly pause: number;
  /** What the kind's own schema made of the other keys. */
  readonly options: unknown;
  /** What must never be shown of them. */
  readonly secrets: readonly string[];
}

/** What decides where a row was changed on both sides: the later change, one side, or a person. */
export const FAILBACK_POLICIES = ['newest', 'here', 'there', 'manual'] as const;
export type FailbackPolicy = (typeof FAILBACK_POLICIES)[number];

/** Two PostgreSQL servers that both took writes: the old primary (`here`) and the backup that was promoted (`there`). */
export interface FailbackConfig {
  readonly here: FailbackServer;
  readonly there: FailbackServer;
  /** When they parted: a time (ISO 8601), or a place in the log (LSN); undefined: `there` is asked. */
  readonly parted?: string;
  /** Milliseconds before that moment in which nothing is told by a time. Default 5,000. */
  readonly margin: number;
  readonly policy: FailbackPolicy;
  /** Columns that tell when a row last changed, and when it was made, in the tables that have them. */
  readonly version?: string;
  readonly created?: string;
  /** Of columns without a zone; undefined: they tell no moment. */
  readonly timeZone?: string;
  /** Undefined: every table. */
  readonly tables?: readonly string[];
  readonly except: readonly string[];
  readonly rules: ReadonlyMap<string, FailbackRule>;
}

export interface FailbackServer {
  /** With its secrets. */
  readonly url: string;
  readonly tls?: Tls;
}

/** For one table; absent: as for all. */
export interface FailbackRule {
  readonly policy?: FailbackPolicy;
  readonly version?: string;
  readonly created?: string;
  /** Nobody deletes its rows: one that stands on one side only was inserted there. */
  readonly neverDeleted?: boolean;
}
