// What a repair did or would do in one replica, in words, with the reasons for what it left.

import type { FindingClass, RepairReport, ReplicaReport } from '../src/report/report.ts';
import { oneLine } from './text.ts';
import { classCount, number } from './words.ts';

/** `12 written, 1 moved; 3 orphans left; 12 of 12 read back equal`, in parts. */
export function repairParts(repair: RepairReport): string[] {
  const { planned, outcomes, verified } = repair;
  const parts = repair.applied
    ? some([
        [outcomes.written, 'written'],
        [outcomes.unchanged, 'already right'],
        [outcomes.moved, 'moved'],
        [outcomes.refused, 'refused'],
      ])
    : some([
        [planned.insert, 'to insert'],
        [planned.update, 'to update'],
        [planned.delete, 'to delete'],
      ]);
  if (parts.length === 0) parts.push('nothing to write');
  for (const [name, count] of Object.entries(repair.left) as [FindingClass, number][]) {
    if (count > 0) parts.push(`${classCount(name, count)} left alone`);
  }
  if (repair.applied && verified.read > 0) {
    parts.push(`${number(verified.equal)} of ${number(verified.read)} read back equal`);
  }
  return parts;
}

function some(counts: readonly (readonly [number, string])[]): string[] {
  return counts.filter(([count]) => count > 0).map(([count, word]) => `${number(count)} ${word}`);
}

/** One sentence for each thing above that a person would ask about. */
export function repairReasons(replicas: readonly ReplicaReport[]): string[] {
  const repairs = replicas.flatMap((replica) => replica.repair ?? []);
  const left = (name: FindingClass) => repairs.some((repair) => (repair.left[name] ?? 0) > 0);
  const reasons: string[] = [];
  for (const error of new Set(repairs.flatMap((repair) => repair.errors))) reasons.push(`refused: ${oneLine(error)}`);
  if (repairs.some((repair) => repair.outcomes.moved > 0)) {
    reasons.push('moved: changed since it was read, so left alone; the next run looks again.');
  }
  if (left('orphan')) reasons.push('orphans: deleted only with --delete-orphans.');
  if (left('ahead')) reasons.push('ahead: newer in the replica, never overwritten unasked.');
  if (left('duplicate')) reasons.push('duplicates: removed only with --delete-duplicates.');
  return reasons;
}
