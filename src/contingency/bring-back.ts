// Brings all writes back in the order of time. What the source refuses waits, and with it whatever came later for the same record, while everything
// else goes on; it is tried again when others are through, and at the times that the config names; then it is put among the dead letters.

import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../errors.ts';
import type { Key } from '../mapping/mapping.ts';
import type { Pace } from '../repair/pace.ts';
import { type Applied, type ApplyContext, applyBatch, isDone, type Placed } from './apply-batch.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import type { DrainTally } from './drain-tally.ts';
import { type GatherContext, type Item, type Merged, merged, readItem } from './gather.ts';
import { Spool } from './spool.ts';
import type { Write } from './write.ts';

export interface BringBackContext extends GatherContext {
  readonly apply: ApplyContext;
  readonly tally: DrainTally;
  readonly deadLetters: DeadLetters;
  /** Whether what is written about the entity may hold what nobody may see; undefined: the entity can't be told. */
  readonly isSensitive: (entity: string | undefined) => boolean;
  /** Takes what is brought back, to be settled. */
  readonly settle: Settle;
  /** Milliseconds after the first try. */
  readonly tries: readonly number[];
  /** For what has to wait. */
  readonly folder: string;
  readonly pace: Pace;
  readonly mayGoOn: () => Promise<void>;
  readonly onRecords: (records: number) => void;
  readonly onWait: (writes: number, milliseconds: number) => void;
}

export interface Settle {
  add(item: Item, write: Write): Promise<void>;
  /** What is in nobody's way any more although it was not brought back. */
  release(items: readonly Item[]): Promise<void>;
  /** Settles all that was added, as far as it is proven. */
  finish(): Promise<void>;
}

/** Writes in one transaction, at most. */
const BATCH = 200;

interface Parked extends Item {
  readonly error: string;
  readonly entity: string;
  readonly key: Key;
}

/** Why no later write of a record may pass. */
type Block = 'waits' | 'dead' | 'undecided';

/** Throws InterruptedError, and StoreErrors of the source; what was settled until then stays settled. */
export async function bringBack(spool: Spool, context: BringBackContext): Promise<void> {
  const { tries, signal, settle, tally } = context;
  const blocks = new Map<string, Block>();
  const began = performance.now();
  let waiting = await round(merged(spool, signal), blocks, context);
  try {
    for (const [i, time] of tries.entries()) {
      if (i > 0) {
        if (waiting.length === 0) break;
        await pause(began + time - performance.now(), waiting.length, context);
      }
      // One may have waited for another, a row for what it refers to.
      for (
        let before = i > 0 ? Number.POSITIVE_INFINITY : waiting.length + 1;
        waiting.length > 0 && waiting.length < before;
      ) {
        before = waiting.length;
        waiting = await again(waiting, blocks, context);
      }
      await settle.finish();
    }
    for await (const { content } of waiting.sorted<Parked>(signal)) {
      await bury(
        { item: itemOf(content), error: content.error, isSensitive: context.isSensitive(content.entity) },
        content,
        context,
      );
    }
  } catch (error) {
    for await (const { content } of waiting.sorted<Parked>()) tally.failed(content, content.error, content);
    throw error;
  } finally {
    await waiting.remove();
  }
}

/** For a dry run. `most`: writes that it looks at. Returns whether it has looked at all of them. */
export async function tryOut(spool: Spool, context: BringBackContext, most: number): Promise<boolean> {
  let count = 0;
  const some = async function* () {
    for await (const entry of merged(spool, context.signal)) {
      if (count === most) return;
      count++;
      yield entry;
    }
  };
  const refused = await round(some(), new Map(), context);
  for await (const { content } of refused.sorted<Parked>()) context.tally.failed(content, content.error, content);
  await refused.remove();
  return count < most || spool.length <= most;
}

async function again(waiting: Spool, blocks: Map<string, Block>, context: BringBackContext): Promise<Spool> {
  for (const [name, block] of [...blocks]) if (block === 'waits') blocks.delete(name);
  const entries = async function* (): AsyncGenerator<Merged> {
    for await (const { order, content } of waiting.sorted<Parked>(context.signal))
      yield { order, item: itemOf(content) };
  };
  const left = await round(entries(), blocks, context);
  await waiting.remove();
  return left;
}

