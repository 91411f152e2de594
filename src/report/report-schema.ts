// The report and its findings as zod schemas: what docs/report.md promises, in a form that a test can check.

import { z } from 'zod';
import { ALERT_EVENTS } from '../config/config.ts';
import { FINDING_CLASSES, type Finding, REPORT_SCHEMA, type Report } from './report.ts';

const count = z.int().nonnegative();
const value = z.string().nullable();
const words = z.array(z.string());
const key = z.record(z.string(), z.string());
const findingClass = z.enum(FINDING_CLASSES);

const fieldDifference = z.object({
  name: z.string(),
  target: z.string(),
  source: value.optional(),
  replica: value.optional(),
  sensitive: z.literal(true).optional(),
});

export const findingSchema = z.object({
  replica: z.string(),
  entity: z.string(),
  class: findingClass,
  key,
  fields: z.array(fieldDifference),
  sourceVersion: value.optional(),
  replicaVersion: value.optional(),
  copies: count.optional(),
  places: z.array(words).optional(),
  reason: z.string().optional(),
  known: z.string().optional(),
  seenAt: z.iso.datetime({ offset: true }),
  provenAt: z.iso.datetime({ offset: true }),
});

const problem = z.object({ where: z.string(), message: z.string(), hint: z.string().optional() });

const coverage = z.object({
  fields: words,
  ignored: words,
  skipped: words,
  orphans: z.boolean(),
  rows: z.string(),
  notes: words,
  maxLag: z.number().nonnegative(),
});

const repair = z.object({
  applied: z.boolean(),
  planned: z.object({ insert: count, update: count, delete: count }),
  outcomes: z.object({ written: count, unchanged: count, moved: count, refused: count }),
  left: z.partialRecord(findingClass, count),
  errors: words,
  verified: z.object({ read: count, equal: count }),
  journal: z.object({ writes: count, withheld: count }).optional(),
  remaining: count.optional(),
});

const replica = z.object({
  name: z.string(),
  entity: z.string(),
  store: z.string(),
  kind: z.string(),
  strategy: z.enum(['sums', 'digests', 'records', 'lookup']),
  cache: z.literal(true).optional(),
  why: z.string(),
  status: z.enum(['proven', 'unproven']),
  error: problem.optional(),
  sourceRows: count.nullable(),
  replicaRows: count.nullable(),
  counts: z.record(findingClass, count),
  known: count.optional(),
  inFlight: z.object({ count, longestLag: z.number().nonnegative() }),
  coverage,
  findings: z.array(findingSchema),
  repair: repair.optional(),
  records: z
    .array(z.object({ key, fields: z.array(fieldDifference.extend({ equal: z.boolean() })).optional() }))
    .optional(),
  seconds: z.number().nonnegative(),
});

const backlog = z.object({
  kind: z.enum(['queue', 'outbox']),
  name: z.string(),
  read: count,
  records: count,
  notChosen: count,
  unread: count,
  examples: z.array(z.object({ id: z.string(), reason: z.string() })),
  settled: z
    .object({
      how: z.enum(['retry', 'remove', 'mark']),
      settled: count,
      left: z.array(z.object({ reason: z.string(), count, examples: words })),
    })
    .optional(),
});

export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  run: z.string(),
  command: z.enum(['check', 'reconcile', 'repair', 'verify-sync', 'rebuild']),
  config: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  seconds: z.number().nonnegative(),
  asOf: z.iso.datetime({ offset: true }).nullable(),
  verdict: z.enum(['in sync', 'drift', 'incomplete', 'refused']),
  exitCode: z.int().min(0).max(5),
  replicas: z.array(replica),
  problems: z.array(problem),
  folder: z.string().nullable(),
  baseline: z
    .object({
      file: z.string(),
      updated: z.boolean(),
      entries: count,
      resolved: count,
      expired: count,
      resolvedEntries: z.array(z.object({ replica: z.string(), class: findingClass, key })),
    })
    .optional(),
  allowed: z.object({ rows: count.optional(), percent: z.number().optional() }).optional(),
  alerts: z
    .array(
      z.object({
        alert: z.string(),
        event: z.enum(ALERT_EVENTS),
        subjects: words,
        outcome: z.enum(['sent', 'unkept', 'failed']),
        attempts: count,
        error: z.string().optional(),
        hint: z.string().optional(),
      }),
    )
    .optional(),
  subject: z.object({ entity: z.string(), key, exists: z.boolean().nullable(), version: value.optional() }).optional(),
  backlog: backlog.optional(),
});

/** JSON Schema (draft 2020-12) of the report. It allows unknown fields: later versions only add. */
export function reportJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(reportSchema, { io: 'input' });
}

type Plain<T> = T extends readonly (infer Element)[]
  ? Plain<Element>[]
  : T extends object
    ? { -readonly [Name in keyof T]: Plain<T[Name]> }
    : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;

// Fails to compile when the schema and the interface part ways.
const inStep: [
  Same<Plain<z.infer<typeof reportSchema>>, Plain<Report>>,
  Same<Plain<z.infer<typeof findingSchema>>, Plain<Finding>>,
] = [true, true];
void inStep;
