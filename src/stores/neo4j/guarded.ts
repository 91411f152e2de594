// Updates and deletes hold only for a record as it was read. The record is locked and read again, and its values are compared as the driver gives
// them: Cypher's `=` can't tell 1 from 1.0, nor that NaN or an absent property is the same as before.

import { keyText, type Row } from '../../mapping/mapping.ts';
import { differingFields } from '../../value/same-value.ts';
import type { Guarded, Outcome } from '../store.ts';
import { byId, heldColumns } from './cypher.ts';
import { fetchRows, tokenOf } from './fetch.ts';
import { sameNative } from './native.ts';
import type { Natives } from './session.ts';
import { moved, unchanged, type Work } from './work.ts';

/** The outcome of each change that is not to be made; undefined where the record is as expected, and ours until the transaction ends. */
export async function judge(
  work: Work,
  changes: readonly Guarded[],
): Promise<readonly (readonly [Guarded, Outcome | undefined])[]> {
  if (changes.length === 0) return [];
  const { shape, decoder } = work.access;
  const ids = changes.map(({ expected }) => tokenOf(expected).id);
  await lock(work, shape.record, ids);
  const now = new Map<string, Natives>();
  for (const [id, ...natives] of await work.run(`${byId(shape)} RETURN id, ${heldColumns(shape).join(', ')}`, {
    ids,
  })) {
    now.set(id as string, natives);
  }
  const elsewhere = await byKeyOf(
    work,
    changes.filter((change) => change.kind === 'update' && !now.has(tokenOf(change.expected).id)),
  );
  return changes.map((change) => {
    const { id, natives } = tokenOf(change.expected);
    const present = now.get(id);
    if (present !== undefined && natives.every((native, i) => sameNative(native, present[i])))
      return [change, undefined];
    if (change.kind === 'delete') return [change, present === undefined ? unchanged : moved];
    // A relationship that was hung elsewhere is another one to Neo4j.
    const row = present === undefined ? elsewhere.get(keyText(change.expected.key)) : decoder.row((i) => present[i]);
    return [change, row !== undefined && isDone(work, change.row, row) ? unchanged : moved];
  });
}

/**
 * Takes the write lock of these nodes or relationships, always in the same order. `SET x += {}` changes nothing but takes it; to remove a property
 * that nobody has does not. Who adds or deletes a relationship waits for it when committing.
 */
export async function lock({ run }: Work, record: 'n' | 'r', ids: readonly string[]): Promise<void> {
  const entity = record === 'n' ? '(x)' : '()-[x]->()';
  const sorted = [...new Set(ids)].sort();
  await run(`UNWIND $ids AS id MATCH ${entity} WHERE elementId(x) = id SET x += {}`, { ids: sorted });
}

async function byKeyOf(work: Work, changes: readonly Guarded[]): Promise<ReadonlyMap<string, Row>> {
  if (changes.length === 0) return new Map();
  const keys = changes.map(({ expected }) => expected.key);
  const rows = await fetchRows(work.connection.neo4j, work.run, work.access, keys);
  return new Map(rows.map((row) => [keyText(row.key), row]));
}

function isDone({ access }: Work, wanted: Row, row: Row): boolean {
  const { mapping } = access.shape.replica;
  return (
    row.unread === undefined &&
    keyText(row.key) === keyText(wanted.key) &&
    differingFields(mapping.fields, wanted, row).length === 0
  );
}
