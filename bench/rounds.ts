// The order of the measurements: in every round each contestant once, so that drift of the machine's speed falls on all
// of them alike.

import { measure } from './fork-measure.ts';
import type { Job } from './measure.ts';
import type { Sample, Series } from './series.ts';

export interface Step {
  readonly name: string;
  /** In the replica, or in the window of it. */
  readonly rows: number;
  /** Rounds that it takes part in, at most. */
  readonly most: number;
  readonly take: () => Promise<Sample>;
}

/** What every part of the bench adds to. */
export interface Recorder {
  readonly series: Series;
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

export function stepOf(name: string, rows: number, job: Job): Step {
  return { name, rows, most: Number.POSITIVE_INFINITY, take: () => measure(job) };
}

/** The first round is thrown away: it warms the servers. */
export async function measureRounds(recorder: Recorder, steps: readonly Step[], rounds = recorder.runs): Promise<void> {
  for (let round = 0; round <= rounds; round += 1) await runRound(recorder, steps, round);
}

export async function runRound(recorder: Recorder, steps: readonly Step[], round: number): Promise<void> {
  const { series, onProgress } = recorder;
  for (const { name, rows, most, take } of steps) {
    if (round > most) continue;
    const sample = await take();
    const memory = sample.megabytes === undefined ? '' : `, ${sample.megabytes.toFixed(0)} MB`;
    const where = round === 0 ? 'warm-up' : `round ${round}`;
    onProgress(`${where}: ${name}: ${sample.seconds.toFixed(3)} s${memory}`);
    if (round === 0) continue;
    const measured = series.get(name) ?? { rows, samples: [] };
    measured.samples.push(sample);
    series.set(name, measured);
  }
}
