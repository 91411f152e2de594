// The store contract and the guide to a new kind of store. A store decodes and writes; it never compares, retries, logs,
// counts or reads the environment.
//
// To add a kind: one file here that exports a `StoreDefinition`, one line in `registry.ts`, and one call of the shared
// suite in test/stores/contract.ts, which writes through the native driver and reads through the store, and the reverse.
//
//  1. `options` is a zod object for what stands under `stores.NAME` besides `kind` and `url`; `replicaOptions` for what
//     stands in a replica besides the common words. Unknown keys are errors without your doing anything.
//  2. `connect` loads the driver (import() inside it, so that a user without that store never pays for it), connects,
//     really asks the server something, and returns the store. What fails is a StoreError with `transient` set right.
//  3. The five verbs below. Each promise says what is owed; the shared suite checks them.
//     A store that can't find a record by its key alone (Cassandra's partition key is another one) says `placed` in `inspect`,
//     gives each row its `place`, and is told in `fetch` where to look.
//  4. If the server can hash rows by itself, or if hashing its raw bytes is cheaper than decoding them, add `hashing`.
//     Without it the engine hashes what `scan` yields.

import type { z } from 'zod';
import type { Problem } from '../errors.ts';
import type { Key, Mapping, Place, Row } from '../mapping/mapping.ts';
import type { BucketFilter, BucketSums, DigestPage, HashScheme } from '../value/digest.ts';

/** One replica, as its store sees it. */
export interface Replica {
  /** `docs.incidents`: the store's name in the config, a dot, the target. */
  readonly name: string;
  /** The collection, table, label … */
  readonly target: string;
  readonly mapping: Mapping;
  /** Restricts which records belong to the replica, in the store's own words (SQL text, a Mongo filter). Trusted: it is the user's config. */
  readonly where?: unknown;
  /** What `replicaOptions` parsed. */
  readonly options: unknown;
}

/** What a store found where a replica should be. */
export interface Inspection {
  /** Records, roughly; exact where that is cheap. */
  readonly estimatedRows: number;
  /** A unique index guards the key, so no key can stand twice. */
  readonly keyIsUnique: boolean;
  /** By target: digits after the second that the field can hold, where that is less than 6. */
  readonly timestampPrecision: ReadonlyMap<string, number>;
  /** Targets, not of the key, that hold an empty text or bytes as null. The engine then compares them as equal; `notes` says so. */
  readonly emptyIsNull?: ReadonlySet<string>;
  /** A record can't be found by its key alone: `fetch` has to be told its whereabouts, and sees no record that stands elsewhere. */
  readonly placed?: true;
  /** False where the server's or the raw bytes' hash can't be trusted for this mapping: the engine then hashes decoded records. */
  readonly hashable: boolean;
  /** What is reduced or assumed, for the coverage line: `timestamps hold milliseconds`. */
  readonly notes: readonly string[];
  /** What makes a comparison impossible: no such table, no such column, a type that can't hold the field. `path` is a target or ''. */
  readonly problems: readonly Problem[];
  /** What makes only writing impossible or unsafe: no permission, no unique index on the key. */
  readonly writeProblems: readonly Problem[];
}

/** What a kind of store can't do, printed in the plan and the report. */
export interface Limits {
  /** Sentences for the coverage section, such as `reads no snapshot: records may move while they are read`. */
  readonly notes: readonly string[];
  /** Most keys that one `fetch` should be given. */
  readonly fetchKeys: number;
  /** Most changes that one `apply` should be given. */
  readonly applyChanges: number;
}

/** A record with what `apply` needs to tell whether it has changed since. */
export interface FetchedRow extends Row {
  /** Opaque to everyone but its store; valid only for the store object that made it. */
  readonly token: unknown;
}

/** What is known of where the records of one key may stand, for a `placed` replica. */
export interface Whereabouts {
  /** The source's row, now and as it was seen before: where the record should stand. */
  readonly rows: readonly Row[];
  /** Where a scan met records of that key. */
  readonly places: readonly Place[];
}

/** One intended write. Only mapped fields are ever touched. */
export type Change =
  /** Write a record that was absent; if one is there by now, the outcome is `moved`. */
  | { readonly kind: 'insert'; readonly row: Row }
  /** Set `fields` (indexes into `mapping.fields`) of the record that carries `expected`; if it changed since: `moved`. */
  | {
      readonly kind: 'update';
      readonly row: Row;
      readonly fields: readonly number[];
      readonly expected: FetchedRow;
    }
  /**
   * Remove the record that carries `expected`; if it changed since: `moved`; if it is gone already: `unchanged`. With `row` it is a cached
   * result to be dropped: what is no older than that row may stay.
   */
  | { readonly kind: 'delete'; readonly expected: FetchedRow; readonly row?: Row };

