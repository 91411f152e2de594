// doctor: connects to everything and says what works, what doesn't, and what to do about it. Reads no rows beyond a sample, and writes nothing but
// what its self-test makes and removes.

import { tableBytes } from '../compare/digest-table.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, StoreError } from '../errors.ts';
import { makePlan } from '../plan/make-plan.ts';
import { isReady, type ReplicaPlan } from '../plan/plan.ts';
import { EXIT } from '../report/verdict.ts';
import { storeKinds } from '../stores/registry.ts';
import type { Store } from '../stores/store.ts';
import { type Encryption, isLocal } from '../tls/tls.ts';
import { type Connections, chooseScheme, connect } from './connections.ts';
import { backlogChecks } from './doctor-backlogs.ts';
import { exposedFiles } from './exposed-files.ts';
import { DEFAULT_CONCURRENCY, DEFAULT_MEMORY, type RunOptions } from './options.ts';
import { storesOf } from './run.ts';
import { selfTest } from './self-test.ts';

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

export interface DoctorOptions extends RunOptions {
  /** Tries each store on a place of its own, which it needs the right to make. Default false. */
  readonly selfTest?: boolean;
}

/** Never throws what a server or the schema does wrong: it is a failed check. */
export async function doctor(config: Config, options: DoctorOptions = {}): Promise<Diagnosis> {
  const checks: Check[] = [...(await exposureChecks(config))];
  let schemaTrouble = false;
  const only = options.only ?? [];
  const queues = only.length === 0 ? [...config.queues.values()] : [];
  const names = new Set([...storesOf(config, only), ...queues.map((queue) => queue.store)]);
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
      {
        subject: 'source',
        status: 'ok',
        message: connectedWords(connections.source.product, connections.source.session.encryption),
      },
      ...encryptionChecks('source', connections.source.session.encryption, config.source.url),
      await clockCheck(connections),
    );
    const tests = options.selfTest ? await selfTest(config, connections, options) : [];
    for (const [name, store] of connections.stores) {
      checks.push(storeCheck(name, store));
      if ('product' in store) checks.push(...encryptionChecks(name, store.encryption, config.stores.get(name)!.url));
      checks.push(...tests.filter(({ subject }) => subject === name));
    }
    checks.push(...tests.filter(({ subject }) => !connections!.stores.has(subject)));
    if (only.length === 0) checks.push(...(await backlogChecks(config, connections)));
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
  if ('product' in store)
    return { subject: name, status: 'ok', message: connectedWords(store.product, store.encryption) };
  return { subject: name, status: 'failed', message: store.message, hint: store.hint };
}

function connectedWords(product: string, encryption: Encryption | undefined): string {
  return `connected, ${product}${encryption === 'verified' ? ', by TLS' : ''}`;
}

/** A connection that others can read or change. Within this machine nobody sits between. */
function encryptionChecks(subject: string, encryption: Encryption | undefined, url: string): Check[] {
  if (encryption === 'unverified') {
    const message = 'encrypted, but its certificate is not checked: whoever sits between can read and change all of it';
    return [
      {
        subject,
        status: 'warning',
        message,
        hint: 'Name its authority in tls.ca, and take out what turns the check off.',
      },
    ];
  }
  if (encryption !== 'none' || isLocal(url)) return [];
  const message = 'the connection is not encrypted';
  return [
    { subject, status: 'warning', message, hint: 'Set tls: true, or tls: { ca: … } for an authority of your own.' },
  ];
}

async function exposureChecks(config: Config): Promise<Check[]> {
  const exposed = await exposedFiles(config);
  return exposed.map(({ file, message, hint }) => ({ subject: file, status: 'warning', message, hint }));
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
