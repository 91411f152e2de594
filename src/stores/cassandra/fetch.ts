// Looks records up by key: one question to one partition for each, many at once. Where the key alone does not tell the partition, by the
// places where the record should stand and where it was met.

import assert from 'node:assert';
import { type Key, keyText, type Place, type Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { FetchedRow, Whereabouts } from '../store.ts';
import { type Access, fetchText, type Slot } from './access.ts';
import { eachAtOnce } from './bounded.ts';
import { encodeField } from './encode.ts';
import { Cells, eachRow } from './raw-result.ts';
import { placeBytes, RowReader } from './read-row.ts';
import { type Connection, readAll } from './session.ts';
import { readToken, tokenColumns } from './token.ts';

export const MOST_KEYS = 1000;
const QUESTIONS_AT_ONCE = 64;
/** The server takes no longer partition key, nor longer clustering columns. */
const MOST_BYTES = 65_535;

interface Question {
  readonly key: string;
  readonly parameters: readonly Buffer[];
}

export async function fetchRows(
  connection: Connection,
  access: Access,
  keys: readonly Key[],
  whereabouts?: (key: Key) => Whereabouts,
): Promise<readonly FetchedRow[]> {
  const text = fetchText(connection, access);
  const columns = tokenColumns(connection, access);
  const reader = new RowReader(access);
  const questions = [...new Map(keys.map((key) => [keyText(key), key])).values()].flatMap((key) =>
    questionsFor(access, key, whereabouts),
  );
  const answers = await eachAtOnce(questions, QUESTIONS_AT_ONCE, async ({ key, parameters }) => {
    const rows: FetchedRow[] = [];
    const cells = new Cells(columns.count);
    for await (const page of readAll(connection, { text, parameters })) {
      for (const _ of eachRow(page, cells)) {
        if (!reader.isRecord(cells)) continue;
        const row = reader.row(cells);
        // By a part of the key, or by an index that knows no case, other records come as well.
        if (keyText(row.key) === key) rows.push({ ...row, token: readToken(access, columns, cells) });
      }
    }
    return rows;
  });
  return answers.flat();
}

function questionsFor(access: Access, key: Key, whereabouts?: (key: Key) => Whereabouts): readonly Question[] {
  const text = keyText(key);
  const { finding } = access;
  if (finding.by === 'key') {
    const parameters = bytesOf(finding.columns, access, key);
    return parameters === undefined ? [] : [{ key: text, parameters }];
  }
  assert(whereabouts !== undefined, `${access.replica.name}: no record is found without its whereabouts`);
  const { rows, places } = whereabouts(key);
  const primaryKeys = [
    ...rows.map((row) => primaryKeyOf(access, row)),
    ...places.map((place) => primaryKeyAt(access, key, place)),
  ].filter((parameters) => parameters !== undefined);
  const distinct = new Map(primaryKeys.map((parts) => [parts.map((part) => part.toString('hex')).join(), parts]));
  return [...distinct.values()].map((parameters) => ({ key: text, parameters }));
}

/** Where the source's row says that its record stands, in the order of the primary key; undefined where no record can. */
export function primaryKeyOf(access: Access, row: Row): readonly Buffer[] | undefined {
  return bytesOf(access.slots.slice(0, access.table.primaryKey.length), access, row.key, row.values);
}

function primaryKeyAt(access: Access, key: Key, place: Place): readonly Buffer[] | undefined {
  const primaryKey = access.slots.slice(0, access.table.primaryKey.length);
  return possible(access, () =>
    primaryKey.map((slot, i) => {
      const part = access.placeSlots.indexOf(i);
      return part < 0
        ? encodeField(slot.field, slot.column.type, keyPart(access, slot, key))
        : placeBytes(slot, place[part]!);
    }),
  );
}

function bytesOf(
  slots: readonly Slot[],
  access: Access,
  key: Key,
  values: Row['values'] = [],
): readonly Buffer[] | undefined {
  return possible(access, () =>
    slots.map((slot) => {
      const value = slot.fieldIndex === undefined ? keyPart(access, slot, key) : values[slot.fieldIndex];
      if (value === null || value === undefined) throw new ValueError('a part of a primary key has a value');
      return encodeField(slot.field, slot.column.type, value);
    }),
  );
}

function keyPart({ replica }: Access, { field }: Slot, key: Key): string {
  return key[replica.mapping.key.indexOf(field)]!;
}

/** Undefined where no record can stand, and the server refuses to be asked for one. */
function possible({ table, finding }: Access, make: () => readonly Buffer[]): readonly Buffer[] | undefined {
  let parts: readonly Buffer[];
  try {
    parts = make();
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
  const lengthOf = (some: readonly Buffer[]) => some.reduce((sum, part) => sum + part.length, 0);
  const inPartition = table.partitionKey.length;
  if (finding.by === 'key' && finding.columns[0]!.column !== table.partitionKey[0]) {
    return lengthOf(parts) <= MOST_BYTES ? parts : undefined;
  }
  if (inPartition === 1 && parts[0]!.length === 0) return undefined;
  // Several columns of a partition key are put together with three bytes for each.
  const partition = lengthOf(parts.slice(0, inPartition)) + (inPartition === 1 ? 0 : 3 * inPartition);
  return partition <= MOST_BYTES && lengthOf(parts.slice(inPartition)) <= MOST_BYTES ? parts : undefined;
}
