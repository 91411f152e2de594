// A candidate: a key that looked different, which confirm looks at again. Not a finding yet.

import type { Key, Place } from '../mapping/mapping.ts';

export interface Candidate {
  readonly key: Key;
  /** When the source's side was read, milliseconds of this machine's clock. */
  readonly seenAt: number;
  /** The source row's hash as it was then, so that confirm can tell whether it has changed since; `absent`: there was no row. */
  readonly sourceHash?: readonly [high: number, low: number] | 'absent';
  /** The replica record's hash as it was then, where there was one. */
  readonly replicaHash?: readonly [high: number, low: number];
  /** Where a scan met records of this key, in a store that can't find them by key alone. */
  readonly places?: readonly Place[];
  /** Set where the record could not be compared at all and looking again would not help: why. */
  readonly unread?: string;
}

/** Rows read on either side. Grows while the comparison runs. */
export interface RowCounts {
  source: number;
  replica: number;
}
