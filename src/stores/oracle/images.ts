// Whole rows in the texts and values that the driver gives for `readSql`, whether a mapping names a column or not, and back.

import { ValueError } from '../../value/canonical.ts';
import type { Captured, Guarded, Image } from '../store.ts';
import { makeBinds } from './binds.ts';
import { type BindKind, bindKind, enteredFormat, writeSql } from './column-sql.ts';
import type { Column, Form } from './columns.ts';
import type { BindValue } from './encode.ts';
import { MOST_KEYS, SIZES, type Token } from './fetch.ts';
import type { IntervalParts } from './intervals.ts';
import type { Connection, RawRow, Session } from './session.ts';
import { captureSql, type Place, type Setting } from './sql.ts';

/** By the dictionary's name of the column. */
type RowImage = Readonly<Record<string, ColumnImage>>;

interface ColumnImage {
  readonly form: Form;
  /** Numbers as text, bytes in base64, an interval as its parts. An empty LOB is not null. */
  readonly value: string | boolean | IntervalParts | null;
  /** Of a time with a zone: as it was entered, its offset or its region behind it. */
  readonly local?: string;
}

/** What a column is to hold again; without a bind it is in the SQL. */
export interface Restored extends Setting {
  readonly kind: BindKind;
  readonly bind: BindValue | undefined;
}

/** In the order of `changes`; undefined for a row that is gone, and for those of a view, which have no place of their own. */
export async function captureImages(
  session: Session,
  connection: Connection,
  place: Place,
  all: ReadonlyMap<string, Column>,
  changes: readonly Guarded[],
): Promise<readonly (Captured | undefined)[]> {
  if (!place.hasRowids) return changes.map(() => undefined);
  const columns = [...all.values()].filter(isKept);
  const lost = [...all.values()].flatMap(whyLost);
  const rowids = changes.map(({ expected }) => (expected.token as Token).rowid!);
  const images = new Map<unknown, RowImage>();
  for (let from = 0; from < rowids.length; from += MOST_KEYS) {
    const some = rowids.slice(from, from + MOST_KEYS);
    const size = SIZES.find((it) => it >= some.length)!;
    const filled = [...some, ...Array<string>(size - some.length).fill(some.at(-1)!)];
    const binds = makeBinds(session.driver, ['text'], filled);
    for (const [rowid, ...raw] of await session.query(connection, captureSql(place, columns, size), binds)) {
      images.set(rowid, imageOf(columns, raw));
    }
  }
  const lacks = lost.length === 0 ? undefined : lost.join('; ');
  return rowids.map((rowid) => {
    const image = images.get(rowid);
    return image === undefined ? undefined : { image, lacks };
  });
}

function isKept({ form, virtual, alwaysIdentity }: Column): boolean {
  return form !== 'other' && !virtual && !alwaysIdentity;
}

function whyLost({ name, form, declared, alwaysIdentity }: Column): readonly string[] {
  if (form === 'other') return [`its column ${name} is ${declared}, which is not read`];
  return alwaysIdentity ? [`its column ${name} is GENERATED ALWAYS, so the server lets nobody set it`] : [];
}

/** `raw`: what `captureSql` gives, for each column as many values as `wholeSql` reads. */
function imageOf(columns: readonly Column[], raw: RawRow): RowImage {
  const values = raw.values();
  return Object.fromEntries(
    columns.map((column) => {
      const { name, form } = column;
      const value = storedValue(values.next().value);
      if (form === 'zoned') {
        const [entered, region] = [values.next().value as string | null, values.next().value as string | null];
        return [name, { form, value, local: entered === null ? undefined : localTime(entered, region) }];
      }
      const isEmpty = (form === 'clob' || form === 'blob') && Number(values.next().value ?? -1) === 0;
      return [name, { form, value: isEmpty ? '' : value } satisfies ColumnImage];
    }),
  );
}

/** Where the zone is only an offset, that stands in the time already. */
function localTime(entered: string, region: string | null): string {
  const words = region?.trim() ?? '';
  return words === '' || /^[+-]\d/.test(words) ? entered : `${entered.slice(0, -6)} ${words}`;
}

function storedValue(raw: unknown): ColumnImage['value'] {
  if (raw === null || raw === undefined) return null;
  if (Buffer.isBuffer(raw)) return raw.toString('base64');
  if (typeof raw === 'object') return { ...(raw as IntervalParts) };
  return typeof raw === 'boolean' ? raw : String(raw);
}

/** What these columns held, or all of them. Throws ValueError for a column that is gone or another by now. */
export function restoredColumns(
  image: Image,
  columns: ReadonlyMap<string, Column>,
  names: readonly string[] = Object.keys(image as RowImage),
): readonly Restored[] {
  return names.map((name) => {
    const column = columns.get(name);
    const held = (image as RowImage)[name];
    if (column === undefined || held === undefined || column.form !== held.form) {
      throw new ValueError(`the column ${name} is no longer the one that was recorded`);
    }
    return restored(column, held);
  });
}

function restored(column: Column, { form, value, local }: ColumnImage): Restored {
  const base = { column, kind: bindKind(column) };
  if (value === '' && (form === 'clob' || form === 'blob')) {
    return { ...base, bind: undefined, sql: () => (form === 'clob' ? 'EMPTY_CLOB()' : 'EMPTY_BLOB()') };
  }
  const bound = (bind: BindValue, sql = (name: string) => writeSql(column, name)): Restored => ({
    ...base,
    bind,
    sql: (next) => sql(next()),
  });
  if (value === null) return bound(null);
  switch (form) {
    case 'zoned':
      return bound(local!.trimStart(), (name) => `TO_TIMESTAMP_TZ(${name}, '${enteredFormat(column, local!)}')`);
    case 'localZoned':
      return bound(`${withoutZ(value as string)}+00:00`);
    case 'date':
    case 'timestamp':
      return bound(withoutZ(value as string));
    default:
      return bound(heldValue(form, value));
  }
}

/** The blank where a sign could be, and the letter behind what is UTC, are no part of what is written. */
function withoutZ(text: string): string {
  return text.trimStart().replace(/Z$/, '');
}

function heldValue(form: Form, value: NonNullable<ColumnImage['value']>): BindValue {
  if (form === 'single' || form === 'double') return Number(value);
  return form === 'raw' || form === 'blob' ? Buffer.from(value as string, 'base64') : value;
}

/** The columns of an image with their values as they were read, for a guard. */
export function columnsOfImage(
  image: Image,
  columns: ReadonlyMap<string, Column>,
): readonly { readonly column: Column; readonly raw: unknown }[] {
  return Object.entries(image as RowImage).flatMap(([name, { form, value }]) => {
    const column = columns.get(name);
    return column?.form === form ? [{ column, raw: value === null ? null : heldValue(form, value) }] : [];
  });
}
