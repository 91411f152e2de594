// reservas on five kinds of server: each named damage is found as what it is, repaired, and found healthy; look-alikes are left alone.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExpectedFinding } from '../../fixtures/reservas/damages.ts';
import { check, type RepairOptions, type Report, type RunOptions, reconcile } from '../../src/index.ts';
import { expectedRecords, type Records, readRecords, recordOf } from '../fixtures/reservas-records.ts';
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
    expect(report.replicas.filter(({ status }) => status !== 'proven')).toEqual([]);
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

  test('repairs a window first, then everything', async () => {
    const window = await repairAll(reservas, { since: WEEK });
    expect(window.replicas.flatMap(({ repair }) => repair!.errors)).toEqual([]);
    expect(written(window)).toBeGreaterThan(15);
    const options = { deleteOrphans: true, deleteDuplicates: true, overwriteAhead: true };
    const report = await repairAll(reservas, options);
    expect(report.replicas.flatMap(({ repair }) => repair!.errors)).toEqual([]);
    expect(sum(report, ({ repair }) => repair!.remaining ?? 0)).toBe(0);
    const after = await checkAll(reservas);
    expect(reservas.foundWords(after)).toEqual(expectedWords(findings.filter((finding) => !isRepaired(finding))));
    const second = await repairAll(reservas, options);
    expect(sum(second, ({ repair }) => repair!.planned.insert + repair!.planned.update + repair!.planned.delete)).toBe(
      0,
    );
    expect(written(second)).toBe(0);
  });

  test('has made of every record what the application would have written, its types included, and touched no other', async () => {
    const expected = expectedRecords(reservas.native.data);
    const read = await readRecords(reservas.native, STORED);
    const mended = new Set(findings.filter(isRepaired).map(({ replica, key }) => recordOf(replica, key)));
    const wrong = [...new Set([...read.keys(), ...damaged.keys()])]
      .map((record) => [record, read.get(record), (mended.has(record) ? expected : damaged).get(record)] as const)
      .filter(([, is, should]) => is?.join() !== should?.join());
    expect(wrong).toEqual([]);
  });
});
