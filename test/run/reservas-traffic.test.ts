// reservas while the application writes and a replicator follows: nothing false is found, what is wrong is, and a replicator that stands
// still shows. All that is written lies with one host in one city, so that the records derived from it change faster than anyone looks.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { damagesIn, type ExpectedFinding } from '../../fixtures/reservas/damages.ts';
import { startTraffic, type Traffic } from '../../fixtures/reservas/traffic.ts';
import { check, type Report, reconcile } from '../../src/index.ts';
import { currentData } from '../fixtures/reservas-current.ts';
import { expectedRecords, readRecords, recordOf } from '../fixtures/reservas-records.ts';
import { expectedWords, openReservas, type Reservas } from './reservas.ts';

const ALL = { keep: false, shown: 10_000 };
/** Of the first city and the first host. */
const PROPERTY = 1;

let reservas: Reservas;
let traffic: Traffic;

beforeAll(async () => {
  reservas = await openReservas({ uniqueIndexes: false }, '4s');
  traffic = await startTraffic(reservas.targets, {
    writesPerSecond: 100,
    lag: 500,
    seed: 5,
    propiedades: [PROPERTY],
    guests: 4,
  });
});
afterAll(async () => {
  await traffic?.stop();
  await reservas?.close();
});

const unproven = (report: Report) => report.replicas.flatMap(({ error }) => error ?? []);

/** Whether the traffic may touch the record. */
function isBusy({ replica, key }: Pick<ExpectedFinding, 'replica' | 'key'>): boolean {
  const { ciudad_id, anfitrion_id } = reservas.native.data.propiedades[PROPERTY - 1]!;
  const { nombre } = reservas.native.data.ciudades[ciudad_id - 1]!;
  const busy = [key.host_id === String(anfitrion_id), key.ciudad === nombre, key.ciudad_id === String(ciudad_id)];
  if (busy.includes(true)) return true;
  if (!replica.startsWith('analytics.')) return false;
  const seeded = reservas.native.data.reservas[Number(key.id) - 1];
  return seeded === undefined ? Number(key.id) < 1_000_000_000 : seeded.propiedad_id === PROPERTY;
}

test('nothing false is found', { timeout: 240_000 }, async () => {
  let inFlight = 0;
  for (let i = 0; i < 3; i++) {
    const report = await check(reservas.config, ALL);
    expect(unproven(report)).toEqual([]);
    expect(reservas.foundWords(report)).toEqual([]);
    expect(report).toMatchObject({ verdict: 'in sync', exitCode: 0 });
    inFlight += report.replicas.reduce((sum, replica) => sum + replica.inFlight.count, 0);
  }
  expect(inFlight).toBeGreaterThan(0); // there was something to be wrong about
});

test('what is damaged elsewhere is found and repaired, and only that', { timeout: 240_000 }, async () => {
  const names =
    /missing|stale|orphan$|count$|old-guest|late-writetime|cell-deleted|interaccion-(order|first)|total-off/;
  const findings: ExpectedFinding[] = [];
  for (const damage of damagesIn(reservas.native.data, [PROPERTY])) {
    if (damage.harmless || damage.store === 'cache' || !names.test(damage.name)) continue;
    const planned = await damage.plant(reservas.native);
    expect(planned.filter(isBusy), damage.name).toEqual([]);
    findings.push(...planned);
  }
  expect(findings.length).toBeGreaterThan(20);
  const report = await check(reservas.config, ALL);
  expect(unproven(report)).toEqual([]);
  expect(reservas.foundWords(report)).toEqual(expectedWords(findings));

  const options = { ...ALL, apply: true, deleteOrphans: true, deleteDuplicates: true, maxPercent: 100 };
  const repaired = await reconcile(reservas.config, options);
  expect(repaired.replicas.flatMap(({ repair }) => repair!.errors)).toEqual([]);
  expect(repaired).toMatchObject({ verdict: 'in sync', exitCode: 0 });
  const again = await reconcile(reservas.config, options);
  expect(again.replicas.reduce((sum, { repair }) => sum + repair!.outcomes.written, 0)).toBe(0);
});

test('a replicator that stands still shows in every store', { timeout: 240_000 }, async () => {
  traffic.pauseReplicator();
  await sleep(1000);
  const report = await check(reservas.config, ALL);
  traffic.resumeReplicator();
  expect(report).toMatchObject({ verdict: 'drift', exitCode: 1 });
  const found = report.replicas.flatMap((replica) => replica.findings);
  const stores = new Set(found.map(({ replica }) => replica.split('.')[0]));
  // A cached search may have been made anew since.
  for (const store of ['analytics', 'docs', 'graph']) expect(stores).toContain(store);
  expect(reservas.plainFindings(report).filter((finding) => !isBusy(finding))).toEqual([]);
});

test('in the end the stores are what they should be: no repair has put back what was older', {
  timeout: 120_000,
}, async () => {
  await traffic.stop();
  const expected = expectedRecords(await currentData(reservas.native));
  const read = await readRecords(reservas.native, ['analytics', 'docs', 'graph']);
  const wrong = [...read].filter(([record, copies]) => copies.join() !== expected.get(record)?.join());
  const { anfitrion_id } = reservas.native.data.propiedades[PROPERTY - 1]!;
  const host = recordOf('docs.host_statistics', { host_id: String(anfitrion_id) });
  expect(wrong.filter(([record]) => !record.startsWith('docs.') || record === host)).toEqual([]);
  const report = await check(reservas.config, ALL);
  expect(reservas.foundWords(report)).toEqual([]);
});
