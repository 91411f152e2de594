// Compares one entity with its replicas: one pass over the source for all of them, each replica read once, candidates as they are found.

import type { Mapping } from '../mapping/mapping.ts';
import type { EntityPlan, ReadyReplica } from '../plan/plan.ts';
import type { CopyPage } from '../postgres/copy-binary.ts';
import { decodeKey } from '../postgres/relation.ts';
import type { Choice, Snapshot } from '../source/source.ts';
import type { BucketFilter, BucketSums, DigestPage, HashScheme } from '../value/digest.ts';
import { addToSums, bucketCount, differingBuckets, emptySums, roundsOf, sumDigests, totalRows } from './bucket-sums.ts';
import type { Candidate, RowCounts } from './candidate.ts';
import { fillTable, joinDigests, missingKeys } from './digest-join.ts';
import { DigestTable, Hits, tableBytes } from './digest-table.ts';
import { hashPages } from './hash-pages.ts';

export interface CompareOptions {
  readonly snapshot: Snapshot;
  readonly scheme: HashScheme;
  /** Bytes for digests. */
  readonly memory: number;
  readonly signal?: AbortSignal;
  /** Told of records read: `replica` is undefined for the source's side. */
  readonly onRows: (replica: ReadyReplica | undefined, rows: number) => void;
  /** Reads a replica's digests elsewhere than in this thread; undefined: not this replica. */
  readonly readElsewhere?: (replica: ReadyReplica, filter?: BucketFilter) => AsyncIterable<DigestPage> | undefined;
}

/** Keys are kept beside the digests of a round of at most so many rows; for more, the missing ones are read again. */
const KEPT_KEYS = 100_000;
/** Wants every record, with its key. */
const EVERYTHING: BucketFilter = { buckets: 1, bits: Uint8Array.of(1) };

/** What the one pass over the source gathers. */
interface SourceSide {
  readonly table?: DigestTable;
  readonly sums?: readonly BucketSums[];
}

/**
 * The comparison of one entity. `candidates` may run for all replicas at once; the source is read when the first of them asks. Everything is read
 * in the given snapshot, whose time is when every candidate was first seen.
 */
export class EntityComparison {
  private readonly plan: EntityPlan;
  private readonly options: CompareOptions;
  /** Distinct mappings (as the source sees them) of the replicas that are joined, and of those that are summed. */
  private readonly joined: Mapping[] = [];
  private readonly summed: Mapping[] = [];
  private readonly positions = new Map<ReadyReplica, number>();
  private readonly buckets: number;
  private sourceSide: Promise<SourceSide> | undefined;

  constructor(plan: EntityPlan, replicas: readonly ReadyReplica[], options: CompareOptions) {
    this.plan = plan;
    this.options = options;
    this.buckets = bucketCount(plan.estimatedRows);
    const known = new Map<string, number>();
    for (const replica of replicas) {
      if (replica.strategy === 'lookup' || replica.strategy === 'records') continue;
      const mappings = replica.strategy === 'digests' ? this.joined : this.summed;
      const identity = `${replica.strategy} ${mappingIdentity(replica.replica.mapping)}`;
      let position = known.get(identity);
      if (position === undefined) {
        position = mappings.push(replica.replica.mapping) - 1;
        known.set(identity, position);
      }
      this.positions.set(replica, position);
    }
  }

  /** The keys of one replica that look different. `counts` is filled as rows are read. Throws a StoreError when either side can't be read on. */
  candidates(replica: ReadyReplica, counts: RowCounts): AsyncGenerator<Candidate> {
    if (replica.strategy === 'records') return this.byRecords(replica, counts);
    return replica.strategy === 'sums' ? this.bySums(replica, counts) : this.byDigests(replica, counts);
  }

  /** Every record of the replica, for the exact comparison to look at. */
  private async *byRecords(replica: ReadyReplica, counts: RowCounts): AsyncGenerator<Candidate> {
    const { snapshot, signal, onRows } = this.options;
    for await (const rows of replica.store.scan(replica.replica, signal)) {
      counts.replica += rows.length;
      onRows(replica, rows.length);
      for (const { key, unread, place } of rows)
        yield { key, unread, seenAt: snapshot.takenAt, places: place === undefined ? undefined : [place] };
    }
  }

  private async *byDigests(replica: ReadyReplica, counts: RowCounts): AsyncGenerator<Candidate> {
    // The replica's first page comes while the source is still being read.
    const pages = prefetch(this.digestsOf(replica, EVERYTHING));
    try {
      const { table } = await this.source();
      counts.source = table!.rows;
      yield* this.join(table!, replica, this.positions.get(replica)!, pages, counts, true);
    } finally {
      await pages.end();
    }
  }

  private async *bySums(replica: ReadyReplica, counts: RowCounts): AsyncGenerator<Candidate> {
    const unread: Candidate[] = [];
    const [source, mine] = await bothOf(this.source(), this.sumsOf(replica, counts, unread));
    const sums = source.sums![this.positions.get(replica)!]!;
    counts.source = totalRows(sums);
    counts.replica = totalRows(mine) + unread.length;
    yield* unread;
    const { mapping } = replica.replica;
    const rowsPerRound = Math.max(1000, Math.floor(this.options.memory / (tableBytes(1e6, 1) / 1e6)));
    for (const round of roundsOf(differingBuckets(sums, mine), sums.counts, rowsPerRound)) {
      const table = new DigestTable(round.rows, 1, round.rows <= KEPT_KEYS);
      const { snapshot, scheme, signal } = this.options;
      const pages = prefetch(this.digestsOf(replica, round.filter));
      try {
        await fillTable(table, snapshot.digests(this.plan.relation, [mapping], scheme, round.filter, signal), 2);
        yield* this.join(table, replica, 0, pages, { source: 0, replica: 0 }, false);
      } finally {
        await pages.end();
      }
    }
  }

