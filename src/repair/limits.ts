// The limits that stand before the first write. Pure: they look at what was found, not at any server.

import { RefusedError } from '../errors.ts';
import type { FindingClass, ReplicaReport } from '../report/report.ts';

export interface RepairPolicy {
  readonly deleteOrphans: boolean;
  /** Remove the copies of a record that are too many. */
  readonly deleteDuplicates: boolean;
  readonly overwriteAhead: boolean;
  readonly maxRows: number;
  readonly maxPercent: number;
  /** Most records to delete in one replica; cached results do not count. */
  readonly maxDeletes: number;
  /** Percent that the source may have shrunk by since it was last compared whole. */
  readonly maxShrink: number;
  /** An empty, or a shrunk, source is right as it is. */
  readonly forceEmpty: boolean;
  readonly forceShrunk: boolean;
}

export interface PlannedRepair {
  readonly insert: number;
  readonly update: number;
  readonly delete: number;
  /** Drift that the policy leaves alone. */
  readonly left: Readonly<Partial<Record<FindingClass, number>>>;
}

export type Action = 'insert' | 'update' | 'delete';

/** What a finding of this class calls for under the policy; undefined: leave it alone. `cache`: the replica's records are cached results. */
export function actionFor(found: FindingClass, policy: RepairPolicy, cache = false): Action | undefined {
  if (cache && found === 'stale') return 'delete';
  switch (found) {
    case 'missing':
      return 'insert';
    case 'stale':
    case 'mismatched':
      return 'update';
    case 'ahead':
      return policy.overwriteAhead ? 'update' : undefined;
    case 'orphan':
      return policy.deleteOrphans ? 'delete' : undefined;
    case 'duplicate':
      return policy.deleteDuplicates ? 'delete' : undefined;
    case 'unread':
      return undefined;
  }
}

export function planRepair(replica: ReplicaReport, policy: RepairPolicy): PlannedRepair {
  const planned = { insert: 0, update: 0, delete: 0 };
  const left: Partial<Record<FindingClass, number>> = {};
  for (const [name, count] of Object.entries(replica.counts) as [FindingClass, number][]) {
    if (count === 0 || name === 'unread') continue;
    const action = actionFor(name, policy, replica.cache);
    if (action === undefined) left[name] = count;
    else planned[action] += count;
  }
  return { ...planned, left };
}

/** `before`: the source's rows when the replica was last compared whole, if it was. Throws a RefusedError that names the flag which lifts the limit. */
export function checkLimits(
  replica: ReplicaReport,
  planned: PlannedRepair,
  policy: RepairPolicy,
  before: number | undefined,
): void {
  const writes = planned.insert + planned.update + planned.delete;
  if (writes === 0) return;
  const { name } = replica;
  const sourceRows = replica.sourceRows ?? 0;
  const replicaRows = replica.replicaRows ?? 0;
  if (replica.status !== 'proven') {
    throw new RefusedError(`${name}: it was not compared to the end, so nothing is written to it`);
  }
  if (replica.coverage.orphans && sourceRows === 0 && replicaRows > 0) {
    if (!policy.forceEmpty) {
      const message = `${name}: the source looks empty while the replica holds ${count(replicaRows)} records`;
      throw new RefusedError(message, '--force-empty');
    }
  } else if (replica.coverage.orphans && before !== undefined && !policy.forceShrunk) {
    const shrunk = (100 * (before - sourceRows)) / before;
    if (shrunk > policy.maxShrink) {
      const message = `${name}: the source has ${count(sourceRows)} rows, ${shrunk.toFixed(0)} % fewer than the ${count(before)} of the last run`;
      throw new RefusedError(message, '--force-shrunk');
    }
  }
  if (planned.delete > policy.maxDeletes && !replica.cache) {
    const message = `${name}: ${count(planned.delete)} records to delete are more than the limit of ${count(policy.maxDeletes)}`;
    throw new RefusedError(message, `--max-deletes ${planned.delete}`);
  }
  if (writes > policy.maxRows) {
    const message = `${name}: ${count(writes)} writes are more than the limit of ${count(policy.maxRows)}`;
    throw new RefusedError(message, `--max-rows ${writes}`);
  }
  // Cached results can be had again at any time: after a bad night all of them may be stale.
  if (replica.cache) return;
  // For chosen keys the size of the replica is not known; there the number of rows is the only limit.
  const size = Math.max(sourceRows, replicaRows);
  const percent = (100 * writes) / Math.max(size, 1);
  if (replica.coverage.orphans && percent > policy.maxPercent) {
    const message = `${name}: ${count(writes)} writes are ${percent.toFixed(1)} % of ${count(size)} records, more than the limit of ${policy.maxPercent} %`;
    throw new RefusedError(message, `--max-percent ${Math.ceil(percent)}`);
  }
}

/** A repair that has done nothing yet, for a dry run or a refusal. */
export function nothingDone(planned: PlannedRepair) {
  const { left, ...actions } = planned;
  return {
    applied: false,
    planned: actions,
    outcomes: { written: 0, unchanged: 0, moved: 0, refused: 0 },
    left,
    errors: [],
    verified: { read: 0, equal: 0 },
  };
}

function count(number: number): string {
  return number.toLocaleString('en');
}
