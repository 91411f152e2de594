// Makes changes to records that have a key each: every change is one script, which looks at the key and writes it in one step.

import { ValueError } from '../../value/canonical.ts';
import type { Change, Outcome } from '../store.ts';
import { type Access, buildKey } from './access.ts';
import { tokenOf } from './format.ts';
import type { Habits } from './habits.ts';
import { type Call, runCalls } from './scripts.ts';
import type { Session } from './session.ts';

export const MOST_CHANGES = 1000;

export async function applyChanges(
  session: Session,
  access: Access,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  if (changes.length === 0) return [];
  const { habits } = await access.survey();
  return applyCalls(session, changes, (change) => callOf(access, change, habits));
}

/** One outcome a change. `callOf` gives the call, or the outcome where nothing need be asked; a ValueError of its is a refusal. */
export async function applyCalls(
  session: Session,
  changes: readonly Change[],
  callOf: (change: Change) => Call | Outcome,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const asked: { readonly change: number; readonly call: Call }[] = [];
  for (const [i, change] of changes.entries()) {
    try {
      const call = callOf(change);
      if ('outcome' in call) outcomes[i] = call;
      else asked.push({ change: i, call });
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      outcomes[i] = { outcome: 'refused', error: error.message };
    }
  }
  const answers = await runCalls(
    session,
    asked.map(({ call }) => call),
  );
  for (const [i, { change }] of asked.entries()) outcomes[change] = answers[i]!;
  return outcomes;
}

function callOf(access: Access, change: Change, habits: Habits): Call | Outcome {
  const format = access.format!;
  if (change.kind === 'insert') {
    const key = buildKey(access, change.row.key);
    if (key === undefined) throw new ValueError('no key of this replica can hold it');
    return change.image === undefined ? format.insert(key, change.row, habits) : format.restore(key, change.image);
  }
  const { key, raw } = tokenOf(change.expected);
  if (raw === undefined) throw new ValueError('what stands there is no record that could be read');
  if (change.kind === 'delete') return format.remove(key, raw, change.image);
  return format.update(key, change, raw, habits) ?? { outcome: 'unchanged' };
}
