// What a few records tell of a table: how many there may be, whether they can be read, and whether the server takes what it will be asked.

import type { Problem } from '../../errors.ts';
import { type Access, fetchText, namesOf } from './access.ts';
import { isRejected } from './failure.ts';
import { lastToken, shareUpTo } from './ranges.ts';
import { Cells, eachRow } from './raw-result.ts';
import { ODD_SPELLING, RowReader } from './read-row.ts';
import { type Connection, readPage } from './session.ts';
import { selectText, timeToLiveText, tokenText } from './statements.ts';

/** Where a condition can't be asked together with what the verbs ask. */
export async function conditionProblem(
  connection: Connection,
  access: Access,
  known: readonly Buffer[] | undefined,
): Promise<Problem | undefined> {
  const { table, where, finding } = access;
  if (where === undefined) return undefined;
  const end = lastToken(connection.partitioner);
  const scan = selectText(table, namesOf(access.slots), end === undefined ? [] : [`${tokenText(table)} > ?`], where, 1);
  const parameters = finding.by === 'key' ? finding.columns.map((slot) => known?.[access.slots.indexOf(slot)]) : known;
  try {
    // Nothing lies beyond the last token; that the server takes the condition is all that is asked.
    await readPage(connection, { text: scan, parameters: end === undefined ? [] : [end] }, 1);
    if (known !== undefined)
      await readPage(connection, { text: fetchText(connection, access), parameters: parameters! }, 1);
    return undefined;
  } catch (error) {
    if (!isRejected(error)) throw error;
    const hint = "Write a condition in CQL on columns that are not in the primary key, such as kind = 'x'.";
    return { path: 'where', message: error.message, hint };
  }
}

const SAMPLES = 20;

interface Sample {
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
  /** The primary key of one of the records. */
  readonly known: readonly Buffer[] | undefined;
}

export async function sampleRows(connection: Connection, access: Access): Promise<Sample> {
  const { slots, table, where } = access;
  const lives = slots.flatMap(({ column }) =>
    table.primaryKey.includes(column) ? [] : (timeToLiveText(column, connection.version) ?? []),
  );
  const text = selectText(table, [...namesOf(slots), ...lives], [], undefined, SAMPLES);
  const page = await readPage(connection, { text, parameters: [] }, SAMPLES);
  const cells = new Cells(slots.length + lives.length);
  const reader = new RowReader(access);
  let known: readonly Buffer[] | undefined;
  let records = 0;
  let mortal = 0;
  const reasons = new Map<string, number>();
  let odd: string | undefined;
  for (const _ of eachRow(page, cells)) {
    if (!reader.isRecord(cells)) continue;
    records++;
    known ??= table.primaryKey.map((_column, i) => cells.copy(i)!);
    if (lives.some((_life, i) => cells.lengths[slots.length + i]! > 0)) mortal++;
    const { unread } = reader.row(cells);
    if (unread === undefined) continue;
    if (unread.endsWith(ODD_SPELLING)) odd ??= unread;
    reasons.set(unread, (reasons.get(unread) ?? 0) + 1);
  }
  const [reason] = reasons.keys();
  const count = [...reasons.values()].reduce((sum, some) => sum + some, 0);
  return {
    known,
    notes: [
      ...(reason === undefined ? [] : [`${count} of ${records} sampled records can’t be read: ${reason}`]),
      ...(mortal === 0
        ? []
        : [`${mortal} of ${records} sampled records expire by themselves: repairs keep their time`]),
    ],
    // Outside of the replica's own records it would be no problem of it.
    problems: odd === undefined || where !== undefined ? [] : [{ path: '', message: odd, hint: SPELLING }],
  };
}

const SPELLING =
  'A record is looked up by its key as the source spells it. Map a key column of the type that the source has, or spell it alike on both sides.';

const TOKENS = 2000;

/** From how much of the ring the first rows take up: hashing spreads partitions evenly. Without the replica's `where`. */
export async function estimateRows(connection: Connection, { table }: Access): Promise<number> {
  const text = selectText(table, [tokenText(table)], [], undefined, TOKENS);
  const page = await readPage(connection, { text, parameters: [] }, TOKENS);
  const cells = new Cells(1);
  let last: Buffer | null = null;
  for (const _ of eachRow(page, cells)) last = cells.copy(0);
  if (page.count < TOKENS || last === null) return page.count;
  const share = shareUpTo(connection.partitioner, last);
  return share === undefined ? page.count : Math.round(page.count / share);
}
