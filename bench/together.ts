// The second part: four replicas of one entity in one run against each of them alone: beside their servers, with threads that read them and
// without, and over lines, where waiting for the stores is the bound.

import { defaultThreads } from '../src/run/options.ts';
import type { StoreServer } from './config.ts';
import { copyOf, type StoreKind } from './copies.ts';
import { withLines } from './lines.ts';
import { measureRounds, type Recorder, type Step, stepOf } from './rounds.ts';
import { type Census, type Source, seedCopies, withStores } from './servers.ts';

export const TOGETHER_KINDS: readonly StoreKind[] = ['mongodb', 'cassandra', 'neo4j', 'redis'];
export const TOGETHER_ROWS = 200_000;

/** What `workers` is by default for these, and what it is held against. */
const DEFAULT_THREADS = defaultThreads(TOGETHER_KINDS.length);
export const OTHER_THREADS = DEFAULT_THREADS === 0 ? 1 : 0;

/** How the replicas are read. */
export type Manner = 'as usual' | 'other threads' | 'over lines';

/** Rounds of those that mostly wait: they vary little. */
const LINE_ROUNDS = 3;

export async function measureTogether(source: Source, rows: number, recorder: Recorder, census: Census): Promise<void> {
  const { onProgress } = recorder;
  await withStores(TOGETHER_KINDS, rows, census, onProgress, async (servers) => {
    for (const server of servers) await seedCopies(server, ['equal', 'warmUp'], rows, onProgress);
    const { rows: each } = copyOf('equal', rows);
    const steps = (manner: Manner, chosen: readonly StoreServer[]): readonly Step[] => {
      const step = (name: string, some: readonly StoreServer[]): Step => {
        const workers = manner === 'other threads' ? OTHER_THREADS : undefined;
        const job = { variant: 'check', source: source.url, servers: some, copy: 'equal', rows, workers } as const;
        return stepOf(name, each, job, manner === 'over lines' ? LINE_ROUNDS : undefined);
      };
      return [
        step(togetherName(manner), chosen),
        ...chosen.map((server) => step(aloneName(server.kind, manner), [server])),
      ];
    };
    await withLines(servers, (distant) =>
      measureRounds(recorder, [
        ...steps('as usual', servers),
        steps('other threads', servers)[0]!,
        ...steps('over lines', distant),
      ]),
    );
  });
}

export function togetherName(manner: Manner): string {
  return `four replicas${WORDS[manner]}`;
}

export function aloneName(kind: StoreKind, manner: Manner): string {
  return `${kind} alone${WORDS[manner]}`;
}

const WORDS: Readonly<Record<Manner, string>> = {
  'as usual': '',
  'other threads': OTHER_THREADS === 0 ? ', no worker threads' : ', 1 worker thread',
  'over lines': ', over lines',
};
