// Makes changes, each under its condition: the record is read again just before, and left alone if it is not as it was; what is written then
// carries a time that loses to anything newer than what was read. Lightweight transactions would be atomic only towards others of their
// kind, and take no time: theirs is now, which beats a newer write that has not arrived yet.

import { wordsOf } from '../../errors.ts';
import { keyText, type Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { differingFields } from '../../value/same-value.ts';
import type { Change, Outcome } from '../store.ts';
import type { Access } from './access.ts';
import { eachAtOnce } from './bounded.ts';
import { isMultiCell } from './cql-type.ts';
import { isRejected } from './failure.ts';
import { type Present, PresentReader } from './present.ts';
import type { Column } from './schema.ts';
import { type Connection, type Statement, write } from './session.ts';
import { sameToken, tokenOf } from './token.ts';
import { latest, newest, now, timeAfter, timeToBeat, versionTime } from './write-time.ts';
import { type Assignment, type PrimaryKey, timeToLiveOf, type Values, Writes } from './writes.ts';

export const MOST_CHANGES = 500;
const KEYS_AT_ONCE = 64;

const written: Outcome = { outcome: 'written' };
const unchanged: Outcome = { outcome: 'unchanged' };
const moved: Outcome = { outcome: 'moved' };
const hidden: Outcome = {
  outcome: 'refused',
  error: 'a deletion that is dated later than this machine’s clock hides what is written',
};

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

  constructor(connection: Connection, access: Access) {
    this.connection = connection;
    this.access = access;
    this.present = new PresentReader(connection, access);
    this.writes = new Writes(access);
  }

  async outcomeOf(change: Change): Promise<Outcome> {
    try {
      if (change.kind === 'insert') return await this.insert(change);
      return await (change.kind === 'update' ? this.update(change) : this.remove(change));
    } catch (error) {
      if (error instanceof ValueError || isRejected(error)) return { outcome: 'refused', error: wordsOf(error) };
      throw error;
    }
  }

  private async insert({ row }: Insert): Promise<Outcome> {
    const { writes } = this;
    const primaryKey = writes.primaryKeyOf(row);
    const values = writes.valuesOf(row);
    if ((await this.present.read(primaryKey, true)) !== undefined) return moved;
    const version = versionTime(this.access.replica.mapping, row);
    const insertion = (time: bigint) => [writes.insertion(primaryKey, values, time)];
    if (version !== undefined) return this.writeUntilSeen(primaryKey, values, version, insertion);
    await this.write(insertion(now()));
    return written;
  }

  private async update({ row, fields, expected }: Update): Promise<Outcome> {
    const token = tokenOf(expected);
    const { primaryKey } = token;
    const present = await this.present.read(primaryKey);
    const target = this.targetOf(primaryKey, row, fields);
    if (present === undefined) {
      const there = target === undefined ? undefined : await this.present.read(target);
      return there !== undefined && this.isDone(there, row, fields) ? unchanged : moved;
    }
    if (!sameToken(present.token, token)) return this.isDone(present, row, fields) ? unchanged : moved;
    const values = this.writes.valuesOf(row, fields);
    if (target !== undefined) return this.move(present, target, row, values);
    const wanted = [...values].filter(([column, value]) => value !== null || !isNull(present, column));
    if (wanted.length === 0) return unchanged;
    const version = versionTime(this.access.replica.mapping, row);
    const cells = [...present.cells.values()];
    const assignments = wanted.map(([column, value]): Assignment => {
      const cell = present.cells.get(column)!;
      const timeToLive = value === null ? 0 : timeToLiveOf(cell, cells);
      return { column, value, time: timeToBeat(cell, cells, version), timeToLive };
    });
    await this.write([
      ...this.writes.assignments(primaryKey, assignments),
      ...this.existenceAfter(present, primaryKey, assignments),
    ]);
    // A null may have been a deletion, with a time of its own that nobody tells.
    const unsure = assignments.filter(({ column }) => isNull(present, column));
    const hoped = new Map(unsure.map(({ column, value }) => [column, value]));
    if (unsure.length === 0 || (await this.isSeen(primaryKey, hoped))) return written;
    const later = unsure.map((assignment) => ({ ...assignment, time: latest(now(), assignment.time) }));
    await this.write(this.writes.assignments(primaryKey, later));
    return (await this.isSeen(primaryKey, hoped)) ? written : hidden;
  }

  private async remove({ expected }: Delete): Promise<Outcome> {
    const token = tokenOf(expected);
    const present = await this.present.read(token.primaryKey);
    if (present === undefined) return unchanged;
    return sameToken(present.token, token) ? this.erase(present) : moved;
  }

  /** A deletion wins over what was written at the same time, so it needs to be no later than that. */
  private async erase({ token: { primaryKey }, cells }: Present): Promise<Outcome> {
    const time = newest(cells.values());
    await this.write([this.writes.deletion(primaryKey, time ?? now())]);
    const left = await this.present.read(primaryKey, true);
    if (left === undefined) return written;
    // It has been written to meanwhile. But where nothing is left than that there is a row, it was inserted after its values were written.
    if (time === undefined || [...left.cells.values()].some((cell) => cell.value !== null)) return moved;
    await this.write([this.writes.deletion(primaryKey, now())]);
    return written;
  }

  /**
   * Another primary key is another row: the record is written there whole, with the columns that the mapping doesn't name, and removed from its
   * old place once it is seen at the new one. Whoever is killed between the two leaves a copy, which is found as one.
   */
  private async move(present: Present, target: PrimaryKey, row: Row, values: Values): Promise<Outcome> {
    if ((await this.present.read(target, true)) !== undefined) return moved;
    const cells = [...present.cells.values()];
    const whole = [...present.cells].map(([column, cell]) => {
      const value = values.has(column) ? values.get(column)! : cell.value;
      return { column, value, timeToLive: timeToLiveOf(cell, cells) };
    });
    const filled = whole.filter(({ value }) => value !== null);
    const time = timeAfter(cells, versionTime(this.access.replica.mapping, row));
    const statements = (at: bigint) => [
      this.writes.existence(target, at, timeToLiveOf(undefined, cells)),
      ...this.writes.assignments(
        target,
        filled.map((assignment) => ({ ...assignment, time: at })),
      ),
    ];
    const hoped = new Map(filled.map(({ column, value }) => [column, value]));
    const outcome = await this.writeUntilSeen(target, hoped, time, statements);
    return outcome === written ? this.erase(present) : outcome;
  }

  /** Where a later deletion hides it, it is written again at the present time: whoever deleted it, the source has the row. */
  private async writeUntilSeen(
    primaryKey: PrimaryKey,
    values: Values,
    time: bigint,
    statements: (time: bigint) => readonly Statement[],
  ): Promise<Outcome> {
    for (const at of [time, latest(now(), time)]) {
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
    return target.every((part, i) => part.equals(primaryKey[i]!)) ? undefined : target;
  }

  private isDone({ row: present }: Present, row: Row, fields: readonly number[]): boolean {
    const differing = differingFields(this.access.replica.mapping.fields, row, present);
    return present.unread === undefined && !fields.some((index) => differing.includes(index));
  }

  private write(statements: readonly Statement[]): Promise<void> {
    return write(this.connection, statements);
  }
}

function isNull(present: Present, column: Column): boolean {
  return present.cells.get(column)!.value === null;
}

/** A collection that is not frozen is null once it is empty. */
function isEmpty({ type }: Column, value: Buffer | null): boolean {
  return value === null || (isMultiCell(type) && type.name !== 'udt' && value.readInt32BE() === 0);
}
