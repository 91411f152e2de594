// A backlog: what was to bring records to their replicas and did not. The failed jobs of a queue, or events of the outbox; each names records.

import type { JsonTree } from '../value/json.ts';

/** One job or event. */
export interface Item {
  readonly id: string;
  /** What its paths lead into: `{ name, data }` of a job, the columns of an event. */
  readonly content: JsonTree;
  /** Why it can't be read at all. */
  readonly unread?: string;
}

/** How an item whose records are proven equal is settled. `mark`: as published. */
export type SettleHow = 'retry' | 'remove' | 'mark';

export interface Backlog {
  /** `queue replication`, `outbox`: for messages. */
  readonly title: string;
  /** `failed job`, `event`. */
  readonly noun: string;
  /** Every item at least once, in pages. */
  items(signal?: AbortSignal): AsyncIterable<readonly Item[]>;
  /** Opens what can write. Throws a StoreError. */
  settler(how: SettleHow): Promise<Settler>;
}

export interface Settler {
  /** For each item undefined where it is done, or why it was left alone. Items are those of one page or more that `items` gave. */
  settle(items: readonly Item[]): Promise<readonly (string | undefined)[]>;
  close(): Promise<void>;
}
