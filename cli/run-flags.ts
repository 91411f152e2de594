// The flags of the commands that compare, and what they come to as options of a run.

import { Args, Flags, type Interfaces } from '@oclif/core';
import type { BacklogChoice, RunOptions } from '../src/run/options.ts';
import { countOf, durationOf, keyOf, shareOf, sizeOf } from './flag-values.ts';
import { UsageError } from './usage-error.ts';

export const replicaArgs = {
  replica: Args.string({
    multiple: true,
    description: 'Replicas (docs.incidents), whole stores (docs) or entities (incidents); everything, unless told.',
  }),
};

export const resumeFlags = {
  resume: Flags.boolean({
    summary: 'Go on with the last run of this command, which was stopped: with the replicas and flags that it had.',
    helpGroup: 'RUN',
  }),
  run: Flags.string({
    summary: 'With --resume: which run to go on with, by its id or the end of it.',
    helpValue: 'RUN',
    dependsOn: ['resume'],
    helpGroup: 'RUN',
  }),
};

type ResumeFlags = Interfaces.InferredFlags<typeof resumeFlags>;

export function resumeOption({ resume, run }: ResumeFlags): RunOptions['resume'] {
  return resume ? (run ?? true) : undefined;
}

export const runFlags = {
  key: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    summary:
      'Only this record; may be given several times. A key of several columns is a JSON array: \'["inc_7", 4]\'.',
    helpValue: 'KEY',
    helpGroup: 'SELECTION',
  }),
  'from-queue': Flags.string({
    summary:
      'Only the records that the failed jobs of this queue name, deleted ones too. With --since: of jobs that failed so lately.',
    helpValue: 'NAME',
    helpGroup: 'SELECTION',
  }),
  'from-outbox': Flags.boolean({
    summary:
      'Only the records that the outbox’s unpublished events name, deleted ones too. With --since: that any event named so lately.',
    helpGroup: 'SELECTION',
  }),
  since: Flags.string({
    summary: 'Only rows whose version is at most this old by the source’s clock. Orphans can’t be seen this way.',
    helpValue: '7d',
    helpGroup: 'SELECTION',
  }),
  sample: Flags.string({
    summary: 'Only about this share of the rows, drawn by their keys. Orphans can’t be seen this way.',
    helpValue: '1%',
    helpGroup: 'SELECTION',
  }),
  ...resumeFlags,
  memory: Flags.string({
    summary: 'Most memory for row hashes, per entity; 1GiB, unless told. What does not fit is summed first.',
    helpValue: '512MB',
    helpGroup: 'TUNING',
  }),
  workers: Flags.string({
    summary:
      'Threads that read several large replicas; two less than there are cores, at most 4, unless told. 0: none.',
    helpValue: 'N',
    helpGroup: 'TUNING',
  }),
  concurrency: Flags.string({
    summary: 'Replicas compared at the same time; 4, unless told.',
    helpValue: 'N',
    helpGroup: 'TUNING',
  }),
};

export const alertFlags = {
  'no-alerts': Flags.boolean({
    summary: 'Tell nobody, whatever the configuration says under alerts.',
    helpGroup: 'ALERTS',
  }),
};

type RunFlags = Interfaces.InferredFlags<typeof runFlags>;

/** Throws a UsageError that names the flag. */
export function runOptions(
  only: readonly string[] | undefined,
  flags: RunFlags,
): Pick<RunOptions, 'only' | 'keys' | 'from' | 'since' | 'sample' | 'resume' | 'memory' | 'workers' | 'concurrency'> {
  const from = fromOf(flags);
  const choices = (['key', 'from-queue', 'from-outbox', 'since', 'sample'] as const).filter(
    (name) => flags[name] !== undefined && !(name === 'since' && from !== undefined),
  );
  if (choices.length > 1) {
    const names = choices.map((name) => `--${name}`).join(' and ');
    throw new UsageError(`${names} exclude each other`, 'Each says which rows are compared: choose one.');
  }
  return {
    only: only ?? [],
    keys: flags.key?.map((words) => flagValue('key', words, keyOf)),
    from,
    since: flagValue('since', flags.since, durationOf),
    sample: flagValue('sample', flags.sample, shareOf),
    resume: resumeOption(flags),
    memory: flagValue('memory', flags.memory, sizeOf),
    workers: flagValue('workers', flags.workers, (words) => countOf(words, 0)),
    concurrency: flagValue('concurrency', flags.concurrency, (words) => countOf(words, 1)),
  };
}

function fromOf(flags: RunFlags): BacklogChoice | undefined {
  const queue = flags['from-queue'];
  if (queue !== undefined) return { queue };
  return flags['from-outbox'] ? { outbox: true } : undefined;
}

/** Reads a flag's words; what is wrong with them is said with the flag's name. */
export function flagValue<T>(name: string, words: string, read: (words: string) => T): T;
export function flagValue<T>(name: string, words: string | undefined, read: (words: string) => T): T | undefined;
export function flagValue<T>(name: string, words: string | undefined, read: (words: string) => T): T | undefined {
  if (words === undefined) return undefined;
  try {
    return read(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`--${name}: ${error.message}`, error.hint);
  }
}
