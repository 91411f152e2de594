// health again and again, for a live view or an endpoint. The probes are asked in a thread of their own: when a server hangs, the thread is ended,
// and with it the sockets that drivers would keep for as long as the server is silent.

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import { ConfigError } from '../errors.ts';
import { HEALTH_SCHEMA, type HealthReport, healthExit, type ProbeReport } from '../health/health-report.ts';
import type { RoundAnswer } from '../workers/health-worker.ts';
import { chosenProbes, type HealthOptions, tellOfHealth } from './health.ts';
import { makeRunId } from './run-folder.ts';

export interface RoundsOptions extends Pick<HealthOptions, 'only' | 'gates' | 'strict' | 'alerts' | 'onEvent'> {
  /** Milliseconds from the beginning of a round to the next one's; a round that takes longer is followed at once. */
  readonly every: number;
  readonly signal: AbortSignal;
}

export interface RoundTask {
  readonly config: Config;
  readonly options: Pick<HealthOptions, 'only' | 'gates' | 'strict'>;
}

/** What a round may take beyond twice its probes’ times (they are given as much again when we are busy): closing connections. */
const GRACE_MS = 10_000;

/** A report a round, never two rounds at once, until the signal fires. Throws ConfigError as `health` does. */
export async function* healthRounds(config: Config, options: RoundsOptions): AsyncGenerator<HealthReport> {
  const { every, signal, only, gates, strict } = options;
  const task = { config, options: { only, gates, strict } };
  const patience = Math.max(...chosenProbes(config, options).map(({ timeout }) => 2 * timeout)) + GRACE_MS;
  let thread: Worker | undefined;
  let telling: Promise<unknown> | undefined;
  try {
    while (!signal.aborted) {
      const began = performance.now();
      thread ??= startThread(task);
      const answer = await askThread(thread, patience, signal);
      if (answer === undefined) return;
      const report = typeof answer === 'string' ? lostReport(task, began, answer) : reportOf(answer);
      if (typeof answer === 'string' || report.probes.some(({ timedOut }) => timedOut)) {
        await thread.terminate();
        thread = undefined;
      }
      // A receiver that takes its time must not hold up the next look; what changes meanwhile, the look after tells.
      telling ??= tellOfHealth(config, report, options).finally(() => {
        telling = undefined;
      });
      yield report;
      await sleep(Math.max(0, began + every - performance.now()), undefined, { signal }).catch(() => {});
    }
  } finally {
    await thread?.terminate();
    await telling;
  }
}

function startThread(workerData: RoundTask): Worker {
  // The tests run the sources as they are; a worker can only load what was built from them.
  const path = import.meta.url.endsWith('.ts')
    ? '../../dist/src/workers/health-worker.js'
    : '../workers/health-worker.js';
  const thread = new Worker(new URL(path, import.meta.url), { workerData });
  // Who waits for it hears of it; what it dies of later must not end this process.
  return thread.on('error', () => {});
}

/** A text says why there is no answer; undefined: the signal fired. */
function askThread(thread: Worker, patience: number, signal: AbortSignal): Promise<RoundAnswer | string | undefined> {
  return new Promise((resolve) => {
    const end = (answer?: RoundAnswer | string) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      thread.off('message', end).off('error', onError).off('exit', onExit);
      resolve(answer);
    };
    const onAbort = () => end();
    const onError = (error: Error) => end(`the thread that asks broke: ${error.message}`);
    const onExit = () => end('the thread that asks ended');
    const timer = setTimeout(() => end(`no answer in ${Math.round(patience / 1000)} s`), patience);
    signal.addEventListener('abort', onAbort, { once: true });
    thread.on('message', end).on('error', onError).on('exit', onExit);
    thread.postMessage('round');
  });
}

function reportOf(answer: RoundAnswer): HealthReport {
  if (answer.type === 'report') return answer.report;
  if (answer.type === 'config') throw new ConfigError(answer.problems, answer.file);
  throw new Error(answer.message);
}

/** Nothing was heard of any probe. */
function lostReport({ config, options }: RoundTask, began: number, message: string): HealthReport {
  const seconds = (performance.now() - began) / 1000;
  const redact = makeRedactor(configSecrets(config));
  const probes = chosenProbes(config, options).map(
    ({ name, kind, gate }): ProbeReport => ({
      name,
      kind,
      gate,
      status: 'unknown',
      seconds,
      readings: [{ status: 'unknown', message: redact(message) }],
    }),
  );
  return {
    schema: HEALTH_SCHEMA,
    run: makeRunId(new Date()),
    config: config.file,
    startedAt: new Date(Date.now() - seconds * 1000).toISOString(),
    seconds,
    probes,
    exitCode: healthExit(probes, options.strict),
  };
}
