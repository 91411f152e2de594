// The time that a write carries. Cassandra keeps of each value the one with the latest time, so the time is the condition: just late enough
// to beat what was read, and too early to beat whatever was written since. Microseconds since 1970. Pure.

import type { Mapping, Row } from '../../mapping/mapping.ts';
import { microsOf } from '../../value/canonical.ts';
import type { Cell } from './present.ts';

export function now(): bigint {
  return BigInt(Date.now()) * 1000n;
}

/** When the source's row was changed, if it says so; never later than now, which would make later writes of others come too early. */
export function versionTime({ fields, version }: Mapping, row: Row): bigint | undefined {
  const value = version === undefined ? null : row.values[version]!;
  if (value === null || fields[version!]!.type.kind !== 'timestamp') return undefined;
  const micros = microsOf(value);
  if (typeof micros !== 'bigint' || micros <= 0n) return undefined;
  const present = now();
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
export function timeToBeat(cell: Cell, neighbours: readonly Cell[], version: bigint | undefined): bigint {
  return timeAfter(cell.value === null ? neighbours : [cell], version);
}

/** Later than all of these values, and no earlier than the source's change. */
export function timeAfter(cells: readonly Cell[], version: bigint | undefined): bigint {
  const written = newest(cells);
  const after = written === undefined ? now() : written + 1n;
  return version === undefined ? after : latest(version, after);
}

export function latest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
