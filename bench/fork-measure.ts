// One measurement in a process of its own, so that neither its memory nor its warmth is another's.

import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answer, Job, Measurement } from './measure.ts';
import { WrongAnswer } from './wrong-answer.ts';

export async function measure(job: Job): Promise<Measurement> {
  const child = fork(join(import.meta.dirname, 'measure.js'), {
    execArgv: ['--expose-gc'],
    // Nothing but the results may reach the parent's standard output.
    stdio: ['ignore', 2, 'inherit', 'ipc'],
  });
  const answer = await new Promise<Answer>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Answer));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the measuring process ended early: ${signal ?? code}`)));
    child.send(job);
  });
  if ('seconds' in answer) return answer;
  throw answer.wrongAnswer ? new WrongAnswer(answer.failure) : new Error(answer.failure);
}
