// A thread that asks the probes each time it is told to. It is ended with whatever a driver keeps open there, so it must hold nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError, type Problem, wordsOf } from '../errors.ts';
import type { HealthReport } from '../health/health-report.ts';
import { health } from '../run/health.ts';
import type { RoundTask } from '../run/health-rounds.ts';

export type RoundAnswer =
  | { readonly type: 'report'; readonly report: HealthReport }
  | { readonly type: 'config'; readonly problems: readonly Problem[]; readonly file?: string }
  | { readonly type: 'bug'; readonly message: string };

const { config, options } = workerData as RoundTask;

parentPort!.on('message', async () => {
  parentPort!.postMessage(await round());
});

async function round(): Promise<RoundAnswer> {
  try {
    return { type: 'report', report: await health(config, options) };
  } catch (error) {
    if (error instanceof ConfigError) return { type: 'config', problems: error.problems, file: error.file };
    return { type: 'bug', message: error instanceof Error ? `${error.stack}` : wordsOf(error) };
  }
}
