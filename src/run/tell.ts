// What the receivers of alerts are told of a run that compares: its report, or why it came to none.

import { drainTopic, schemaTopic, topicsOfReport } from '../alerts/topics.ts';
import { ALERTING_COMMANDS, type AlertingCommand, type Config } from '../config/config.ts';
import type { DrainReport } from '../contingency/drain-report.ts';
import type { ConfigError } from '../errors.ts';
import type { AlertOutcome, Report } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import { type AlertOptions, alert, alertProblems, exitWithAlerts } from './alert.ts';
import { chosenReplicas } from './last-runs.ts';
import type { RunOptions, WritingOptions } from './options.ts';

/** The receivers get what is redacted and kept already. */
export async function tellOfReport(
  report: Report,
  config: Config,
  options: RunOptions & WritingOptions,
): Promise<Report> {
  const command = alerting(report.command);
  if (command === undefined) return report;
  const topics = topicsOfReport(report, { name: nameOf(command, options), names: namesOf(config, options.only ?? []) });
  return withAlerts(report, await alert(config, { ...report, command }, topics, options));
}

/** What the servers' schemas say against the config ends a run before it has a report. A slip on the command line is told to nobody else. */
export async function tellOfSchema(
  error: ConfigError,
  asked: Report['command'],
  config: Config,
  run: string,
  options: RunOptions & WritingOptions,
): Promise<void> {
  const command = alerting(asked);
  if (command === undefined || !error.problems.every(({ path }) => /^(entities|stores)\b/.test(path))) return;
  const names = namesOf(config, options.only ?? []);
  const topic = schemaTopic(error.problems, { name: nameOf(command, options), names });
  await alert(config, { run, command, verdict: 'incomplete', exitCode: EXIT.usage, folder: null }, [topic], options);
}

/** Names and counts alone, as of every run. */
export async function tellOfDrain(
  report: DrainReport,
  config: Config,
  options: AlertOptions & Pick<WritingOptions, 'apply'>,
): Promise<DrainReport> {
  const name = options.apply ? 'drain --apply' : 'drain';
  const topics = [drainTopic(report, name)];
  return withAlerts(report, await alert(config, { ...report, command: 'drain' }, topics, options));
}

function withAlerts<Told extends Report | DrainReport>(report: Told, alerts: readonly AlertOutcome[]): Told {
  if (alerts.length === 0) return report;
  return {
    ...report,
    exitCode: exitWithAlerts(report.exitCode, alerts),
    problems: [...report.problems, ...alertProblems(alerts)],
    alerts,
  };
}

function alerting(command: Report['command']): AlertingCommand | undefined {
  return ALERTING_COMMANDS.find((known) => known === command);
}

/** As one would type it: a run of a backlog, or a dry run, can't say that what went wrong in another is over. */
function nameOf(command: AlertingCommand, { only = [], from, apply }: RunOptions & WritingOptions): string {
  const backlog = from === undefined ? [] : 'queue' in from ? ['--from-queue', from.queue] : ['--from-outbox'];
  return [command, ...(command === 'rebuild' ? only : []), ...backlog, ...(apply ? ['--apply'] : [])].join(' ');
}

/** Every name that stands for one of the chosen replicas. */
function namesOf(config: Config, only: readonly string[]): readonly string[] {
  return [...new Set(chosenReplicas(config, only).flatMap(({ name, store, entity }) => [name, store, entity]))];
}
