// `backups`: is there a fresh one, is none of the rotation missing, are the files what was recorded? Reads only.

import { countInWords, durationInWords } from '../../figures.ts';
import { defineProbe, type ProbeContext, type Reading } from '../../probe.ts';
import { limitReached, statusOf } from '../../thresholds.ts';
import type { Backup, Unreadable } from './backup.ts';
import { dayInWords, momentInWords } from './calendar.ts';
import { lookAtFiles } from './look-at-files.ts';
import { type Options, options } from './options.ts';
import { readBackups } from './read-backups.ts';
import { checkRotation, type Gap } from './rotation.ts';
import { sizeReading } from './size.ts';

/** Of the probe's time, how much may go into reading files: what was found by then is still to be told. */
const READING_SHARE = 0.8;

export const backups = defineProbe<Options>({
  kind: 'backups',
  summary: 'Whether backups are fresh, none of the rotation is missing, and their files are what was recorded.',
  options,
  servers: ({ server }) => (server === undefined ? [] : [{ path: ['server'], name: server, own: false }]),
  async run(options, context) {
    const { backups: known, unreadable } = await readBackups(options, context);
    const complete = known.filter(({ state }) => state === 'complete').reverse();
    const { readings, bad } = await inTime(context, (enough) => lookAtFiles(complete, options, enough));
    const isProven = unreadable.length === 0;
    return [
      ...latest(known, options, context.now),
      provenOnly(freshness(complete, options, context.now), isProven),
      ...(options.days === 0 ? [] : [provenOnly(rotation(known, options, context.now), isProven)]),
      ...sizeReading(
        complete.filter((backup) => !bad.has(backup)),
        options,
      ),
      ...readings,
      ...unreadableReading(unreadable),
    ];
  },
});

/** The signal comes while there is still time to tell what was found. */
async function inTime<T>({ signal, timeout }: ProbeContext, work: (enough: AbortSignal) => Promise<T>): Promise<T> {
  const enough = new AbortController();
  // Not AbortSignal.timeout: in Node 20 one that only AbortSignal.any refers to may be collected before its time.
  const timer = setTimeout(() => enough.abort(), timeout * READING_SHARE);
  try {
    return await work(AbortSignal.any([signal, enough.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** What there is no record of may stand in a record that can't be read. */
function provenOnly(reading: Reading, isProven: boolean): Reading {
  if (isProven || reading.status === 'ok') return reading;
  return { ...reading, status: 'unknown', message: `${reading.message}, as far as the records can be read` };
}

function latest(known: readonly Backup[], { running, timeZone }: Options, now: Date): Reading[] {
  const last = known.at(-1);
  if (last === undefined) return [];
  const words = `${last.kind} of ${momentInWords(last.startedAt, timeZone)}`;
  const subject = 'latest';
  if (last.state === 'failed') {
    return [
      { status: 'failed', subject, message: `${words} failed`, hint: 'See the backup job’s log, and run it again.' },
    ];
  }
  const age = +now - +last.startedAt;
  const metrics = [
    {
      name: 'backup_running_seconds',
      help: 'How long the backup that runs now has been running; 0 when none is.',
      value: last.state === 'running' ? age / 1000 : 0,
    },
  ];
  if (last.state === 'complete') {
    const took = last.finishedAt === undefined ? '' : `, took ${durationInWords(+last.finishedAt - +last.startedAt)}`;
    return [{ status: 'ok', subject, message: `${words} is complete${took}`, metrics }];
  }
  const status = statusOf(age, running);
  return [
    {
      status,
      subject,
      message: `${words} has been running for ${durationInWords(age)}${limitReached(status, running, durationInWords)}`,
      hint: status === 'ok' ? undefined : 'Does it still run? If not, remove its record or mark it as failed.',
      metrics,
    },
  ];
}

function freshness([newest]: readonly Backup[], { age: limits, timeZone }: Options, now: Date): Reading {
  const subject = 'freshness';
  if (newest === undefined) {
    return {
      status: 'failed',
      subject,
      message: 'no complete backup is known',
      hint: 'Does the probe look in the right place? If so, take a full backup now.',
    };
  }
  const at = newest.finishedAt ?? newest.startedAt;
  const age = +now - +at;
  const status = statusOf(age, limits);
  return {
    status,
    subject,
    message: `the newest complete one, ${newest.kind} of ${momentInWords(newest.startedAt, timeZone)}, is ${durationInWords(age)} old${limitReached(status, limits, durationInWords)}`,
    hint: status === 'ok' ? undefined : 'Does the backup job still run? See its log, and take one now.',
    metrics: [{ name: 'backup_age_seconds', help: 'Age of the newest complete backup.', value: age / 1000 }],
  };
}

function rotation(known: readonly Backup[], { rotation, days, timeZone, running }: Options, now: Date): Reading {
  const { due, gaps } = checkRotation(known, now, { rotation, days, timeZone, patience: running.fail! });
  return {
    status: gaps.length === 0 ? 'ok' : 'failed',
    subject: 'rotation',
    message:
      gaps.length === 0
        ? `${countInWords(due, 'day')} of the last ${days} wanted a backup, and each has one`
        : gaps.map(gapInWords).join('; '),
    hint:
      gaps.length === 0
        ? undefined
        : 'See why the job did not run, and take a full backup: what came later may need the missing one.',
    metrics: [
      { name: 'backup_rotation_gaps', help: 'Days of the rotation without their backup.', value: gaps.length },
      { name: 'backup_rotation_days', help: 'Days that wanted a backup.', value: due },
    ],
  };
}

function gapInWords({ day, wants, has }: Gap): string {
  const there = has.map(({ kind, state }) => (state === 'complete' ? kind : `${kind} ${state}`));
  return `no ${wants.join(' or ')} of ${dayInWords(day)}${there.length === 0 ? '' : ` (only ${there.join(', ')})`}`;
}

function unreadableReading(unreadable: readonly Unreadable[]): Reading[] {
  if (unreadable.length === 0) return [];
  const [first] = unreadable;
  const more = unreadable.length === 1 ? '' : `, and ${unreadable.length - 1} more`;
  return [
    {
      status: 'unknown',
      subject: 'records',
      message: `can’t be read: ${first!.name} ${first!.reason}${more}`,
      hint: 'Name the facts in `fields` and `kinds`, or leave out by `query` or `pattern` what is no backup.',
    },
  ];
}
