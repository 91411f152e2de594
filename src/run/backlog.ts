// check and reconcile of just the records that a backlog names: which backlog, which replicas, which keys; and afterwards what becomes of its items.

import type { Backlog, SettleHow } from '../backlog/backlog.ts';
import { type KeyOf, nameRecords } from '../backlog/name-records.ts';
import { outboxBacklog } from '../backlog/outbox-backlog.ts';
import { queueBacklog } from '../backlog/queue-backlog.ts';
import type { Config, NamingConfig } from '../config/config.ts';
import { suggest } from '../config/suggest.ts';
import { ConfigError, StoreError } from '../errors.ts';
import { type Key, keyText } from '../mapping/mapping.ts';
import type { Plan } from '../plan/plan.ts';
import type { BacklogReport, RunProblem } from '../report/report.ts';
import type { Connections } from './connections.ts';
import { chosenReplicas } from './last-runs.ts';
import type { BacklogChoice, RepairOptions, RunOptions } from './options.ts';

/** Records that one run looks up, at most: their keys are held in memory. */
export const MOST_RECORDS = 1_000_000;
const EXAMPLES = 5;

/**
 * The options with `only` narrowed to the replicas that the backlog feeds. Throws a ConfigError for a backlog that the config does not have, or
 * that can't be settled so.
 */
export function narrowToBacklog<Options extends RunOptions & RepairOptions>(config: Config, options: Options): Options {
  const { from, settle, only = [] } = options;
  if (from === undefined) {
    if (settle !== undefined) throw usage('--settle', 'settles what --from-queue or --from-outbox names');
    return options;
  }
  const { feeds, flag } = backlogOf(config, from);
  if (settle !== undefined) checkSettle(config, from, settle, options);
  if (feeds.length === 0) return options;
  const replicas = chosenReplicas(config, []);
  const chosen = chosenReplicas(config, only);
  const fed = chosen.filter(({ name, store }) => feeds.includes(name) || feeds.includes(store));
  if (chosen.length > 0 && fed.length === 0) {
    throw usage(flag, `it feeds none of ${only.join(', ')}`, `It feeds ${feeds.join(', ')}.`);
  }
  // A name that is none is told when the plan is made.
  const known = (name: string) => replicas.some((names) => Object.values(names).includes(name));
  return { ...options, only: [...fed.map(({ name }) => name), ...only.filter((name) => !known(name))] };
}

function backlogOf(
  config: Config,
  from: BacklogChoice,
): { feeds: readonly string[]; naming: NamingConfig; flag: string } {
  if ('outbox' in from) {
    if (config.outbox === undefined) {
      throw usage('--from-outbox', 'the config has no outbox', 'Say under `outbox` which table it is.');
    }
    return { ...config.outbox, flag: '--from-outbox' };
  }
  const queue = config.queues.get(from.queue);
  if (queue === undefined) {
    const names = [...config.queues.keys()];
    const near = suggest(from.queue, names);
    const words = `no queue is named ${JSON.stringify(from.queue)}`;
    throw usage(
      '--from-queue',
      near === undefined ? words : `${words}; did you mean ${JSON.stringify(near)}?`,
      names.length === 0 ? 'Write some under `queues`.' : `Queues: ${names.join(', ')}.`,
    );
  }
  return { ...queue, flag: '--from-queue' };
}

function checkSettle(config: Config, from: BacklogChoice, settle: SettleHow, { apply }: RepairOptions): void {
  const isOutbox = 'outbox' in from;
  if (isOutbox !== (settle === 'mark')) {
    throw usage(
      '--settle',
      isOutbox ? 'events can only be marked: --settle mark' : 'jobs are settled by retry or remove',
    );
  }
  if (!apply) throw usage('--settle', 'settles only what is proven after a repair', 'Add --apply.');
  if (isOutbox && config.outbox!.markUrl === undefined) {
    throw usage(
      '--settle mark',
      'outbox.markUrl is not set',
      'It is the source’s URL with a role that may update the outbox; nothing else is ever written there.',
    );
  }
}

function usage(path: string, message: string, hint?: string): ConfigError {
  return new ConfigError([{ path, message, hint }]);
}

