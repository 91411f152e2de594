// What the file says, made into a Config: defaults, the kinds' own words, and what one key says about another.

import path from 'node:path';
import { parseSealKey } from '../journal/seal.ts';
import { isTimeZone, parseWindow } from '../repair/window.ts';
import type { StoreDefinition } from '../stores/store.ts';
import { type Tls, withAbsoluteFiles } from '../tls/tls.ts';
import { isMisspelt, type Loose } from './check.ts';
import type { Config, EntityConfig, LimitsConfig, ReplicaConfig, RetentionConfig, StoreConfig } from './config.ts';
import { parseDuration, parsePercent } from './duration.ts';
import { resolveFields } from './fields.ts';
import { applyNaming, tableName } from './naming.ts';
import { checkOwnWords, omit } from './own-words.ts';
import type { ProblemList } from './problem-list.ts';
import { resolveAlerts } from './resolve-alerts.ts';
import { resolveOutbox, resolveQueues } from './resolve-backlogs.ts';
import { resolveContingency } from './resolve-contingency.ts';
import { resolveFailback } from './resolve-failback.ts';
import { resolveProbes } from './resolve-probes.ts';
import { entityWords, type RawEntity, type RawFile, type RawReplica, replicaShape, storeShape } from './schema.ts';
import { suggest } from './suggest.ts';
import { checkOptions, checkSourceUrl, checkUrl } from './urls.ts';
import type { Path } from './yaml-tree.ts';

export type Definitions = ReadonlyMap<string, StoreDefinition>;

export interface Context {
  readonly raw: Loose<RawFile>;
  readonly definitions: Definitions;
  readonly problems: ProblemList;
  /** Where relative paths start. */
  readonly folder: string;
  readonly sourceTls?: Tls;
}

/** To be used only if no problem was added: until then it is as much as could be made out. */
export function resolveConfig(
  raw: Loose<RawFile>,
  file: string,
  definitions: Definitions,
  problems: ProblemList,
): Config {
  const folder = path.dirname(file);
  const { tls } = withAbsoluteFiles({ tls: raw.source?.tls }, folder) as { readonly tls?: Tls };
  const context: Context = { raw, definitions, problems, folder, sourceTls: tls };
  if (raw.source?.url !== undefined) checkSourceUrl(raw.source.url, ['source', 'url'], problems);
  checkOptions(raw.source?.tls, ['source', 'tls'], 'source', problems);
  const stores = new Map(Object.keys(raw.stores ?? {}).map((name) => [name, resolveStore(name, context)]));
  const entities = nameReplicas(
    Object.keys(raw.entities ?? {}).map((name) => resolveEntity(name, context)),
    problems,
  );
  return {
    file,
    source: { url: raw.source?.url ?? '', parallel: raw.source?.parallel, tls },
    stores,
    entities,
    confirm: {
      interval: parseDuration(raw.confirm?.interval ?? 100) ?? 100,
      giveUp: raw.confirm?.giveUp === undefined ? undefined : parseDuration(raw.confirm.giveUp),
    },
    limits: resolveLimits(raw.limits ?? {}, problems),
    health: resolveProbes(context, entities),
    journal: { key: resolveSealKey(raw.journal?.key, problems) },
    retention: resolveRetention(raw.retention ?? {}),
    queues: resolveQueues(context, entities),
    outbox: resolveOutbox(context, entities),
    contingency: resolveContingency(context, entities, folder),
    alerts: resolveAlerts(context, entities),
    failback: resolveFailback(context),
    folder: path.resolve(folder, raw.folder ?? '.plumbline'),
  };
}

function resolveLimits(limits: Loose<NonNullable<RawFile['limits']>>, problems: ProblemList): LimitsConfig {
  const { maxRows = 10_000, maxPercent = 10, maxDeletes = 1000, maxShrink = 50, rate, timeZone = 'UTC' } = limits;
  const words = typeof limits.window === 'string' ? [limits.window] : (limits.window ?? []);
  const windows = words.flatMap((window, i) => {
    const parsed = window === undefined ? undefined : parseWindow(window);
    const at = typeof limits.window === 'string' ? [] : [i];
    if (window !== undefined && parsed === undefined)
      problems.add(['limits', 'window', ...at], 'is no window', {
        hint: 'An end that is before its begin is on the next day.',
      });
    return parsed ?? [];
  });
  if (!isTimeZone(timeZone)) {
    problems.add(['limits', 'timeZone'], `there is no time zone ${problems.shown(timeZone)}`, {
      hint: 'Such as America/Lima.',
    });
  }
  return {
    maxRows,
    maxPercent: resolvePercent('maxPercent', maxPercent, problems),
    maxDeletes,
    maxShrink: resolvePercent('maxShrink', maxShrink, problems),
    rate,
    windows,
    timeZone,
    pause: parseDuration(limits.pause ?? 600_000) ?? 0,
  };
}

