// Makes changes in transactions of many rows. In each, records are locked first, then read, compared with what was read before, and only then
// written, so that nothing comes in between. A transaction that a row spoils is done again in halves, down to that row.

import { keyText } from '../../mapping/mapping.ts';
import type { Change, Outcome } from '../store.ts';
import type { Access } from './access.ts';
import { isOvertaken, isRejection, isTooLarge, rejection } from './failure.ts';
import { fetchRows } from './fetch.ts';
import { judge } from './guarded.ts';
import { nodeWrites } from './node-writes.ts';
import { asRecorded } from './recorded.ts';
import { relationshipWrites } from './relationship-writes.ts';
import { EndError, restoreNodes, restoreRelationships } from './restore.ts';
import { type Connection, read, write } from './session.ts';
import { type Insert, moved, refused, type Work, withoutWhere } from './work.ts';

export async function applyChanges(
  connection: Connection,
  access: Access,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = new Array(changes.length);
  // What is deleted makes room for what is written, where a constraint allows a value only once.
  const order = ['delete', 'update', 'insert'].flatMap((kind) =>
    [...changes.keys()].filter((i) => changes[i]!.kind === kind),
  );
  for (let from = 0; from < order.length; from += connection.maxTransactionRows) {
    const batch = order.slice(from, from + connection.maxTransactionRows);
    const made = await applyBatch(
      connection,
      access,
      batch.map((i) => changes[i]!),
    );
    for (const [position, i] of batch.entries()) outcomes[i] = made[position]!;
  }
  return outcomes;
}

async function applyBatch(
  connection: Connection,
  access: Access,
  batch: readonly Change[],
): Promise<readonly Outcome[]> {
  try {
    return await write(connection, (run) => applyAll({ connection, access, run }, batch));
  } catch (error) {
    const isEndless = error instanceof EndError;
    if (!isOvertaken(error) && !isTooLarge(error) && !isRejection(error) && !isEndless) throw error;
    if (batch.length === 1) {
      if (isOvertaken(error)) return [moved];
      if (isEndless) return [refused(error.message)];
      if (!isRejection(error)) throw error;
      if (await hasAppeared(connection, access, batch[0]!)) return [moved];
      const isSensitive = access.shape.columns.some(({ field }) => field.sensitive);
      return [refused(rejection(error, isSensitive))];
    }
    const half = Math.ceil(batch.length / 2);
    return [
      ...(await applyBatch(connection, access, batch.slice(0, half))),
      ...(await applyBatch(connection, access, batch.slice(half))),
    ];
  }
}

async function applyAll(work: Work, batch: readonly Change[]): Promise<readonly Outcome[]> {
  const outcomes = new Map<Change, Outcome>();
  const isNode = work.access.shape.record === 'n';
  const { insert, update, remove } = isNode ? nodeWrites : relationshipWrites;
  const restore = isNode ? restoreNodes : restoreRelationships;
  const guarded = batch.filter((change) => change.kind !== 'insert');
  const held = new Set<Change>();
  for (const [change, outcome] of await judge(work, guarded)) {
    if (outcome === undefined) held.add(change);
    else outcomes.set(change, outcome);
  }
  const settle = (changes: readonly Change[], made: readonly Outcome[]) => {
    for (const [i, change] of changes.entries()) outcomes.set(change, made[i]!);
  };
  const wanted = guarded.filter((change) => change.kind === 'delete').filter((change) => held.has(change));
  const deletes = await asRecorded(work, wanted);
  for (const change of wanted) if (!deletes.includes(change)) outcomes.set(change, moved);
  if (deletes.length > 0) settle(deletes, await remove(work, deletes));
  const updates = guarded.filter((change) => change.kind === 'update').filter((change) => held.has(change));
  if (updates.length > 0) settle(updates, await update(work, updates));

  const keys = new Set<string>();
  const inserts: Insert[] = [];
  const restored: Insert[] = [];
  for (const change of batch) {
    if (change.kind !== 'insert') continue;
    const text = keyText(change.row.key);
    if (keys.has(text)) outcomes.set(change, moved);
    else if (change.image === undefined) inserts.push(change);
    else restored.push(change);
    keys.add(text);
  }
  if (inserts.length > 0) settle(inserts, await insert(work, inserts));
  if (restored.length > 0) settle(restored, await restore(work, restored));
  return batch.map((change) => outcomes.get(change)!);
}

/** An insert met a constraint: the key's, because somebody was quicker, or another one's. */
async function hasAppeared(connection: Connection, access: Access, change: Change): Promise<boolean> {
  if (change.kind !== 'insert') return false;
  const run = (query: string, parameters?: Record<string, unknown>) => read(connection, query, parameters);
  return (await fetchRows(connection.neo4j, run, withoutWhere(access), [change.row.key])).length > 0;
}
