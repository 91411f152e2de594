// From a difference to a finding: keys and values by name, nothing sensitive in it.

import type { Key, Mapping, Place } from '../mapping/mapping.ts';
import { now } from '../now.ts';
import type { FieldDifference, Finding } from '../report/report.ts';
import type { Difference } from './compare-record.ts';

export interface FindingContext {
  readonly replica: string;
  readonly entity: string;
  readonly mapping: Mapping;
}

/** `seenAt`: milliseconds. `places`: where the replica's records stand, in a store where that is more than the key. */
export function makeFinding(
  difference: Difference,
  key: Key,
  seenAt: number,
  context: FindingContext,
  places: readonly Place[] = [],
): Finding {
  const { mapping } = context;
  const version = (row: Difference['source']) =>
    mapping.version === undefined || mapping.fields[mapping.version]!.sensitive
      ? undefined
      : row?.values[mapping.version];
  return {
    replica: context.replica,
    entity: context.entity,
    class: difference.class,
    key: Object.fromEntries(mapping.key.map((field, i) => [field.name, key[i] ?? ''])),
    fields: (difference.fields ?? []).map((index): FieldDifference => {
      const { name, target, sensitive } = mapping.fields[index]!;
      if (sensitive) return { name, target, sensitive: true };
      return { name, target, source: difference.source?.values[index], replica: difference.replica?.values[index] };
    }),
    sourceVersion: version(difference.source),
    replicaVersion: version(difference.replica),
    copies: difference.copies,
    places: places.length === 0 ? undefined : places,
    reason: difference.reason,
    seenAt: new Date(seenAt).toISOString(),
    provenAt: new Date(now()).toISOString(),
  };
}
