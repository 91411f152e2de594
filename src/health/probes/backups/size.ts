// Has a backup become suspiciously small? Pure.

import { countInWords, sizeInWords } from '../../figures.ts';
import { type Reading, worstOf } from '../../probe.ts';
import { limitReached, statusOf } from '../../thresholds.ts';
import { type Backup, KINDS } from './backup.ts';
import { dayInWords, dayOf } from './calendar.ts';
import type { Options } from './options.ts';

/** `complete`: the newest first. None where there is nothing to measure. */
export function sizeReading(complete: readonly Backup[], { size, timeZone }: Options): Reading[] {
  if (complete.length === 0) return [];
  const kinds = KINDS.flatMap((kind) => {
    const [newest, ...earlier] = complete.filter((backup) => backup.kind === kind && backup.bytes !== undefined);
    if (newest === undefined) return [];
    const median = medianOf(earlier.map(({ bytes }) => bytes!));
    const percent = median === undefined || median === 0 ? undefined : (100 * newest.bytes!) / median;
    const status = percent === undefined ? 'ok' : statusOf(percent, size, 'lower');
    return [{ kind, newest, earlier: earlier.length, percent, status }];
  });
  if (kinds.length === 0) return [{ status: 'unknown', subject: 'size', message: 'no size is recorded' }];
  const status = worstOf(kinds.map((one) => one.status));
  const shown = status === 'ok' ? kinds : kinds.filter((one) => one.status !== 'ok');
  return [
    {
      status,
      subject: 'size',
      message: shown
        .map(({ kind, newest, earlier, percent, status }) => {
          const words = `${kind} of ${dayInWords(dayOf(newest.startedAt, timeZone))} has ${sizeInWords(newest.bytes!)}`;
          if (percent === undefined) return `${words}, with none before it`;
          return `${words}, ${percent.toFixed(0)} % of the median of ${countInWords(earlier, 'earlier one')}${limitReached(status, size, (limit) => `${limit} %`)}`;
        })
        .join('; '),
      hint: status === 'ok' ? undefined : 'Is a database or a table missing in it? Restore it somewhere and look.',
      metrics: kinds.flatMap(({ kind, newest, percent }) => [
        {
          name: 'backup_size_bytes',
          help: 'Size of the newest backup of a type.',
          value: newest.bytes!,
          labels: { type: kind },
        },
        ...(percent === undefined
          ? []
          : [
              {
                name: 'backup_size_ratio',
                help: 'Size of the newest backup of a type against the median of earlier ones.',
                value: percent / 100,
                labels: { type: kind },
              },
            ]),
      ]),
    },
  ];
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? sorted[middle]
    : sorted.length === 0
      ? undefined
      : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
