// Plumbline as a library. Nothing here prints, exits or reads the environment: `readConfig` takes it as an argument.

export type { Config } from './config/config.ts';
export { ConfigError, InterruptedError, LockedError, type Problem, RefusedError, StoreError } from './errors.ts';
export type { Field, Key, Mapping, Row } from './mapping/mapping.ts';
export { parseConfig, readConfig } from './read.ts';
export type { FieldDifference, Finding, FindingClass, ReplicaReport, Report } from './report/report.ts';
export { check } from './run/check.ts';
export { type Diagnosis, doctor } from './run/doctor.ts';
export type { RunEvent, RunListener } from './run/events.ts';
export type { RepairOptions, RunOptions } from './run/options.ts';
export { type RebuildOptions, rebuild } from './run/rebuild.ts';
export { reconcile } from './run/reconcile.ts';
export { type VerifyOptions, verifySync } from './run/verify-sync.ts';
export { defineStore } from './stores/registry.ts';
export type {
  Change,
  FetchedRow,
  Inspection,
  Limits,
  Outcome,
  Replica,
  Store,
  StoreDefinition,
  StoreSettings,
} from './stores/store.ts';
export * as canonical from './value/canonical.ts';
export type { FieldType, Value } from './value/field-type.ts';
