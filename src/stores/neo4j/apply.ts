// Makes changes in transactions of many rows. In one, the records are locked first, then read, compared with what was read before, and only
// then written, so nothing can come in between. A transaction that a row spoils is done again in halves, down to that row.

import { type Row, keyText } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Change, FetchedRow, Outcome } from '../store.ts';
import type { Access } from './access.ts';
import { byId, heldColumns } from './cypher.ts';
import { encode } from './encode.ts';
import { isRejection, isTooLarge, rejection } from './failure.ts';
import { fetchRows, type Token, tokenOf } from './fetch.ts';
import { sameNative } from './native.ts';
import { type Connection, type Run, write } from './session.ts';
import { shownName } from './shape.ts';
import { WriteNodes } from './write-nodes.ts';
import { WriteRelationships } from './write-relationships.ts';

export const written: Outcome = { outcome: 'written' };
export const unchanged: Outcome = { outcome: 'unchanged' };
export const moved: Outcome = { outcome: 'moved' };

export function refused(error: string): Outcome {
  return { outcome: 'refused', error };
}

type Guarded = Exclude<Change, { kind: 'insert' }>;

/** A change and where its outcome goes. */
export interface Asked<Kind extends Change = Change> {
  readonly change: Kind;
  readonly index: number;
}

export type Inserts = readonly Asked<Extract<Change, { kind: 'insert' }>>[];

/** A record as it is now, locked. */
export interface Locked {
  readonly id: string;
  readonly row: Row;
}
