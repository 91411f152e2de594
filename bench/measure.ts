// The child process of one measurement: warms up, runs its job once, and sends the seconds and the peak of its memory
// to its parent. The job comes by message, because it holds passwords.

import { type Busy, countBusy } from './busy.ts';
import { peakMegabytes } from './peak-memory.ts';
import type { ThreadsJob } from './threads.ts';
import { type CopyJob, runJob, warmUpJob } from './variants.ts';
import type { WindowJob } from './window/window.ts';
import { WrongAnswer } from './wrong-answer.ts';

export type Job = CopyJob | ThreadsJob | WindowJob;

export interface Measurement {
  readonly seconds: number;
  /** Peak resident memory of the process, in MB of a million bytes. */
  readonly megabytes: number;
  /** What that peak was after the warm-up, before the measurement. */
  readonly warmMegabytes: number;
  /** Absent where more was done than what was timed. */
  readonly busy?: Busy;
}

export type Answer = Measurement | { readonly failure: string; readonly wrongAnswer: boolean };

async function measure(job: Job): Promise<Answer> {
  try {
    const { warmUp, run } = await workOf(job);
    await warmUp();
    globalThis.gc?.();
    const warmMegabytes = await peakMegabytes();
    const busy = await countBusy();
    const seconds = await run();
    const told = await busy();
    const isAllTimed = job.variant !== 'repair' && job.variant !== 'bulk write';
    return { seconds, megabytes: await peakMegabytes(), warmMegabytes, busy: isAllTimed ? told : undefined };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      failure: error instanceof WrongAnswer ? error.message : failure,
      wrongAnswer: error instanceof WrongAnswer,
    };
  }
}

/** What it needs is loaded only where it is measured. `run` returns seconds. */
async function workOf(job: Job): Promise<{ warmUp(): Promise<unknown>; run(): Promise<number> }> {
  if (job.variant === 'window') {
    const { checkWindow } = await import('./window/window.ts');
    return { warmUp: () => checkWindow(job.warmUp), run: () => checkWindow(job.place) };
  }
  if (job.variant === 'threads') {
    const { checkTwo } = await import('./threads.ts');
    return { warmUp: () => checkTwo(job, 'warmUp'), run: () => checkTwo(job, 'equal') };
  }
  return { warmUp: () => warmUpJob(job), run: () => runJob(job) };
}

process.once('message', async (job: Job) => {
  process.send!(await measure(job), () => process.disconnect());
});
