// Writes that a collection took while the source was down: documents such as `{ data, source: 'temp', postgres_pending: true, timestamp }`.

import type { Document, Filter } from 'mongodb';
import { z } from 'zod';
import { ValueError } from '../../value/canonical.ts';
import { writeJson } from '../../value/json.ts';
import type { ContingencyPlace, WaitingWrite } from '../store.ts';
import { readBatches } from './batches.ts';
import { int32At, OBJECT } from './bson.ts';
import type { Connection, Driver } from './session.ts';
import { treeAt } from './tree.ts';

export const contingencyOptions = z.strictObject({
  waiting: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Filter of the documents that still wait. Default { source: 'temp', postgres_pending: true }."),
  mark: z.string().min(1).optional().describe('The field that `after: mark` sets to false. Default postgres_pending.'),
  after: z
    .enum(['mark', 'archive', 'delete'])
    .optional()
    .describe(
      'What becomes of a settled write: marked where it stands, moved into the collection `TARGET_drained` or deleted. Default mark.',
    ),
});
type Options = z.infer<typeof contingencyOptions>;

const PAGE = 1000;

export async function* waitingWrites(
  connection: Connection,
  place: ContingencyPlace,
  signal?: AbortSignal,
): AsyncGenerator<readonly WaitingWrite[]> {
  const { driver, db, failures } = connection;
  const known = await db.listCollections({ name: place.target }, { nameOnly: true }).toArray();
  if (known.length === 0) {
    const hint = 'Check the name under contingency.stores; an empty collection of that name says that nothing waits.';
    throw failures.lasting(`read ${place.target}`, 'there is no such collection', hint);
  }
  const query = { collection: place.target, filter: filterOf(place), batchSize: PAGE, newest: true };
  for await (const { bytes, starts } of readBatches(connection, query, signal)) {
    yield starts.map((start) => writeAt(driver, bytes, start));
  }
}

export async function settleWrites(
  { driver, db }: Connection,
  { target, options }: ContingencyPlace,
  ids: readonly string[],
  run: string,
): Promise<void> {
  if (ids.length === 0) return;
  const { after = 'mark', mark = 'postgres_pending' } = (options ?? {}) as Options;
  const collection = db.collection(target);
  const these: Filter<Document> = { _id: { $in: ids.map((id) => idOf(driver, id)) } };
  if (after === 'mark') {
    await collection.updateMany(these, { $set: { [mark]: false, synced_at: new Date(), drained_by: run } });
    return;
  }
  if (after === 'archive') {
    const documents = await collection.find(these, { promoteValues: false, readPreference: 'primary' }).toArray();
    const copies = documents.map((document) => ({
      replaceOne: {
        filter: { _id: document._id },
        replacement: { ...document, [mark]: false, synced_at: new Date(), drained_by: run },
        upsert: true,
      },
    }));
    if (copies.length > 0) await db.collection(`${target}_drained`).bulkWrite(copies, { ordered: false });
  }
  await collection.deleteMany(these);
}

function filterOf({ options }: ContingencyPlace): Document {
  return ((options ?? {}) as Options).waiting ?? { source: 'temp', postgres_pending: true };
}

function writeAt({ BSON }: Driver, bytes: Buffer, start: number): WaitingWrite {
  const document = bytes.subarray(start, start + int32At(bytes, start));
  const decoded = BSON.deserialize(document, { promoteValues: false });
  const id = BSON.EJSON.stringify({ _id: decoded._id }, { relaxed: false });
  try {
    // As bytes, for hex is what a column of bytes reads.
    return { id, content: writeJson(treeAt(OBJECT, bytes, start, 'bytes')) };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { id, content: BSON.EJSON.stringify(decoded, { relaxed: false }), unread: error.message };
  }
}

function idOf({ BSON }: Driver, id: string): never {
  return BSON.EJSON.parse(id, { relaxed: false })._id as never;
}
