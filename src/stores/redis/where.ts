// A replica's `where`: fields of the hash or members of the JSON that must hold these very values, such as `{ active: "1" }`.

import { z } from 'zod';
import type { Problem } from '../../errors.ts';
import type { Replica } from '../store.ts';

const shape = z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean(), z.null()]));

export interface Condition {
  readonly target: string;
  /** Null: the field is null or not there. */
  readonly text: string | null;
  readonly literal: string;
}

/** Of a `where` that `whereProblem` has nothing against. */
export function conditionsOf({ where }: Replica): readonly Condition[] {
  const parsed = shape.safeParse(where ?? {});
  return Object.entries(parsed.data ?? {}).map(([target, value]) => ({
    target,
    text: value === null ? null : String(value),
    literal: JSON.stringify(value),
  }));
}

export function whereProblem({ where }: Replica): Problem | undefined {
  if (where === undefined || where === null || shape.safeParse(where).success) return undefined;
  return {
    path: 'where',
    message: 'is no list of fields and values',
    hint: 'Write the values that records of the replica have, such as { active: "1" }.',
  };
}
