// Undoes a failback: what it wrote on one server is put back in one transaction, with triggers and references treated as the merge treated them.

import type { Config, FailbackServer } from '../config/config.ts';
import { ConfigError, RefusedError } from '../errors.ts';
import { asConfig } from '../failback/as-config.ts';
import { type Catalog, readCatalog } from '../failback/catalog.ts';
import { checkTables } from '../failback/checks.ts';
import { groupsOf } from '../failback/groups.ts';
import { openMerge } from '../failback/merge.ts';
import { MergeStore, withinTransaction } from '../failback/merge-store.ts';
import { lookAt, openSession } from '../failback/servers.ts';
import type { Side } from '../failback/sides.ts';
import { noProgress } from '../journal/progress.ts';
import { TransactionJournal } from '../journal/transaction-journal.ts';
import { isReady } from '../plan/plan.ts';
import type { Relation } from '../postgres/relation.ts';
import type { Session } from '../postgres/session.ts';
import { Source } from '../source/source.ts';
import { undoWrites } from '../undo/undo.ts';
import { FAILBACK_LOCK } from './failback.ts';
import { planRun } from './find-drift.ts';
import { lockReplicas } from './locks.ts';
import { connected } from './run.ts';
import type { Undoing } from './undo.ts';

/** What was written last is put back first: there, and then here. */
const ORDER: readonly Side[] = ['there', 'here'];

/** The configuration in which the tables of a failback are replicas. `names`: of the journal, such as `here.orders`. */
export async function failbackConfig(config: Config, names: readonly string[]): Promise<Config> {
  if (config.failback === undefined) {
    const hint = 'Undo it with the configuration of that time.';
    throw new ConfigError([{ path: 'failback', message: 'missing, and that run was a failback', hint }], config.file);
  }
  const parts: Config[] = [];
  for (const side of ORDER) {
    const wanted = names.filter((name) => name.startsWith(`${side}.`)).map((name) => name.slice(side.length + 1));
    if (wanted.length > 0) parts.push(await sideConfig(config, side, wanted));
  }
  return {
    ...config,
    stores: new Map(parts.flatMap(({ stores }) => [...stores])),
    entities: parts.flatMap(({ entities }) => entities),
  };
}

async function sideConfig(config: Config, side: Side, names: readonly string[]): Promise<Config> {
  const at = config.failback![side];
  const { tables } = await reading(side, at, readCatalog);
  const chosen = [...tables.values()].filter(({ name }) => names.includes(name));
  return asConfig(config, chosen, { source: at, side, store: at });
}

async function reading<T>(side: Side, server: FailbackServer, work: (session: Session) => Promise<T>): Promise<T> {
  const session = openSession(side, server, true);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** `names`: the replicas that are chosen. */
export async function undoMerge(config: Config, names: readonly string[], undoing: Undoing): Promise<void> {
  const { url, tls } = config.failback!.here;
  const source = await Source.connect(url, undefined, tls);
  try {
    const lock = await lockReplicas(source, undoing.options.apply ? [FAILBACK_LOCK] : []);
    try {
      for (const side of ORDER) {
        const own = names.filter((name) => name.startsWith(`${side}.`));
        if (own.length > 0) await undoSide(config, side, own, undoing, lock.check);
      }
    } finally {
      await lock.release();
    }
  } finally {
    await source.close();
  }
}

async function undoSide(
  config: Config,
  side: Side,
  names: readonly string[],
  undoing: Undoing,
  mayGoOn: () => Promise<void>,
): Promise<void> {
  const { options, tally, problems } = undoing;
  const at = config.failback![side];
  const own = await sideConfig(
    config,
    side,
    names.map((name) => name.slice(side.length + 1)),
  );
  const { catalog, server } = await reading(side, at, async (session) => ({
    catalog: await readCatalog(session),
    server: await lookAt(side, session),
  }));
  const replicates = mayReplicate(catalog, own, server.mayReplicate);
  await connected(own, { ...options, only: [] }, async (connections, scheme) => {
    const context = { connections, scheme, folder: undoing.folder, journal: undoing.journal, progress: noProgress };
    const plan = await planRun(own, context, { ...options, only: [] }, true);
    problems.push(...tally.usePlan(plan));
    const relations = plan.entities.map(({ entity, relation }): [string, Relation] => [
      entity.table!,
      { ...relation, side: 'replica' },
    ]);
    const tables = own.entities.map(({ name }) => catalog.tables.get(name)!);
    const writer = openSession(side, at, false);
    try {
      const transaction = await openMerge({ writer, replicates }, options.apply ? tables : []);
      const journal = options.apply ? new TransactionJournal(await undoing.journal()) : undefined;
      let isCommitted = !options.apply;
      try {
        const store = new MergeStore(transaction, new Map(relations));
        for (const [name, ready] of tally.ready)
          if (isReady(ready) && names.includes(name)) tally.ready.set(name, withinTransaction(ready, name, store));
        const replicaOf = (name: string) => (names.includes(name) ? tally.ready.get(name) : undefined);
        const fetch = undoing.fetchWith((replica, keys) => replica.store.fetch(replica.replica, keys));
        for await (const batch of undoWrites({
          ...undoing.writes,
          journal,
          repeats: true,
          mayGoOn,
          replicaOf,
          fetch,
        }))
          await tally.add(batch);
        if (!options.apply) return;
        const groups = groupsOf([...catalog.tables.keys()], catalog.references);
        const touched = groups.filter(({ tables: all }) => all.some((name) => tables.some((one) => one.name === name)));
        const all = touched.flatMap(({ tables: names }) => names.map((name) => catalog.tables.get(name)!));
        const wrong = (await checkTables(transaction, all, catalog.references)).filter((check) => check.wrong > 0);
        if (wrong.length === 0) {
          await transaction.commit();
          isCommitted = true;
          await journal?.committed();
        } else {
          await journal?.takenBack();
          problems.push({
            where: side,
            message: `taken back: ${wrong.map(({ table, name, wrong: count }) => `${count} rows of ${table} would break ${name}`).join(', ')}`,
            hint: 'What was written since depends on the merged rows.',
          });
        }
      } finally {
        if (!isCommitted) tally.takeBack(names);
        await transaction.end();
      }
    } finally {
      await writer.close();
    }
  });
}

function mayReplicate(catalog: Catalog, { entities }: Config, may: boolean): boolean {
  const would = entities.flatMap(({ name }) =>
    catalog.tables
      .get(name)!
      .triggers.filter(({ always }) => always || !may)
      .map((trigger) => `${trigger.name} on ${name}`),
  );
  if (would.length > 0)
    throw new RefusedError(`triggers would fire: ${would.join(', ')}`, undefined, {
      hint: 'Use a role that may set session_replication_role, or disable them meanwhile.',
    });
  return may;
}
