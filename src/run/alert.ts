// Tells the receivers that the config names what a run found. Their part of the run folder remembers what they know; what one did not take is in the
// outcomes, never thrown.

import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ALERT_SCHEMA, type Alert, gravest, summaryOf, type Topic } from '../alerts/alert.ts';
import { alertKinds } from '../alerts/alert-kinds.ts';
import { claimDue, type Due, keyOf, type Moment, settle } from '../alerts/due.ts';
import { type Book, Ledger } from '../alerts/ledger.ts';
import type { AlertConfig, Config } from '../config/config.ts';
import { configSecrets, makeRedactor } from '../config/redact.ts';
import { DeliveryError, InterruptedError, wordsOf } from '../errors.ts';
import type { AlertOutcome, RunProblem } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import type { RunOptions } from './options.ts';
import { LONGEST_ASKED, retrying } from './retry.ts';

/** What an alert says of its run, whoever gets it. */
export type Told = Pick<Alert, 'run' | 'command' | 'verdict' | 'exitCode' | 'folder'>;

export type AlertOptions = Pick<RunOptions, 'alerts' | 'signal' | 'onEvent'>;

/** Beyond what sending may take, before another run thinks that this one has died. */
const GRACE_MS = 30_000;

/** One alert a receiver at most. */
export async function alert(
  config: Config,
  run: Told,
  topics: readonly Topic[],
  options: AlertOptions,
): Promise<readonly AlertOutcome[]> {
  const receivers = config.alerts.filter(({ commands }) => commands.includes(run.command));
  if (!options.alerts || receivers.length === 0 || options.signal?.aborted) return [];
  options.onEvent?.({ type: 'stage', stage: 'alert' });
  const ledger = new Ledger(join(config.folder, 'alerts'));
  const moment = { run: run.run, now: Date.now() };
  const claim = (book: Book) => claimAll(config, receivers, book, topics, moment);
  let due: ReadonlyMap<AlertConfig, readonly Due[]>;
  let unkept: string | undefined;
  try {
    due = await ledger.update(claim);
  } catch (error) {
    // Rather told twice than not at all.
    due = claim({}).result;
    unkept = wordsOf(error);
  }
  const outcomes = await Promise.all([...due].map((one) => tell(config, run, one, options)));
  if (unkept === undefined) {
    const now = { ...moment, now: Date.now() };
    unkept = await ledger.update((book) => settleAll(book, due, outcomes, now)).catch(wordsOf);
  }
  const redact = makeRedactor(configSecrets(config));
  const told = outcomes.map((outcome): AlertOutcome => {
    const { error, hint } = outcome;
    if (unkept === undefined || error !== undefined)
      return { ...outcome, error: error && redact(error), hint: hint && redact(hint) };
    return { ...outcome, outcome: 'unkept', error: unkept, hint: `What was told is kept in ${config.folder}/alerts.` };
  });
  for (const outcome of told) options.onEvent?.({ type: 'alerted', run: run.run, outcome });
  return told;
}

/** What the report says of alerts that were not sent as they should: nobody may take silence for a good sign. */
export function alertProblems(outcomes: readonly AlertOutcome[]): readonly RunProblem[] {
  return outcomes
    .filter(({ outcome }) => outcome !== 'sent')
    .map(({ alert: name, outcome, attempts, error, hint }) => {
      const times = attempts > 1 ? ` in ${attempts} attempts` : '';
      const message =
        outcome === 'failed'
          ? `the alert could not be sent${times}: ${error}`
          : `the alert was sent, and will be sent again, as that can’t be remembered: ${error}`;
      return { where: `alert ${name}`, message, hint };
    });
}

/** An alert that is not on its way must not hide the verdict, nor may the run look well. */
export function exitWithAlerts(exitCode: number, outcomes: readonly AlertOutcome[]): number {
  return exitCode === EXIT.inSync && outcomes.some(({ outcome }) => outcome !== 'sent') ? EXIT.incomplete : exitCode;
}

