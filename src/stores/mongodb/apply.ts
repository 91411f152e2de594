// Makes changes, each under its condition, many in one command. A bulk write only tells how many records matched, not which: so the
// records are looked at just before (who already differs is not asked for), and again if fewer matched than were asked for.

import type { AnyBulkWriteOperation, BulkWriteResult, Document, MongoBulkWriteError } from 'mongodb';
import { wordsOf } from '../../errors.ts';
import { type Field, keyText, type Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { differingFields } from '../../value/same-value.ts';
import type { Change, FetchedRow, Outcome } from '../store.ts';
import { type Access, both } from './access.ts';
import { readBatches } from './batches.ts';
import { fetchRows } from './fetch.ts';
import { Guards, makeToken, type Token, tokenOf } from './guarded.ts';
import type { Connection } from './session.ts';

export const MOST_CHANGES = 1000;

const DUPLICATE_KEY = 11000;
const written: Outcome = { outcome: 'written' };
const unchanged: Outcome = { outcome: 'unchanged' };
const moved: Outcome = { outcome: 'moved' };

type Guarded = Exclude<Change, { kind: 'insert' }>;

export async function applyChanges(
  connection: Connection,
  access: Access,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let from = 0; from < changes.length; from += MOST_CHANGES) {
    const group = new Group(connection, access, changes.slice(from, from + MOST_CHANGES));
    outcomes.push(...(await group.apply()));
  }
  return outcomes;
}

class Group {
  private readonly connection: Connection;
  private readonly access: Access;
  private readonly changes: readonly Change[];
  private readonly outcomes: (Outcome | undefined)[];
  private readonly guards: Guards;
  private readonly asked: Readonly<Record<Change['kind'], Asked[]>> = { insert: [], update: [], delete: [] };

  constructor(connection: Connection, access: Access, changes: readonly Change[]) {
    this.connection = connection;
    this.access = access;
    this.changes = changes;
    this.outcomes = changes.map(() => undefined);
    this.guards = new Guards(access, connection.driver);
  }

  async apply(): Promise<readonly Outcome[]> {
    const present = await this.lookAtExpected();
    const otherwiseSpelled = await this.lookForSpellings();
    for (const [i, change] of this.changes.entries()) {
      try {
        if (change.kind === 'insert') this.askInsert(i, change.row, otherwiseSpelled);
        else this.askGuarded(i, change, present.get(i));
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        this.outcomes[i] = { outcome: 'refused', error: error.message };
      }
    }
    await this.insert(this.asked.insert);
    await this.guarded(this.asked.update);
    await this.guarded(this.asked.delete);
    return this.outcomes as readonly Outcome[];
  }

  private askInsert(i: number, row: Row, otherwiseSpelled: ReadonlySet<string>): void {
    const { access } = this;
    if (otherwiseSpelled.has(keyText(row.key))) {
      this.outcomes[i] = moved;
      return;
    }
    const fields: Document = {};
    for (const [index, field] of access.replica.mapping.fields.entries()) {
      const value = row.values[index]!;
      if (value !== null) fields[field.target] = this.encode(field, value);
      else if (!omitsNulls(access, field)) fields[field.target] = null;
    }
    this.ask(i, {
      updateOne: {
        filter: both(access.keys.forInsert(row.key), access.where),
        update: { $setOnInsert: fields },
        upsert: true,
      },
    });
  }

  private askGuarded(i: number, change: Guarded, present: Token | undefined): void {
    const { expected } = change;
    if (present === undefined) {
      this.outcomes[i] = change.kind === 'delete' ? unchanged : moved;
      return;
    }
    if (!this.guards.isAsRead(expected, present)) {
      this.outcomes[i] = change.kind === 'update' && this.isWanted(change.row, present) ? unchanged : moved;
      return;
    }
    const filter = this.guards.filter(expected);
    if (filter === undefined) throw new ValueError('an array stands on the path of a mapped field');
    if (change.kind === 'delete') {
      this.ask(i, { deleteOne: { filter: both(filter, this.access.where) } });
      return;
    }
    const set = this.wantedValues(change.row, change.fields, expected);
    if (Object.keys(set).length === 0) this.outcomes[i] = unchanged;
    else this.ask(i, { updateOne: { filter: both(filter, this.access.where), update: { $set: set } } });
  }

  /** A field that is to be null stays away where it is away. */
  private wantedValues(row: Row, fields: readonly number[], expected: FetchedRow): Document {
    const set: Document = {};
    for (const index of fields) {
      const field = this.access.replica.mapping.fields[index]!;
      const value = row.values[index]!;
      if (value !== null) set[field.target] = this.encode(field, value);
      else if (this.guards.had(expected, field.target) && expected.values[index] !== null) set[field.target] = null;
    }
    return set;
  }

  private encode(field: Field, value: string): unknown {
    try {
      return this.access.encoder.encode(field, value, this.access.habits.byTarget.get(field.target));
    } catch (error) {
      if (error instanceof ValueError) throw new ValueError(`${field.target}: ${error.message}`);
      throw error;
    }
  }

  private ask(change: number, operation: AnyBulkWriteOperation): void {
    this.asked[this.changes[change]!.kind].push({ change, operation });
  }

