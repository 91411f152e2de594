// The one way in which records of a replica are written: the journal first, then the store, then what became of it.

import type { ReadyReplica } from '../plan/plan.ts';
import type { Captured, Change, Outcome } from '../stores/store.ts';
import type { Recorder } from './transaction-journal.ts';

/** `journal` is undefined only where nobody reads what is written: a place that is being built. One outcome a change, in their order. Throws the store's StoreError; what was recorded until then stays recorded. */
export async function journalled(
  journal: Recorder | undefined,
  ready: ReadyReplica,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const { store, replica } = ready;
  const { applyChanges } = store.limits;
  const outcomes: Outcome[] = [];
  for (let from = 0; from < changes.length; from += applyChanges) {
    const some = changes.slice(from, from + applyChanges);
    const captured = journal === undefined ? [] : await capture(ready, some);
    const settle = await journal?.intend(ready, some, captured);
    const made = await store.apply(
      replica,
      some.map((change, i) => withImage(change, captured[i])),
    );
    await settle?.(made);
    outcomes.push(...made);
  }
  return outcomes;
}

/** By change: the record that stands there now. One that is gone by now will make its change `moved`. */
export async function capture(
  { store, replica }: ReadyReplica,
  changes: readonly Change[],
): Promise<readonly (Captured | undefined)[]> {
  const guarded = changes.filter((change) => change.kind !== 'insert');
  if (store.restoring === undefined || guarded.length === 0) return [];
  const captured = (await store.restoring.capture(replica, guarded)).values();
  return changes.map((change) => (change.kind === 'insert' ? undefined : captured.next().value));
}

/** What goes is to be what was recorded. */
function withImage(change: Change, captured: Captured | undefined): Change {
  return change.kind === 'delete' && captured?.image !== undefined ? { ...change, image: captured.image } : change;
}
