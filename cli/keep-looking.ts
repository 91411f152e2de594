// What health does beyond one look: a live view, or an endpoint for metrics and probes of Kubernetes.

import type { Config } from '../src/config/config.ts';
import { InterruptedError } from '../src/errors.ts';
import type { HealthReport } from '../src/health/health-report.ts';
import { healthRounds, type RoundsOptions } from '../src/run/health-rounds.ts';
import { HealthServer, type Listening } from './health-server.ts';
import type { LiveView } from './live-health.ts';

/** Returns the last look. Throws an InterruptedError when the first was not done. */
export async function watchHealth(config: Config, options: RoundsOptions, view: LiveView): Promise<HealthReport> {
  let last: HealthReport | undefined;
  try {
    for await (const report of healthRounds(config, options)) {
      last = report;
      if (!(await view.show(report))) break;
    }
  } finally {
    view.stop();
  }
  if (last === undefined) throw new InterruptedError();
  return last;
}

/** Ends when the signal fires. `say` is told where it listens, once it does. */
export async function serveHealth(
  config: Config,
  options: RoundsOptions,
  listening: Listening,
  say: (url: string) => Promise<unknown>,
): Promise<void> {
  const server = await HealthServer.start(config, listening);
  try {
    await say(server.url);
    for await (const report of healthRounds(config, options)) server.show(report);
  } finally {
    await server.stop();
  }
}
