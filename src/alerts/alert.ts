// What an alert says, as data: docs/alerts.md promises it to receivers. It holds names, counts and messages, never a key or a field's value.

import type { AlertEvent, AlertingCommand } from '../config/config.ts';
import type { Status } from '../health/probe.ts';
import type { FindingClass } from '../report/report.ts';

export const ALERT_SCHEMA = 'plumbline.alert/1';

export interface Alert {
  readonly schema: typeof ALERT_SCHEMA;
  /** The receiver's name in the config. One run sends each receiver one alert at most, so run and name tell alerts apart. */
  readonly alert: string;
  /** The gravest of its subjects. */
  readonly event: AlertEvent;
  /** `plumbline reconcile: 2 failed, 1 recovered` */
  readonly summary: string;
  readonly run: string;
  readonly command: AlertingCommand;
  /** The config file. */
  readonly config: string;
  /** The machine that it ran on. */
  readonly host: string;
  /** ISO 8601. */
  readonly at: string;
  /** A report's verdict; of `health` the worst status. */
  readonly verdict: string;
  readonly exitCode: number;
  /** Where the run's findings are, on `host`; null where none are kept. */
  readonly folder: string | null;
  readonly subjects: readonly AlertSubject[];
}

export interface AlertSubject {
  readonly kind: TopicKind;
  /** A replica, a probe, or the command itself where something went wrong outside a replica: `reconcile --apply`. */
  readonly name: string;
  readonly event: AlertEvent;
  readonly status: Status;
  /** ISO 8601: the run that first found it so. */
  readonly since: string;
  readonly message: string;
  /** What to do next. */
  readonly hint?: string;
  /** Of a replica: what was found, by class. */
  readonly counts?: Readonly<Record<FindingClass, number>>;
  /** Of a probe that looks at several things: each that is not ok. */
  readonly readings?: readonly {
    readonly status: Status;
    readonly subject?: string;
    readonly message: string;
    readonly hint?: string;
  }[];
}

export type TopicKind = 'replica' | 'probe' | 'run';

/** One thing that a run looked at, and how it stands: what alerts are about, told apart by kind and name. */
export interface Topic extends Omit<AlertSubject, 'event' | 'since'> {
  /** What `about` may call it. */
  readonly names: readonly string[];
  /** Only some of its rows were looked at: it can't be said that drift found elsewhere is gone. */
  readonly partial: boolean;
}

/** The gravest first. */
const GRAVITY: readonly AlertEvent[] = ['failure', 'unknown', 'warning', 'recovery'];
const WORDS: Readonly<Record<AlertEvent, string>> = {
  failure: 'failed',
  unknown: 'unknown',
  warning: 'warned',
  recovery: 'recovered',
};

export function gravest(subjects: readonly AlertSubject[]): AlertEvent {
  return GRAVITY.find((event) => subjects.some((subject) => subject.event === event)) ?? 'recovery';
}

export function summaryOf(command: AlertingCommand, subjects: readonly AlertSubject[]): string {
  const counts = GRAVITY.map((event) => {
    const count = subjects.filter((subject) => subject.event === event).length;
    return count === 0 ? '' : `${count} ${WORDS[event]}`;
  });
  return `plumbline ${command}: ${counts.filter((words) => words !== '').join(', ')}`;
}
