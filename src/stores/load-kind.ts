// One built-in kind of store alone, for a thread that reads with it: to load all of them takes longer than many a replica takes to be read.

import type { StoreDefinition } from './store.ts';

/** A kind of `storeKinds`: each stands in the folder and the file that are called as it is. */
export async function loadKind(kind: string): Promise<StoreDefinition> {
  const module = (await import(`./${kind}/${kind}.ts`)) as Readonly<Record<string, StoreDefinition>>;
  return module[kind]!;
}
