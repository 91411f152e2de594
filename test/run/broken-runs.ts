// What the tests of cut lines and killed servers share: one replica of every kind that holds a source's records, damage to it, the runs
// that are broken off over it, and what must be true of its records afterwards.

import { expect, vi } from 'vitest';
import {
  type Config,
  check,
  type FindingClass,
  parseConfig,
  type Report,
  type RunEvent,
  rebuild,
  reconcile,
} from '../../src/index.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { freshPostgres, sql } from '../databases.ts';
import { startCassandra } from '../stores/cassandra-harness.ts';
import type { Harness, NativeRecord } from '../stores/contract.ts';
import { field } from '../stores/contract-cases.ts';
import { startMongodb } from '../stores/mongodb-harness.ts';
import { startNeo4j } from '../stores/neo4j-harness.ts';
import { startOracle } from '../stores/oracle-harness.ts';
import { startPostgres } from '../stores/postgres-harness.ts';
import { startRedis } from '../stores/redis-harness.ts';

/** By kind of server; its URL, where it is one of the test's own. */
export const STORES = {
  postgres: startPostgres('15'),
  mongodb: startMongodb('field'),
  cassandra: startCassandra,
  oracle: startOracle(),
  neo4j: startNeo4j('node'),
  redis: startRedis('hash'),
} as const satisfies Readonly<Record<string, (own?: string) => Promise<Harness>>>;

export type StoreKind = keyof typeof STORES;
export const KINDS = Object.keys(STORES) as StoreKind[];

const RECORDS = 3000;
const BATCH = 200;
/** Records that a repair or a rebuild has written when it is broken off: there are many more. */
export const REPAIRED = 2 * BATCH;

const mapping: Mapping = {
  key: [field('id', { kind: 'text' })],
  fields: [field('title', { kind: 'text' }), field('amount', { kind: 'integer', bits: 32 })],
};
const records: readonly NativeRecord[] = Array.from({ length: RECORDS }, (_, i) => ({
  key: [`r${i}`],
  values: [`title ${i} ${'x'.repeat(100)}`, String(i)],
}));
/** Half of the records, some of them wrong, and some that the source does not have. */
const damaged: readonly NativeRecord[] = [
  ...records.slice(0, RECORDS / 2).map((record, i) => (i % 4 === 0 ? { ...record, values: ['wrong', '0'] } : record)),
  ...[1, 2, 3].map((i) => ({ key: [`r${RECORDS + i}`], values: ['extra', '1'] })),
];
/** What a check is to find of the damage. */
function damageOf(index: number): FindingClass | undefined {
  if (index >= RECORDS) return 'orphan';
  if (index >= RECORDS / 2) return 'missing';
  return index % 4 === 0 ? 'mismatched' : undefined;
}

const indexOf = (id: string) => Number(id.slice(1));
const isEqual = ({ key, values }: NativeRecord) =>
  values.every((value, i) => value === records[indexOf(key[0]!)]?.values[i]);

/** The URL of a PostgreSQL that holds the records. */
export async function makeSource(): Promise<string> {
  const source = await freshPostgres('18');
  await sql(source, 'create table things (id text primary key, title text, amount int)');
  await sql(
    source,
    `insert into things select 'r' || i, 'title ' || i || ' ' || repeat('x', 100), i from generate_series(0, ${RECORDS - 1}) i; analyze things`,
  );
  return source;
}

/** How a run is done: `check`, `repair` or `rebuild`; where its store is reached; and what to do in the middle of it. */
export interface Run {
  readonly command: 'check' | 'repair' | 'rebuild';
  /** Default: the server itself. */
  readonly url?: string;
  readonly onEvent?: (event: RunEvent) => void;
  /** Records that are looked at together. Default: a few hundred. */
  readonly batch?: number;
}

export interface Copy {
  run(run: Run): Promise<Report>;
  /** Asserts that the run says it was broken off, with the replica unproven, and found nothing that is not so. */
  expectBroken(report: Report): void;
  /** Waits until the test's own driver has found the server again. */
  reached(): Promise<void>;
  /** Asserts that every record is as it was or as the source has it. Returns how many are equal to the source's. */
  expectWhole(): Promise<number>;
  /** Asserts that the records are the source's. */
  expectEqual(): Promise<void>;
}

/** A replica of the source, in a place of its own of the harness' server. */
export async function makeCopy(source: string, harness: Harness, state: 'equal' | 'damaged'): Promise<Copy> {
  const place = await harness.makePlace(mapping);
  const before = state === 'equal' ? records : damaged;
  await place.write(before);
  const valuesBefore = new Map(before.map((record) => [record.key[0], record.values]));
  return {
    async run({ command, url = harness.url, onEvent, batch = BATCH }) {
      const config = configOf(source, harness, place.config!, url);
      if (command === 'check') return check(config, { keep: false, batch, shown: RECORDS, onEvent });
      const options = { keep: false, batch, apply: true, onEvent };
      if (command === 'repair') return reconcile(config, { ...options, maxPercent: 100, deleteOrphans: true });
      const [name] = config.entities.flatMap((entity) => entity.replicas.map((replica) => replica.name));
      return rebuild(config, name!, options);
    },
    expectBroken(report) {
      expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
      const error = { where: expect.stringMatching(/^copies/), message: expect.stringMatching(/copies/) };
      expect(report.replicas).toMatchObject([{ status: 'unproven', error }]);
      for (const finding of report.replicas[0]!.findings) {
        expect([finding.key.id, finding.class]).toEqual([
          finding.key.id,
          state === 'equal' ? undefined : damageOf(indexOf(finding.key.id!)),
        ]);
      }
    },
    async reached() {
      await vi.waitFor(() => place.read(), { timeout: 60_000, interval: 100 });
    },
    async expectWhole() {
      const found = await place.read();
      for (const record of found) if (!isEqual(record)) expect(record.values).toEqual(valuesBefore.get(record.key[0]!));
      return found.filter(isEqual).length;
    },
    async expectEqual() {
      const found = await place.read();
      expect([...found].sort((a, b) => indexOf(a.key[0]!) - indexOf(b.key[0]!))).toEqual(records);
    },
  };
}

export const IN_SYNC = { verdict: 'in sync', exitCode: 0, errors: [] };

/** What came of a run, with the reasons where it is not what was expected. */
export function endOf({ verdict, exitCode, problems, replicas }: Report) {
  return { verdict, exitCode, errors: [...problems, ...replicas.flatMap((replica) => replica.error ?? [])] };
}

/** In the middle of the writing, as soon as so many records are through. */
export function whenRepaired(work: () => void): (event: RunEvent) => void {
  return (event) => {
    if (event.type === 'repaired' && event.records >= REPAIRED) work();
  };
}

/** Bytes from a store of this kind after which a check of equal records is in the middle: PostgreSQL sums by itself. */
export function middleOfCheck(kind: StoreKind): number {
  return kind === 'postgres' ? 12_000 : 200_000;
}

const variable = (name: string) => ['$', '{', name, '}'].join('');

function configOf(source: string, harness: Harness, own: Readonly<Record<string, unknown>>, url: string): Config {
  const file = {
    source: { url: variable('SOURCE') },
    stores: { copies: { ...harness.config, url: variable('URL') } },
    entities: { things: { table: 'things', replicas: [{ store: 'copies', maxLag: '20ms', ...own }] } },
  };
  return parseConfig(JSON.stringify(file), '/nowhere/plumbline.yaml', { SOURCE: source, URL: url });
}
