// The first part of the bench: one kind of store at a time, what a check costs against a bare read, drift against none,
// a repair against a bare bulk write.

import type { StoreServer } from './config.ts';
import { type CopyName, copyOf, DATABASE, type StoreKind } from './copies.ts';
import { RELADIFF_THREADS, type ReladiffThreads, runReladiff } from './reladiff.ts';
import { measureRounds, type Recorder, runRound, type Step, stepOf } from './rounds.ts';
import { type Census, type Source, seedCopies, withStores } from './servers.ts';
import { benchStore } from './stores/bench-store.ts';
import { urlOf } from './stores/postgres.ts';
import type { VariantName } from './variants.ts';

export interface KindOptions {
  readonly kind: StoreKind;
  readonly rows: number;
  /** Whether reladiff takes part. */
  readonly reladiff: boolean;
}

interface Contest extends KindOptions {
  readonly source: string;
  readonly server: StoreServer;
}

const RELADIFF_RUNS = 2;
const REPAIR_RUNS = 3;

/** Where an empty replica is checked as well, for what it takes of memory. */
export const EMPTY_KINDS: readonly StoreKind[] = ['mongodb', 'postgres'];

export async function measureKind(
  source: Source,
  options: KindOptions,
  recorder: Recorder,
  census: Census,
): Promise<void> {
  const { kind, rows } = options;
  const { onProgress } = recorder;
  const hasEmpty = EMPTY_KINDS.includes(kind);
  const copies: readonly CopyName[] = ['equal', 'drifted', 'warmUp', 'warmUpDrifted'];
  await withStores([kind], rows, census, onProgress, async (servers) => {
    const server = servers[0]!;
    await seedCopies(server, hasEmpty ? [...copies, 'empty'] : copies, rows, onProgress);
    const contest: Contest = { ...options, source: source.url, server };
    await measureRounds(recorder, readingSteps(contest));
    // Only now, because a repair changes the drifted copy.
    const repairs = await repairSteps(contest);
    const rounds = Math.min(recorder.runs, REPAIR_RUNS);
    for (let round = 1; round <= rounds; round += 1) await runRound(recorder, repairs, round);
    if (hasEmpty) await runRound(recorder, [step(contest, 'check', 'empty')], 1);
  });
}

function readingSteps(contest: Contest): readonly Step[] {
  const checks = (['equal', 'drifted'] as const).flatMap((copy) => [
    step(contest, 'check', copy),
    ...(contest.reladiff ? RELADIFF_THREADS.map((threads) => reladiffStep(contest, copy, threads)) : []),
  ]);
  return [step(contest, 'drain', 'equal'), ...checks];
}

async function repairSteps(contest: Contest): Promise<readonly Step[]> {
  const copy = copyOf('drifted', contest.rows);
  const store = await benchStore(contest.kind);
  // Both end with an equal copy, and both need it drifted: at the start it is.
  let drifted = true;
  return (['bulk write', 'repair'] as const).map((variant) => {
    const bare = step(contest, variant, 'drifted');
    const take = async () => {
      if (!drifted) await store.plantDrift(contest.server.url, copy);
      drifted = false;
      return bare.take();
    };
    return { ...bare, take };
  });
}

export function nameOf(kind: StoreKind, variant: VariantName, copy: CopyName): string {
  return variant === 'check' ? `${kind} check, ${copy}` : `${kind} ${variant}`;
}

export function reladiffName(copy: CopyName, threads: ReladiffThreads): string {
  return `reladiff${threads === 1 ? '' : ` with ${threads} threads`}, ${copy}`;
}

function step({ kind, source, server, rows }: Contest, variant: VariantName, copy: CopyName): Step {
  return stepOf(nameOf(kind, variant, copy), rows, { variant, source, servers: [server], copy, rows });
}

function reladiffStep({ source, server, rows }: Contest, copy: CopyName, threads: ReladiffThreads): Step {
  const replica = urlOf(server.url, DATABASE);
  return {
    name: reladiffName(copy, threads),
    rows,
    most: RELADIFF_RUNS,
    take: async () => ({ seconds: await runReladiff(source, replica, copyOf(copy, rows), threads) }),
  };
}
