// Plumbline as a library. Nothing here prints, exits or reads the environment: `readConfig` takes it as an argument.

export type { Config } from './config/config.ts';
export type { DrainReport } from './contingency/drain-report.ts';
export { ConfigError, InterruptedError, LockedError, type Problem, RefusedError, StoreError } from './errors.ts';
export type { FailbackReport } from './failback/report.ts';
export type { HealthReport, ProbeReport } from './health/health-report.ts';
export { defineProbe, type ProbeDefinition, type Reading } from './health/probe.ts';
export type { Field, Key, Mapping, Row } from './mapping/mapping.ts';
export { parseConfig, readConfig } from './read.ts';
export type { FieldDifference, Finding, FindingClass, ReplicaReport, Report } from './report/report.ts';
export { check } from './run/check.ts';
export { type Diagnosis, doctor } from './run/doctor.ts';
export { type DrainOptions, drain } from './run/drain.ts';
export { drainWhenBack } from './run/drain-when-back.ts';
export type { RunEvent, RunListener } from './run/events.ts';
export { type FailbackOptions, failback } from './run/failback.ts';
export { type HealthOptions, health } from './run/health.ts';
export type { RepairOptions, RunOptions } from './run/options.ts';
export { type RebuildOptions, rebuild } from './run/rebuild.ts';
export { reconcile } from './run/reconcile.ts';
export { type RepairRunOptions, repair } from './run/repair.ts';
export { type UndoOptions, undo } from './run/undo.ts';
export { type VerifyOptions, verifySync } from './run/verify-sync.ts';
export { defineStore } from './stores/registry.ts';
export type {
  Change,
  FetchedRow,
  Inspection,
  Limits,
  Outcome,
  Replica,
  Scratching,
  ScratchRecord,
  Store,
  StoreDefinition,
  StoreSettings,
} from './stores/store.ts';
export type { Encryption, Tls } from './tls/tls.ts';
export type { UndoReport } from './undo/undo-report.ts';
export * as canonical from './value/canonical.ts';
export type { FieldType, Value } from './value/field-type.ts';
