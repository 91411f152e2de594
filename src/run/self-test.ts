// doctor --self-test: puts records that differ in known ways into a place of its own in each store, and asks the check for them. It has to find
// those and nothing else, by the same path as any other. The source is only read: its side of it is a query of constants.

import { createHash, randomInt } from 'node:crypto';
import type { Config, ReplicaConfig, StoreConfig } from '../config/config.ts';
import { urlParts } from '../config/redact.ts';
import { StoreError, wordsOf } from '../errors.ts';
import { quoteLiteral } from '../postgres/session.ts';
import { FINDING_CLASSES, type Finding, type FindingClass, type ReplicaReport } from '../report/report.ts';
import { storeKinds } from '../stores/registry.ts';
import type { Scratching, ScratchRecord } from '../stores/store.ts';
import { check } from './check.ts';
import type { Connections } from './connections.ts';
import type { Check } from './doctor.ts';
import { lockReplicas } from './locks.ts';
import type { RunOptions } from './options.ts';

const ENTITY = 'self-test';
const PREFIX = 'plumbline_st_';
const EQUAL_ROWS = 20;
/** What a careless encoder would stumble over. */
const LABEL = `it's "Ångström", 東京 👍 $where {`;

interface Canary {
  readonly class: FindingClass;
  readonly id: number;
}

/** What stands where. */
interface Planted {
  readonly source: readonly ScratchRecord[];
  readonly replica: readonly ScratchRecord[];
  readonly canaries: readonly Canary[];
}

/** One check a store or more. Throws LockedError where another self-test of a store is under way; leaves nothing behind, whatever happens. */
export async function selfTest(
  config: Config,
  connections: Connections,
  options: RunOptions,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const usable = new Map<string, Scratching>();
  for (const [name, store] of connections.stores) {
    // That it can't be reached is said elsewhere.
    if ('message' in store) continue;
    if (store.scratching !== undefined) usable.set(name, store.scratching);
    else checks.push({ subject: name, status: 'warning', message: 'self-test: this kind of store has none' });
  }
  const lock = await lockReplicas(
    connections.source,
    [...usable.keys()].map((name) => `${name} (${ENTITY})`),
  );
  try {
    checks.push(...(await testStores(config, usable, options)));
    return checks;
  } finally {
    await lock.release();
  }
}

async function testStores(
  config: Config,
  stores: ReadonlyMap<string, Scratching>,
  options: RunOptions,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const prefix = `${PREFIX}${tagOf(config)}_`;
  const name = `${prefix}${Date.now().toString(36)}${randomInt(36 ** 2)
    .toString(36)
    .padStart(2, '0')}`;
  const base = new Date(Math.floor(Date.now() / 1000 - 3600) * 1000);
  const planted = new Map<string, Planted>();
  try {
    const replicas: ReplicaConfig[] = [];
    for (const [store, scratching] of stores) {
      try {
        // The lock is ours, so whoever made these has gone.
        for (const left of await scratching.list(prefix)) await scratching.remove(left);
        const plan = planOf(base, scratching.canDuplicate);
        const place = await scratching.plant(name, plan.replica);
        planted.set(store, plan);
        replicas.push(replicaOf(config.stores.get(store)!, place, options));
      } catch (error) {
        checks.push(failed(store, error, scratching.needs));
      }
    }
    if (replicas.length > 0) {
      const report = await check(configOf(config, replicas, base), { ...quiet(options), shown: 100, keep: false });
      for (const problem of report.problems)
        checks.push({
          subject: problem.where,
          status: 'failed',
          message: `self-test: ${problem.message}`,
          hint: problem.hint,
        });
      for (const replica of report.replicas) checks.push(verdictOf(replica, planted.get(replica.store)!));
    }
  } finally {
    // Also where it could not be filled: it may have been made by then.
    for (const [store, scratching] of stores) {
      const left = await remove(scratching, name);
      if (left === undefined || !planted.has(store)) continue;
      const message = `self-test: could not remove ${name}: ${left}`;
      checks.push({ subject: store, status: 'failed', message, hint: 'The next self-test tries again.' });
    }
  }
  return checks;
}

/** Of this source and database: what another installation is at in the same store is none of ours. */
function tagOf({ source }: Config): string {
  return createHash('sha256')
    .update(urlParts(source.url)?.place ?? '')
    .digest('hex')
    .slice(0, 4);
}

