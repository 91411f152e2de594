// Gathers what waits in all contingency stores into one spool, in the order of time, and with it what stopped drains have brought back already.

import type { ContingencyStoreConfig, WriteShape } from '../config/config.ts';
import type { Sealer } from '../journal/seal.ts';
import type { Contingency } from '../stores/store.ts';
import type { Effect } from './apply-batch.ts';
import { openDeadLetter } from './dead-letters.ts';
import type { Spool } from './spool.ts';
import { type ReadWrite, readWrite, sortableMoment, type WriteContext } from './write.ts';

/** A contingency store, opened. */
export interface OpenedStore {
  readonly config: ContingencyStoreConfig;
  readonly contingency: Contingency;
}

/** A write as it waits. */
export interface Item {
  readonly store: string;
  readonly id: string;
  readonly content: string;
  readonly unread?: string;
}

/** What the spool holds: a write that waits, or the word of a stopped drain that it has brought it back. */
export type Spooled = Item | { readonly brought: Effect };

/** One write, with what is known of it. */
export interface Merged {
  readonly order: string;
  /** Undefined: it is settled already. */
  readonly item?: Item;
  /** Undefined: it is still to be brought back. */
  readonly brought?: Effect;
}

export interface Gathered {
  /** By store: writes that wait, and those of them that are not to be drained. */
  readonly stores: ReadonlyMap<string, { waiting: number; left: number }>;
  /** Deletes among them. */
  readonly deletes: number;
  /** Words that name no entity, with the number of writes. */
  readonly unknown: ReadonlyMap<string, number>;
  /** Entities that are written about. */
  readonly entities: ReadonlySet<string>;
  /** The moment of the first write; undefined: there is none that can be read. */
  readonly first?: string;
}

export interface GatherContext extends WriteContext {
  readonly stores: readonly OpenedStore[];
  readonly sealer?: Sealer;
  readonly onItems: (store: string, items: number) => void;
  readonly signal?: AbortSignal;
}

/** Reads every store to its end. Throws StoreErrors: with one store unread nobody knows what comes first. */
export async function gather(spool: Spool, context: GatherContext): Promise<Gathered> {
  const stores = new Map<string, { waiting: number; left: number }>();
  const unknown = new Map<string, number>();
  const entities = new Set<string>();
  let deletes = 0;
  let first: string | undefined;
  for (const { config, contingency } of context.stores) {
    const counts = { waiting: 0, left: 0 };
    stores.set(config.name, counts);
    for await (const page of contingency.waiting(config, context.signal)) {
      for (const waiting of page) {
        const item = { store: config.name, ...waiting };
        const read = readItem(item, context);
        counts.waiting++;
        if (read.kind === 'left') counts.left++;
        else if (read.kind === 'unknown') unknown.set(read.word, (unknown.get(read.word) ?? 0) + 1);
        else {
          const at = read.kind === 'write' ? read.write.at : read.at;
          if (read.kind === 'write') {
            entities.add(read.write.entity);
            if (read.write.operation === 'delete') deletes++;
            if (first === undefined || at < first) first = at;
          }
          await spool.add(orderOf(at, item), item satisfies Spooled);
        }
      }
      context.onItems(config.name, counts.waiting);
    }
  }
  return { stores, deletes, unknown, entities, first };
}

/** By time, then by the names of store and write: the same in every run. */
export function orderOf(at: string, { store, id }: Pick<Item, 'store' | 'id'>): string {
  return `${sortableMoment(at)} ${JSON.stringify([store, id])}`;
}

/** Reads a write as its store spells it; a dead letter as the store that it came from. */
export function readItem({ store, id, content, unread }: Item, context: GatherContext): ReadWrite {
  const { config } = context.stores.find((one) => one.config.name === store)!;
  if (!isDeadLetters(config)) return readWrite(content, config, context, unread);
  const opened = unread === undefined ? openDeadLetter(content, context.sealer) : { why: unread };
  if ('why' in opened) return readWrite(JSON.stringify({ id }), config, context, opened.why);
  const shape = context.contingency.stores.find(({ name }) => name === opened.store);
  const why = shape === undefined ? `the config has no contingency store ${opened.store}` : undefined;
  return readWrite(opened.content, shape ?? (config as WriteShape), context, why);
}

/** A store can't be called so. */
export const DEAD_LETTERS = 'dead letters';

export function isDeadLetters({ name }: Pick<ContingencyStoreConfig, 'name'>): boolean {
  return name === DEAD_LETTERS;
}

/** Entries of one order are about one write. */
export async function* merged(spool: Spool, signal?: AbortSignal): AsyncGenerator<Merged> {
  let last: { order: string; item?: Item; brought?: Effect } | undefined;
  for await (const { order, content } of spool.sorted<Spooled>(signal)) {
    if (last !== undefined && last.order !== order) {
      yield last;
      last = undefined;
    }
    last ??= { order };
    if ('brought' in content) last.brought = content.brought;
    // A store may give one twice.
    else last.item = content;
  }
  if (last !== undefined) yield last;
}