const DAY_MS = 86_400_000;

function resolveRetention({ journals, reports, runs = 20 }: Loose<NonNullable<RawFile['retention']>>): RetentionConfig {
  const kept = parseDuration(journals ?? 90 * DAY_MS) ?? 0;
  // A report that goes before its journal would leave a folder that nobody can read.
  return { journals: kept, reports: Math.max(kept, parseDuration(reports ?? 400 * DAY_MS) ?? 0), runs };
}

function resolvePercent(name: string, words: string | number, problems: ProblemList): number {
  const percent = parsePercent(words);
  if (percent === undefined) problems.add(['limits', name], 'must lie between 0 and 100');
  return percent ?? 0;
}

function resolveSealKey(words: string | undefined, problems: ProblemList): Buffer | undefined {
  const key = words === undefined ? undefined : parseSealKey(words);
  if (words !== undefined && key === undefined) {
    problems.add(['journal', 'key'], 'is no key', {
      hint: 'It takes 32 bytes in hex or base64, from the environment: openssl rand -base64 32 makes one.',
    });
  }
  return key;
}

function resolveStore(name: string, { raw, definitions, problems, folder }: Context): StoreConfig {
  const here = ['stores', name];
  const store = raw.stores?.[name] ?? {};
  const { kind, url } = store;
  if (url !== undefined) checkUrl(url, [...here, 'url'], name, problems);
  const definition = kind === undefined ? undefined : definitions.get(kind);
  if (kind !== undefined && definition === undefined) {
    const near = suggest(kind, [...definitions.keys()]);
    const words = `unknown kind ${problems.shown(kind)}`;
    problems.add([...here, 'kind'], near === undefined ? words : `${words}; did you mean ${JSON.stringify(near)}?`, {
      hint: `Kinds known: ${[...definitions.keys()].sort().join(', ')}.`,
    });
  }
  const own = omit(store, storeShape);
  checkOptions(own, here, name, problems);
  const options = definition && checkOwnWords(definition.options, own, Object.keys(storeShape), here, problems);
  return { name, kind: kind ?? '', url: url ?? '', options: withAbsoluteFiles(options, folder) };
}

function resolveEntity(name: string, context: Context): EntityConfig {
  const { raw, problems } = context;
  const { tree } = problems;
  const here = ['entities', name];
  const entity: Loose<RawEntity> = raw.entities?.[name] ?? {};
  const written = (tree.value as { readonly entities?: Record<string, unknown> }).entities?.[name];
  const given = (key: string) => tree.has([...here, key]) || isMisspelt(written, key, entityWords);
  if (given('table') && given('sql')) {
    problems.add([...here, 'sql'], 'stands beside table', {
      hint: 'Keep one: table for a table, sql for a query.',
      at: 'key',
    });
  } else if (!given('table') && !given('sql')) {
    problems.add(here, 'neither table nor sql is given', {
      hint: 'Name the source table, or give a query as sql.',
      at: 'key',
    });
  } else if (given('sql') && !given('key')) {
    problems.add([...here, 'key'], 'missing', {
      hint: 'A query has no primary key: name the column or columns that tell its rows apart.',
      at: 'key',
    });
  }
  if (!given('replicas') && !given('touches')) {
    problems.add([...here, 'replicas'], 'missing', {
      hint: 'Say where its records should stand, or under touches which entities depend on it.',
      at: 'key',
    });
  }
  const key = typeof entity.key === 'string' ? [entity.key] : entity.key?.filter((column) => column !== undefined);
  const twice = key?.find((column, index) => key.indexOf(column) < index);
  if (twice !== undefined) problems.add([...here, 'key'], `names ${problems.shown(twice)} twice`);
  return {
    name,
    table: entity.table,
    // The query is wrapped in others, where a closing semicolon would end the statement.
    sql: entity.sql?.replace(/;\s*$/, ''),
    where: entity.where,
    key,
    version: entity.version,
    since: entity.since,
    touches: resolveTouches(name, entity, context),
    replicas: (entity.replicas ?? []).map((replica, index) =>
      resolveReplica(replica ?? {}, index, name, { ...entity, key }, context),
    ),
  };
}

