// Every SQL text that the driver is given while a test file runs, by the driver's own tracing. The tests' own begin with OURS.

import oracledb from 'oracledb';
import { OURS } from './oracle-harness.ts';

interface Context {
  readonly additionalConfig?: { readonly args?: readonly unknown[] };
  readonly operation?: string;
}

class Recorder extends oracledb.traceHandler.TraceHandlerBase {
  readonly statements = new Set<string>();

  override onEnterFn(context: unknown): void {
    const [sql] = (context as Context).additionalConfig?.args ?? [];
    if (typeof sql === 'string' && !sql.startsWith(OURS)) this.statements.add(sql);
  }
}

/** From now on; the set grows. */
export function recordStatements(): ReadonlySet<string> {
  const recorder = new Recorder();
  oracledb.traceHandler.setTraceInstance(recorder);
  recorder.enable();
  return recorder.statements;
}

/** One text for statements that differ in a table's name, a moment or the length of a list of keys only. */
export function withoutParticulars(sql: string): string {
  return sql
    .replace(/TEST_[0-9A-F]{12}_\w+/g, 'T')
    .replace(/AS OF SCN \d+/, 'AS OF SCN 1')
    .replace(/:\d+/g, ':1')
    .replace(/(\((?:[^()]|\([^()]*\))*\)|CAST\(:1 AS \w+\)|:1)(?:(, | OR )\1){3,}/g, '$1$2$1');
}
