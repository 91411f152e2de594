// How the records of a replica are spelled: what a few of them hold in each mapped field. New values are written alike.

import type { Field, Mapping } from '../../mapping/mapping.ts';
import { type Format, isMisfit, type Look } from './format.ts';
import type { Sample } from './json-value.ts';
import type { Asker } from './session.ts';

/** Of one field: how many of the sampled records hold what. */
export interface Habit {
  readonly values: number;
  readonly nulls: number;
  readonly absent: number;
  readonly sample?: Sample;
  readonly unreadable: number;
  /** Why the first of those can't be read. */
  readonly trouble?: string;
  /** Every text is an ISO time with no more than three digits after the second. */
  readonly onlyMillis: boolean;
}

export interface Habits {
  /** Records that were looked at. */
  readonly samples: number;
  /** By index into `mapping.fields`. */
  readonly fields: readonly Habit[];
  /** By index into `mapping.key`: the key's columns as fields of the record. */
  readonly key: readonly Habit[];
  /** Keys that hold something else than a record. */
  readonly misfits: readonly string[];
  /** Keys that expire. */
  readonly expiring: number;
}

export const NO_HABITS: Habits = { samples: 0, fields: [], key: [], misfits: [], expiring: 0 };

/** The mapping with the key's columns as further fields, which the format that samples is made for. */
export function withKeyAsFields(mapping: Mapping): Mapping {
  return { ...mapping, fields: [...mapping.fields, ...mapping.key] };
}

export async function learnHabits(
  asker: Asker,
  format: Format,
  mapping: Mapping,
  keys: readonly string[],
): Promise<Habits> {
  const held = await format.read(asker, keys);
  const ttls = await asker.ask(keys.map((key) => ['pttl', key]));
  const looks: (readonly Look[])[] = [];
  const misfits: string[] = [];
  let expiring = 0;
  for (const [i, raw] of held.entries()) {
    if (raw === undefined) continue;
    if (Number(ttls[i]) > 0) expiring++;
    if (isMisfit(raw)) misfits.push(raw.misfit);
    else if (format.decode(raw) !== undefined) looks.push(format.look(raw));
  }
  const habitOf = (field: Field, index: number) =>
    summed(
      field,
      looks.map((look) => look[index]!),
    );
  return {
    samples: looks.length,
    fields: mapping.fields.map(habitOf),
    key: mapping.key.map((field, i) => habitOf(field, mapping.fields.length + i)),
    misfits,
    expiring,
  };
}

function summed({ type }: Field, looks: readonly Look[]): Habit {
  const count = (holds: (look: Look) => boolean) => looks.filter(holds).length;
  const readable = looks.filter((look) => look.trouble === undefined);
  const values = readable.filter(({ sample }) => sample.kind !== 'absent' && sample.kind !== 'null');
  return {
    values: values.length,
    nulls: count(({ sample }) => sample.kind === 'null'),
    absent: count(({ sample }) => sample.kind === 'absent'),
    sample: values[0]?.sample,
    unreadable: looks.length - readable.length,
    trouble: looks.find((look) => look.trouble !== undefined)?.trouble,
    onlyMillis:
      type.kind === 'timestamp' &&
      type.precision > 3 &&
      values.length > 0 &&
      values.every(({ sample }) => /^\d{4}-\d\d-\d\d[T ][\d:]{8}(\.\d{1,3})?(Z|[+-][\d:]+)?$/.test(sample.text ?? '')),
  };
}
