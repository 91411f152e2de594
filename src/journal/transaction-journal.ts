// What is written within a transaction: on disk before it is written, as everywhere; what became of it only when the transaction has ended.

import type { Outcome } from '../stores/store.ts';
import type { Journal } from './journal.ts';

/** Where writes are recorded before they are made. */
export type Recorder = Pick<Journal, 'intend' | 'prepare'>;

interface Intended {
  readonly writes: number;
  readonly settle: (outcomes: readonly Outcome[]) => Promise<void>;
  /** Undefined: the store has not said. */
  outcomes?: readonly Outcome[];
}

const TAKEN_BACK: Outcome = { outcome: 'refused', error: 'the transaction was taken back' };

/** Where neither `committed` nor `takenBack` is called, what stands in the store tells, as after a kill. */
export class TransactionJournal implements Recorder {
  private readonly journal: Recorder;
  private readonly intended: Intended[] = [];

  constructor(journal: Recorder) {
    this.journal = journal;
  }

  async intend(...write: Parameters<Recorder['intend']>): ReturnType<Recorder['intend']> {
    return this.held(write[1].length, await this.journal.intend(...write));
  }

  async prepare(...write: Parameters<Recorder['prepare']>): ReturnType<Recorder['prepare']> {
    return this.held(write[1].length, await this.journal.prepare(...write));
  }

  async committed(): Promise<void> {
    for (const { settle, outcomes } of this.intended.splice(0)) if (outcomes !== undefined) await settle(outcomes);
  }

  async takenBack(): Promise<void> {
    for (const { settle, writes } of this.intended.splice(0)) await settle(Array(writes).fill(TAKEN_BACK));
  }

  private held(writes: number, settle: Intended['settle']): Intended['settle'] {
    const own: Intended = { writes, settle };
    this.intended.push(own);
    return async (outcomes) => {
      own.outcomes = outcomes;
    };
  }
}
