// What stands where a replica should be: its columns, how its records are found, what a few of them hold, and what the role may do.

import type { Problem } from '../../errors.ts';
import type { Inspection } from '../store.ts';
import { type Access, isAccess, type Obstacle, type Slot } from './access.ts';
import { isMultiCell, typeText } from './cql-type.ts';
import { canHold } from './decode.ts';
import { isForbidden } from './failure.ts';
import { missingPermissions } from './permissions.ts';
import { conditionProblem, estimateRows, sampleRows } from './sample.ts';
import { type Connection, quoted } from './session.ts';

export async function inspectReplica(
  connection: Connection,
  access: Access | readonly Obstacle[],
): Promise<Inspection> {
  if (!isAccess(access)) return uninspected(access);
  const problems = [...typeProblems(access), ...keyProblems(access), ...placeProblems(access)];
  if (problems.length > 0) return uninspected(problems);
  try {
    return await inspectRecords(connection, access);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const { keyspace, name } = access.table;
    const hint = `GRANT SELECT ON ${quoted(keyspace)}.${quoted(name)} TO the role of this URL.`;
    return uninspected([{ path: '', message: `no permission to read ${keyspace}.${name}`, hint }]);
  }
}

async function inspectRecords(connection: Connection, access: Access): Promise<Inspection> {
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

/** Findings keep the places of their records. */
function placeProblems({ slots, placeSlots, finding }: Access): Problem[] {
  if (finding.by === 'key') return [];
  return placeSlots
    .map((slot) => slots[slot]!.field)
    .filter((field) => field.sensitive)
    .map(({ target }) => ({
      path: target,
      message: `${target} is sensitive, but a finding has to say by it where its record stands`,
      hint: 'Create an index on the key, by which records are found without it.',
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
