// The lines of journal.ndjson, version 1. docs/journal.md describes them; fields are only ever added.

import type { Place } from '../mapping/mapping.ts';
import type { Tally } from '../repair/tally.ts';
import type { RepairReport } from '../report/report.ts';
import type { Outcome } from '../stores/store.ts';
import type { Value } from '../value/field-type.ts';

export const JOURNAL_SCHEMA = 'plumbline.journal/1';

export type JournalEntry = HeadEntry | WriteEntry | OutcomeEntry | BatchEntry | SwapEntry | DrainEntry;

/** The first line, and again the first of a run that was gone on with. */
export interface HeadEntry {
  readonly type: 'journal';
  readonly schema: typeof JOURNAL_SCHEMA;
  readonly run: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What a repair is about to write; on disk before the store hears of it. */
export interface WriteEntry {
  readonly type: 'write';
  /** Counts from 1 within the run. */
  readonly n: number;
  readonly replica: string;
  readonly entity: string;
  /** Canonical, in the order of the entity's key. */
  readonly key: readonly string[];
  /** Where the record stands, in a store that needs more than the key to find it. */
  readonly place?: Place;
  readonly kind: 'insert' | 'update' | 'delete';
  /** Of an insert or a deletion: how many other records of its key stand there. Absent: none. */
  readonly beside?: number;
  /** Source columns that an update sets. */
  readonly fields?: readonly string[];
  /** Every mapped field but the key, by source column, in the replica's spelling; null where no record stands. */
  readonly before: KeptRow | null;
  readonly after: KeptRow | null;
  /** The whole record as it was, mapped or not, in the store's own spelling. Absent for an insert, and where the store has none. */
  readonly image?: KeptImage;
  /** Of a deletion: what of the record was not kept, so that it can't be put back. */
  readonly lacks?: string;
}

/** What became of writes. Absent after a kill: the record itself then tells. */
export interface OutcomeEntry {
  readonly type: 'outcome';
  readonly outcomes: readonly (readonly [n: number, outcome: Outcome['outcome']])[];
}

/** Findings that a repair is done with, read back included: where `--resume` goes on. */
export interface BatchEntry extends Tally {
  readonly type: 'batch';
  readonly replica: string;
  /** What the repair was doing: `insert,update` or `delete`. */
  readonly actions: string;
  /** How many they are. */
  readonly findings: number;
}

/** What a rebuild made beside the replica has taken its place. The writes before it say what that changed. */
export interface SwapEntry {
  readonly type: 'swap';
  readonly replica: string;
  readonly built: RepairReport;
}

/** Writes of contingency stores that one transaction on the source brings back; on disk before it commits, so that the source can be asked whether it did. */
export interface DrainEntry {
  readonly type: 'drain';
  /** The transaction's full id, absent where nothing had to be written; and the cluster that it is of. */
  readonly xid?: string;
  readonly system: string;
  /** When the source went away, a canonical timestamp. */
  readonly began: string;
  /** `order`: where in the merged stores the write stands, which names it. */
  readonly writes: readonly (readonly [order: string, effect: string])[];
}

export type KeptRow = Readonly<Record<string, Kept>>;
/** A sensitive value is sealed, or not kept where there is no key to seal it with. */
export type Kept = Value | Sealed | Withheld;
export type KeptImage = { readonly image: unknown } | Sealed | Withheld;

export interface Sealed {
  readonly sealed: string;
}

export interface Withheld {
  readonly withheld: true;
}

export function isSealed(kept: unknown): kept is Sealed {
  return typeof kept === 'object' && kept !== null && 'sealed' in kept;
}

export function isWithheld(kept: unknown): kept is Withheld {
  return typeof kept === 'object' && kept !== null && 'withheld' in kept;
}

/** What a sealed text is bound to. */
export function sealPlace(run: string, n: number, what: string): string {
  return `${run} ${n} ${what}`;
}
