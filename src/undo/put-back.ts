// What puts a recorded write back, given what stands there now: only a record that is still as the run left it is touched. Pure.

import {
  isSealed,
  isWithheld,
  type Kept,
  type KeptImage,
  type KeptRow,
  sealPlace,
  type WriteEntry,
} from '../journal/entry.ts';
import type { Sealer } from '../journal/seal.ts';
import type { Field, Mapping, Row } from '../mapping/mapping.ts';
import type { Change, FetchedRow, Image } from '../stores/store.ts';
import type { Value } from '../value/field-type.ts';
import { sameValue } from '../value/same-value.ts';

/** A recorded write with its values opened: undefined for one that was not kept. */
export interface Recorded {
  readonly entry: WriteEntry;
  readonly before: RecordedRow | null;
  readonly after: RecordedRow | null;
  readonly image?: Image;
  /** Why it can't be put back, if it can't. */
  readonly lost?: string;
}

type RecordedRow = readonly (Value | undefined)[];

export type PutBack =
  | { readonly kind: 'change'; readonly change: Change }
  /** It is already as it was before the run. */
  | { readonly kind: 'unchanged' }
  /** A cached result: whoever asks for it next makes it anew. */
  | { readonly kind: 'anew' }
  | { readonly kind: 'moved'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

const MOVED = 'it has changed since the run wrote it';
const NOT_KEPT = 'its old values are sensitive, and were not kept: there was no journal.key';
const NO_KEY = 'its old values are sealed: set journal.key to the key of that run';

/** `run`: the one that is undone, which its sealed values are bound to. */
export function openEntry(entry: WriteEntry, mapping: Mapping, run: string, sealer: Sealer | undefined): Recorded {
  let lost: string | undefined;
  const value = (kept: Kept | undefined, side: string, { name }: Field): Value | undefined => {
    if (kept === undefined || isWithheld(kept)) return undefined;
    if (!isSealed(kept)) return kept;
    if (sealer === undefined) return undefined;
    return sealer.open(kept.sealed, sealPlace(run, entry.n, `${side} ${name}`));
  };
  const row = (kept: KeptRow | null, side: string) =>
    kept && mapping.fields.map((field) => value(kept[field.name], side, field));
  const kept = { ...entry.before, ...entry.after };
  const unmapped = Object.keys(kept).filter((name) => mapping.fields.every((field) => field.name !== name));
  if (unmapped.length > 0) lost = `the mapping no longer has ${unmapped.join(', ')}`;
  const wanted = entry.kind === 'delete' ? mapping.fields.map(({ name }) => name) : (entry.fields ?? []);
  const absent = wanted.map((name) => entry.before?.[name]).filter((one) => isSealed(one) || isWithheld(one));
  // An update can do without its image: the values that it replaced are there by themselves.
  const isWhole = entry.kind === 'delete';
  if (absent.some(isWithheld) || (isWhole && isWithheld(entry.image))) lost ??= NOT_KEPT;
  else if (sealer === undefined && (absent.some(isSealed) || isSealed(entry.image))) lost ??= NO_KEY;
  else if (isWhole && entry.lacks !== undefined) lost ??= `it can’t be put back whole: ${entry.lacks}`;
  return {
    entry,
    before: row(entry.before, 'before'),
    after: row(entry.after, 'after'),
    image: lost === undefined ? openImage(entry.image, run, entry.n, sealer) : undefined,
    lost,
  };
}

function openImage(kept: KeptImage | undefined, run: string, n: number, sealer: Sealer | undefined): Image {
  if (kept === undefined || isWithheld(kept)) return undefined;
  if (!isSealed(kept)) return kept.image;
  return JSON.parse(sealer!.open(kept.sealed, sealPlace(run, n, 'image')));
}

/** `records`: those of the key that stand there now. */
export function putBack(recorded: Recorded, records: readonly FetchedRow[], mapping: Mapping): PutBack {
  const { entry, before, after, image, lost } = recorded;
  const { key, place } = entry;
  // A cached result that was put back would be as stale as it was when it was dropped.
  if (mapping.cache) return { kind: 'anew' };
  const standing = standingOf(entry, records);
  const unread = standing.find((record) => record.unread !== undefined);
  if (unread !== undefined) return { kind: 'refused', why: unread.unread! };
  const written = after === null ? undefined : findHeld(entry, standing, after, mapping);
  const isNew = after === null ? standing.length === besideOf(entry) : written !== undefined;
  if (!isNew) return isBefore(recorded, records, mapping) ? { kind: 'unchanged' } : { kind: 'moved', why: MOVED };
  if (lost !== undefined) return { kind: 'refused', why: lost };
  const beside = besideOf(entry) > 0 ? { beside: besideOf(entry) } : {};
  if (before === null) return { kind: 'change', change: { kind: 'delete', expected: written!, ...beside } };
  const row: Row = { key, values: before.map((value) => value ?? null), place };
  if (after === null) return { kind: 'change', change: { kind: 'insert', row, image, ...beside } };
  const fields = [...mapping.fields.keys()].filter((index) => entry.fields!.includes(mapping.fields[index]!.name));
  return { kind: 'change', change: { kind: 'update', row, fields, expected: written!, image } };
}

/** Whether the key is as it was before the write. `records`: those of the key that stand there now. */
export function isBefore({ entry, before }: Recorded, records: readonly FetchedRow[], mapping: Mapping): boolean {
  const standing = standingOf(entry, records);
  if (before === null) return standing.length === besideOf(entry);
  return findHeld(entry, standing, before, mapping) !== undefined;
}

/** The record that has the values, if it is there besides those that were there anyway: copies may be all alike. */
function findHeld(
  entry: WriteEntry,
  standing: readonly FetchedRow[],
  values: RecordedRow,
  mapping: Mapping,
): FetchedRow | undefined {
  if (standing.length <= besideOf(entry)) return undefined;
  return standing.find((record) => holds(record, values, mapping));
}

/** Records that the write may have been about. An update may have moved its record to another place, which is one of its values then. */
function standingOf({ kind, place }: WriteEntry, records: readonly FetchedRow[]): readonly FetchedRow[] {
  if (place === undefined || kind === 'update') return records;
  return records.filter((record) => samePlace(record.place, place));
}

/** At one place there is one record. */
function besideOf({ beside = 0, place }: WriteEntry): number {
  return place === undefined ? beside : 0;
}

/** Whether the record has the values, as far as they are known. A tolerance is no excuse: what was changed within it was changed. */
function holds(record: Row, values: RecordedRow, { fields }: Mapping): boolean {
  return fields.every((field, i) => {
    const value = values[i];
    const strict = { ...field, tolerance: undefined, ignoreCase: undefined };
    return value === undefined || sameValue(strict, value, record.values[i]!);
  });
}

function samePlace(a: Row['place'], b: Row['place']): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
