// Confirm: looks at every candidate again by key, on both sides, until it heals (in flight) or has stood longer than the replica may lag (a
// finding). The same compare as everywhere, on a point lookup. What will not settle is unread, never drift.

import { setTimeout as sleep } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Candidate } from '../compare/candidate.ts';
import { makeRowHasher } from '../compare/hash-pages.ts';
import { InterruptedError } from '../errors.ts';
import { type Key, keyText, type Mapping, type Place, type Row } from '../mapping/mapping.ts';
import { now } from '../now.ts';
import { byKey } from '../postgres/relation.ts';
import type { Finding } from '../report/report.ts';
import type { FetchedRow, Whereabouts } from '../stores/store.ts';
import type { HashScheme } from '../value/digest.ts';
import { makeFinding } from './make-finding.ts';
import { Observation } from './observation.ts';

/** What became of a candidate. */
export type Verdict =
  | { readonly kind: 'finding'; readonly key: Key; readonly finding: Finding }
  /** It healed, or follows: milliseconds of lag that were seen. */
  | { readonly kind: 'in flight'; readonly key: Key; readonly lag: number }
  /** Both sides agree; only for keys that nobody suspected. */
  | { readonly kind: 'equal'; readonly key: Key; readonly exists: boolean };

export interface ConfirmOptions {
  readonly replica: string;
  readonly entity: string;
  readonly mapping: Mapping;
  readonly scheme: HashScheme;
  readonly maxLag: number;
  /** Milliseconds between two looks at a record that moves. */
  readonly interval: number;
  /** Milliseconds after which a record that won't settle is given up. */
  readonly giveUp: number;
  /** True when candidates were nominated by a difference: agreeing now then means that it was in flight. */
  readonly nominated: boolean;
  readonly keysPerLook: number;
  readonly fetchSource: (keys: readonly Key[]) => Promise<readonly Row[]>;
  readonly fetchReplica: (
    keys: readonly Key[],
    whereabouts?: (key: Key) => Whereabouts,
  ) => Promise<readonly FetchedRow[]>;
  /** The replica's records can't be found by key alone, see `Inspection.placed`. */
  readonly placed?: boolean;
  /** Whether the source has changed anything since the candidates were nominated. */
  readonly hasMoved?: () => Promise<boolean>;
  readonly signal?: AbortSignal;
}

/** Batches that are looked at, and keys that are being settled, at the same time: most of them only wait. */
const LOOKS_AT_ONCE = 2;
const KEYS_AT_ONCE = 20_000;
/** Moving records of a batch whose source is watched between looks, and the pause between two readings, milliseconds. */
const WATCHED_KEYS = 50;
const WATCH_PAUSE = 1;
/** Keys whose second nomination is dropped, so that a key makes one finding; where records have places, keys whose places are gathered first. */
const REMEMBERED_KEYS = 20_000;

/**
 * Verdicts in the order of the candidates' batches; bounded memory, whatever comes. Throws what a fetch throws, the first that does: batches
 * that wait for their turn are given up then, or each would try the server that is gone once more.
 */
export async function* confirm(candidates: AsyncIterable<Candidate>, options: ConfirmOptions): AsyncGenerator<Verdict> {
  const running: Promise<readonly Verdict[]>[] = [];
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  // A batch that was given up says only that it was.
  const verdictsOf = (settling: Promise<readonly Verdict[]>) =>
    settling.catch((error: unknown) => {
      throw end.signal.aborted ? end.signal.reason : error;
    });
  const limit = pLimit(LOOKS_AT_ONCE);
  const batchesAtOnce = Math.max(LOOKS_AT_ONCE, Math.ceil(KEYS_AT_ONCE / options.keysPerLook));
  try {
    const batches = options.placed
      ? gathered(candidates, options.keysPerLook)
      : batchesOf(candidates, options.keysPerLook);
    for await (const batch of batches) {
      end.signal.throwIfAborted();
      const settling = settle(batch, { ...options, signal }, limit);
      settling.catch((error: unknown) => end.abort(error)); // awaited below, in order
      running.push(settling);
      if (running.length >= batchesAtOnce) yield* await verdictsOf(running.shift()!);
    }
    while (running.length > 0) yield* await verdictsOf(running.shift()!);
  } finally {
    end.abort(new InterruptedError());
    await Promise.allSettled(running);
  }
}

