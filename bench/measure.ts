// The child process of one measurement: warms up, runs its variant once, and sends the seconds and the peak of its
// memory to its parent. The job comes by message, because it holds passwords.

import { type CopyName, copyOf, type StoreKind } from './copies.ts';
import { peakMegabytes } from './peak-memory.ts';
import { type Pair, VARIANTS, type VariantName, WrongAnswer, warmUp } from './variants.ts';

export interface Job {
  readonly variant: VariantName;
  readonly store: StoreKind;
  readonly copy: CopyName;
  readonly rows: number;
  readonly pair: Pair;
}

export interface Measurement {
  readonly seconds: number;
  /** Peak resident memory of the process, in MB of a million bytes. */
  readonly megabytes: number;
  /** What that peak was after the warm-up, before the measurement. */
  readonly warmMegabytes: number;
}

export type Answer = Measurement | { readonly failure: string; readonly wrongAnswer: boolean };

async function measure({ variant, store, copy, rows, pair }: Job): Promise<Answer> {
  try {
    await warmUp(variant, store, pair);
    globalThis.gc?.();
    const warmMegabytes = await peakMegabytes();
    const seconds = await VARIANTS[variant](store, pair, copyOf(copy, rows));
    return { seconds, megabytes: await peakMegabytes(), warmMegabytes };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      failure: error instanceof WrongAnswer ? error.message : failure,
      wrongAnswer: error instanceof WrongAnswer,
    };
  }
}

process.once('message', async (job: Job) => {
  process.send!(await measure(job), () => process.disconnect());
});
