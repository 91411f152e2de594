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
//     What a connection is encrypted with are the words of src/tls/tls.ts, as `tls` among its options. A server that does not speak TLS, or whom
//     nobody trusts, is a StoreError, never plain text.
//  4. Optional: `scratching`, a few lines, lets `doctor --self-test` try the kind on a place of its own.
//  5. If the server can hash rows by itself, or if hashing its raw bytes is cheaper than decoding them, add `hashing`.
//     Without it the engine hashes what `scan` yields.
//  5. Add `restoring`, so that undo puts back what no mapping names as well: a record as it stands there, in whatever words of yours JSON can hold.

import type { z } from 'zod';
import type { Problem } from '../errors.ts';
import type { ProbeDefinition } from '../health/probe.ts';
import type { Key, Mapping, Place, Row } from '../mapping/mapping.ts';
import type { Session } from '../postgres/session.ts';
import type { Encryption } from '../tls/tls.ts';
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

/** A whole record in its store's own spelling, fields that no mapping names included. What JSON can hold; opaque to everyone but its store. */
export type Image = unknown;

/** What was taken of a record that is about to be changed. */
export interface Captured {
  /** Absent where there can be none. */
  readonly image?: Image;
  /** Of a deletion: what would not come back, such as `its column NOTE is XMLTYPE, which is not read`. It can't be undone then. */
  readonly lacks?: string;
}

/** Larger images are not kept, in bytes. */
export const MOST_IMAGE_BYTES = 32 * 1024 * 1024;

/** One intended write. Only mapped fields are ever touched, but for an insert with an image. */
export type Change =
  /**
   * Write a record that was absent; if one is there by now, the outcome is `moved`. With `image` (only where the store is `restoring`) the record
   * is put back whole, as the image has it; it may have been one of several of its key, of which `beside` (else none) are to be there still.
   */
  | { readonly kind: 'insert'; readonly row: Row; readonly image?: Image; readonly beside?: number }
  /**
   * Set `fields` (indexes into `mapping.fields`) of the record that carries `expected`; if it changed since: `moved`. With `image` (as above) those
   * fields get the very values that the image has, its types and its absent fields included.
   */
  | {
      readonly kind: 'update';
      readonly row: Row;
      readonly fields: readonly number[];
      readonly expected: FetchedRow;
      readonly image?: Image;
    }
  /**
   * Remove the record that carries `expected`; if it changed since: `moved`; if it is gone already: `unchanged`. With `row` it is a cached
   * result to be dropped: what is no older than that row may stay. With `image` (what `capture` gave), what would go and is not in it makes
   * it `moved`, as far as the store can tell. `beside`: how many others of its key stay, for the journal.
   */
  | {
      readonly kind: 'delete';
      readonly expected: FetchedRow;
      readonly row?: Row;
      readonly image?: Image;
      readonly beside?: number;
    };

/** A change of a record that is there. */
export type Guarded = Exclude<Change, { kind: 'insert' }>;

export type Outcome =
  | { readonly outcome: 'written' | 'unchanged' | 'moved' }
  /** Of a record with sensitive fields `error` must not quote any value. */
  | { readonly outcome: 'refused'; readonly error: string };

export interface Store {
  readonly limits: Limits;

  /** What the server is, for doctor and the report: `PostgreSQL 18.4`. */
  readonly product: string;
  /** Whether others can read and change what is said on the way; absent where the store can't tell. */
  readonly encryption?: Encryption | undefined;

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
  readonly restoring?: Restoring;
  readonly scratching?: Scratching;
  readonly probing?: Probing;
  readonly queueing?: Queueing;
  readonly contingency?: Contingency;
}

/** Where a store keeps the writes that it took while the source was down. */
export interface ContingencyPlace {
  readonly target: string;
  /** What `contingencyOptions` parsed. */
  readonly options: unknown;
}

export interface WaitingWrite {
  /** Names it for `settle`, in a form of the store's own; no two writes share it. */
  readonly id: string;
  /** The whole of it as JSON, every number with its digits; bytes as hex, times in ISO 8601. Where `unread` is given, as near as could be had. */
  readonly content: string;
  /** Why it can't be read. */
  readonly unread?: string;
}

/** What a store offers that may take writes while the source is down: to give them back, and to hear that they are done. */
export interface Contingency {
  /** Every write that still waits, at least once, in any order, in pages. Throws a StoreError where there is no such place. */
  waiting(place: ContingencyPlace, signal?: AbortSignal): AsyncIterable<readonly WaitingWrite[]>;
  /** These wait no longer: marked, archived or deleted, as the options say; that is lasting when it returns. Idempotent. `run` is named in the mark. */
  settle(place: ContingencyPlace, ids: readonly string[], run: string): Promise<void>;
}

/** A value of an answer. A whole number that a double can't hold is its digits; what is none of these is JSON or the server's own text. */
export type Answer = string | number | boolean | null;
/** Rows of an answer, columns in the order they came. */
export type Answers = readonly Readonly<Record<string, Answer>>[];

