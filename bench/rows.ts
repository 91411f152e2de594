// The generated incidents as every store's native driver gets them: by index, in batches, with the change that drift
// makes. No I/O.

import type { Row } from '../fixtures/georiesgo/column.ts';
import { idOf, incidents } from '../fixtures/georiesgo/incidents.ts';
import { SEED } from './copies.ts';

const MARK = ' (cambiado)';

export function keyOf(index: number): string {
  return idOf('inc', SEED, index);
}

export function rowOf(index: number): Row {
  return incidents.row(SEED, index);
}

/** What a changed record's title is instead. */
export function otherTitle(index: number): string {
  return `${rowOf(index).title}${MARK}`;
}

/** Lists of rows, from 0 to before `end`. */
export function* rowBatches(end: number, size: number): Generator<readonly Row[]> {
  for (let start = 0; start < end; start += size)
    yield Array.from({ length: Math.min(size, end - start) }, (_, i) => rowOf(start + i));
}

export function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

export function expectRecords(count: number | null | undefined, wanted: number, what: string): void {
  if (count !== wanted) throw new Error(`${what} met ${count ?? 'no'} records instead of ${wanted}`);
}
