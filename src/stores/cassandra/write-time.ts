// The time that a write carries. Cassandra keeps of each value the one with the latest time, so the time is the condition: just late enough
// to beat what was read, and too early to beat whatever was written since. Microseconds since 1970. Pure.

import type { Mapping, Row } from '../../mapping/mapping.ts';
import { microsOf } from '../../value/canonical.ts';
import type { Cell } from './present.ts';

/**
 * The cluster's time, from what one of its nodes said it was (milliseconds) when it was `asked` (by performance.now), and what has passed since:
 * never slow, fast by what the answer took at most. Not this machine's: were that fast, what applications write later would lose to us.
 */
export function clockFrom(said: number, asked: number): () => bigint {
  return () => BigInt(Math.ceil(said + performance.now() - asked)) * 1000n;
}

/** When the source's row was changed, if it says so; never later than the present, which would make later writes of others come too early. */
export function versionTime({ fields, version }: Mapping, row: Row, present: bigint): bigint | undefined {
  const value = version === undefined ? null : row.values[version]!;
  if (value === null || fields[version!]!.type.kind !== 'timestamp') return undefined;
  const micros = microsOf(value);
  if (typeof micros !== 'bigint' || micros <= 0n) return undefined;
  return micros > present ? present : micros;
}

/** When the newest of these values was written; undefined where there is none, or one whose time nobody tells. */
export function newest(cells: Iterable<Cell>): bigint | undefined {
  let time: bigint | undefined;
  for (const { value, writeTime } of cells) {
    if (value === null) continue;
    if (writeTime === undefined) return undefined;
    time = time === undefined ? writeTime : latest(time, writeTime);
  }
  return time;
}

/** Beats the cell as it was read. Of a null nobody tells when it was written: then later than its neighbours, which may not be enough. */
export function timeToBeat(
  cell: Cell,
  neighbours: readonly Cell[],
  version: bigint | undefined,
  present: bigint,
): bigint {
  return timeAfter(cell.value === null ? neighbours : [cell], version, present);
}

/** Later than all of these values, and no earlier than the source's change. */
export function timeAfter(cells: readonly Cell[], version: bigint | undefined, present: bigint): bigint {
  const written = newest(cells);
  const after = written === undefined ? present : written + 1n;
  return version === undefined ? after : latest(version, after);
}

export function latest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
