// A replica of a random table with its damages: what it holds, by the native driver, and what it has to hold when a run has done its work.

import { keyText } from '../../src/mapping/mapping.ts';
import { expectedIn, type Planted, plant, writeReplica } from '../run/planted.ts';
import { columnsIn, heldIn, type RandomPlace } from '../run/random-places.ts';
import type { RandomRow, RandomTable } from '../run/random-tables.ts';
import type { Harness } from '../stores/contract.ts';

/** What a repair may do. */
export interface Policy {
  readonly deleteOrphans: boolean;
  readonly overwriteAhead: boolean;
}

/** Values by key, each as one text; what is null or absent alike. */
export type State = ReadonlyMap<string, string>;

export interface PlantedCopy {
  readonly harness: Harness;
  readonly place: RandomPlace;
  readonly rows: readonly RandomRow[];
  /** The findings that a whole check owes, a line each. */
  readonly findings: readonly string[];
  readonly before: State;
  /** What the source has. */
  readonly truth: State;
  state(): Promise<State>;
  /** What a repair owes. */
  goal(policy: Policy): State;
}

export async function plantCopies(
  harness: Harness,
  table: RandomTable,
  count: number,
): Promise<readonly PlantedCopy[]> {
  const planted = table.rows.map((row) => plant(table, row));
  const true_ = planted.flatMap(({ row }): Planted[] =>
    row.fate === 'orphan' ? [] : [plant(table, { ...row, fate: 'kept' })],
  );
  const truth = await stateOf(await writeReplica(harness, table, true_));
  const findings = expectedIn('copies', harness, table, planted).sort();
  const copies: PlantedCopy[] = [];
  for (let i = 0; i < count; i++) {
    const place = await writeReplica(harness, table, planted);
    const before = await stateOf(place);
    copies.push({
      harness,
      place,
      rows: table.rows,
      findings,
      before,
      truth,
      state: () => stateOf(place),
      goal: (policy) => goalOf(table.rows, before, truth, policy),
    });
  }
  return copies;
}

export function keyOf(row: RandomRow): readonly string[] {
  return row.key.map((cell) => cell.canonical!);
}

/** The values with the one of this column put in; `column` counts those that the store can hold. */
export function withValue(text: string, column: number, value: string | null): string {
  const values = JSON.parse(text) as (string | null)[];
  return JSON.stringify(values.map((old, i) => (i === column ? value : old)));
}

/** Columns that every harness can set alone. */
const SETTABLE = ['text', 'integer', 'bigint', 'uuid', 'date'];

/** A value for one column of the row: that of its damaged twin. */
export function otherValue(harness: Harness, table: RandomTable, row: RandomRow) {
  const columns = columnsIn(harness, table);
  const index = columns.findIndex(({ name }) => name === table.columns[row.position]!.name);
  if (index < 0 || !SETTABLE.includes(columns[index]!.type)) return undefined;
  return { index, value: heldIn(harness, columns[index]!, row.other[row.position]!.canonical) };
}

async function stateOf(place: RandomPlace): Promise<State> {
  const records = await place.read();
  const state = new Map(
    records.map(({ key, values }) => [keyText(key), JSON.stringify(values.map((value) => value ?? null))] as const),
  );
  if (state.size !== records.length)
    throw new Error(`${records.length} records of ${state.size} keys: some stand twice`);
  return state;
}

function goalOf(rows: readonly RandomRow[], before: State, truth: State, policy: Policy): State {
  const goal = new Map<string, string>();
  for (const row of rows) {
    const isLeft = (row.fate === 'orphan' && !policy.deleteOrphans) || (row.fate === 'ahead' && !policy.overwriteAhead);
    const key = keyText(keyOf(row));
    const value = (isLeft ? before : truth).get(key);
    if (value !== undefined) goal.set(key, value);
  }
  return goal;
}
