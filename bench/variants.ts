// What is measured, one function a variant: it connects, does its work once, closes, and says how long that took. A
// check that says anything but what was planted is a WrongAnswer: how fast it was does not matter then.

import QueryStream from 'pg-query-stream';
import { check, type FindingClass, parseConfig, type Report, reconcile } from '../src/index.ts';
import { type Copy, copyOf, DATABASE, type StoreKind, sizeOf } from './copies.ts';
import {
  type BulkWrite,
  bulkWriteToMongodb,
  bulkWriteToPostgres,
  plantDrift,
  withMongodb,
  withPostgres,
} from './native.ts';

export type VariantName = 'drain' | 'check' | 'bulk write' | 'repair';

/** The servers of one measurement. */
export interface Pair {
  /** URLs. */
  readonly source: string;
  readonly store: string;
  /** The store's server is not the vendor's own. */
  readonly standIn: boolean;
}

/** Seconds. */
export type Variant = (store: StoreKind, pair: Pair, copy: Copy) => Promise<number>;

export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export const VARIANTS: Readonly<Record<VariantName, Variant>> = {
  drain,
  check: checkCopy,
  'bulk write': bulkWrite,
  repair,
};

/** What this process must have done once, small, before it is measured, so that the first calls are not what is measured. */
export async function warmUp(name: VariantName, store: StoreKind, pair: Pair): Promise<void> {
  const writes = name === 'repair' || name === 'bulk write';
  const copy = copyOf(writes ? 'warmUpDrifted' : 'warmUp', 0);
  if (writes) await plantDrift(store, pair.store, copy);
  await VARIANTS[name](store, pair, copy);
}

// A server that is asked for no batch size sends 16 MB at a time; the stand-in would send everything at once, which
// takes twice as long and a gigabyte. This size is the fastest there.
const STAND_IN_BATCH = { batchSize: 1000 };

/** The official driver with its defaults, one object a record. */
async function drain(store: StoreKind, pair: Pair, { target, rows, drift }: Copy): Promise<number> {
  const started = performance.now();
  let records = 0;
  if (store === 'mongodb') {
    await withMongodb(pair.store, async (db) => {
      for await (const record of db.collection(target).find({}, pair.standIn ? STAND_IN_BATCH : {}))
        if (record !== null) records += 1;
    });
  } else {
    await withPostgres(pair.store, async (client) => {
      for await (const record of client.query(new QueryStream(`select * from ${target}`)))
        if (record !== null) records += 1;
    });
  }
  const seconds = secondsSince(started);
  const held = rows + drift.orphans.length - drift.missing.length;
  if (records !== held) throw new WrongAnswer(`drain of ${store} ${target}: ${records} records instead of ${held}`);
  return seconds;
}

/** The whole of it: configuration, connections, plan, both reads, confirmation, findings on disk. */
async function checkCopy(store: StoreKind, pair: Pair, copy: Copy): Promise<number> {
  const started = performance.now();
  const report = await check(configOf(store, pair, copy), { keep: false });
  const seconds = secondsSince(started);
  expectFindings(report, copy);
  return seconds;
}

/** From the end of the comparison on: what reading again, writing, and reading back cost. */
async function repair(store: StoreKind, pair: Pair, copy: Copy): Promise<number> {
  let started: number | undefined;
  const writes = sizeOf(copy.drift);
  const report = await reconcile(configOf(store, pair, copy), {
    keep: false,
    apply: true,
    deleteOrphans: true,
    maxRows: writes,
    onEvent: (event) => {
      if (event.type === 'stage' && event.stage === 'repair') started = performance.now();
    },
  });
  if (started === undefined)
    throw new WrongAnswer(`reconcile of ${nameOf(report)} repaired nothing${problems(report)}`);
  const seconds = secondsSince(started);
  expectFindings(report, copy);
  const done = report.replicas[0]?.repair;
  if (done?.outcomes.written !== writes || done.verified.equal !== writes || report.exitCode !== 0) {
    const said = JSON.stringify({ outcomes: done?.outcomes, verified: done?.verified, errors: done?.errors });
    throw new WrongAnswer(
      `reconcile of ${nameOf(report)}: ${writes} records to write, exit ${report.exitCode}: ${said}`,
    );
  }
  return seconds;
}

/** The same records from memory, over a connection that stands already. */
function bulkWrite(store: StoreKind, pair: Pair, { target, drift }: Copy): Promise<number> {
  return store === 'mongodb'
    ? withMongodb(pair.store, (db) => timed(bulkWriteToMongodb(db, target, drift)))
    : withPostgres(pair.store, (client) => timed(bulkWriteToPostgres(client, target, drift)));
}

async function timed(write: BulkWrite): Promise<number> {
  const started = performance.now();
  await write.run();
  return secondsSince(started);
}

function expectFindings(report: Report, copy: Copy): void {
  const { changed, missing, orphans } = copy.drift;
  const planted: Readonly<Record<FindingClass, number>> = {
    missing: missing.length,
    mismatched: changed.length,
    orphan: orphans.length,
    stale: 0,
    ahead: 0,
    duplicate: 0,
    unread: 0,
  };
  const replica = report.replicas[0];
  const said = { ...replica?.counts, inFlight: replica?.inFlight.count };
  const wanted = { ...planted, inFlight: 0 };
  const wrong = Object.entries(wanted).flatMap(([name, count]) => {
    const reported = said[name as keyof typeof said];
    return reported === count ? [] : [`${name} ${reported} instead of ${count}`];
  });
  const held = copy.rows + orphans.length - missing.length;
  if (replica?.sourceRows !== copy.rows) wrong.push(`source rows ${replica?.sourceRows} instead of ${copy.rows}`);
  if (replica?.replicaRows !== held) wrong.push(`replica rows ${replica?.replicaRows} instead of ${held}`);
  const drifted = sizeOf(copy.drift) > 0;
  if (report.command === 'check' && report.exitCode !== (drifted ? 1 : 0)) wrong.push(`exit code ${report.exitCode}`);
  if (wrong.length === 0) return;
  throw new WrongAnswer(`${report.command} of ${nameOf(report)}: ${wrong.join(', ')}${problems(report)}`);
}

function nameOf(report: Report): string {
  return report.replicas[0]?.name ?? 'nothing';
}

function problems(report: Report): string {
  const all = [...report.problems, ...report.replicas.flatMap(({ error }) => (error === undefined ? [] : [error]))];
  return all.map(({ where, message }) => `; ${where}: ${message}`).join('');
}

/** Defaults everywhere: what a user gets who writes down no more than where things are. */
function configOf(store: StoreKind, pair: Pair, copy: Copy) {
  const replica =
    store === 'mongodb'
      ? { store, target: copy.target, naming: 'camelCase', fields: { id: '_id' } }
      : { store, target: copy.target };
  // By variable, because the reader refuses a password in the file itself.
  const variable = (name: 'source' | 'store') => `\${${name}}`;
  const database = store === 'mongodb' ? { database: DATABASE } : {};
  const file = {
    version: 1,
    source: { url: variable('source') },
    stores: { [store]: { kind: store, url: variable('store'), ...database } },
    entities: { incidents: { table: copy.source, version: 'updated_at', replicas: [replica] } },
  };
  return parseConfig(JSON.stringify(file), 'bench.yaml', { source: pair.source, store: pair.store });
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
