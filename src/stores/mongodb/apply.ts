// Makes changes, each under its condition. Few are sent one by one; many go in bulk writes, which only tell how many records
// matched: where some did not, what stands there afterwards tells which.

import type { AnyBulkWriteOperation, BulkWriteResult, Document, MongoBulkWriteError } from 'mongodb';
import { wordsOf } from '../../errors.ts';
import { type Field, keyText, type Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { differingFields } from '../../value/same-value.ts';
import type { Change, FetchedRow, Guarded, Image, Outcome } from '../store.ts';
import type { Access } from './access.ts';
import { fetchRows, findDocuments } from './fetch.ts';
import { Guards, makeToken, type Token, tokenOf, valueAt } from './guarded.ts';
import { documentOf } from './images.ts';
import type { Connection } from './session.ts';
import { both } from './where.ts';

export const MOST_CHANGES = 1000;
const CHANGES_A_BULK = 250;
/** Up to here each change is a command of its own, whose outcome is beyond doubt. */
const ONE_BY_ONE = 30;

const DUPLICATE_KEY = 11000;
const written: Outcome = { outcome: 'written' };
const unchanged: Outcome = { outcome: 'unchanged' };
const moved: Outcome = { outcome: 'moved' };

type Insert = Extract<Change, { kind: 'insert' }>;

const LARGE_BYTES = 2 ** 18;
const MOST_BYTES = 2 ** 24;

interface Asked {
  /** Index of the change. */
  readonly change: number;
  readonly operation: AnyBulkWriteOperation;
}

/** What a bulk write came to; errors and upserts are by operation. */
interface Result {
  readonly counted: Pick<BulkWriteResult, 'matchedCount' | 'deletedCount' | 'upsertedIds'>;
  readonly errors: ReadonlyMap<number, RowError>;
}

interface RowError {
  readonly code: number;
  readonly words: string;
}

export async function applyChanges(
  connection: Connection,
  access: Access,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  return new Application(connection, access, changes).apply();
}

class Application {
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
    const taken = await this.lookForTaken();
    for (const [i, change] of this.changes.entries()) {
      try {
        this.outcomes[i] =
          change.kind === 'insert'
            ? this.ask(i, this.insertion(change, taken))
            : this.ask(i, this.guardedWrite(change));
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        this.outcomes[i] = { outcome: 'refused', error: error.message };
      }
    }
    // One kind at a time: of an unordered mixture the driver gives upserts the wrong index.
    await this.insert(this.asked.insert);
    for (const asked of [this.asked.update, this.asked.delete]) {
      const size = asked.length <= ONE_BY_ONE ? 1 : CHANGES_A_BULK;
      const groups = Array.from({ length: Math.ceil(asked.length / size) }, (_, i) =>
        asked.slice(i * size, (i + 1) * size),
      );
      await all(groups.map((group) => this.guarded(group)));
    }
    return this.outcomes as readonly Outcome[];
  }

  private ask(change: number, operation: AnyBulkWriteOperation | Outcome): Outcome | undefined {
    if ('outcome' in operation) return operation;
    this.asked[this.changes[change]!.kind].push({ change, operation });
    return undefined;
  }

  private insertion(change: Insert, taken: ReadonlyMap<string, number>): AnyBulkWriteOperation | Outcome {
    const { access } = this;
    const { row, image } = change;
    if ((taken.get(keyText(row.key)) ?? 0) !== (change.beside ?? 0)) return moved;
    if (image !== undefined) return { insertOne: { document: documentOf(image, this.connection.driver) } };
    const fields: Document = {};
    for (const [index, field] of access.replica.mapping.fields.entries()) {
      const value = row.values[index]!;
      if (value !== null) fields[field.target] = this.encode(field, value);
      else if (!omitsNulls(access, field)) fields[field.target] = null;
    }
    const filter = both(access.keys.forInsert(row.key), access.where);
    return { updateOne: { filter, update: { $setOnInsert: fields }, upsert: true } };
  }

  private guardedWrite(change: Guarded): AnyBulkWriteOperation | Outcome {
    const guard = this.guards.filter(change.expected);
    if (guard === undefined) throw new ValueError('an array stands on the path of a mapped field');
    const filter = both(guard, this.access.where);
    if (change.kind === 'delete') return { deleteOne: { filter } };
    if (change.image !== undefined) return this.updateOf(change, filter, this.oldValues(change, change.image));
    const set = this.wantedValues(change.row, change.fields, change.expected);
    return Object.keys(set).length === 0 ? unchanged : this.updateOf(change, filter, { $set: set });
  }

  /** What stands there and what is to stand there travel in one operation, which may be as large as a document. The driver would fail the whole batch. */
  private updateOf({ expected }: Guarded, filter: Document, update: Document): AnyBulkWriteOperation {
    const { BSON } = this.connection.driver;
    const isLarge = tokenOf(expected).bytes.length > LARGE_BYTES;
    if (isLarge && BSON.calculateObjectSize({ q: filter, u: update }) > MOST_BYTES) {
      throw new ValueError('its old and its new values together exceed the 16 MiB of one operation of MongoDB');
    }
    return { updateOne: { filter, update } };
  }

  /** With the types that they had; what was away is taken away. */
  private oldValues({ fields }: Extract<Change, { kind: 'update' }>, image: Image): Document {
    const document = documentOf(image, this.connection.driver);
    const targets = fields.map((index) => this.access.replica.mapping.fields[index]!.target);
    const values = targets.map((target) => [target, valueAt(document, target)] as const);
    const set = values.filter(([, value]) => value !== undefined);
    const unset = values.filter(([, value]) => value === undefined).map(([target]) => [target, ''] as const);
    return {
      ...(set.length > 0 && { $set: Object.fromEntries(set) }),
      ...(unset.length > 0 && { $unset: Object.fromEntries(unset) }),
    };
  }

  /** A field that is to be null stays away where it is away. */
  private wantedValues(row: Row, fields: readonly number[], expected: FetchedRow): Document {
    const set: Document = {};
    for (const index of fields) {
      const field = this.access.replica.mapping.fields[index]!;
      const value = row.values[index]!;
      if (value !== null) set[field.target] = this.encode(field, value);
      else if (expected.values[index] !== null) set[field.target] = null;
    }
    return set;
  }

  private encode(field: Field, value: string): unknown {
    try {
      return this.access.encoder.encode(field, value, this.access.habits.byTarget.get(field.target));
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new ValueError(`${field.target}: ${field.sensitive ? 'MongoDB does not hold the value' : error.message}`);
    }
  }

  private async insert(asked: readonly Asked[]): Promise<void> {
    if (asked.length === 0) return;
    const { counted, errors } = await this.bulkWrite(asked);
    // An insert may meet another unique index than the key's: that is a refusal, not a record that has appeared.
    const duplicates = [...errors.keys()].filter((i) => errors.get(i)!.code === DUPLICATE_KEY);
    const there = await this.keysPresent(duplicates.map((i) => this.rowOf(asked[i]!)));
    for (const [i, one] of asked.entries()) {
      const error = errors.get(i);
      if (error !== undefined && !(error.code === DUPLICATE_KEY && there.has(keyText(this.rowOf(one).key)))) {
        this.outcomes[one.change] = this.refusal(error);
      } else if (error === undefined && 'insertOne' in one.operation) this.outcomes[one.change] = written;
      else this.outcomes[one.change] = i in counted.upsertedIds ? written : moved;
    }
  }

  private rowOf({ change }: Asked): Row {
    return (this.changes[change] as { row: Row }).row;
  }

  private async guarded(asked: readonly Asked[]): Promise<void> {
    const { counted, errors } = await this.bulkWrite(asked);
    for (const [i, error] of errors) this.outcomes[asked[i]!.change] = this.refusal(error);
    const rest = asked.flatMap(({ change }, i) => (errors.has(i) ? [] : [change]));
    const effects = counted.matchedCount + counted.deletedCount;
    if (effects === rest.length) {
      for (const i of rest) this.outcomes[i] = written;
      return;
    }
    const now = await this.lookAgain(rest);
    // Were some done by us and some, a moment earlier, by another, nobody can tell them apart: then all count as written, so that
    // none of ours is missing from the record of what was done.
    const done = effects === 0 ? unchanged : written;
    for (const i of rest) this.outcomes[i] = this.isDone(i, now.get(i)) ? done : moved;
  }

  /** The server quotes values (`dup key: { email: … }`), so of a record with sensitive ones only the kind of error is told. */
  private refusal({ code, words }: RowError): Outcome {
    const { key, fields } = this.access.replica.mapping;
    const isSensitive = [...key, ...fields].some((field) => field.sensitive);
    return { outcome: 'refused', error: isSensitive ? `the server rejects it: error ${code}` : words };
  }

  private isDone(i: number, present: Token | undefined): boolean {
    const change = this.changes[i] as Guarded;
    if (change.kind === 'delete' || present === undefined) return change.kind === 'delete' && present === undefined;
    const row = this.access.decoder.row(present.bytes, 0);
    return (
      row.unread === undefined && differingFields(this.access.replica.mapping.fields, change.row, row).length === 0
    );
  }

  private async bulkWrite(asked: readonly Asked[]): Promise<Result> {
    const collection = this.connection.db.collection(this.access.replica.target);
    try {
      const operations = asked.map(({ operation }) => operation);
      return { counted: await collection.bulkWrite(operations, { ordered: false }), errors: new Map() };
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
      return { counted: failed.result, errors: new Map(errors) };
    }
  }

  /** How often each key stands there, outside of `where` as well: there, too, the key is taken. */
  private async keysPresent(rows: readonly Row[]): Promise<ReadonlyMap<string, number>> {
    const keys = rows.map((row) => row.key);
    const counts = new Map<string, number>();
    for (const row of await fetchRows(this.connection, { ...this.access, where: {} }, keys, true)) {
      counts.set(keyText(row.key), (counts.get(keyText(row.key)) ?? 0) + 1);
    }
    return counts;
  }

  /** The records of these updates and deletes as the primary has them now; by index of the change. */
  private async lookAgain(changes: readonly number[]): Promise<ReadonlyMap<number, Token>> {
    const { access, guards } = this;
    const tokens = changes.map((i) => tokenOf((this.changes[i] as Guarded).expected));
    const byId = new Map<string, number[]>();
    for (const [i, token] of tokens.entries()) {
      const id = guards.idText(token);
      byId.set(id, [...(byId.get(id) ?? []), changes[i]!]);
    }
    const filter = both({ _id: { $in: tokens.map((token) => guards.idOf(token)) } }, access.where);
    const present = new Map<number, Token>();
    for (const { bytes, starts } of await findDocuments(this.connection, access, filter, tokens.length, true)) {
      for (const start of starts) {
        const token = makeToken(bytes, start);
        for (const i of byId.get(guards.idText(token)) ?? []) present.set(i, token);
      }
    }
    return present;
  }

  /** Keys to insert that stand there already, in another spelling, which no unique index sees, or where a whole document is to be put back. */
  private async lookForTaken(): Promise<ReadonlyMap<string, number>> {
    const { isMixed } = this.access.keys;
    const rows = this.changes.flatMap((change) =>
      change.kind === 'insert' && (isMixed || change.image !== undefined) ? [change.row] : [],
    );
    return rows.length === 0 ? new Map() : this.keysPresent(rows);
  }
}

/** Unlike Promise.all, it leaves nothing running when it throws. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** The collection leaves null fields away: it has documents without the field, and none with a null in it. */
function omitsNulls(access: Access, field: Field): boolean {
  const habit = access.habits.byTarget.get(field.target);
  return habit !== undefined && habit.absent > 0 && habit.nulls === 0;
}
