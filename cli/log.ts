// A run as lines of JSON, for --log: what happened, one line for each store with one flag, and one for the run. Names, counts and messages only: the
// keys and values of records stand in the run's folder, which its owner alone may read.

import { openSync } from 'node:fs';
import type { DestinationStream, Logger } from 'pino';

import { type HealthReport, worstReadings, worstWords } from '../src/health/health-report.ts';
import { noCounts, type ReplicaReport, type Report, remainingDrift } from '../src/report/report.ts';
import { EXIT, isUnproven } from '../src/report/verdict.ts';
import type { RunEvent } from '../src/run/events.ts';
import type { Failure } from './failure.ts';
import { redact } from './redaction.ts';
import { UsageError } from './usage-error.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;
/** Rows come in thousands of events. */
const ROWS_EVERY_MS = 5000;

export class RunLog {
  private logger: Logger;
  private readonly rowsAt = new Map<string, number>();
  private readonly started = performance.now();
  private run: string | undefined;
  private failure: Error | undefined;

  /** `where`: a file that is added to, or `-` for stderr. Throws a UsageError when it can't be written. */
  static async open(where: string, level: LogLevel, command: string): Promise<RunLog> {
    // Only who asks for a log waits for it to be loaded.
    const { destination, pino, stdTimeFunctions } = await import('pino');
    // Each line is written before the next thing happens: a run that is killed has said all that it had to.
    const stream = destination({ fd: where === '-' ? STDERR : openFile(where), sync: true });
    const options = {
      level,
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    return new RunLog(pino(options, stream).child({ command }), stream);
  }

  private constructor(logger: Logger, stream: DestinationStream & NodeJS.EventEmitter) {
    this.logger = logger;
    stream.on('error', (error: Error) => {
      this.failure ??= error;
    });
  }

  /** Why lines are missing, if any are. */
  get trouble(): string | undefined {
    return this.failure?.message;
  }

  readonly listener = (event: RunEvent): void => {
    switch (event.type) {
      case 'run':
        this.run = event.run;
        this.logger = this.logger.child({ run: event.run });
        this.logger.info({ event: 'start' });
        break;
      case 'stage':
        this.logger.info({ event: 'stage', stage: event.stage });
        break;
      case 'rows':
        this.rows(event.replica ?? `${event.entity} (source)`, event.rows, event.expected);
        break;
      case 'compared':
        this.logger.info({ event: 'compared', replica: event.replica });
        break;
      case 'finding':
        this.logger.debug({ event: 'finding', replica: event.finding.replica, class: event.finding.class });
        break;
      case 'retry':
        this.logger.warn({ event: 'retry', what: event.verb, attempt: event.attempt, reason: redact(event.reason) });
        break;
      case 'wait':
        this.logger.info({ event: 'wait', what: redact(event.what), seconds: rounded(event.seconds) });
        break;
      case 'items':
        this.logger.debug({ event: 'items', backlog: event.backlog, items: event.items });
        break;
      case 'repaired':
        this.logger.debug({
          event: 'repaired',
          replica: event.replica,
          records: event.records,
          expected: event.expected,
        });
        break;
      case 'gate': {
        const blocked = event.blocked.map((probe) => ({ probe: probe.name, message: worstWords(probe) }));
        this.logger.warn({ event: 'gate', blocked, waited: rounded(event.waited), left: rounded(event.left) });
        break;
      }
      case 'warning':
        this.logger.warn({ event: 'warning', where: event.where, message: redact(event.message) });
        break;
      case 'alerted': {
        const { alert, event: what, subjects, outcome, attempts, error } = event.outcome;
        // Of a run that looks again and again, each look is a run of its own.
        const own = this.run === undefined ? { run: event.run } : {};
        const line = {
          ...own,
          event: 'alert',
          alert,
          what,
          subjects,
          ok: outcome === 'sent',
          outcome,
          attempts,
          error,
        };
        this.logger[line.ok ? 'info' : 'error'](line);
        break;
      }
    }
  };

  /** One line a store, and one for each thing that went wrong outside. */
  report({ replicas, problems }: Report): void {
    for (const store of new Set(replicas.map((replica) => replica.store))) {
      const line = storeLine(
        store,
        replicas.filter((replica) => replica.store === store),
      );
      this.logger[line.ok ? 'info' : 'error'](line);
    }
    for (const { where, message, hint } of problems) this.logger.error({ event: 'problem', where, message, hint });
  }

  /** One line a probe. */
  health({ probes, notes = [] }: HealthReport): void {
    for (const probe of probes) {
      const { name, kind, status, seconds } = probe;
      const ok = status === 'ok';
      const hint = worstReadings(probe).find((reading) => reading.hint !== undefined)?.hint;
      const line = { event: 'probe', probe: name, kind, ok, status, message: worstWords(probe), hint, seconds };
      this.logger[ok ? 'info' : status === 'warning' ? 'warn' : 'error'](line);
    }
    for (const message of notes) this.logger.info({ event: 'note', message });
  }

  /** The last line. */
  end(exitCode: number, rest: Readonly<Record<string, unknown>>): void {
    const level = exitCode === EXIT.inSync ? 'info' : exitCode === EXIT.drift ? 'warn' : 'error';
    const seconds = rounded((performance.now() - this.started) / 1000);
    this.logger[level]({ event: 'end', ok: exitCode === EXIT.inSync, exitCode, seconds, ...rest });
  }

  /** The last line of a command that could not do its work. */
  failed({ exitCode, name, message, hint, problems }: Failure): void {
    this.end(exitCode, { error: name, message, hint, problems });
  }

  private rows(name: string, rows: number, expected: number): void {
    const now = performance.now();
    if (now - (this.rowsAt.get(name) ?? Number.NEGATIVE_INFINITY) < ROWS_EVERY_MS) return;
    this.rowsAt.set(name, now);
    this.logger.debug({ event: 'rows', name, rows, expected });
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw new UsageError(
      `--log ${path}: ${(error as Error).message}`,
      'Name a file that can be added to, or - for stderr.',
    );
  }
}

function storeLine(store: string, replicas: readonly ReplicaReport[]) {
  const counts = noCounts();
  for (const replica of replicas)
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += replica.counts[name];
  const drift = replicas.reduce((total, replica) => total + remainingDrift(replica), 0);
  const unproven = replicas.filter(isUnproven);
  const repairs = replicas.flatMap(({ repair }) => (repair?.applied ? [repair.outcomes] : []));
  return {
    event: 'store',
    store,
    ok: drift === 0 && unproven.length === 0,
    replicas: replicas.length,
    drift,
    unproven: unproven.length,
    counts,
    inFlight: replicas.reduce((total, replica) => total + replica.inFlight.count, 0),
    written: repairs.length === 0 ? undefined : repairs.reduce((total, { written }) => total + written, 0),
    error: unproven.find((replica) => replica.error !== undefined)?.error?.message,
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
