// reservas on five kinds of server: each named damage is found as what it is, repaired, and found healthy; look-alikes are left alone.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExpectedFinding } from '../../fixtures/reservas/damages.ts';
import { bookedInKey, countsInGraph, interaccionKey } from '../../fixtures/reservas/derived.ts';
import { tasksOf } from '../../fixtures/reservas/replicate.ts';
import type { Reserva } from '../../fixtures/reservas/rows.ts';
import { readReservas } from '../../fixtures/reservas/source.ts';
import { check, type RepairOptions, type Report, type RunOptions, reconcile, verifySync } from '../../src/index.ts';
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
    const after = reservas.foundWords(await checkAll(reservas, { since: WEEK }));
    expect(after.filter((line) => !/ (duplicate|unread) /.test(line))).toEqual([]);
  });

  test('repairs everything, and then has nothing to do', async () => {
    const options = { deleteOrphans: true, deleteDuplicates: true, overwriteAhead: true };
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

  test('has written every value in the type that the application writes', async () => {
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

  test('shows every store of one reservation, and what is wrong there alone', async () => {
    const { data, docs } = reservas.native;
    const damaged = new Set(findings.flatMap(({ key }) => [key.host_id, key.ciudad_id]));
    const hostOf = (each: Reserva) => data.placeOf(each).host_id;
    const reserva = data.reservas.find(
      (each) => countsInGraph(each) && ![hostOf(each), data.cityOf(each)].some((part) => damaged.has(String(part))),
    )!;
    await docs.collection('host_statistics').updateOne({ host_id: hostOf(reserva) }, { $inc: { total_reviews: -1 } });
    const report = await verifySync(reservas.config, 'reserva', [String(reserva.id)]);
    const { graph, cache } = reservas.targets;
    expect(report.subject).toMatchObject({ entity: 'reserva', key: { id: String(reserva.id) }, exists: true });
    expect(
      report.replicas.map(({ name }) => name.replace(graph.prefix!, '').replace(cache.prefix!, '')).sort(),
    ).toEqual([
      'analytics.reservas_por_fecha',
      'analytics.reservas_por_huesped',
      'analytics.reservas_por_propiedad',
      'cache.search_keys:ciudad:{ciudad_id}',
      'docs.host_statistics',
      'graph.BOOKED_IN',
      'graph.City',
      'graph.INTERACCIONES',
      'graph.User',
      'graph.Usuario',
    ]);
    expect(reservas.foundWords(report)).toEqual([
      `docs.host_statistics mismatched [["host_id","${hostOf(reserva)}"]] total_reviews`,
    ]);
    const mended = await verifySync(reservas.config, 'reserva', [String(reserva.id)], { apply: true, keep: false });
    expect(mended.exitCode).toBe(0);
  });

  test('sees in a window what a cancelled booking has left behind', async () => {
    const { native } = reservas;
    const { data } = native;
    const isOnly = (reserva: Reserva) => {
      const { ciudad, host_id } = data.placeOf(reserva);
      const pairs = [bookedInKey(reserva.huesped_id, ciudad), interaccionKey(reserva.huesped_id, host_id)] as const;
      return data.bookedIn.get(pairs[0])?.count === 1 && data.interacciones.get(pairs[1])?.count === 1;
    };
    const touched = new Set(findings.flatMap(({ key }) => [key.id, key.user_id, key.guest_id, key.ciudad_id]));
    const { id, huesped_id } = data.reservas.findLast(
      (each) =>
        isOnly(each) && ![each.id, each.huesped_id, data.cityOf(each)].some((part) => touched.has(String(part))),
    )!;
    const [before] = await readReservas(native.source, 'r.id = $1', [id]);
    await native.source.query('UPDATE reserva SET estado_reserva_id = 3, updated_at = now() WHERE id = $1', [id]);
    const [after] = await readReservas(native.source, 'r.id = $1', [id]);
    const { ciudad, host_id } = data.placeOf(after!);
    const place = { propiedad_id: after!.propiedad_id, ciudad_id: data.cityOf(after!), ciudad, host_id };
    const tasks = tasksOf({ before: before!, after: after!, place });
    for (const task of [...tasks.analytics, ...tasks.cache]) await task.run(native);

    const report = await checkAll(reservas, { since: WEEK });
    expect(reservas.foundWords(report).filter((line) => !line.includes(' unread '))).toEqual([
      `graph.BOOKED_IN orphan [["ciudad","${ciudad}"],["user_id","${huesped_id}"]] `,
      `graph.INTERACCIONES orphan [["guest_id","${huesped_id}"],["host_id","${host_id}"]] `,
    ]);
    for (const task of tasks.graph) await task.run(native);
    expect(await checkAll(reservas, { since: WEEK, only: ['booked_in', 'interacciones'] })).toMatchObject({
      exitCode: 0,
    });
  });
});
