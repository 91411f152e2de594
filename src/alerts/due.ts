// Of what stands as it does now, what one receiver has to be told, given what it was told before. Pure; docs/alerts.md has the rules in words.

import type { AlertConfig, AlertEvent } from '../config/config.ts';
import type { Status } from '../health/probe.ts';
import type { Topic } from './alert.ts';

/** What a receiver was told of one topic that is not over. Times are milliseconds since 1970. */
export interface Standing {
  /** When it was first found. */
  readonly since: number;
  /** When each event was told last. */
  readonly told: Readonly<Partial<Record<AlertEvent, number>>>;
  /** The last of them. */
  readonly last?: AlertEvent;
  /** There was drift; only a comparison of every row can say that it is gone. */
  readonly drift?: true;
  /** A run is telling it. Past `until` that run has died, and another tells it. */
  readonly claim?: { readonly run: string; readonly until: number };
}

/** By topic. */
export type Standings = Readonly<Record<string, Standing>>;

export interface Due {
  readonly topic: Topic;
  readonly event: AlertEvent;
  readonly since: number;
}

export interface Moment {
  readonly run: string;
  readonly now: number;
}

const EVENTS: Readonly<Record<Status, AlertEvent | undefined>> = {
  ok: undefined,
  warning: 'warning',
  failed: 'failure',
  unknown: 'unknown',
};
const RANKS: Readonly<Record<AlertEvent, number>> = { recovery: 0, warning: 1, failure: 2, unknown: 2 };

export function keyOf({ kind, name }: Pick<Topic, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

/** What is due, and the standings in which this run has claimed it for `longest` milliseconds: to be kept before anything is sent. */
export function claimDue(
  alert: AlertConfig,
  known: Standings,
  topics: readonly Topic[],
  { run, now }: Moment,
  longest: number,
): { readonly due: readonly Due[]; readonly standings: Standings } {
  const standings = new Map(Object.entries(known));
  const due: Due[] = [];
  for (const topic of topics) {
    const key = keyOf(topic);
    if (!isAbout(alert, topic)) continue;
    const { event, standing } = judge(alert, topic, standings.get(key), { run, now });
    if (standing === undefined) standings.delete(key);
    else if (event === undefined) standings.set(key, standing);
    else {
      due.push({ topic, event, since: standing.since });
      standings.set(key, { ...standing, claim: { run, until: now + longest } });
    }
  }
  return { due, standings: Object.fromEntries(standings) };
}

/** The standings once sending is over. What was not taken stays due: the next run tells it. */
export function settle(known: Standings, due: readonly Due[], sent: boolean, { run, now }: Moment): Standings {
  const standings = new Map(Object.entries(known));
  for (const { topic, event } of due) {
    const key = keyOf(topic);
    const standing = standings.get(key);
    // Past its claim another run may have told it meanwhile.
    if (standing?.claim?.run !== run) continue;
    const { claim: _, ...free } = standing;
    if (!sent) standings.set(key, free);
    else if (event === 'recovery') standings.delete(key);
    else standings.set(key, { ...free, last: event, told: { ...free.told, [event]: now } });
  }
  return Object.fromEntries(standings);
}

function isAbout({ about }: AlertConfig, { names }: Topic): boolean {
  return about.length === 0 || names.some((name) => about.includes(name));
}

/** No standing: there is nothing to remember. */
function judge(
  alert: AlertConfig,
  topic: Topic,
  known: Standing | undefined,
  { run, now }: Moment,
): { readonly event?: AlertEvent; readonly standing?: Standing } {
  const claim = known?.claim;
  if (claim !== undefined && claim.run !== run && claim.until > now) return { standing: known };
  const event = EVENTS[topic.status];
  if (event !== undefined && alert.on.includes(event)) {
    const drift = isDrifting(topic, known) || undefined;
    const standing: Standing = { ...known, since: known?.since ?? now, told: known?.told ?? {}, drift };
    return isDue(event, standing, alert.quiet, now) ? { event, standing } : { standing };
  }
  if (known === undefined) return {};
  if (known.drift && topic.partial) return { standing: known };
  // Nobody has to be told that something is over of which nobody was told.
  if (known.last === undefined || !alert.on.includes('recovery')) return {};
  return { event: 'recovery', standing: known };
}

function isDrifting({ kind, status, partial }: Topic, known: Standing | undefined): boolean {
  if (kind !== 'replica' || status === 'failed') return kind === 'replica';
  return known?.drift === true && (partial || status === 'unknown');
}

/** Worse than what was told last, never told, or told long enough ago. */
function isDue(event: AlertEvent, { told, last }: Standing, quiet: number, now: number): boolean {
  const before = told[event];
  if (last === undefined || before === undefined || RANKS[event] > RANKS[last]) return true;
  return now - before >= quiet;
}