function claimAll(
  config: Config,
  receivers: readonly AlertConfig[],
  book: Book,
  topics: readonly Topic[],
  moment: Moment,
): { readonly book: Book; readonly result: ReadonlyMap<AlertConfig, readonly Due[]> } {
  const next = new Map(Object.entries(withoutForgotten(config, book)));
  const result = new Map<AlertConfig, readonly Due[]>();
  for (const receiver of receivers) {
    const longest = longestDelivery(receiver) + GRACE_MS;
    const { due, standings } = claimDue(receiver, next.get(receiver.name) ?? {}, topics, moment, longest);
    next.set(receiver.name, standings);
    if (due.length > 0) result.set(receiver, due);
  }
  return { book: Object.fromEntries([...next].filter(([, standings]) => Object.keys(standings).length > 0)), result };
}

function settleAll(
  book: Book,
  due: ReadonlyMap<AlertConfig, readonly Due[]>,
  outcomes: readonly AlertOutcome[],
  moment: Moment,
): { readonly book: Book; readonly result: undefined } {
  const next = new Map(Object.entries(book));
  for (const [{ name }, own] of due) {
    const sent = outcomes.some((outcome) => outcome.alert === name && outcome.outcome === 'sent');
    next.set(name, settle(next.get(name) ?? {}, own, sent, moment));
  }
  return {
    book: Object.fromEntries([...next].filter(([, standings]) => Object.keys(standings).length > 0)),
    result: undefined,
  };
}

/** What the config does not name any more will never be over. */
function withoutForgotten({ alerts, entities, health }: Config, book: Book): Book {
  const known = new Set([
    ...entities.flatMap(({ replicas }) => replicas.map(({ name }) => keyOf({ kind: 'replica', name }))),
    ...health.probes.map(({ name }) => keyOf({ kind: 'probe', name })),
  ]);
  const own = Object.entries(book).filter(([name]) => alerts.some((receiver) => receiver.name === name));
  return Object.fromEntries(
    own.map(([name, standings]) => {
      const kept = Object.entries(standings).filter(([key]) => key.startsWith('run ') || known.has(key));
      return [name, Object.fromEntries(kept)];
    }),
  );
}

async function tell(
  config: Config,
  told: Told,
  [receiver, due]: readonly [AlertConfig, readonly Due[]],
  { signal, onEvent = () => {} }: AlertOptions,
): Promise<AlertOutcome> {
  const message = makeAlert(config, told, receiver, due);
  const outcome = { alert: receiver.name, event: message.event, subjects: due.map(({ topic }) => topic.name) };
  const folder = dirname(resolve(config.file));
  let attempts = 0;
  const send = () => {
    attempts++;
    const times = [AbortSignal.timeout(receiver.timeout), ...(signal === undefined ? [] : [signal])];
    return alertKinds.get(receiver.kind)!.send(receiver.options, message, { folder, signal: AbortSignal.any(times) });
  };
  try {
    await retrying(`alert ${receiver.name}`, send, onEvent, signal, pausesOf(receiver));
    return { ...outcome, outcome: 'sent', attempts };
  } catch (error) {
    if (!(error instanceof DeliveryError) && !(error instanceof InterruptedError)) throw error;
    const hint = error instanceof DeliveryError ? error.hint : undefined;
    return { ...outcome, outcome: 'failed', attempts, error: error.message, hint };
  }
}

function makeAlert(config: Config, told: Told, { name }: AlertConfig, due: readonly Due[]): Alert {
  const subjects = due.map(({ topic, event, since }) => {
    const { names: _, partial: __, ...subject } = topic;
    return { ...subject, event, since: new Date(since).toISOString() };
  });
  return {
    schema: ALERT_SCHEMA,
    alert: name,
    event: gravest(subjects),
    summary: summaryOf(told.command, subjects),
    run: told.run,
    command: told.command,
    config: config.file,
    host: hostname(),
    at: new Date().toISOString(),
    verdict: told.verdict,
    exitCode: told.exitCode,
    folder: told.folder,
    subjects,
  };
}

/** Milliseconds between the attempts: each twice as long as the one before. */
function pausesOf({ attempts, pause }: AlertConfig): number[] {
  return Array.from({ length: attempts - 1 }, (_, at) => pause * 2 ** at);
}

/** Milliseconds that all attempts and the pauses between them take at most. */
function longestDelivery(receiver: AlertConfig): number {
  const pauses = pausesOf(receiver).map((pause) => Math.max(pause, LONGEST_ASKED));
  return receiver.attempts * receiver.timeout + pauses.reduce((total, pause) => total + pause, 0);
}
