// What a report has to say of copies whose drift is known. A check that says anything else is a WrongAnswer: how fast
// it was does not matter then.

import type { FindingClass, ReplicaReport, Report } from '../src/index.ts';
import { type Copy, recordsIn, sizeOf } from './copies.ts';

export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

/** Of `replicas` replicas, each with the copy's drift. */
export function expectFindings(report: Report, copy: Copy, replicas: number): void {
  const wrong = report.replicas.flatMap((replica) => wrongIn(replica, copy));
  if (report.replicas.length !== replicas) wrong.push(`${report.replicas.length} replicas instead of ${replicas}`);
  const drifted = sizeOf(copy.drift) > 0;
  if (report.command === 'check' && report.exitCode !== (drifted ? 1 : 0)) wrong.push(`exit code ${report.exitCode}`);
  if (wrong.length > 0) throw new WrongAnswer(`${report.command}: ${wrong.join(', ')}${problemsOf(report)}`);
}

function wrongIn(replica: ReplicaReport, copy: Copy): string[] {
  const { changed, missing, orphans } = copy.drift;
  const planted: Readonly<Record<FindingClass, number>> = {
    missing: missing.length,
    mismatched: changed.length,
    orphan: orphans.length,
    stale: 0,
    ahead: 0,
    duplicate: 0,
    unread: 0,
  };
  const wanted: Readonly<Record<string, number>> = {
    ...planted,
    inFlight: 0,
    sourceRows: copy.rows,
    replicaRows: recordsIn(copy),
  };
  const { counts, inFlight, sourceRows, replicaRows } = replica;
  const said: Readonly<Record<string, number | null>> = {
    ...counts,
    inFlight: inFlight.count,
    sourceRows,
    replicaRows,
  };
  return Object.entries(wanted).flatMap(([name, count]) =>
    said[name] === count ? [] : [`${replica.name}: ${name} ${said[name]} instead of ${count}`],
  );
}

export function problemsOf(report: Report): string {
  const all = [...report.problems, ...report.replicas.flatMap(({ error }) => (error === undefined ? [] : [error]))];
  return all.map(({ where, message }) => `; ${where}: ${message}`).join('');
}
