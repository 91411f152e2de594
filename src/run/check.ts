// check: compare and report. Writes nothing anywhere but its run folder.

import type { Config } from '../config/config.ts';
import type { Report } from '../report/report.ts';
import { narrowToBacklog } from './backlog.ts';
import { findDrift } from './find-drift.ts';
import type { RunOptions } from './options.ts';
import { runCommand } from './run.ts';

/**
 * Compares the chosen replicas with the source. The report says what was found and what was covered; its `exitCode` is what the command exits with.
 * Throws ConfigError when the configuration or the schema can't be used; a server's failure makes its replicas unproven instead.
 */
export async function check(config: Config, given: RunOptions = {}): Promise<Report> {
  return runCommand('check', config, narrowToBacklog(config, given), (context, options) =>
    findDrift(config, context, options),
  );
}
