// What the main thread and a reading worker say to each other. Plain data: it is copied from one thread to the other.

import type { MessagePort } from 'node:worker_threads';
import type { Key, Place } from '../mapping/mapping.ts';
import type { Replica } from '../stores/store.ts';
import type { BucketFilter, HashScheme } from '../value/digest.ts';

export interface ReadTask {
  readonly store: { readonly name: string; readonly kind: string; readonly url: string; readonly options: unknown };
  readonly replica: Replica;
  readonly hashable: boolean;
  readonly scheme: HashScheme;
  readonly filter?: BucketFilter;
  readonly port: MessagePort;
}

/** What record `index` of the page is. */
export interface Identity {
  readonly index: number;
  readonly key: Key;
  readonly place?: Place;
}

export type FromWorker =
  | {
      readonly type: 'page';
      readonly count: number;
      readonly hashes: Int32Array;
      readonly unread: readonly (Identity & { readonly reason: string })[];
    }
  | { readonly type: 'identities'; readonly identities: readonly Identity[] }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly error: TransferredError };

export type ToWorker =
  /** Which records these are; answered by `identities`. */
  | { readonly type: 'identify'; readonly indexes: readonly number[] }
  | { readonly type: 'next' }
  | { readonly type: 'stop' };

export interface TransferredError {
  /** Absent: not the store's doing but ours. */
  readonly store?: {
    readonly name: string;
    readonly verb: string;
    readonly detail: string;
    readonly transient: boolean;
  };
  readonly message: string;
  readonly hint?: string;
}
