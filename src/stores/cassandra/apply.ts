// Makes changes, each under its condition: the record is read again just before, and left alone if it is not as it was; what is written then
// carries a time that loses to anything newer than what was read. Lightweight transactions would be atomic only towards others of their
// kind, and take no time: theirs is now, which beats a newer write that has not arrived yet.

import { wordsOf } from '../../errors.ts';
import { keyText, type Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { differingFields } from '../../value/same-value.ts';
import type { Change, Image, Outcome } from '../store.ts';
import type { Access } from './access.ts';
import { eachAtOnce } from './bounded.ts';
import { isMultiCell } from './cql-type.ts';
import { isRejected } from './failure.ts';
import { isOfImage, keyOfImage, newestOfImage, restoredCells } from './images.ts';
import { type Present, PresentReader } from './present.ts';
import type { Column } from './schema.ts';
import { type Connection, type Statement, write } from './session.ts';
import { sameToken, tokenOf } from './token.ts';
import { latest, newest, timeAfter, timeToBeat, versionTime } from './write-time.ts';
import { type Assignment, longestLife, type PrimaryKey, timeToLiveOf, type Values, Writes } from './writes.ts';

export const MOST_CHANGES = 500;
const KEYS_AT_ONCE = 64;

const written: Outcome = { outcome: 'written' };
const unchanged: Outcome = { outcome: 'unchanged' };
const moved: Outcome = { outcome: 'moved' };
const hidden: Outcome = {
  outcome: 'refused',
  error: 'a deletion that is dated later than the server’s clock hides what is written',
};

/** Seconds; 0: for ever; undefined: what the table says. */
type Wanted = Omit<Assignment, 'time'>;
type Insert = Extract<Change, { kind: 'insert' }>;
type Update = Extract<Change, { kind: 'update' }>;
type Delete = Extract<Change, { kind: 'delete' }>;

export async function applyChanges(
  connection: Connection,
  access: Access,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const outcomes = new Array<Outcome>(changes.length);
  const application = new Application(connection, access);
  // Changes of one key keep their order: a copy is removed after the record that stays has been put right.
  const byKey = new Map<string, number[]>();
  changes.forEach((change, i) => {
    const key = keyText(change.kind === 'insert' ? change.row.key : change.expected.key);
    byKey.set(key, [...(byKey.get(key) ?? []), i]);
  });
  await eachAtOnce([...byKey.values()], KEYS_AT_ONCE, async (indexes) => {
    for (const i of indexes) outcomes[i] = await application.outcomeOf(changes[i]!);
  });
  return outcomes;
}

class Application {
  private readonly connection: Connection;
  private readonly access: Access;
  private readonly present: PresentReader;
  private readonly writes: Writes;
  /** The server may quote values. */
  private readonly isSensitive: boolean;

  constructor(connection: Connection, access: Access) {
    this.connection = connection;
    this.access = access;
    this.present = new PresentReader(connection, access);
    this.writes = new Writes(access, connection.now);
    const { key, fields } = access.replica.mapping;
    this.isSensitive = [...key, ...fields].some((field) => field.sensitive);
  }

  async outcomeOf(change: Change): Promise<Outcome> {
    try {
      if (change.kind === 'insert') return await this.insert(change);
      return await (change.kind === 'update' ? this.update(change) : this.remove(change));
    } catch (error) {
      if (error instanceof ValueError) return { outcome: 'refused', error: error.message };
      if (isRejected(error))
        return { outcome: 'refused', error: this.isSensitive ? 'the server rejects it' : wordsOf(error) };
      throw error;
    }
  }

  private async insert({ row, image }: Insert): Promise<Outcome> {
    if (image !== undefined) return this.putBack(image);
    const { writes } = this;
    const primaryKey = writes.primaryKeyOf(row);
    const values = writes.valuesOf(row);
    if ((await this.present.read(primaryKey, true)) !== undefined) return moved;
    const version = versionTime(this.access.replica.mapping, row, this.connection.now());
    const insertion = (time: bigint) => [writes.insertion(primaryKey, values, time)];
    if (version !== undefined) return this.writeUntilSeen(primaryKey, values, version, insertion);
    await this.write(insertion(this.connection.now()));
    return written;
  }

  /** A row that was deleted: just later than the deletion, which is as old as the newest value that it removed. */
  private async putBack(image: Image): Promise<Outcome> {
    const primaryKey = keyOfImage(image);
    const cells = restoredCells(image, this.access.table);
    if ((await this.present.read(primaryKey, true)) !== undefined) return moved;
    const newestOf = newestOfImage(image);
    const time = newestOf === undefined ? this.connection.now() : newestOf + 1n;
    return this.writeWhole(primaryKey, cells, time);
  }

  private async update({ row, fields, expected, image }: Update): Promise<Outcome> {
    const token = tokenOf(expected);
    const { primaryKey } = token;
    const present = await this.present.read(primaryKey);
    const target =
      image === undefined ? this.targetOf(primaryKey, row, fields) : elsewhere(keyOfImage(image), primaryKey);
    if (present === undefined) {
      const there = target === undefined ? undefined : await this.present.read(target);
      return there !== undefined && this.isDone(there, row, fields) ? unchanged : moved;
    }
    if (!sameToken(present.token, token)) return this.isDone(present, row, fields) ? unchanged : moved;
    const values = this.valuesFor(present, row, fields, image);
    if (target !== undefined) return this.move(present, target, row, values);
    const wanted = values.filter(({ column, value }) => value !== null || !isNull(present, column));
    if (wanted.length === 0) return unchanged;
    const version = versionTime(this.access.replica.mapping, row, this.connection.now());
    const cells = [...present.cells.values()];
    const assignments = wanted.map((value): Assignment => {
      const cell = present.cells.get(value.column)!;
      return { ...value, time: timeToBeat(cell, cells, version, this.connection.now()) };
    });
    await this.write([
      ...this.writes.assignments(primaryKey, assignments),
      ...this.existenceAfter(present, primaryKey, assignments),
    ]);
    // A null may have been a deletion, with a time of its own that nobody tells.
    const unsure = assignments.filter(({ column }) => isNull(present, column));
    const hoped = new Map(unsure.map(({ column, value }) => [column, value]));
    if (unsure.length === 0 || (await this.isSeen(primaryKey, hoped))) return written;
    const later = unsure.map((assignment) => ({ ...assignment, time: latest(this.connection.now(), assignment.time) }));
    await this.write(this.writes.assignments(primaryKey, later));
    return (await this.isSeen(primaryKey, hoped)) ? written : hidden;
  }

  /** What columns are to hold, and how long: as long as what stands there, or what the image has. Throws ValueError. */
  private valuesFor(present: Present, row: Row, fields: readonly number[], image: Image): readonly Wanted[] {
    if (image !== undefined) {
      const columns = this.writes.slotsOf(fields).map(({ column }) => column);
      return restoredCells(image, this.access.table, columns);
    }
    const cells = [...present.cells.values()];
    return Array.from(this.writes.valuesOf(row, fields), ([column, value]) => ({
      column,
      value,
      timeToLive: value === null ? 0 : timeToLiveOf(present.cells.get(column), cells),
    }));
  }

  private async remove({ expected, image }: Delete): Promise<Outcome> {
    const token = tokenOf(expected);
    const present = await this.present.read(token.primaryKey);
    if (present === undefined) return unchanged;
    if (!sameToken(present.token, token) || (image !== undefined && !isOfImage(present, image))) return moved;
    return this.erase(present);
  }

  /** A deletion wins over what was written at the same time, so it needs to be no later than that. */
  private async erase({ token: { primaryKey }, cells }: Present): Promise<Outcome> {
    const time = newest(cells.values());
    await this.write([this.writes.deletion(primaryKey, time ?? this.connection.now())]);
    const left = await this.present.read(primaryKey, true);
    if (left === undefined) return written;
    // It has been written to meanwhile. But where nothing is left than that there is a row, it was inserted after its values were written.
    if (time === undefined || [...left.cells.values()].some((cell) => cell.value !== null)) return moved;
    await this.write([this.writes.deletion(primaryKey, this.connection.now())]);
    return written;
  }

  /**
   * Another primary key is another row: the record is written there whole, with the columns that the mapping doesn't name, and removed from its
   * old place once it is seen at the new one. Whoever is killed between the two leaves a copy, which is found as one.
   */
  private async move(present: Present, target: PrimaryKey, row: Row, values: readonly Wanted[]): Promise<Outcome> {
    if ((await this.present.read(target, true)) !== undefined) return moved;
    const cells = [...present.cells.values()];
    const given = new Map(values.map((value) => [value.column, value]));
    const whole = Array.from(
      present.cells,
      ([column, cell]): Wanted =>
        given.get(column) ?? { column, value: cell.value, timeToLive: timeToLiveOf(cell, cells) },
    );
    const clock = this.connection.now();
    const time = timeAfter(cells, versionTime(this.access.replica.mapping, row, clock), clock);
    const outcome = await this.writeWhole(target, whole, time);
    return outcome === written ? this.erase(present) : outcome;
  }

  /** A whole row where none is; it lives as long as its longest-lived value. */
  private writeWhole(primaryKey: PrimaryKey, values: readonly Wanted[], time: bigint): Promise<Outcome> {
    const filled = values.filter(({ value }) => value !== null);
    const life = longestLife(filled.map(({ timeToLive }) => timeToLive));
    const statements = (at: bigint) => [
      this.writes.existence(primaryKey, at, life),
      ...this.writes.assignments(
        primaryKey,
        filled.map((value) => ({ ...value, time: at })),
      ),
    ];
    const hoped = new Map(filled.map(({ column, value }) => [column, value]));
    return this.writeUntilSeen(primaryKey, hoped, time, statements);
  }

  /** Where a later deletion hides it, it is written again at the present time: whoever deleted it, the source has the row. */
  private async writeUntilSeen(
    primaryKey: PrimaryKey,
    values: Values,
    time: bigint,
    statements: (time: bigint) => readonly Statement[],
  ): Promise<Outcome> {
    for (const at of [time, latest(this.connection.now(), time)]) {
      await this.write(statements(at));
      if (await this.isSeen(primaryKey, values)) return written;
    }
    return hidden;
  }

  /** None of the values that were written is null. Another value is a newer one. */
  private async isSeen(primaryKey: PrimaryKey, values: Values): Promise<boolean> {
    const present = await this.present.read(primaryKey, true);
    if (present === undefined) return false;
    return [...values].every(([column, value]) => isEmpty(column, value) || !isNull(present, column));
  }

  /** A row whose last value goes is to stay. */
  private existenceAfter(
    present: Present,
    primaryKey: PrimaryKey,
    assignments: readonly Assignment[],
  ): readonly Statement[] {
    const values = new Map(assignments.map(({ column, value }) => [column, value]));
    const isBare = [...present.cells].every(([column, cell]) =>
      isEmpty(column, values.has(column) ? values.get(column)! : cell.value),
    );
    if (!isBare) return [];
    const time = assignments.map((assignment) => assignment.time).reduce(latest);
    return [this.writes.existence(primaryKey, time, timeToLiveOf(undefined, [...present.cells.values()]))];
  }

  /** The primary key that the record is to have, if that is another one. Throws ValueError. */
  private targetOf(primaryKey: PrimaryKey, row: Row, fields: readonly number[]): PrimaryKey | undefined {
    const { placeSlots, slots } = this.access;
    if (!placeSlots.some((slot) => fields.includes(slots[slot]!.fieldIndex!))) return undefined;
    const target = this.writes
      .primaryKeyOf(row)
      .map((part, i) => (fields.includes(slots[i]!.fieldIndex ?? -1) ? part : primaryKey[i]!));
    return elsewhere(target, primaryKey);
  }

  private isDone({ row: present }: Present, row: Row, fields: readonly number[]): boolean {
    const differing = differingFields(this.access.replica.mapping.fields, row, present);
    return present.unread === undefined && !fields.some((index) => differing.includes(index));
  }

  private write(statements: readonly Statement[]): Promise<void> {
    return write(this.connection, statements);
  }
}

function elsewhere(target: PrimaryKey, primaryKey: PrimaryKey): PrimaryKey | undefined {
  return target.every((part, i) => part.equals(primaryKey[i]!)) ? undefined : target;
}

function isNull(present: Present, column: Column): boolean {
  return present.cells.get(column)!.value === null;
}

/** A collection that is not frozen is null once it is empty. */
function isEmpty({ type }: Column, value: Buffer | null): boolean {
  return value === null || (isMultiCell(type) && type.name !== 'udt' && value.readInt32BE() === 0);
}
