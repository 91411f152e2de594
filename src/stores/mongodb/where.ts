// A replica's `where`: a filter in MongoDB's words. From YAML or JSON, what those can't hold is written as Extended JSON:
// `{ createdAt: { $gte: { $date: "2026-01-01T00:00:00Z" } } }`.

import type { Document } from 'mongodb';
import type { Problem } from '../../errors.ts';
import type { Replica } from '../store.ts';
import type { Driver } from './session.ts';

const EXTENDED = new Set([
  '$oid',
  '$date',
  '$numberLong',
  '$numberDecimal',
  '$numberInt',
  '$numberDouble',
  '$uuid',
  '$binary',
]);

export function whereOf(driver: Driver, { where }: Replica): Document {
  return where === undefined || where === null ? {} : (native(driver, where) as Document);
}

export function whereProblem({ where }: Replica): Problem | undefined {
  if (where === undefined || where === null || (typeof where === 'object' && !Array.isArray(where))) return undefined;
  return { path: 'where', message: 'is not a filter', hint: 'Write an object, such as { "deletedAt": null }.' };
}

/** Both hold; an empty filter asks nothing. */
export function both(filter: Document, where: Document): Document {
  return Object.keys(where).length === 0 ? filter : { $and: [filter, where] };
}

/** What is a value of the driver already stays as it is. */
export function native(driver: Driver, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => native(driver, item));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && EXTENDED.has(entries[0]![0])) return driver.BSON.EJSON.deserialize(value);
  return Object.fromEntries(entries.map(([name, item]) => [name, native(driver, item)]));
}
