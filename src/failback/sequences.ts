// Moves sequences and identities past every number that either server gave out or a merged row has. Never back: a number is given once.

import { type Asking, quoteIdentifier } from '../postgres/session.ts';
import type { Catalog, Sequence, Table } from './catalog.ts';

export interface SequenceMove {
  readonly name: string;
  /** The last number that it had given; null: none. */
  readonly from: string | null;
  /** From now on it gives what comes after this one. */
  readonly to: string;
}

/** Sequences whose numbers stand in these tables; without tables: those whose numbers stand in none. */
export function sequencesOf(catalog: Catalog, tables: readonly Table[] | undefined): readonly Sequence[] {
  return [...catalog.sequences.values()].filter(({ columns }) =>
    tables === undefined
      ? columns.length === 0
      : columns.some(({ table }) => tables.some(({ name }) => name === table)),
  );
}

/** What would be moved. One that starts again when it is at its end is left: no number is past another there. */
export async function planMoves(
  asking: Asking,
  sequences: readonly Sequence[],
  other: Catalog,
  tables: ReadonlyMap<string, Table>,
): Promise<readonly SequenceMove[]> {
  const moves: SequenceMove[] = [];
  for (const sequence of sequences) {
    if (sequence.cycle) continue;
    const isUp = sequence.increment > 0n;
    const numbers = [other.sequences.get(sequence.name)?.last ?? null];
    for (const { table, column } of sequence.columns) {
      const known = tables.get(table);
      if (known === undefined || !isWhole(known, column)) continue;
      const [row] = await asking.query(
        'look for the last number',
        `select ${isUp ? 'max' : 'min'}(${quoteIdentifier(column)})::text as last from ${known.sql}`,
      );
      numbers.push(row!.last == null ? null : BigInt(row!.last));
    }
    const reached = numbers.filter(
      (number) => number !== null && number >= sequence.min && number <= sequence.max,
    ) as bigint[];
    if (reached.length === 0) continue;
    const to = reached.reduce((far, number) => (number > far === isUp ? number : far));
    if (sequence.last !== null && (isUp ? to <= sequence.last : to >= sequence.last)) continue;
    moves.push({ name: sequence.name, from: sequence.last === null ? null : String(sequence.last), to: String(to) });
  }
  return moves;
}

/** Not undone by a rollback, which does no harm: some numbers are never given. */
export async function move(asking: Asking, catalog: Catalog, moves: readonly SequenceMove[]): Promise<void> {
  for (const { name, to } of moves)
    await asking.query('move a sequence', 'select setval($1::regclass, $2::bigint, true)', [
      catalog.sequences.get(name)!.sql,
      to,
    ]);
}

function isWhole(table: Table, column: string): boolean {
  return /^(smallint|integer|bigint)$/.test(table.columns.find(({ name }) => name === column)?.type ?? '');
}
