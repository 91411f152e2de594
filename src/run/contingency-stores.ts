// The contingency stores that a drain reads: which were asked for, opened, and what of their writes nobody may see.

import type { Config, ContingencyConfig, ContingencyStoreConfig } from '../config/config.ts';
import { suggest } from '../config/suggest.ts';
import { deadLettersFolder } from '../contingency/dead-letters.ts';
import { fileStore } from '../contingency/files.ts';
import { DEAD_LETTERS, type OpenedStore } from '../contingency/gather.ts';
import { ConfigError, StoreError } from '../errors.ts';
import type { Connections } from './connections.ts';

/** Throws a ConfigError for a name that is none. */
export function chosenStores(
  config: Config,
  { stores }: ContingencyConfig,
  { stores: names = [], replay }: { readonly stores?: readonly string[]; readonly replay?: boolean },
): readonly ContingencyStoreConfig[] {
  if (replay) {
    const [shape] = stores;
    if (names.length > 0) throw usage('--replay', 'takes the dead letters of all contingency stores');
    return [{ ...shape!, name: DEAD_LETTERS, store: undefined, target: deadLettersFolder(config.folder), options: {} }];
  }
  const known = stores.map(({ name }) => name);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) {
    const near = suggest(wrong, known);
    const words = `no contingency store is named ${JSON.stringify(wrong)}`;
    throw usage(
      '--from',
      near === undefined ? words : `${words}; did you mean ${near}?`,
      `It has ${known.join(', ')}.`,
    );
  }
  return stores.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** Throws the StoreError of a store that can't be reached: what waits there may come before what waits elsewhere. */
export function openStores(wanted: readonly ContingencyStoreConfig[], { stores }: Connections): readonly OpenedStore[] {
  return wanted.map((config): OpenedStore => {
    if (config.store === undefined) return { config, contingency: fileStore(config.name) };
    const store = stores.get(config.store)!;
    if (!('message' in store)) return { config, contingency: store.contingency! };
    const detail = store.message.replace(/^[^:]+: [^:]+: /, '');
    const hint = `${store.hint ?? ''} Without it nobody knows what comes first; --from names the others, if it took no writes.`;
    throw new StoreError(config.store, `read ${config.name}`, detail, { hint: hint.trim() });
  });
}

/** Whether a write about the entity may hold what nobody may see; undefined: it can't be told which it is about. */
export function mayBeSensitive({ entities }: Config, name: string | undefined): boolean {
  const some = name === undefined ? entities : entities.filter((entity) => entity.name === name);
  return some.some(({ replicas }) =>
    replicas.some(({ fields }) => [...fields.values()].some((field) => field.sensitive)),
  );
}

export function usage(path: string, message: string, hint?: string): ConfigError {
  return new ConfigError([{ path, message, hint }]);
}
