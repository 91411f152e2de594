// reconcile: check, then repair what drifted, then read it back, then settle what named it. Without `apply` it only says what it would do.

import type { Config } from '../config/config.ts';
import type { Report } from '../report/report.ts';
import { narrowToBacklog } from './backlog.ts';
import { findDrift } from './find-drift.ts';
import { lockReplicas } from './locks.ts';
import type { RepairOptions, RunOptions } from './options.ts';
import { policyOf, repairDrift, replicaNames } from './repair-drift.ts';
import { runCommand } from './run.ts';
import { settleBacklog } from './settle.ts';

/** As `check`, and repairs while the health gate is open. Throws LockedError when another run repairs one of the replicas. */
export async function reconcile(config: Config, given: RunOptions & RepairOptions = {}): Promise<Report> {
  return runCommand('reconcile', config, narrowToBacklog(config, given), async (context, options) => {
    const names = options.apply ? replicaNames(config, options.only ?? []) : [];
    const lock = await lockReplicas(context.connections.source, names);
    try {
      const drift = await findDrift(config, context, options);
      const repaired = await repairDrift(config, { ...context, lock }, drift, options, policyOf(config, options));
      if (options.settle === undefined || repaired.refused !== undefined) return repaired;
      const { report, problems } = await settleBacklog(config, context, drift.plan, options);
      return {
        ...repaired,
        problems: [...repaired.problems, ...problems],
        backlog: { ...drift.backlog!, settled: report },
      };
    } finally {
      await lock.release();
    }
  });
}