  private async *join(
    table: DigestTable,
    replica: ReadyReplica,
    mapping: number,
    pages: AsyncIterable<DigestPage>,
    counts: RowCounts,
    reportUnread: boolean,
  ): AsyncGenerator<Candidate> {
    const { snapshot, scheme, signal } = this.options;
    const hits = new Hits(table.capacity);
    const onPage = (records: number) => {
      counts.replica += records;
      if (reportUnread) this.options.onRows(replica, records);
    };
    const seenAt = snapshot.takenAt;
    yield* joinDigests(table, hits, pages, { mapping, seenAt, reportUnread, onPage });
    yield* missingKeys(table, hits, {
      mapping,
      seenAt,
      decodeKey: (texts) => decodeKey(replica.replica.mapping, texts),
      readKeys: (keyHashes) => snapshot.keys(this.plan.relation, replica.replica.mapping, scheme, keyHashes, signal),
    });
  }

  private source(): Promise<SourceSide> {
    this.sourceSide ??= this.readSource();
    return this.sourceSide;
  }

  private async readSource(): Promise<SourceSide> {
    const { joined, summed, buckets } = this;
    const { snapshot, scheme, signal, onRows } = this.options;
    const { relation, estimatedRows } = this.plan;
    if (joined.length === 0) {
      const sums = await snapshot.sums(relation, summed, scheme, buckets, signal);
      onRows(undefined, totalRows(sums[0]!));
      return { sums };
    }
    const table = new DigestTable(estimatedRows, joined.length, false);
    const sums = summed.map(() => emptySums(buckets));
    const numbers = 1 + joined.length + summed.length;
    await fillTable(
      table,
      snapshot.digests(relation, [...joined, ...summed], scheme, undefined, signal),
      numbers,
      (page) => {
        addPageToSums(page, numbers, joined.length, sums);
        onRows(undefined, page.count);
      },
    );
    return { table, sums };
  }

  private async sumsOf(replica: ReadyReplica, counts: RowCounts, unread: Candidate[]): Promise<BucketSums> {
    const { scheme, signal, snapshot, onRows } = this.options;
    const { hashing } = replica.store;
    if (hashing?.sums !== undefined && replica.inspection.hashable) {
      const sums = await hashing.sums(replica.replica, scheme, this.buckets, signal);
      onRows(replica, totalRows(sums));
      return sums;
    }
    return sumDigests(
      this.digestsOf(replica),
      this.buckets,
      (records) => {
        counts.replica += records;
        onRows(replica, records);
      },
      (page, i) => unread.push({ key: page.key!(i), seenAt: snapshot.takenAt, unread: page.unread!(i)! }),
    );
  }

  private digestsOf(replica: ReadyReplica, filter?: BucketFilter): AsyncIterable<DigestPage> {
    const { store, inspection } = replica;
    const { scheme, signal, readElsewhere } = this.options;
    const elsewhere = readElsewhere?.(replica, filter);
    if (elsewhere !== undefined) return elsewhere;
    if (store.hashing !== undefined && inspection.hashable)
      return store.hashing.digests(replica.replica, scheme, filter, signal);
    return hashPages(store.scan(replica.replica, signal), replica.replica.mapping, scheme, filter);
  }
}

/** Keys that the user chose, as candidates that nobody suspects yet. */
export async function* chosenCandidates(
  plan: EntityPlan,
  replica: ReadyReplica,
  choice: Choice,
  options: CompareOptions,
): AsyncGenerator<Candidate> {
  const { snapshot, scheme, signal } = options;
  const { mapping } = replica.replica;
  for await (const page of snapshot.chosenKeys(plan.relation, mapping, scheme, choice, signal)) {
    for (let i = 0; i < page.count; i++) yield { key: decodeKey(mapping, page.texts![i]!), seenAt: snapshot.takenAt };
    options.onRows(replica, page.count);
  }
}

/** Adds the summed mappings' row hashes of a page of digests to their sums. */
function addPageToSums(page: CopyPage, numbers: number, skip: number, sums: readonly BucketSums[]): void {
  for (let i = 0; i < page.count; i++) {
    const at = i * numbers * 2;
    for (let m = 0; m < sums.length; m++) {
      const row = at + 2 + 2 * (skip + m);
      addToSums(sums[m]!, page.numbers[at + 1]!, page.numbers[row]!, page.numbers[row + 1]!);
    }
  }
}

/** What makes two mappings the same to the source: the columns and how each is compared, not where the replica keeps them. */
function mappingIdentity(mapping: Mapping): string {
  const identity = [...mapping.key, ...mapping.fields].map((field) => [
    field.name,
    field.type,
    field.tolerance,
    field.ignoreCase,
    field.emptyIsNull,
    field.map === undefined ? undefined : [...field.map],
  ]);
  return JSON.stringify([mapping.key.length, identity]);
}

/** Asks for the first item at once instead of when it is wanted. Ending it frees the items' resources even if none was taken. */
function prefetch<T>(items: AsyncIterable<T>): AsyncIterableIterator<T> & { end(): Promise<void> } {
  const iterator = items[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<T>> | undefined = iterator.next();
  first.catch(() => {}); // thrown again when it is taken
  return {
    next() {
      const next = first ?? iterator.next();
      first = undefined;
      return next;
    },
    async end() {
      await first?.catch(() => {});
      await iterator.return?.();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Like Promise.all, but waits for both before it throws, so that nothing runs on unobserved. */
async function bothOf<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
