// The contingency section of the file: which stores and files took writes, how a write is spelled there, and who wins in a conflict.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { Loose } from './check.ts';
import type { ConflictRule, ContingencyConfig, ContingencyStoreConfig, EntityConfig, Operation } from './config.ts';
import { parseDuration } from './duration.ts';
import { checkOwnWords, omit } from './own-words.ts';
import { type Context, checkStore } from './resolve.ts';
import { contingencyStoreShape, type RawContingencyStore } from './schema.ts';
import { addUnknown } from './unknown-name.ts';
import { checkSourceUrl } from './urls.ts';
import type { Path } from './yaml-tree.ts';

/** What stands in a contingency store of files besides the common words. */
export const fileOptions = z.strictObject({
  after: z
    .enum(['archive', 'delete'])
    .optional()
    .describe(
      'What becomes of a file of which every write is settled: moved into the folder `drained` beside it, or deleted. Default archive.',
    ),
});

const MINUTE = 60_000;
const DEFAULT_TRIES = [0, 5 * MINUTE, 30 * MINUTE, 60 * MINUTE];
const OPERATIONS: readonly (readonly [string, Operation])[] = [
  ['insert', 'insert'],
  ['create', 'insert'],
  ['update', 'update'],
  ['delete', 'delete'],
  ['remove', 'delete'],
];
/** The one word of `spelledAs` that names no store. */
const SOURCE = 'source';

/** `folder`: of the config file. */
export function resolveContingency(
  context: Context,
  entities: readonly EntityConfig[],
  folder: string,
): ContingencyConfig | undefined {
  const { raw, problems } = context;
  const { contingency } = raw;
  if (contingency === undefined) return undefined;
  const { writerUrl, conflicts = 'newest' } = contingency;
  if (writerUrl !== undefined) checkSourceUrl(writerUrl, ['contingency', 'writerUrl'], problems);
  const tables = entities.filter(({ table }) => table !== undefined).map(({ name }) => name);
  const checkEntity = (name: string, path: Path) => {
    if (!tables.includes(name)) {
      addUnknown(path, 'no entity with a table is named', name, tables, 'Entities with a table', problems);
    }
  };
  const meant = given(contingency.entities);
  for (const [word, name] of meant) checkEntity(name, ['contingency', 'entities', word]);
  const rules = typeof conflicts === 'string' ? [] : given<ConflictRule>(conflicts);
  for (const [name] of rules) checkEntity(name, ['contingency', 'conflicts', name]);
  const tries = (contingency.tries ?? DEFAULT_TRIES).map((time) => parseDuration(time ?? 0) ?? 0);
  if (tries[0] !== 0 || tries.some((time, i) => time < (tries[i - 1] ?? 0))) {
    problems.add(['contingency', 'tries'], 'must begin with 0 and ascend', { hint: 'Such as [0, 5m, 30m, 1h].' });
  }
  return {
    database: contingency.database ?? '',
    system: contingency.system,
    writerUrl,
    entities: new Map(meant),
    leave: (contingency.leave ?? []).filter((word) => word !== undefined),
    operations: new Map([
      ...OPERATIONS,
      ...given<Operation>(contingency.operations).map(([word, operation]) => [word.toLowerCase(), operation] as const),
    ]),
    conflicts: typeof conflicts === 'string' ? (conflicts as ConflictRule) : 'newest',
    conflictsOf: new Map(rules),
    tries,
    interval: parseDuration(contingency.interval ?? 30_000) ?? 30_000,
    stores: Object.entries(contingency.stores ?? {}).map(([name, store]) =>
      resolveStore(name, store ?? {}, context, folder),
    ),
  };
}

function resolveStore(
  name: string,
  store: Loose<RawContingencyStore>,
  { raw, definitions, problems }: Context,
  folder: string,
): ContingencyStoreConfig {
  const here = ['contingency', 'stores', name];
  const isFiles = store.files !== undefined;
  if (isFiles === (store.store !== undefined)) {
    problems.add(here, isFiles ? 'names files and a store' : 'names neither a store nor files', {
      hint: 'Keep one: store for a server of `stores`, files for JSON lines on this machine.',
      at: 'key',
    });
  }
  const kind = store.store === undefined ? undefined : checkStore(store.store, [...here, 'store'], raw, problems);
  const words = isFiles ? fileOptions : kind === undefined ? undefined : definitions.get(kind)?.contingencyOptions;
  if (kind !== undefined && definitions.has(kind) && words === undefined && !isFiles) {
    const able = [...definitions.values()].filter(({ contingencyOptions }) => contingencyOptions !== undefined);
    problems.add([...here, 'store'], `a store of kind ${kind} keeps no writes for the source`, {
      hint: `Kinds that do: ${able.map((definition) => definition.kind).join(', ')}.`,
    });
  }
  const { spelledAs = isFiles ? SOURCE : store.store } = store;
  if (store.spelledAs !== undefined && spelledAs !== SOURCE)
    checkStore(spelledAs, [...here, 'spelledAs'], raw, problems);
  const own = omit(store, contingencyStoreShape);
  return {
    name,
    store: store.store,
    target: isFiles ? resolve(folder, store.files!) : (store.target ?? name),
    data: pathOf(store.data ?? 'data'),
    entity: pathOf(store.entity ?? 'entityType'),
    operation: pathOf(store.operation ?? 'operation'),
    timestamp: pathOf(store.timestamp ?? 'timestamp'),
    base: store.base === undefined ? undefined : pathOf(store.base),
    spelledAs: spelledAs === SOURCE ? undefined : spelledAs,
    options: words && checkOwnWords(words, own, Object.keys(contingencyStoreShape), here, problems),
  };
}

function pathOf(words: string): readonly string[] {
  return words.split('.');
}

/** The entries that have a value. */
function given<T extends string>(record: Readonly<Record<string, T | undefined>> | undefined): [string, T][] {
  return Object.entries(record ?? {}).filter((entry): entry is [string, T] => entry[1] !== undefined);
}
