// What stands where a replica should be: its columns, how its records are found, what a few of them hold, and what the role may do.

import type { Problem } from '../../errors.ts';
import type { Inspection } from '../store.ts';
import { type Access, fetchText, isAccess, namesOf, type Obstacle, type Slot } from './access.ts';
import { isMultiCell, typeText } from './cql-type.ts';
import { canHold } from './decode.ts';
import { isRejected } from './failure.ts';
import { missingPermissions } from './permissions.ts';
import { lastToken, shareUpTo } from './ranges.ts';
import { Cells, eachRow } from './raw-result.ts';
import { ODD_SPELLING, RowReader } from './read-row.ts';
import { type Connection, readPage } from './session.ts';
import { selectText, timeToLiveText, tokenText } from './statements.ts';

export async function inspectReplica(
  connection: Connection,
  access: Access | readonly Obstacle[],
): Promise<Inspection> {
  if (!isAccess(access)) return uninspected(access);
  const problems = [...typeProblems(access), ...keyProblems(access)];
  if (problems.length > 0) return uninspected(problems);
  const [estimatedRows, sample, permissions] = await Promise.all([
    estimateRows(connection, access),
    sampleRows(connection, access),
    missingPermissions(connection, access.table),
  ]);
  const whereProblem = await conditionProblem(connection, access, sample.known);
  if (whereProblem !== undefined) return uninspected([whereProblem]);
  const { table, slots, finding } = access;
  const timestamps = slots.filter(({ column }) => column.type.name === 'timestamp');
  const precision = new Map(timestamps.map(({ field }) => [field.target, 3]));
  const notes = [
    ...(precision.size > 0 ? ['timestamps hold milliseconds'] : []),
    `read consistency ${connection.readConsistencyName}`,
    ...(finding.by === 'place'
      ? [`records are looked for where ${placeNames(access)} of the source say, and where a scan met them`]
      : []),
    ...slots.flatMap(notesOf),
    ...sample.notes,
    ...(table.timeToLive > 0 ? [`records expire by themselves after ${table.timeToLive} s`] : []),
  ];
  return {
    estimatedRows,
    // Several rows of one key could stand side by side, if the primary key has more than the key.
    keyIsUnique: access.placeSlots.length === 0,
    timestampPrecision: precision,
    placed: finding.by === 'place' ? true : undefined,
    hashable: true,
    notes,
    problems: sample.problems,
    writeProblems: [...writeProblems(access), ...permissions],
  };
}

function uninspected(problems: readonly Problem[]): Inspection {
  return {
    estimatedRows: 0,
    keyIsUnique: false,
    timestampPrecision: new Map(),
    hashable: false,
    notes: [],
    problems,
    writeProblems: [],
  };
}

function placeNames({ slots, placeSlots }: Access): string {
  return placeSlots.map((slot) => slots[slot]!.field.target).join(', ');
}

function typeProblems({ slots }: Access): Problem[] {
  return slots.flatMap(({ field, column }) => {
    if (canHold(field.type, column.type)) return [];
    if (column.type.name === 'counter') {
      const message = `${field.target} is a counter, which can only be counted up and down, not set`;
      return [{ path: field.target, message, hint: 'Leave it out: `ignore: true`.' }];
    }
    const kind = field.type.kind === 'array' ? `array of ${field.type.element.kind}` : field.type.kind;
    return [
      {
        path: field.target,
        message: `compared as ${kind}, but the column is ${typeText(column.type)}`,
        hint: 'Map another column, or give the field the type that both sides hold.',
      },
    ];
  });
}

/** 1.0 and 1.00 are one number, and two partitions. */
function keyProblems({ slots, table }: Access): Problem[] {
  return slots
    .filter(({ column }) => table.partitionKey.includes(column) && column.type.name === 'decimal')
    .map(({ field }) => ({
      path: field.target,
      message: `${field.target} is a decimal in the partition key, where 1.0 and 1.00 are two keys: no lookup finds both`,
    }));
}

function notesOf({ field, column }: Slot): string[] {
  const { target, type, nullable } = field;
  const notes: string[] = [];
  if (column.type.name === 'float' && type.kind === 'float' && type.bits === 64 && field.tolerance === undefined) {
    notes.push(`${target} holds single precision: most numbers of double precision differ, unless given a tolerance`);
  }
  if (isMultiCell(column.type) && column.type.name !== 'udt') {
    notes.push(
      nullable
        ? `${target} can’t tell an empty collection from none: both are read as null`
        : `${target} can’t tell an empty collection from none: both are read as empty`,
    );
  }
  if (column.type.name === 'set') notes.push(`${target} is a set: its elements come in the server’s order`);
  return notes;
}

/** Where a condition can't be asked together with what the verbs ask. */
async function conditionProblem(
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

async function sampleRows(connection: Connection, access: Access): Promise<Sample> {
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
async function estimateRows(connection: Connection, { table }: Access): Promise<number> {
  const text = selectText(table, [tokenText(table)], [], undefined, TOKENS);
  const page = await readPage(connection, { text, parameters: [] }, TOKENS);
  const cells = new Cells(1);
  let last: Buffer | null = null;
  for (const _ of eachRow(page, cells)) last = cells.copy(0);
  if (page.count < TOKENS || last === null) return page.count;
  const share = shareUpTo(connection.partitioner, last);
  return share === undefined ? page.count : Math.round(page.count / share);
}

function writeProblems({ table, slots }: Access): Problem[] {
  const problems: Problem[] = [];
  if (table.isView)
    problems.push({ path: '', message: `${table.name} is a materialized view, which the server fills by itself` });
  if (table.others.some((column) => column.type.name === 'counter')) {
    problems.push({ path: '', message: `${table.name} holds counters, which can’t be written with a time` });
  }
  for (const { field, column } of slots) {
    if (column.kind !== 'static') continue;
    problems.push({
      path: field.target,
      message: `${field.target} is a static column, which all records of a partition share: it is compared, never written`,
    });
  }
  return problems;
}