async function* batchesOf(candidates: AsyncIterable<Candidate>, size: number): AsyncGenerator<readonly Candidate[]> {
  const known = new Set<string>();
  let batch: Candidate[] = [];
  for await (const candidate of candidates) {
    const text = keyText(candidate.key);
    if (known.has(text)) continue;
    if (known.size < REMEMBERED_KEYS) known.add(text);
    batch.push(candidate);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** As `batchesOf`, but a key is looked at only when all the places where it was met are known, within what is remembered. */
async function* gathered(candidates: AsyncIterable<Candidate>, size: number): AsyncGenerator<readonly Candidate[]> {
  const known = new Map<string, Candidate>();
  for await (const candidate of candidates) {
    const text = keyText(candidate.key);
    const first = known.get(text);
    known.set(text, first === undefined ? candidate : { ...first, places: placesOf(first, candidate) });
    if (known.size < REMEMBERED_KEYS) continue;
    yield* chunks([...known.values()], size);
    known.clear();
  }
  yield* chunks([...known.values()], size);
}

function placesOf(...candidates: readonly Candidate[]): readonly Place[] {
  const places = candidates.flatMap((candidate) => candidate.places ?? []);
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}

async function settle(
  batch: readonly Candidate[],
  options: ConfirmOptions,
  limit: LimitFunction,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  const hash = makeRowHasher(options.mapping, options.scheme);
  let open = batch.flatMap((candidate) => {
    if (candidate.unread === undefined) return [new Observation(candidate, options, hash)];
    verdicts.push(unread(candidate, candidate.unread, options));
    return [];
  });
  let isFirst = true;
  while (open.length > 0) {
    if (options.signal?.aborted) throw new InterruptedError();
    const { source, replica, replicaAt, sourceAt } = await limit(() => look(open, options, isFirst));
    isFirst = false;
    open = open.filter((observation) => {
      const text = keyText(observation.candidate.key);
      const verdict = observation.look(source.get(text) ?? [], replica.get(text) ?? [], replicaAt, sourceAt);
      if (verdict !== undefined) verdicts.push(verdict);
      return verdict === undefined;
    });
    if (open.length === 0) break;
    const next = Math.min(...open.map((observation) => observation.nextLook));
    const moving = open.filter((observation) => observation.isMoving).slice(0, WATCHED_KEYS);
    if (moving.length > 0) await watchSource(moving, next, options);
    else await pause(next - now(), options.signal);
  }
  return verdicts;
}

/** Reads both sides. */
async function look(open: readonly Observation[], options: ConfirmOptions, isFirst: boolean) {
  if (options.signal?.aborted) throw new InterruptedError();
  const keys = open.map((observation) => observation.candidate.key);
  // The replica first: whatever it shows, the source showed before, so a replica that seems newer really is.
  const whereabouts = options.placed ? await whereaboutsOf(open, options) : undefined;
  const replicaAt = now();
  const replica = byKey(await options.fetchReplica(keys, whereabouts));
  const source = byKey(await options.fetchSource(keys));
  const sourceAt = now();
  if (isFirst && (await options.hasMoved?.())) for (const observation of open) observation.countFrom(replicaAt);
  return { source, replica, replicaAt, sourceAt };
}

/**
 * Until the next look, reads the source's values of records that move as often as it can: a replica that follows shows one of them, which the
 * source may have had for a few milliseconds only.
 */
async function watchSource(moving: readonly Observation[], until: number, options: ConfirmOptions): Promise<void> {
  const keys = moving.map((observation) => observation.candidate.key);
  do {
    await pause(WATCH_PAUSE, options.signal);
    const source = byKey(await options.fetchSource(keys));
    const at = now();
    for (const observation of moving) observation.saw(source.get(keyText(observation.candidate.key))?.[0], at);
  } while (now() < until);
}

/** Where to look for the records of these keys: where the source says now and said before, and where they were met. */
async function whereaboutsOf(
  open: readonly Observation[],
  options: ConfirmOptions,
): Promise<(key: Key) => Whereabouts> {
  const source = byKey(await options.fetchSource(open.map((observation) => observation.candidate.key)));
  const at = now();
  const known = new Map<string, Whereabouts>();
  for (const observation of open) {
    const text = keyText(observation.candidate.key);
    const rows = source.get(text) ?? [];
    observation.saw(rows[0], at);
    known.set(text, { rows: [...rows, ...observation.seenRows], places: observation.candidate.places ?? [] });
  }
  return (key) => known.get(keyText(key)) ?? { rows: [], places: [] };
}

function unread(candidate: Candidate, reason: string, options: ConfirmOptions): Verdict {
  const finding = makeFinding({ class: 'unread', reason }, candidate.key, candidate.seenAt, options, candidate.places);
  return { kind: 'finding', key: candidate.key, finding };
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  // Not in step with anything that ticks: a value that flips back and forth must not be met at the same beat each time.
  const jitter = 0.8 + 0.4 * Math.random();
  try {
    await sleep(Math.max(milliseconds, 1) * (milliseconds > 200 ? 1 : jitter), undefined, { signal });
  } catch {
    throw new InterruptedError();
  }
}