/** What the rows of an entity touch: the names must be entities, and not its own. */
function resolveTouches(
  name: string,
  { touches = {} }: Loose<RawEntity>,
  { raw, problems }: Context,
): ReadonlyMap<string, string> {
  const others = Object.keys(raw.entities ?? {}).filter((other) => other !== name);
  const resolved = new Map<string, string>();
  for (const [touched, sql] of Object.entries(touches)) {
    if (sql === undefined) continue;
    const here = ['entities', name, 'touches', touched];
    if (!others.includes(touched)) {
      const near = suggest(touched, others);
      const words =
        touched === name ? 'an entity does not touch itself' : `no entity is named ${problems.shown(touched)}`;
      problems.add(here, near === undefined ? words : `${words}; did you mean ${JSON.stringify(near)}?`, {
        hint: `Other entities here: ${others.join(', ')}.`,
        at: 'key',
      });
    }
    resolved.set(touched, sql.replace(/;\s*$/, ''));
  }
  return resolved;
}

function resolveReplica(
  replica: Loose<RawReplica>,
  index: number,
  entityName: string,
  entity: Loose<RawEntity> & { readonly key?: readonly string[] },
  { raw, definitions, problems }: Context,
): ReplicaConfig {
  const here = ['entities', entityName, 'replicas', index];
  const kind = checkStore(replica.store, [...here, 'store'], raw, problems);
  const definition = kind === undefined ? undefined : definitions.get(kind);
  const own = omit(replica, replicaShape);
  const options =
    definition && checkOwnWords(definition.replicaOptions, own, Object.keys(replicaShape), here, problems);
  const cache = options !== undefined && (definition?.isCache?.(options) ?? false);
  if (cache && entity.version === undefined) {
    problems.add(['entities', entityName, 'version'], 'missing', {
      hint: 'A cached result is compared by its age: name the column that says when its scope last changed.',
      at: 'key',
    });
  }
  const naming = replica.naming ?? entity.naming ?? 'asIs';
  const target =
    replica.target ?? applyNaming(entity.table === undefined ? entityName : tableName(entity.table), naming);
  return {
    name: replica.store === undefined ? '' : `${replica.store}.${target}`,
    store: replica.store ?? '',
    target,
    naming,
    where: replica.where,
    maxLag: parseDuration(replica.maxLag ?? 500) ?? 500,
    fields: resolveFields({ entityName, entity, replica, index, naming }, problems),
    onlyListed: replica.onlyListed ?? false,
    options,
    cache,
  };
}

/** The kind of the store that is named, when there is one. */
export function checkStore(
  name: string | undefined,
  here: Path,
  raw: Loose<RawFile>,
  problems: ProblemList,
): string | undefined {
  // What is wrong with the stores themselves is told there.
  const given = (problems.tree.value as { readonly stores?: unknown }).stores;
  if (name === undefined || typeof given !== 'object' || given === null) return undefined;
  if (!Object.hasOwn(given, name)) {
    const near = suggest(name, Object.keys(given));
    const words = `no store is named ${problems.shown(name)}`;
    problems.add(here, near === undefined ? words : `${words}; did you mean ${JSON.stringify(near)}?`, {
      hint: Object.keys(given).length > 0 ? `Stores here: ${Object.keys(given).join(', ')}.` : 'Add it under stores.',
    });
    return undefined;
  }
  return raw.stores?.[name]?.kind;
}

/** Replicas of several entities in one place get `#entity`; the same place twice in one entity can't be told apart. */
function nameReplicas(entities: readonly EntityConfig[], problems: ProblemList): EntityConfig[] {
  const count = new Map<string, number>();
  for (const { name } of entities.flatMap(({ replicas }) => replicas)) count.set(name, (count.get(name) ?? 0) + 1);
  const seen = new Map<string, string>();
  return entities.map((entity) => ({
    ...entity,
    replicas: entity.replicas.map((replica, index) => {
      const name = (count.get(replica.name) ?? 0) > 1 ? `${replica.name}#${entity.name}` : replica.name;
      const here = ['entities', entity.name, 'replicas', index];
      const other = seen.get(name);
      if (other !== undefined && replica.name !== '') {
        problems.add(here, `is the same place as ${other}`, { hint: 'Remove one of them, or give it another target.' });
      }
      seen.set(name, other ?? `entities.${entity.name}.replicas[${index}]`);
      return { ...replica, name };
    }),
  }));
}