  private async insert(asked: readonly Asked[]): Promise<void> {
    if (asked.length === 0) return;
    const { result, errors } = await this.bulkWrite(asked);
    // An insert may meet another unique index than the key's: that is a refusal, not a record that has appeared.
    const duplicates = [...errors.keys()].filter((i) => errors.get(i)!.code === DUPLICATE_KEY);
    const there = await this.keysPresent(duplicates.map((i) => this.rowOf(asked[i]!)));
    for (const [i, one] of asked.entries()) {
      const error = errors.get(i);
      if (error !== undefined && !(error.code === DUPLICATE_KEY && there.has(keyText(this.rowOf(one).key)))) {
        this.outcomes[one.change] = { outcome: 'refused', error: error.words };
      } else this.outcomes[one.change] = result.upsertedIds[i] === undefined ? moved : written;
    }
  }

  private rowOf({ change }: Asked): Row {
    return (this.changes[change] as { row: Row }).row;
  }

  private async guarded(asked: readonly Asked[]): Promise<void> {
    if (asked.length === 0) return;
    const { result, errors } = await this.bulkWrite(asked);
    for (const [i, { words }] of errors) this.outcomes[asked[i]!.change] = { outcome: 'refused', error: words };
    const rest = asked.flatMap(({ change }, i) => (errors.has(i) ? [] : [change]));
    // If not all took effect, what stands there now tells which did.
    const now = result.matchedCount + result.deletedCount === rest.length ? undefined : await this.lookAtExpected();
    for (const i of rest) this.outcomes[i] = now === undefined || this.isDone(i, now.get(i)) ? written : moved;
  }

  private isDone(i: number, present: Token | undefined): boolean {
    const change = this.changes[i] as Guarded;
    if (change.kind === 'delete') return present === undefined;
    return present !== undefined && this.isWanted(change.row, present);
  }

  /** All operations are of one kind: the driver miscounts the upserts of an unordered mixture. Errors are by operation. */
  private async bulkWrite(asked: readonly Asked[]): Promise<{ result: BulkWriteResult; errors: RowErrors }> {
    const collection = this.connection.db.collection(this.access.replica.target);
    try {
      const operations = asked.map(({ operation }) => operation);
      return { result: await collection.bulkWrite(operations, { ordered: false }), errors: new Map() };
    } catch (error) {
      if ((error as Error).name !== 'MongoBulkWriteError') throw error;
      const failed = error as MongoBulkWriteError;
      const writeErrors = [failed.writeErrors].flat();
      // Without a row's error it was the command that failed: a connection, a permission, a write concern.
      if (failed.result.getWriteConcernError() !== undefined || writeErrors.length === 0) {
        throw failed.errorResponse instanceof Error ? failed.errorResponse : failed;
      }
      const errors = writeErrors.map(
        ({ index, code, errmsg }) => [index, { code, words: errmsg ?? wordsOf(failed) }] as const,
      );
      return { result: failed.result, errors: new Map(errors) };
    }
  }

  private async keysPresent(rows: readonly Row[]): Promise<ReadonlySet<string>> {
    if (rows.length === 0) return new Set();
    // Outside of `where` as well: the key is taken all the same.
    const everywhere = { ...this.access, where: {} };
    const found = await fetchRows(
      this.connection,
      everywhere,
      rows.map((row) => row.key),
      true,
    );
    return new Set(found.map((row) => keyText(row.key)));
  }

  private isWanted(row: Row, token: Token): boolean {
    const present = this.access.decoder.row(token.bytes, 0);
    return (
      present.unread === undefined && differingFields(this.access.replica.mapping.fields, row, present).length === 0
    );
  }

  /** The records that updates and deletes were meant for, as the primary has them now; by index of the change. */
  private async lookAtExpected(): Promise<ReadonlyMap<number, Token>> {
    const { access, guards } = this;
    const byId = new Map<string, number[]>();
    const ids: unknown[] = [];
    for (const [i, change] of this.changes.entries()) {
      if (change.kind === 'insert') continue;
      const token = tokenOf(change.expected);
      const text = guards.idText(token);
      const sharing = byId.get(text);
      if (sharing !== undefined) sharing.push(i);
      else {
        byId.set(text, [i]);
        ids.push(guards.idOf(token));
      }
    }
    const present = new Map<number, Token>();
    if (ids.length === 0) return present;
    const query = {
      collection: access.replica.target,
      filter: both({ _id: { $in: ids } }, access.where),
      projection: access.projection,
      batchSize: ids.length + 1,
      newest: true,
    };
    for await (const { bytes, starts } of readBatches(this.connection, query)) {
      for (const start of starts) {
        const token = makeToken(bytes, start);
        for (const i of byId.get(guards.idText(token)) ?? []) present.set(i, token);
      }
    }
    return present;
  }

  /** Keys to insert that already stand there in another spelling, which no unique index sees. */
  private async lookForSpellings(): Promise<ReadonlySet<string>> {
    if (!this.access.keys.isMixed) return new Set();
    const rows = this.changes.flatMap((change) => (change.kind === 'insert' ? [change.row] : []));
    return this.keysPresent(rows);
  }
}

interface Asked {
  /** Index of the change. */
  readonly change: number;
  readonly operation: AnyBulkWriteOperation;
}

type RowErrors = ReadonlyMap<number, { readonly code: number; readonly words: string }>;

/** The collection leaves null fields away: it has documents without the field, and none with a null in it. */
function omitsNulls(access: Access, field: Field): boolean {
  const habit = access.habits.byTarget.get(field.target);
  return habit !== undefined && habit.absent > 0 && habit.nulls === 0;
}