function planOf(base: Date, canDuplicate: boolean): Planted {
  const at = (id: number, label = LABEL, minutes = 0): ScratchRecord => ({
    id,
    label: `${label}${id}`,
    changed: new Date(base.getTime() + minutes * 60_000),
  });
  const equal = Array.from({ length: EQUAL_ROWS }, (_, i) => at(i + 1));
  const other = 'something else ';
  const canaries: readonly (Canary & { readonly records: readonly ScratchRecord[] })[] = [
    { class: 'missing', id: 101, records: [] },
    { class: 'stale', id: 102, records: [at(102, other, -10)] },
    { class: 'ahead', id: 103, records: [at(103, other, 10)] },
    { class: 'mismatched', id: 104, records: [at(104, other)] },
    { class: 'orphan', id: 105, records: [at(105)] },
    { class: 'duplicate', id: 106, records: canDuplicate ? [at(106), at(106)] : [at(106)] },
  ];
  return {
    source: [...equal, ...canaries.filter((canary) => canary.class !== 'orphan').map(({ id }) => at(id))],
    replica: [...equal, ...canaries.flatMap(({ records }) => records)],
    canaries: canaries.filter((canary) => canDuplicate || canary.class !== 'duplicate'),
  };
}

function configOf(config: Config, replicas: readonly ReplicaConfig[], base: Date): Config {
  const rows = planOf(base, true).source.map(
    ({ id, label, changed }) => `(${id}, ${quoteLiteral(label)}, timestamptz ${quoteLiteral(changed.toISOString())})`,
  );
  const sql = `SELECT * FROM (VALUES ${rows.join(', ')}) AS canary (id, label, changed)`;
  const entity = { name: ENTITY, sql, key: ['id'], version: 'changed', touches: new Map(), replicas };
  return { ...config, entities: [entity], queues: new Map(), outbox: undefined, alerts: [] };
}

function replicaOf(
  { name: store, kind }: StoreConfig,
  { target, where, options }: Awaited<ReturnType<Scratching['plant']>>,
  { kinds }: RunOptions,
): ReplicaConfig {
  return {
    name: `${store}.${target}`,
    store,
    target,
    naming: 'asIs',
    where,
    maxLag: 200,
    fields: new Map(),
    onlyListed: false,
    options: storeKinds(kinds)
      .get(kind)!
      .replicaOptions.parse(options ?? {}),
    cache: false,
  };
}

/** What was asked of doctor is not asked of the check. */
function quiet({ kinds, signal, memory, concurrency }: RunOptions): RunOptions {
  return { kinds, signal, memory, concurrency };
}

function verdictOf(
  { store: subject, status, error, findings, replicaRows }: ReplicaReport,
  { canaries }: Planted,
): Check {
  if (status === 'unproven') {
    return { subject, status: 'failed', message: `self-test: ${error?.message ?? 'not compared'}`, hint: error?.hint };
  }
  const wanted = new Set(canaries.map(wordsFor));
  const found = new Set(findings.map((finding) => wordsFor({ class: finding.class, id: idOf(finding) })));
  const unseen = [...wanted].filter((words) => !found.has(words));
  const untrue = [...found].filter((words) => !wanted.has(words));
  if (unseen.length === 0 && untrue.length === 0) {
    const kinds = FINDING_CLASSES.filter((name) => canaries.some((canary) => canary.class === name));
    const message = `self-test: found one planted record of each (${kinds.join(', ')}) among ${replicaRows ?? 0}, and no other`;
    return { subject, status: 'ok', message };
  }
  const parts = [
    ...(unseen.length === 0 ? [] : [`did not find ${unseen.join(', ')}`]),
    ...(untrue.length === 0 ? [] : [`found ${untrue.join(', ')}, which is not so`]),
  ];
  return {
    subject,
    status: 'failed',
    message: `self-test: ${parts.join(' and ')}`,
    hint: 'Do not trust what a check says of this store until that is understood; it may be a bug of Plumbline.',
  };
}

function wordsFor({ class: name, id }: Canary): string {
  return `${name} ${id}`;
}

function idOf({ key }: Finding): number {
  return Number(key.id);
}

function failed(subject: string, error: unknown, needs: string): Check {
  if (!(error instanceof StoreError)) throw error;
  return {
    subject,
    status: 'failed',
    message: `self-test: ${error.detail}`,
    hint: error.transient ? error.hint : needs,
  };
}

/** Why it could not be done. */
async function remove(scratching: Scratching, name: string): Promise<string | undefined> {
  try {
    await scratching.remove(name);
    return undefined;
  } catch (error) {
    return error instanceof StoreError ? error.detail : wordsOf(error);
  }
}
