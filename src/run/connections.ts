// Opens the source and the stores that a run needs, all at once. The source must answer; a store that doesn't makes only its replicas unproven.

import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { StoreError, wordsOf } from '../errors.ts';
import { hashesAgree } from '../postgres/hash-check.ts';
import type { RunProblem } from '../report/report.ts';
import { Source } from '../source/source.ts';
import type { Store, StoreDefinition } from '../stores/store.ts';
import type { HashScheme } from '../value/digest.ts';
import type { RunListener } from './events.ts';
import { retrying } from './retry.ts';

export interface Connections {
  readonly source: Source;
  /** By name: connected, or why not. */
  readonly stores: ReadonlyMap<string, Store | RunProblem>;
  close(): Promise<void>;
}

/** Throws the source's StoreError. */
export async function connect(
  config: Config,
  names: ReadonlySet<string>,
  kinds: ReadonlyMap<string, StoreDefinition>,
  listener: RunListener,
  signal?: AbortSignal,
): Promise<Connections> {
  const { url, parallel, tls } = config.source;
  const opening = [...config.stores.values()]
    .filter((store) => names.has(store.name))
    .map(async ({ name, kind, url, options }): Promise<readonly [string, Store | RunProblem]> => {
      const definition = kinds.get(kind)!;
      try {
        return [
          name,
          await retrying(
            `${name}: connect`,
            () => definition.connect({ name, url, options, signal }),
            listener,
            signal,
          ),
        ];
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        return [name, { where: name, message: wordsOf(error), hint: error.hint }];
      }
    });
  const [source, ...stores] = await Promise.allSettled([
    retrying('source: connect', () => Source.connect(url, parallel, tls), listener, signal),
    ...opening,
  ]);
  const opened = stores.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const close = async () => {
    const all = [
      source.status === 'fulfilled' ? source.value : undefined,
      ...opened.map(([, store]) => ('message' in store ? undefined : store)),
    ];
    await Promise.allSettled(all.map((connection) => connection?.close()));
  };
  const failed = [source, ...stores].find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return { source: (source as PromiseFulfilledResult<Source>).value, stores: new Map(opened), close };
}

/** A scheme with a seed of this run's own; md5 where some server's hashes differ from ours. */
export async function chooseScheme(connections: Connections, algorithm?: HashScheme['algorithm']): Promise<HashScheme> {
  const seed = randomBytes(8).readBigInt64BE();
  if (algorithm !== undefined) return { algorithm, seed };
  const stores = [...connections.stores.values()].filter((store) => !('message' in store)) as Store[];
  const answers = await Promise.all([
    hashesAgree(connections.source.session),
    ...stores.map((store) => store.hashing?.agrees?.().catch(() => true) ?? true),
  ]);
  return { algorithm: answers.every(Boolean) ? 'lookup3' : 'md5', seed };
}
