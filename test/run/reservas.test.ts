// reservas on five kinds of server: each named damage is found as what it is, repaired, and found healthy; look-alikes are left alone.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExpectedFinding } from '../../fixtures/reservas/damages.ts';
import { check, type RepairOptions, type Report, type RunOptions, reconcile } from '../../src/index.ts';
import { expectedRecords, plainText, type Records, readRecords, recordOf } from '../fixtures/reservas-records.ts';
import { expectedWords, openReservas, type Reservas } from './reservas.ts';
import { WEEK, windowOf } from './reservas-window.ts';

const ALL = { keep: false, shown: 10_000 };
const checkAll = ({ config }: Reservas, options: RunOptions = {}): Promise<Report> =>
  check(config, { ...ALL, ...options });
const repairAll = ({ config }: Reservas, options: RunOptions & RepairOptions = {}): Promise<Report> =>
  reconcile(config, { ...ALL, apply: true, maxPercent: 100, ...options });

/** What lives longer than five minutes. */
const STORED = ['analytics', 'docs', 'graph'] as const;

const sum = (report: Report, of: (replica: Report['replicas'][number]) => number) =>
  report.replicas.reduce((total, replica) => total + of(replica), 0);
const written = (report: Report) => sum(report, ({ repair }) => repair!.outcomes.written);

const errorsOf = (report: Report) => report.replicas.flatMap(({ repair }) => repair!.errors);
const isNoDuplicate = (line: string) => !line.includes(' duplicate ');

describe('reservas', () => {
  let reservas: Reservas;
  const findings: ExpectedFinding[] = [];
  const isRepaired = ({ class: found }: ExpectedFinding) => found !== 'unread';
  /** As it stood before the first repair. */
  let damaged: Records;

  beforeAll(async () => {
    reservas = await openReservas({ uniqueIndexes: false });
  });
  afterAll(() => reservas?.close());

  test('is in sync as seeded', async () => {
    const report = await checkAll(reservas);
    expect(report.problems).toEqual([]);
    expect(report.replicas.flatMap(({ error }) => error ?? [])).toEqual([]);
    expect(reservas.foundWords(report)).toEqual([]);
    expect(report).toMatchObject({ verdict: 'in sync', exitCode: 0 });
  });

  test('names each planted damage exactly once, and no look-alike', async () => {
    for (const damage of reservas.damages) findings.push(...(await damage.plant(reservas.native)));
    const report = await checkAll(reservas);
    expect(reservas.foundWords(report)).toEqual(expectedWords(findings));
    expect(report.exitCode).toBe(3); // what can't be read may be right or wrong
  });

  test('names, of a window, what was booked in it and what that touches', async () => {
    const expected = expectedWords(findings, windowOf(reservas.native.data));
    const report = await checkAll(reservas, { since: WEEK });
    expect(reservas.foundWords(report)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(20);
    expect(new Set(expected.map((line) => line.split(' ')[0])).size).toBeGreaterThan(7);
    for (const { coverage, strategy } of report.replicas)
      expect([coverage.orphans, strategy]).toEqual([false, 'lookup']);
  });

  test('a dry run writes nothing', async () => {
    damaged = await readRecords(reservas.native, STORED);
    const report = await repairAll(reservas, { apply: false, deleteOrphans: true, deleteDuplicates: true });
    expect(sum(report, ({ repair }) => repair!.planned.insert + repair!.planned.delete)).toBeGreaterThan(20);
    expect(await readRecords(reservas.native, STORED)).toEqual(damaged);
  });

  test('repairs a window', async () => {
    const report = await repairAll(reservas, { since: WEEK });
    expect(errorsOf(report)).toEqual([]);
    expect(written(report)).toBeGreaterThan(15);
    expect(reservas.foundWords(await checkAll(reservas, { since: WEEK })).filter(isNoDuplicate)).toEqual([]);
  });

  test('repairs everything, and then has nothing to do', async () => {
    const options = { deleteOrphans: true, deleteDuplicates: true, overwriteAhead: true };
    // Nodes come before what relates them, so an orphan that is still related goes with the next run.
    expect(errorsOf(await repairAll(reservas, options))).toEqual([expect.stringMatching(/would go with it/)]);
    expect(errorsOf(await repairAll(reservas, options))).toEqual([]);
    const report = await repairAll(reservas, options);
    expect(reservas.foundWords(report)).toEqual(expectedWords(findings.filter((finding) => !isRepaired(finding))));
    expect(sum(report, ({ repair }) => Object.values(repair!.planned).reduce((a, b) => a + b))).toBe(0);
    expect(written(report)).toBe(0);
  });

  test('has made of every record what the application would have written, and touched no other', async () => {
    const expected = expectedRecords(reservas.native.data);
    const read = await readRecords(reservas.native, STORED);
    const mended = new Set(findings.filter(isRepaired).map(({ replica, key }) => recordOf(replica, key)));
    const wrong = [...new Set([...read.keys(), ...damaged.keys()])]
      .map((record) => [record, read.get(record), (mended.has(record) ? expected : damaged).get(record)] as const)
      .filter(([, is, should]) => is?.map(plainText).join() !== should?.map(plainText).join());
    expect(wrong).toEqual([]);
  });

  // A repair writes texts for the dates inside recent_ratings, and numbers in the widest form that any document has.
  test.fails('has written every value in the type that the application writes', async () => {
    const expected = expectedRecords(reservas.native.data);
    const read = await readRecords(reservas.native, STORED);
    for (const { replica, key } of findings.filter(isRepaired)) {
      const record = recordOf(replica, key);
      expect([record, read.get(record)]).toEqual([record, expected.get(record)]);
    }
  });

  test('has dropped the searches that were too old, with their marks, and no other', async () => {
    const read = await readRecords(reservas.native, ['cache']);
    const isStale = ({ replica, class: found }: ExpectedFinding) => replica.startsWith('cache.') && found === 'stale';
    for (const { key } of findings.filter(isStale)) {
      const cached = [...read].filter(([record]) => record.startsWith(`cache.search ${key.ciudad_id}:`));
      expect(cached.flatMap(([, copies]) => copies).join()).not.toContain('"personas\\":7');
    }
    const young = new Set([...read.keys()].map((record) => record.split(':')[0]));
    expect(young.size).toBeGreaterThan(4);
  });
});