export type Outcome =
  | { readonly outcome: 'written' | 'unchanged' | 'moved' }
  | { readonly outcome: 'refused'; readonly error: string };

export interface Store {
  readonly limits: Limits;

  /** What the server is, for doctor and the report: `PostgreSQL 18.4`. */
  readonly product: string;

  /** Looks at the schema, reads no record (a few at most, to learn types). Problems are returned, not thrown; a failing server throws. */
  inspect(replica: Replica): Promise<Inspection>;

  /**
   * Every record once, in any order, in pages of at most a few thousand, decoded to canonical values. A record that can't be decoded
   * comes with `unread`; its key is as much as could be read. Ending the iteration early frees the cursor.
   * Throws a StoreError when it can't go on: never ends early in silence.
   */
  scan(replica: Replica, signal?: AbortSignal): AsyncIterable<readonly Row[]>;

  /**
   * The records of these keys, in any order; absent keys are left out, a key that stands twice comes twice.
   * `replica.where` applies here as well. All keys are looked up, or it throws. For a `placed` replica `whereabouts` is given, and records are
   * looked for where the rows and the places say.
   */
  fetch(
    replica: Replica,
    keys: readonly Key[],
    whereabouts?: (key: Key) => Whereabouts,
  ): Promise<readonly FetchedRow[]>;

  /**
   * Makes the changes, each only if its condition still holds, and returns one outcome a change in the same order. Idempotent. A row that the
   * server rejects is `refused` and stops no other; a lost connection throws.
   */
  apply(replica: Replica, changes: readonly Change[]): Promise<readonly Outcome[]>;

  close(): Promise<void>;

  readonly hashing?: Hashing;
  readonly rebuilding?: Rebuilding;
}

/** What a store offers that can fill a replica beside the live one and put it in its place at once. Without it a rebuild goes on in place. */
export interface Rebuilding {
  /**
   * An empty place with the live one's options, indexes and guards, which the other verbs take as any replica. `tag` (letters and digits) names
   * it: the same tag gives the same place again with what it holds by then, so that a killed rebuild can go on.
   */
  stage(replica: Replica, tag: string): Promise<Replica>;
  /** Fields of the live records that the mapping does not name, and that a rebuild would lose. Names, at most a few. */
  unmapped(replica: Replica): Promise<readonly string[]>;
  /** Puts the staged place where the live one is, in one step: a reader sees the one or the other, whole. */
  publish(replica: Replica, staged: Replica): Promise<void>;
  /** Removes a staged place. */
  discard(staged: Replica): Promise<void>;
}

/** What a store offers that can hash records without the engine decoding them. */
export interface Hashing {
  /** Whether the server's hashes agree with ours; absent where it is we who hash. When one says no, the whole run uses md5. */
  agrees?(): Promise<boolean>;
  /**
   * One digest a record, every record once, as `scan`. With `filter`, only records whose key falls into a wanted bucket, and every page
   * then knows its keys.
   */
  digests(replica: Replica, scheme: HashScheme, filter?: BucketFilter, signal?: AbortSignal): AsyncIterable<DigestPage>;
  /** Sums of all records by bucket of the key hash, computed by the server. `buckets` is a power of two. */
  sums?(replica: Replica, scheme: HashScheme, buckets: number, signal?: AbortSignal): Promise<BucketSums>;
}

/** A kind of store. `Options` is what the config gives besides `kind` and `url`. */
export interface StoreDefinition<Options = unknown> {
  readonly kind: string;
  /** What a replica's place is called in messages: `table`, `collection`. */
  readonly place: string;
  readonly options: z.ZodType<Options>;
  readonly replicaOptions: z.ZodType;
  /** Whether a replica with these options holds cached results, see `Mapping.cache`. */
  readonly isCache?: (replicaOptions: unknown) => boolean;
  connect(settings: StoreSettings<Options>): Promise<Store>;
}

export interface StoreSettings<Options = unknown> {
  /** The store's name in the config, for messages. */
  readonly name: string;
  /** With its secrets; never to be printed. */
  readonly url: string;
  readonly options: Options;
  readonly signal?: AbortSignal;
}
