// Which days of the rotation have no backup of their kind. Pure.

import type { Backup, BackupKind } from './backup.ts';
import { addDays, dayOf, type Weekday, weekdayOf } from './calendar.ts';

/** What each weekday wants: one of these kinds. A weekday that is absent wants nothing. */
export type Rotation = { readonly [day in Weekday]?: readonly BackupKind[] | undefined };

export interface Gap {
  /** ISO date. */
  readonly day: string;
  readonly wants: readonly BackupKind[];
  /** What there is of that day all the same. */
  readonly has: readonly Backup[];
}

export interface RotationCheck {
  /** How many days wanted a backup. */
  readonly due: number;
  /** The oldest first. */
  readonly gaps: readonly Gap[];
}

export interface RotationRules {
  readonly rotation: Rotation;
  /** How many days before today are looked at. */
  readonly days: number;
  readonly timeZone: string;
  /** Milliseconds that a backup may run until it no longer counts. */
  readonly patience: number;
}

/**
 * Looks at the days that are over: today may still get its backup. A backup is of the day on which it began. A full one will do on any day;
 * one that is still running will do for now.
 */
export function checkRotation(backups: readonly Backup[], now: Date, rules: RotationRules): RotationCheck {
  const { rotation, days, timeZone, patience } = rules;
  const began = backups.map((backup) => ({ backup, day: dayOf(backup.startedAt, timeZone) }));
  const today = dayOf(now, timeZone);
  const due = Array.from({ length: days }, (_, index) => addDays(today, index - days)).flatMap((day) => {
    const wants = rotation[weekdayOf(day)] ?? [];
    const has = began.filter((one) => one.day === day).map(({ backup }) => backup);
    return wants.length === 0 ? [] : [{ day, wants, has }];
  });
  const counts = ({ state, startedAt }: Backup) =>
    state === 'complete' || (state === 'running' && +now - +startedAt < patience);
  return {
    due: due.length,
    gaps: due.filter(
      ({ wants, has }) => !has.some((backup) => counts(backup) && [...wants, 'full'].includes(backup.kind)),
    ),
  };
}
