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

export function stepOf(name: string, rows: number, job: Job, most = Number.POSITIVE_INFINITY): Step {
  return { name, rows, most, take: () => measure(job) };
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
    onProgress(`${round === 0 ? 'warm-up' : `round ${round}`}: ${name}: ${wordsOf(sample)}`);
    if (round === 0) continue;
    const measured = series.get(name) ?? { rows, samples: [] };
    measured.samples.push(sample);
    series.set(name, measured);
  }
}

function wordsOf({ seconds, megabytes, busy }: Sample): string {
  const words = [`${seconds.toFixed(3)} s`];
  if (megabytes !== undefined) words.push(`${megabytes.toFixed(0)} MB`);
  if (busy?.machine !== undefined) words.push(`machine ${(100 * busy.machine).toFixed(0)} % busy`);
  if (busy !== undefined) words.push(`main thread ${(100 * busy.mainThread).toFixed(0)} %`);
  return words.join(', ');
}
