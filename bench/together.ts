// The second part: four replicas of one entity in one run against each of them alone, with threads that read them and
// without.

import { copyOf, type StoreKind } from './copies.ts';
import { measureRounds, type Recorder, type Step, stepOf } from './rounds.ts';
import { type Census, type Source, seedCopies, withStores } from './servers.ts';

export const TOGETHER_KINDS: readonly StoreKind[] = ['mongodb', 'cassandra', 'neo4j', 'redis'];
export const TOGETHER_ROWS = 200_000;

export async function measureTogether(source: Source, rows: number, recorder: Recorder, census: Census): Promise<void> {
  const { onProgress } = recorder;
  await withStores(TOGETHER_KINDS, rows, census, onProgress, async (servers) => {
    for (const server of servers) await seedCopies(server, ['equal', 'warmUp'], rows, onProgress);
    const { rows: each } = copyOf('equal', rows);
    const step = (name: string, chosen: typeof servers, workers: number | undefined): Step =>
      stepOf(name, each, { variant: 'check', source: source.url, servers: chosen, copy: 'equal', rows, workers });
    const steps = [undefined, 0].flatMap((workers) => [
      step(togetherName(workers), servers, workers),
      ...servers.map((server) => step(aloneName(server.kind, workers), [server], workers)),
    ]);
    await measureRounds(recorder, steps);
  });
}

/** `workers` as in `RunOptions`. */
export function togetherName(workers: number | undefined): string {
  return `four replicas${threadsWords(workers)}`;
}

export function aloneName(kind: StoreKind, workers: number | undefined): string {
  return `${kind} alone${threadsWords(workers)}`;
}

function threadsWords(workers: number | undefined): string {
  return workers === 0 ? ', no worker threads' : '';
}
