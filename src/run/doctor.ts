// doctor: connects to everything and says what works, what doesn't, and what to do about it. Reads no rows beyond a sample, writes nothing.

import { tableBytes } from '../compare/digest-table.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, StoreError } from '../errors.ts';
import { makePlan } from '../plan/make-plan.ts';
import { isReady, type ReplicaPlan } from '../plan/plan.ts';
import { EXIT } from '../report/verdict.ts';
import { storeKinds } from '../stores/registry.ts';
import type { Store } from '../stores/store.ts';
import { type Connections, chooseScheme, connect } from './connections.ts';
import { DEFAULT_CONCURRENCY, DEFAULT_MEMORY, type RunOptions } from './options.ts';
import { storesOf } from './run.ts';

export interface Diagnosis {
  readonly schema: 'plumbline.doctor/1';
  readonly config: string;
  readonly checks: readonly Check[];
  readonly exitCode: number;
}

export interface Check {
  /** What was looked at: `source`, a store, a replica. */
  readonly subject: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly message: string;
  readonly hint?: string;
}

/** Never throws what a server or the schema does wrong: it is a failed check. */
export async function doctor(config: Config, options: RunOptions = {}): Promise<Diagnosis> {
  const checks: Check[] = [];
  let schemaTrouble = false;
  const only = options.only ?? [];
  const names = storesOf(config, only);
  let connections: Connections | undefined;
  try {
    connections = await connect(
      config,
      names,
      storeKinds(options.kinds),
      options.onEvent ?? (() => {}),
      options.signal,
    );
    checks.push(
      { subject: 'source', status: 'ok', message: `connected, ${connections.source.product}` },
      await clockCheck(connections),
    );
    for (const [name, store] of connections.stores) checks.push(storeCheck(name, store));
    const scheme = await chooseScheme(connections);
    if (scheme.algorithm === 'md5') {
      checks.push({
        subject: 'source',
        status: 'warning',
        message: 'a server’s row hashes differ from ours: md5 is used, about five times slower',
      });
    }
    const memory = options.memory ?? DEFAULT_MEMORY;
    const plan = await makePlan({
      config,
      source: connections.source,
      stores: connections.stores,
      only,
      lookup: false,
      memory,
      concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    });
    for (const entity of plan.entities) {
      checks.push({
        subject: entity.entity.name,
        status: 'ok',
        message: `about ${entity.estimatedRows.toLocaleString('en')} rows in the source`,
      });
      if (!entity.keyIsUnique) {
        const message = 'no unique index guards its key in the source';
        checks.push({
          subject: entity.entity.name,
          status: 'warning',
          message,
          hint: 'A key that stands twice there is reported as unread.',
        });
      }
      for (const replica of entity.replicas) checks.push(...replicaChecks(replica, entity.estimatedRows));
    }
  } catch (error) {
    if (error instanceof ConfigError) {
      schemaTrouble = true;
      for (const { path, message, hint } of error.problems)
        checks.push({ subject: path, status: 'failed', message, hint });
    } else if (error instanceof StoreError) {
      checks.push({ subject: error.store, status: 'failed', message: error.message, hint: error.hint });
    } else throw error;
  } finally {
    await connections?.close();
  }
  return {
    schema: 'plumbline.doctor/1',
    config: config.file,
    checks,
    exitCode: schemaTrouble ? EXIT.usage : exitCodeOf(checks),
  };
}

function exitCodeOf(checks: readonly Check[]): number {
  return checks.some((check) => check.status === 'failed') ? EXIT.incomplete : EXIT.inSync;
}

function storeCheck(name: string, store: Store | { readonly message: string; readonly hint?: string }): Check {
  if ('product' in store) return { subject: name, status: 'ok', message: `connected, ${store.product}` };
  return { subject: name, status: 'failed', message: store.message, hint: store.hint };
}

/** Lag is measured with this machine's clock and windows are cut with the source's: they should agree. */
async function clockCheck(connections: Connections): Promise<Check> {
  const before = Date.now();
  const [row] = await connections.source.session.query(
    'clock',
    `select (extract(epoch from clock_timestamp()) * 1000)::int8::text as now`,
  );
  const skew = Math.round(Number(row!.now) - (before + Date.now()) / 2);
  if (Math.abs(skew) < 2000)
    return {
      subject: 'source',
      status: 'ok',
      message: `its clock is within ${Math.max(1, Math.abs(skew))} ms of this machine’s`,
    };
  const hint = 'Run NTP on both. Windows such as --since are cut by the source’s clock.';
  return { subject: 'source', status: 'warning', message: `its clock is ${skew} ms off this machine’s`, hint };
}

function replicaChecks(replica: ReplicaPlan, sourceRows: number): Check[] {
  const subject = replica.config.name;
  if (!isReady(replica))
    return [{ subject, status: 'failed', message: replica.problem.message, hint: replica.problem.hint }];
  const { inspection } = replica;
  const fields = replica.replica.mapping.key.length + replica.replica.mapping.fields.length;
  const rows = inspection.estimatedRows.toLocaleString('en');
  const memory = replica.strategy === 'digests' ? `, about ${Math.ceil(tableBytes(sourceRows, 1) / 2 ** 20)} MB` : '';
  const checks: Check[] = [
    {
      subject,
      status: 'ok',
      message: `${fields} fields mapped, about ${rows} records; compared by ${replica.strategy}${memory}: ${replica.why}`,
    },
  ];
  for (const note of replica.notes) checks.push({ subject, status: 'ok', message: note });
  for (const { path, message, hint } of inspection.writeProblems) {
    checks.push({ subject, status: 'warning', message: `repair: ${path === '' ? '' : `${path}: `}${message}`, hint });
  }
  return checks;
}
