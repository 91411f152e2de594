// What the tests of images share: images as they come out of a journal, and the changes that put them back.

import { expect } from 'vitest';
import type { Captured, Change, FetchedRow, Guarded, Image, Replica, Store } from '../../src/stores/store.ts';

export const deletion = (expected: FetchedRow): Guarded => ({ kind: 'delete', expected });

export async function capture(
  store: Store,
  replica: Replica,
  ...changes: readonly Guarded[]
): Promise<readonly (Captured | undefined)[]> {
  const captured = await store.restoring!.capture(replica, changes);
  return captured.map((one) => one && JSON.parse(JSON.stringify(one)));
}

/** Captures and deletes records as a repair does. Returns what puts them back, in their order. */
export async function removeRows(store: Store, replica: Replica, rows: readonly FetchedRow[]): Promise<Change[]> {
  const captured = await capture(store, replica, ...rows.map(deletion));
  expect(captured.map((one) => one?.lacks)).toEqual(rows.map(() => undefined));
  const changes = rows.map((row, i): Change => ({ ...deletion(row), image: captured[i]!.image }));
  expect(await outcomesOf(store, replica, changes)).toEqual(rows.map(() => 'written'));
  return rows.map((row, i) => back(row, captured[i]!.image));
}

export function back({ key, values, place }: FetchedRow, image: Image): Change {
  return { kind: 'insert', row: { key, values, place }, image };
}

/** `refused` with why. */
export async function outcomesOf(store: Store, replica: Replica, changes: readonly Change[]): Promise<string[]> {
  const outcomes = await store.apply(replica, changes);
  return outcomes.map((one) => (one.outcome === 'refused' ? `refused: ${one.error}` : one.outcome));
}
