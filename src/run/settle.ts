// After a repair: reads the backlog again, page by page, proves each item's records by the same confirm as everywhere, and settles those items whose
// every record is equal in every replica. The proof comes after the item was read, so that it covers whatever the item may be about.

import type { Item } from '../backlog/backlog.ts';
import { type NamedRecord, nameRecords } from '../backlog/name-records.ts';
import type { Config } from '../config/config.ts';
import { type ConfirmOptions, confirm } from '../confirm/confirm.ts';
import { InterruptedError, StoreError } from '../errors.ts';
import { type Key, keyText } from '../mapping/mapping.ts';
import { now } from '../now.ts';
import { problemOf } from '../plan/make-plan.ts';
import { isReady, type Plan, type ReadyReplica } from '../plan/plan.ts';
import type { RunProblem, SettlementReport } from '../report/report.ts';
import { keyOfPlan, namingOf, openBacklog } from './backlog.ts';
import { confirmOptions, withUnfindable } from './compare-replica.ts';
import type { RepairOptions, RunOptions } from './options.ts';
import { replicaContext } from './repair-drift.ts';
import type { RunContext } from './run.ts';

const EXAMPLES = 5;

export interface Settled {
  readonly report: SettlementReport;
  readonly problems: readonly RunProblem[];
}

/** `plan`: of the whole run. Never throws what a server did: what was settled until then is in the report. */
export async function settleBacklog(
  config: Config,
  context: RunContext,
  plan: Plan,
  options: RunOptions & RepairOptions,
): Promise<Settled> {
  const backlog = openBacklog(config, context.connections, options);
  const { from, onEvent, signal } = options;
  const how = options.settle!;
  const naming = namingOf(config, from!);
  const keyOf = keyOfPlan(config, plan);
  const left = new Map<string, { count: number; examples: string[] }>();
  const problems: RunProblem[] = [];
  let settled = 0;
  let items = 0;
  const leave = (item: Item, reason: string) => {
    const known = left.get(reason) ?? { count: 0, examples: [] };
    known.count++;
    if (known.examples.length < EXAMPLES) known.examples.push(item.id);
    left.set(reason, known);
  };
  onEvent?.({ type: 'stage', stage: 'settle' });
  try {
    const settler = await backlog.settler(how);
    try {
      for await (const page of backlog.items(signal)) {
        const named = page.map((item) => nameRecords(item, naming, keyOf));
        const records = named.flatMap((one) => ('records' in one ? one.records : []));
        const doubt = await doubtOf(config, context, plan, options, records);
        const proven: Item[] = [];
        page.forEach((item, i) => {
          const one = named[i]!;
          const reason = 'unread' in one ? 'what they name can’t be told' : firstOf(one.records, doubt);
          if (reason === undefined) proven.push(item);
          else leave(item, reason);
        });
        const outcomes = await settler.settle(proven);
        proven.forEach((item, i) => {
          const reason = outcomes[i];
          if (reason !== undefined) leave(item, reason);
        });
        const done = proven.filter((_, i) => outcomes[i] === undefined);
        settled += done.length;
        items += page.length;
        await context.folder.append(
          'settled.ndjson',
          done.map(({ id }) => ({ id, how })),
        );
        onEvent?.({ type: 'items', backlog: backlog.title, items });
      }
    } finally {
      await settler.close();
    }
  } catch (error) {
    if (error instanceof StoreError) problems.push(problemOf(backlog.title, error));
    else if (error instanceof InterruptedError)
      problems.push({ where: backlog.title, message: 'interrupted while it was settled' });
    else throw error;
  }
  const reasons = [...left].map(([reason, { count, examples }]) => ({ reason, count, examples }));
  return { report: { how, settled, left: reasons.sort((a, b) => b.count - a.count) }, problems };
}

function firstOf(records: readonly NamedRecord[], doubt: (record: NamedRecord) => string | undefined) {
  return records.map(doubt).find((reason) => reason !== undefined);
}

/** Why a record is not proven equal in every replica that the backlog feeds; undefined where it is. */
async function doubtOf(
  config: Config,
  context: RunContext,
  plan: Plan,
  options: RunOptions,
  records: readonly NamedRecord[],
): Promise<(record: NamedRecord) => string | undefined> {
  const doubts = new Map<string, string>();
  const general = new Map<string, string>();
  const fed = feedsOf(config, options);
  for (const { name, replicas } of config.entities) {
    const keys = records.flatMap(({ entity, key }) => (entity === name && key !== undefined ? [key] : []));
    if (!records.some(({ entity }) => entity === name)) continue;
    const entityPlan = plan.entities.find(({ entity }) => entity.name === name);
    for (const { name: replicaName } of replicas.filter(fed)) {
      const planned = entityPlan?.replicas.find(({ config }) => config.name === replicaName);
      if (planned === undefined) general.set(name, `${replicaName} was not chosen`);
      else if (!isReady(planned)) general.set(name, `${replicaName} could not be reached`);
      else {
        const own = confirmOptions(replicaContext(config, context, options, entityPlan!), planned, false);
        for (const key of await unequal(planned, keys, own)) {
          doubts.set(`${name} ${key}`, 'not proven equal in every replica');
        }
      }
    }
  }
  return ({ entity, key }) => general.get(entity) ?? (key && doubts.get(`${entity} ${keyText(key)}`));
}

/** The keys, as text, of records that are not proven equal. One that still moves is not proven either. */
export async function unequal(
  replica: ReadyReplica,
  keys: readonly Key[],
  options: ConfirmOptions,
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  const candidates = (async function* () {
    for (const key of keys) yield { key, seenAt: now() };
  })();
  for await (const seen of confirm(candidates, options)) {
    const verdict = withUnfindable(seen, replica, options);
    if (verdict.kind !== 'equal') open.add(keyText(verdict.key));
  }
  return open;
}

function feedsOf(
  config: Config,
  { from }: RunOptions,
): (replica: { readonly name: string; readonly store: string }) => boolean {
  const feeds =
    (from !== undefined && 'queue' in from ? config.queues.get(from.queue)?.feeds : config.outbox?.feeds) ?? [];
  return ({ name, store }) => feeds.length === 0 || feeds.includes(name) || feeds.includes(store);
}
