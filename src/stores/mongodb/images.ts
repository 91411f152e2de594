// Whole documents as the BSON that the server sent, in base64: every type, every field, in their order.

import type { Document } from 'mongodb';
import type { Captured, FetchedRow, Image } from '../store.ts';
import type { Access } from './access.ts';
import { readBatches } from './batches.ts';
import { exactDocument, Guards, makeToken, tokenOf } from './guarded.ts';
import type { Connection, Driver } from './session.ts';

/** In the order of `rows`; undefined for a document that is gone. As the primary has them now. */
export async function captureImages(
  connection: Connection,
  access: Access,
  rows: readonly FetchedRow[],
): Promise<readonly (Captured | undefined)[]> {
  const guards = new Guards(access, connection.driver);
  const filter = { _id: { $in: rows.map((row) => guards.idOf(tokenOf(row))) } };
  const images = new Map<string, Captured>();
  const query = { collection: access.replica.target, filter, batchSize: rows.length + 1, newest: true };
  for await (const { bytes, starts } of readBatches(connection, query)) {
    for (const start of starts) {
      const token = makeToken(bytes, start);
      images.set(guards.idText(token), { image: token.bytes.toString('base64') });
    }
  }
  return rows.map((row) => images.get(guards.idText(tokenOf(row))));
}

/** Every value as the type that it was. */
export function documentOf(image: Image, driver: Driver): Document {
  return exactDocument(Buffer.from(image as string, 'base64'), driver);
}
