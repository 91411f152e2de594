// The exact comparison of one key: what the source has against what the replica has. Pure; knows nothing of time.

import type { Mapping, Row } from '../mapping/mapping.ts';
import type { FindingClass } from '../report/report.ts';
import { compareVersions, differingFields } from '../value/same-value.ts';

/** A difference, or undefined when both sides agree (both absent included). */
export interface Difference {
  readonly class: FindingClass;
  /** Indexes into `mapping.fields`. */
  readonly fields?: readonly number[];
  readonly source?: Row;
  readonly replica?: Row;
  readonly copies?: number;
  readonly reason?: string;
}

export function compareRecord(
  mapping: Mapping,
  source: readonly Row[],
  replica: readonly Row[],
): Difference | undefined {
  if (source.length > 1)
    return {
      class: 'unread',
      reason: `the key stands ${source.length} times in the source: it does not identify a row`,
    };
  const [row] = source;
  const [record] = replica;
  if (mapping.cache && record === undefined) return undefined;
  const trouble =
    row?.unread === undefined ? replica.find((copy) => copy.unread !== undefined)?.unread : `source: ${row.unread}`;
  if (trouble !== undefined) return { class: 'unread', reason: trouble };
  if (row === undefined)
    return record === undefined ? undefined : { class: 'orphan', replica: record, copies: copiesOf(replica) };
  if (record === undefined) return { class: 'missing', source: row };
  if (mapping.cache) return compareAge(mapping, row, record);
  const fields = differingFields(mapping.fields, row, record);
  if (replica.length > 1) return { class: 'duplicate', source: row, replica: record, copies: replica.length };
  if (fields.length === 0) return undefined;
  return { class: classOf(mapping, row, record), fields, source: row, replica: record };
}

/** A cached result is as good as new when it was written no earlier than the source last changed, or when that never changed. */
function compareAge(mapping: Mapping, source: Row, replica: Row): Difference | undefined {
  const version = mapping.version!;
  const [changed, written] = [source.values[version]!, replica.values[version]!];
  if (changed === null) return undefined;
  if (written === null) return { class: 'unread', reason: 'it is not known when it was cached' };
  if (compareVersions(mapping.fields[version]!, written, changed) >= 0) return undefined;
  return { class: 'stale', fields: [version], source, replica };
}

function copiesOf(replica: readonly Row[]): number | undefined {
  return replica.length > 1 ? replica.length : undefined;
}

function classOf(mapping: Mapping, source: Row, replica: Row): FindingClass {
  if (mapping.version === undefined) return 'mismatched';
  const [mine, theirs] = [source.values[mapping.version]!, replica.values[mapping.version]!];
  if (mine === null || theirs === null) return 'mismatched';
  const order = compareVersions(mapping.fields[mapping.version]!, theirs, mine);
  return order < 0 ? 'stale' : order > 0 ? 'ahead' : 'mismatched';
}
