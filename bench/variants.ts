// What is measured of copies, one function a variant: it connects, does its work once, closes, and says how long that
// took.

import { check, reconcile } from '../src/index.ts';
import { configOf, type StoreServer } from './config.ts';
import { type Copy, type CopyName, copyOf, recordsIn, sizeOf } from './copies.ts';
import { benchStore } from './stores/bench-store.ts';
import { expectFindings, problemsOf, WrongAnswer } from './wrong-answer.ts';

export type VariantName = 'drain' | 'check' | 'bulk write' | 'repair';

/** One measurement of copies of the same name. */
export interface CopyJob {
  readonly variant: VariantName;
  /** The URL of the source's database. */
  readonly source: string;
  /** One; for a check also several, which are replicas of one entity then. */
  readonly servers: readonly StoreServer[];
  readonly copy: CopyName;
  readonly rows: number;
  /** See `RunOptions`; absent: the default. */
  readonly workers?: number;
}

/** Seconds. */
export function runJob(job: CopyJob): Promise<number> {
  return VARIANTS[job.variant](job, copyOf(job.copy, job.rows));
}

/**
 * What a process must have done once, small, before it is measured, so that the first calls are not what is measured.
 */
export async function warmUpJob(job: CopyJob): Promise<void> {
  const writes = job.variant === 'repair' || job.variant === 'bulk write';
  const copy = copyOf(writes ? 'warmUpDrifted' : 'warmUp', 0);
  const [{ kind, url }] = job.servers as [StoreServer];
  if (writes) await (await benchStore(kind)).plantDrift(url, copy);
  await VARIANTS[job.variant](job, copy);
}

type Variant = (job: CopyJob, copy: Copy) => Promise<number>;

const VARIANTS: Readonly<Record<VariantName, Variant>> = {
  drain: async ({ servers }, copy) => {
    const [{ kind, url, standIn }] = servers as [StoreServer];
    const store = await benchStore(kind);
    const started = performance.now();
    const records = await store.drain(url, copy, standIn);
    const seconds = secondsSince(started);
    const held = recordsIn(copy);
    if (records !== held) throw new WrongAnswer(`drain of ${kind}: ${records} records instead of ${held}`);
    return seconds;
  },

  /** The whole of it: configuration, connections, plan, both reads, confirmation, findings. */
  check: async ({ source, servers, workers }, copy) => {
    const started = performance.now();
    const report = await check(await configOf(source, servers, copy), { keep: false, workers });
    const seconds = secondsSince(started);
    expectFindings(report, copy, servers.length);
    return seconds;
  },

  /** From the end of the comparison on: what reading again, writing, and reading back cost. */
  repair: async ({ source, servers }, copy) => {
    let started: number | undefined;
    const writes = sizeOf(copy.drift);
    const report = await reconcile(await configOf(source, servers, copy), {
      keep: false,
      apply: true,
      deleteOrphans: true,
      maxRows: writes,
      onEvent: (event) => {
        if (event.type === 'stage' && event.stage === 'repair') started = performance.now();
      },
    });
    const name = report.replicas[0]?.name;
    if (started === undefined) throw new WrongAnswer(`reconcile of ${name} repaired nothing${problemsOf(report)}`);
    const seconds = secondsSince(started);
    expectFindings(report, copy, servers.length);
    const done = report.replicas[0]?.repair;
    if (done?.outcomes.written !== writes || done.verified.equal !== writes || report.exitCode !== 0) {
      const said = JSON.stringify({ outcomes: done?.outcomes, verified: done?.verified, errors: done?.errors });
      throw new WrongAnswer(`reconcile of ${name}: ${writes} records to write, exit ${report.exitCode}: ${said}`);
    }
    return seconds;
  },

  /** The same records from memory, over a connection that stands already. */
  'bulk write': async ({ servers }, copy) => {
    const [{ kind, url }] = servers as [StoreServer];
    const write = await (await benchStore(kind)).prepareBulkWrite(url, copy);
    try {
      const started = performance.now();
      await write.run();
      return secondsSince(started);
    } finally {
      await write.close();
    }
  },
};

export function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
