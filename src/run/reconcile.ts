// reconcile: check, then repair what drifted, then read it back. Without `apply` it only says what it would do.

import type { Config } from '../config/config.ts';
import type { Report } from '../report/report.ts';
import { findDrift } from './find-drift.ts';
import { lockReplicas } from './locks.ts';
import type { RepairOptions, RunOptions } from './options.ts';
import { policyOf, repairDrift, replicaNames } from './repair-drift.ts';
import { runCommand } from './run.ts';

/** As `check`, and repairs. Throws LockedError when another run repairs one of the replicas. */
export function reconcile(config: Config, options: RunOptions & RepairOptions = {}): Promise<Report> {
  return runCommand('reconcile', config, options, async (context) => {
    const names = options.apply ? replicaNames(config, options.only ?? []) : [];
    const release = await lockReplicas(context.connections.source, names);
    try {
      const drift = await findDrift(config, context, options);
      return await repairDrift(config, context, drift, options, policyOf(config, options));
    } finally {
      await release();
    }
  });
}
