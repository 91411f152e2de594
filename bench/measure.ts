// The child process of one measurement: warms up, runs its job once, and sends the seconds and the peak of its memory
// to its parent. The job comes by message, because it holds passwords.

import { peakMegabytes } from './peak-memory.ts';
import { type CopyJob, runJob, warmUpJob } from './variants.ts';
import type { WindowJob } from './window/window.ts';
import { WrongAnswer } from './wrong-answer.ts';

export type Job = CopyJob | WindowJob;

export interface Measurement {
  readonly seconds: number;
  /** Peak resident memory of the process, in MB of a million bytes. */
  readonly megabytes: number;
  /** What that peak was after the warm-up, before the measurement. */
  readonly warmMegabytes: number;
}

export type Answer = Measurement | { readonly failure: string; readonly wrongAnswer: boolean };

async function measure(job: Job): Promise<Answer> {
  try {
    await (job.variant === 'window' ? checkWindow(job.warmUp) : warmUpJob(job));
    globalThis.gc?.();
    const warmMegabytes = await peakMegabytes();
    const seconds = await (job.variant === 'window' ? checkWindow(job.place) : runJob(job));
    return { seconds, megabytes: await peakMegabytes(), warmMegabytes };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      failure: error instanceof WrongAnswer ? error.message : failure,
      wrongAnswer: error instanceof WrongAnswer,
    };
  }
}

/** Its fixture is loaded only where it is measured. */
async function checkWindow(place: WindowJob['place']): Promise<number> {
  const window = await import('./window/window.ts');
  return window.checkWindow(place);
}

process.once('message', async (job: Job) => {
  process.send!(await measure(job), () => process.disconnect());
});