/** What a store offers to health probes. Reads only: it refuses a statement that would write, or asks where nothing can be written. */
export interface Probing {
  /** Puts a statement in the server's own words (docs/health.md says which). Throws a StoreError, also for a statement that it can't take. */
  ask(statement: unknown, signal: AbortSignal): Promise<Answers>;
  /** The smallest question that the server itself answers: what it takes is the time of a round trip. */
  ping(signal: AbortSignal): Promise<unknown>;
  /** How many records the replica (a planned one) holds, exactly. Absent where it would be no cheaper than to drain `scan`. */
  count?(replica: Replica, signal: AbortSignal): Promise<number>;
  /** Where the server is a PostgreSQL: what its own probes ask through. */
  readonly session?: Session;
}

/** A queue of jobs, as its store sees it. */
export interface Queue {
  /** In the config. */
  readonly name: string;
  /** On the server. */
  readonly target: string;
  /** What `queueOptions` parsed. */
  readonly options: unknown;
}

/** States of jobs, for counting. `failed`: for good, all their attempts used up. `prioritized` and `paused` ones wait as well. */
export const JOB_STATES = ['waiting', 'prioritized', 'paused', 'active', 'delayed', 'failed'] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface QueueState {
  /** What keeps it: `Bull`, `BullMQ 5.34.0`. */
  readonly product: string;
  /** Those that it knows. */
  readonly counts: Readonly<Partial<Record<JobState, number>>>;
  /** Nobody takes jobs until it is resumed. */
  readonly isPaused: boolean;
  /** Milliseconds since the oldest waiting job was added, by the server's clock; null: none waits. */
  readonly oldestWaiting: number | null;
}

/** A job that failed for good. */
export interface FailedJob {
  readonly id: string;
  readonly name: string;
  /** JSON, as it stands there; undefined: it is gone, and only the failure is still listed. */
  readonly data?: string;
  /** Milliseconds, by the clock of who worked on it. Tells this failure from a later one of the same job. */
  readonly failedAt: number;
}

/** What a store offers that keeps queues of jobs. Only `settler` opens what can write. */
export interface Queueing {
  /** Throws a StoreError for a queue of which the server holds nothing: a name that is wrong must not pass for an empty queue. */
  state(queue: Queue): Promise<QueueState>;
  /**
   * Every job that has failed for good and stays so meanwhile, at least once, in any order, in pages. Jobs that fail while it reads are left out.
   * `since`: only those of the last so many milliseconds.
   */
  failed(queue: Queue, since?: number, signal?: AbortSignal): AsyncIterable<readonly FailedJob[]>;
  settler(queue: Queue): Promise<JobSettler>;
}

/** Retries or removes jobs by the queue's own library, so that the queue stays what its workers expect. */
export interface JobSettler {
  /** For each job undefined where it is done, or why it was left alone. One that has moved on since it was read is left. */
  settle(jobs: readonly FailedJob[], how: 'retry' | 'remove'): Promise<readonly (string | undefined)[]>;
  close(): Promise<void>;
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

/**
 * What a store offers that can tell a record as it stands there and put it back so. Without it the journal keeps the canonical values of the mapped
 * fields alone, and that is what undo writes.
 */
export interface Restoring {
  /** The records that these changes are about as they are now, in their order; undefined for one that is gone. Reads only. */
  capture(replica: Replica, changes: readonly Guarded[]): Promise<readonly (Captured | undefined)[]>;
}

/** A record of doctor's self-test. */
export interface ScratchRecord {
  readonly id: number;
  readonly label: string;
  readonly changed: Date;
}

/**
 * What a store offers to doctor's self-test: places that nobody else uses, made and removed by it. Records are put there as an application would,
 * past `apply`. Names consist of letters, digits and _, and are at most 30 characters long.
 */
export interface Scratching {
  /** A key can stand twice in such a place. */
  readonly canDuplicate: boolean;
  /** The rights that it takes, as what to do about their lack. */
  readonly needs: string;
  /** Makes the place of that name with these records, and returns how a replica finds it: fields are called as in the record. */
  plant(
    name: string,
    records: readonly ScratchRecord[],
  ): Promise<{ readonly target: string; readonly where?: unknown; readonly options?: object }>;
  /** The names of all places that begin so. */
  list(prefix: string): Promise<readonly string[]>;
  /** Removes the place of that name, if it is there. */
  remove(name: string): Promise<void>;
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
  /** For a kind that keeps queues (`Store.queueing`): what stands under `queues.NAME` besides the common words. */
  readonly queueOptions?: z.ZodType;
  /** For a kind that can keep writes for a source that is down (`Store.contingency`): what stands under `contingency.stores.NAME` besides the common words. */
  readonly contingencyOptions?: z.ZodType;
  /** Health probes that only this kind of server can answer. */
  // biome-ignore lint/suspicious/noExplicitAny: each probe has options of its own, which only it reads
  readonly probes?: readonly ProbeDefinition<any>[];
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
