// The keys of a store or a replica that belong to its kind, held against the kind's own schema.

import { z } from 'zod';
import { bare, check, reportUnknownKey, wordsOf } from './check.ts';
import type { ProblemList } from './problem-list.ts';
import type { Path } from './yaml-tree.ts';

/** What the kind's schema makes of `own`. A key that it does not know is a problem, held against `common` words as well. */
export function checkOwnWords(
  schema: z.ZodType,
  own: Record<string, unknown>,
  common: readonly string[],
  here: Path,
  problems: ProblemList,
): unknown {
  const known = wordsOf(schema);
  const wanted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(own)) {
    if (known === undefined || known.includes(key)) wanted[key] = value;
    else reportUnknownKey([...here, key], [...common, ...known], problems);
  }
  for (const [key, value] of Object.entries(wanted)) {
    const object = bare(schema);
    if (object instanceof z.ZodObject) reportUnknownWithin(object.shape[key], value, [...here, key], problems);
  }
  return check(schema, wanted, here, problems).parsed;
}

/** A plain `z.object` drops what it does not know without a word; here that is an error, however deep. */
function reportUnknownWithin(schema: z.ZodType | undefined, value: unknown, here: Path, problems: ProblemList): void {
  const inner = bare(schema);
  if (typeof value !== 'object' || value === null) return;
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      reportUnknownWithin(inner.element as z.ZodType, item, [...here, index], problems);
    }
  }
  if (Array.isArray(value)) return;
  for (const [key, item] of Object.entries(value)) {
    if (inner instanceof z.ZodRecord) reportUnknownWithin(inner.valueType as z.ZodType, item, [...here, key], problems);
    if (!(inner instanceof z.ZodObject) || inner.def.catchall !== undefined) continue;
    if (Object.hasOwn(inner.shape, key)) reportUnknownWithin(inner.shape[key], item, [...here, key], problems);
    else reportUnknownKey([...here, key], Object.keys(inner.shape), problems);
  }
}

/** Without the keys of `shape`. */
export function omit(given: object, shape: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !Object.hasOwn(shape, key)));
}