/** One pass. Returns what has to wait. */
async function round(
  entries: AsyncIterable<Merged>,
  blocks: Map<string, Block>,
  context: BringBackContext,
): Promise<Spool> {
  const waiting = new Spool(context.folder);
  const park = ({ order, write }: Placed, item: Item, error: string) =>
    waiting.add(order, { ...item, error, entity: write.entity, key: write.key } satisfies Parked);
  let batch: Placed[] = [];
  let items: Item[] = [];
  let names = new Set<string>();
  const flush = async () => {
    const applied = await applyAll(batch, context);
    for (const [i, result] of applied.entries()) {
      const placed = batch[i]!;
      const name = nameOf(placed.write);
      if (result.effect === 'failed') {
        blocks.set(name, 'waits');
        await park(placed, items[i]!, result.error!);
      } else {
        context.tally.applied(placed.write, result);
        if (result.effect === 'undecided') blocks.set(name, 'undecided');
        if (isDone(result)) await context.settle.add(items[i]!, placed.write);
      }
    }
    context.onRecords(batch.length);
    [batch, items, names] = [[], [], new Set()];
  };
  for await (const { order, item, brought } of entries) {
    if (item === undefined) continue;
    const read = readItem(item, context);
    if (read.kind === 'bad') {
      const name = read.key && nameOf({ entity: read.entity!, key: read.key });
      if (name !== undefined && names.has(name)) await flush();
      if (name !== undefined) blocks.set(name, 'dead');
      await bury({ item, error: read.why, isSensitive: context.isSensitive(read.entity) }, read, context);
      continue;
    }
    if (read.kind !== 'write') continue;
    const { write } = read;
    const name = nameOf(write);
    if (brought !== undefined) {
      context.tally.applied(write, { effect: brought });
      await context.settle.add(item, write);
      continue;
    }
    if (names.has(name) || batch.length >= Math.min(BATCH, context.pace.batch)) await flush();
    const block = blocks.get(name);
    if (block === 'waits') await park({ order, write }, item, 'it waited behind an earlier write of the same record');
    else if (block === 'undecided') context.tally.applied(write, { effect: 'undecided' });
    else if (block === 'dead') {
      const error = 'an earlier write of the same record could not be brought back';
      await bury({ item, error, isSensitive: context.isSensitive(write.entity) }, write, context);
    } else {
      batch.push({ order, write });
      items.push(item);
      names.add(name);
    }
  }
  if (batch.length > 0) await flush();
  return waiting;
}

async function applyAll(batch: readonly Placed[], context: BringBackContext): Promise<readonly Applied[]> {
  const { apply, pace, mayGoOn, signal } = context;
  if (signal?.aborted) throw new InterruptedError();
  await mayGoOn();
  const applied = await applyBatch(batch, apply);
  await pace.after(batch.length, signal);
  return applied;
}

/** Puts a write among the dead letters, after which it is settled in its store; where it can't be kept there, it waits on where it is. */
async function bury(
  letter: DeadLetter,
  what: { readonly entity?: string; readonly key?: Key },
  { apply, deadLetters, settle, tally }: BringBackContext,
): Promise<void> {
  if (apply.journal === undefined) return tally.buried(letter.item, letter.error, what);
  if (!deadLetters.canKeep(letter)) {
    const why = 'it may hold a sensitive value, so without journal.key it can’t be put among the dead letters';
    return tally.failed(letter.item, `${letter.error}; ${why}`, what);
  }
  await deadLetters.add([letter]);
  tally.buried(letter.item, letter.error, what);
  await settle.release([letter.item]);
}

async function pause(milliseconds: number, writes: number, { signal, onWait }: BringBackContext): Promise<void> {
  if (milliseconds <= 0) return;
  onWait(writes, milliseconds);
  await sleep(milliseconds, undefined, { signal }).catch(() => {
    throw new InterruptedError();
  });
}

function itemOf({ store, id, content, unread }: Parked): Item {
  return { store, id, content, unread };
}

function nameOf({ entity, key }: { readonly entity: string; readonly key: Key }): string {
  return JSON.stringify([entity, ...key]);
}
