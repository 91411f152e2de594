// How many of an entity's rows are found in a replica by their key: every key of the source, looked up in batches by the store's own `fetch`.

import { type Key, keyText } from '../mapping/mapping.ts';
import { byKey, decodeKey } from '../postgres/relation.ts';
import type { Whereabouts } from '../stores/store.ts';
import type { PlannedReplica } from './replicas.ts';

const KEYS_A_LOOK = 500;
const LOOKS_AT_ONCE = 4;

export interface Reached {
  readonly whole: number;
  readonly part: number;
}

/** A record that can't be read counts as not found. */
export async function countReached(planned: PlannedReplica, signal: AbortSignal): Promise<Reached> {
  const { source, entity, replica } = planned;
  const { mapping } = replica.replica;
  const size = Math.min(KEYS_A_LOOK, replica.store.limits.fetchKeys);
  let whole = 0;
  let part = 0;
  let keys: Key[] = [];
  const looks: Promise<number>[] = [];
  const look = () => {
    const looking = countFound(planned, keys);
    // It may fail while nobody waits for it; whoever waits later hears of it all the same.
    looking.catch(() => {});
    looks.push(looking);
    keys = [];
  };
  const snapshot = await source.openSnapshot();
  try {
    // Nobody looks at the hashes.
    const scheme = { algorithm: 'lookup3', seed: 0n } as const;
    for await (const page of snapshot.keys(entity.relation, mapping, scheme, undefined, signal)) {
      whole += page.count;
      for (let i = 0; i < page.count; i++) {
        keys.push(decodeKey(mapping, page.texts![i]!));
        if (keys.length < size) continue;
        look();
        while (looks.length >= LOOKS_AT_ONCE) part += await looks.shift()!;
      }
    }
  } finally {
    await snapshot.close();
  }
  if (keys.length > 0) look();
  for (const found of looks) part += await found;
  return { whole, part };
}

async function countFound({ source, entity, replica }: PlannedReplica, keys: readonly Key[]): Promise<number> {
  const { mapping } = replica.replica;
  let whereabouts: ((key: Key) => Whereabouts) | undefined;
  if (replica.inspection.placed) {
    const rows = byKey(await source.fetch(entity.relation, mapping, keys));
    whereabouts = (key) => ({ rows: rows.get(keyText(key)) ?? [], places: [] });
  }
  const found = await replica.store.fetch(replica.replica, keys, whereabouts);
  return new Set(found.filter(({ unread }) => unread === undefined).map(({ key }) => keyText(key))).size;
}