/** Throws a StoreError where the queue's store can't be reached. */
export function openBacklog(config: Config, { source, stores }: Connections, options: RunOptions): Backlog {
  const from = options.from!;
  if ('outbox' in from) return outboxBacklog(config.outbox!, source.session, options.since);
  const queue = config.queues.get(from.queue)!;
  const store = stores.get(queue.store)!;
  if ('message' in store) {
    const detail = store.message.replace(/^[^:]+: [^:]+: /, '');
    throw new StoreError(queue.store, `read queue ${queue.name}`, detail, { hint: store.hint });
  }
  return queueBacklog(queue, store.queueing!, options.since);
}

export function namingOf(config: Config, from: BacklogChoice): NamingConfig {
  return backlogOf(config, from).naming;
}

/** What of the config's entities may be named, and which of them the plan has. */
export function keyOfPlan(config: Config, plan: Plan): KeyOf {
  const planned = new Map(plan.entities.map(({ entity, key }) => [entity.name, key]));
  const others = new Set(config.entities.filter(({ replicas }) => replicas.length > 0).map(({ name }) => name));
  return (entity) => planned.get(entity) ?? (others.has(entity) ? null : undefined);
}

export interface Gathered {
  /** By entity, each key once. */
  readonly keys: ReadonlyMap<string, readonly Key[]>;
  readonly report: BacklogReport;
  readonly problems: readonly RunProblem[];
}

/** Reads the whole backlog. What can't be told is counted, with the first reasons. `most`: records to remember. */
export async function gatherKeys(
  config: Config,
  backlog: Backlog,
  plan: Plan,
  { from, onEvent, signal }: RunOptions,
  most = MOST_RECORDS,
): Promise<Gathered> {
  const naming = namingOf(config, from!);
  const keyOf = keyOfPlan(config, plan);
  const keys = new Map<string, Map<string, Key>>();
  const counts = { read: 0, records: 0, notChosen: 0, unread: 0 };
  const examples: { id: string; reason: string }[] = [];
  let beyond = 0;
  for await (const page of backlog.items(signal)) {
    for (const item of page) {
      counts.read++;
      const named = nameRecords(item, naming, keyOf);
      if ('unread' in named) {
        counts.unread++;
        if (examples.length < EXAMPLES) examples.push({ id: item.id, reason: named.unread });
        continue;
      }
      if (named.records.every(({ key }) => key === undefined)) counts.notChosen++;
      for (const { entity, key } of named.records) {
        if (key === undefined) continue;
        const known = keys.get(entity) ?? new Map<string, Key>();
        keys.set(entity, known);
        if (known.has(keyText(key))) continue;
        if (counts.records === most) beyond++;
        else {
          counts.records++;
          known.set(keyText(key), key);
        }
      }
    }
    onEvent?.({ type: 'items', backlog: backlog.title, items: counts.read });
  }
  const kind = 'outbox' in from! ? 'outbox' : 'queue';
  const name = 'outbox' in from! ? 'outbox' : from!.queue;
  return {
    keys: new Map([...keys].map(([entity, known]) => [entity, [...known.values()]])),
    report: { kind, name, ...counts, examples },
    problems: problemsOf(backlog, counts, beyond, most),
  };
}

/** Without the reasons, which hold values: problems go to logs and alerts too. */
function problemsOf(
  { title, noun }: Backlog,
  { read, unread }: { readonly read: number; readonly unread: number },
  beyond: number,
  most: number,
): RunProblem[] {
  const problems: RunProblem[] = [];
  const number = (count: number) => count.toLocaleString('en');
  if (unread > 0) {
    const of = read === 1 ? `the ${noun}` : `${number(unread)} of ${number(read)} ${noun}s`;
    problems.push({
      where: title,
      message: `it can't be told what ${of} ${unread === 1 ? 'names' : 'name'}`,
      hint: `Say in the config how ${noun === 'event' ? 'an event' : 'a job'} names its record (docs/config.md, Queues and outbox).`,
    });
  }
  if (beyond > 0) {
    problems.push({
      where: title,
      message: `it names more than ${number(most)} records: the others were not looked up`,
      hint: 'Settle these with --settle and run it again, or take a part with --since.',
    });
  }
  return problems;
}
