// Every SQL text that the driver is given while a test file runs, by the driver's own tracing, but for the tests' own.

import oracledb from 'oracledb';
import { ours } from './oracle-harness.ts';

interface Context {
  readonly additionalConfig?: { readonly self?: object; readonly args?: readonly unknown[] };
}

class Recorder extends oracledb.traceHandler.TraceHandlerBase {
  readonly statements = new Set<string>();

  override onEnterFn(context: unknown): void {
    const { self, args = [] } = (context as Context).additionalConfig ?? {};
    if (typeof args[0] === 'string' && self !== undefined && !ours.has(self)) this.statements.add(args[0]);
  }
}

/** From now on; the set grows. */
export function recordStatements(): ReadonlySet<string> {
  const recorder = new Recorder();
  oracledb.traceHandler.setTraceInstance(recorder);
  recorder.enable();
  return recorder.statements;
}

/** One text for statements that differ only in names, in a moment, or in how often and in what order like columns, conditions and keys stand in them. */
export function withoutParticulars(sql: string): string {
  const plain = sql
    .replace(/AS OF SCN \d+/, 'AS OF SCN 1')
    .replace(/"[^"]+"/g, '"X"')
    .replace(/(?<=[:KS.]+)\d+/g, '1')
    .replace(LIST, '$1$2$1');
  const [head = '', guard] = /^(?:UPDATE|DELETE) /.test(plain) ? plain.split(' WHERE ') : [plain];
  if (guard === undefined) return plain;
  const [first, ...sets] = head.split(/, (?="X" = )/);
  return `${[first, ...distinct(sets)].join(', ')} WHERE ${distinct(guard.split(' AND ')).join(' AND ')}`;
}

/** A column, a bind, a call or a group in brackets that is said again and again. */
const LIST =
  /(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|"X" = :1|[A-Z_]+\((?:[^()]|\([^()]*\))*\)(?: = [01])?|"X"|:1)(?:(, | OR | AND )\1)+/g;

function distinct(parts: readonly string[]): string[] {
  return [...new Set(parts)].sort();
}
