// The second act: reservations in Cassandra, statistics in MongoDB, a graph in Neo4j and cached searches in Redis, all derived from the
// source. One record is followed through all of them, then a window, then everything; at last two replicas are built anew.

import { dropSearches } from '../../fixtures/reservas/cache.ts';
import { type Damage, damagesIn, type Native } from '../../fixtures/reservas/damages.ts';
import { STATISTICS } from '../../fixtures/reservas/docs.ts';
import { int, MATCH_BOOKED_IN } from '../../fixtures/reservas/graph.ts';
import { type SeedTargets, seedReservas } from '../../fixtures/reservas/seed.ts';
import { classCount, listed, number, plural } from '../../reports/words.ts';
import { parseConfig } from '../../src/read.ts';
import type { FindingClass, Report } from '../../src/report/report.ts';
import { type RebuildOptions, rebuild } from '../../src/run/rebuild.ts';
import { verifySync } from '../../src/run/verify-sync.ts';
import { Act, exitProblems, type PlantableDamage, type Stage, sum } from './act.ts';
import {
  type ExpectedFinding,
  findingsIn,
  judge,
  lookedUp,
  onlyThose,
  type PlantedDamage,
  recordOf,
} from './expectations.ts';
import { configText, connectNative, environmentOf, storesOf } from './reservas-open.ts';
import { mostDamaged, touchedBy, touchedInWeek, WEEK } from './reservas-touched.ts';
import { partOf, type Role, type Servers } from './servers.ts';
import type { System } from './system.ts';

/** Each damage has records of its own. */
const FEWEST_RESERVAS = 2000;

/** What policy leaves alone, and why. */
const LEFT: readonly (readonly [FindingClass, string])[] = [
  ['ahead', 'the copy is newer than the source; only --overwrite-ahead takes the source’s word for it'],
  ['unread', 'what could not be read is not known to be wrong'],
];

/** A look-alike has brought it in; it is what the first rebuild is refused for. */
const UNNAMED_FIELD = 'calculado_en';

export function reservas(servers: Servers): System | undefined {
  const part = (role: Role) => partOf(servers, 'reservas', role);
  const targets: SeedTargets = {
    source: part('source')!.url,
    analytics: part('analytics')?.url,
    docs: part('docs')?.url,
    graph: part('graph'),
    cache: part('cache'),
  };
  const stores = storesOf(targets);
  if (stores.length === 0) return undefined;
  const prefixes = [targets.graph?.prefix ?? '', targets.cache?.prefix ?? ''].filter((prefix) => prefix !== '');
  return {
    name: 'reservas',
    title: 'reservas: copies, statistics, a graph and a cache, all derived from the source',
    stores,
    environment: environmentOf(targets),
    configText: () => configText(targets),
    play: async (story, { rows, seed }, options) => {
      story.step('Fill the source, and the stores with what is derived from it');
      const started = performance.now();
      const size = { reservas: Math.max(rows, FEWEST_RESERVAS), seed, uniqueIndexes: false };
      const native = await connectNative(targets, await seedReservas(targets, size));
      try {
        const { usuarios, ciudades, resenas } = native.data;
        const counts = [
          plural(size.reservas, 'reservation'),
          plural(resenas.length, 'review'),
          plural(usuarios.length, 'user'),
          plural(ciudades.length, 'city', 'cities'),
        ];
        story.done(`${listed(counts)}, seed ${seed}`, started);
        const config = parseConfig(await configText(targets), 'plumbline.yaml', environmentOf(targets));
        const damages = damagesIn(native.data)
          .filter(({ store }) => stores.includes(store))
          .map((damage) => plantable(damage, native));
        const stage = { config: { ...config, folder: options.folder }, damages, prefixes };
        await play(new Act(story, stage, options), native, stores);
      } finally {
        await native.close();
      }
    },
  };
}

async function play(act: Act, native: Native, stores: readonly string[]): Promise<void> {
  const { story } = act;
  story.step('Check before anything has happened');
  await act.expectInSync('all that is derived is right, and nothing is found');

  let planted = await act.plant();
  const { report } = await act.find(planted);
  planted = await followOne(act, native, planted);

  story.step('Check what was booked in the last week, and all that it touches');
  story.command('plumbline check --since 7d');
  const windowed = lookedUp(planted, touchedInWeek(native.data));
  const count = plural(findingsIn(windowed).length, 'damaged record');
  await act.expectOnly(windowed, `the ${count} of that week are found, and nothing else`, { since: WEEK });

  story.step('Repair everything, and delete what is too much, because we say so');
  const isLeft = (finding: ExpectedFinding) => ['ahead', 'unread'].includes(finding.class);
  let left = onlyThose(planted, isLeft);
  await act.repair(planted, left, report, { deleteOrphans: true, deleteDuplicates: true });
  for (const [name, why] of LEFT) {
    const few = findingsIn(left).filter((finding) => finding.class === name).length;
    if (few > 0) story.say(`left: ${classCount(name, few)}: ${why}.`);
  }
  await act.expectOnly(left, 'a second look finds what was left and nothing else');

  const unreadable = onlyThose(left, (finding) => finding.class === 'unread');
  if (findingsIn(unreadable).length < findingsIn(left).length) {
    story.step('Overwrite what is ahead as well');
    await act.repair(left, unreadable, undefined, { deleteOrphans: true, overwriteAhead: true });
    left = unreadable;
  }

  story.step('Put right by hand what could not be read');
  const started = performance.now();
  for (const finding of findingsIn(left)) await mend(native, finding);
  story.done(`mended: ${left.map(({ name }) => name).join(', ')}`, started);

  if (stores.includes('docs')) await rebuildStatistics(act, native);
  if (stores.includes('graph')) await rebuildBookings(act, native);

  story.step('Check once more');
  await act.expectInSync('everything is true again', true);
  await act.repairNothing({ deleteOrphans: true, deleteDuplicates: true, overwriteAhead: true });
}

/** Follows the reservation that touches the most damage through every store, and mends just that; returns what is left. */
async function followOne(
  act: Act,
  native: Native,
  planted: readonly PlantedDamage[],
): Promise<readonly PlantedDamage[]> {
  const { story, system } = act;
  const reserva = mostDamaged(native.data, findingsIn(planted));
  story.step('Look one reservation up in every store, with all that it touches');
  if (reserva === undefined) {
    story.expect('there is a damaged reservation to look up', ['none touches only what a repair may write']);
    return planted;
  }
  const records = touchedBy(native.data, reserva);
  const expected = lookedUp(planted, records);
  const id = String(reserva.id);
  const words = `plumbline verify-sync reserva ${id}`;
  const verify = (apply: boolean) =>
    act.watched((watching) => verifySync(system.config, 'reserva', [id], { ...watching, apply }));

  story.command(words);
  let started = performance.now();
  let report = await verify(false);
  await act.show(report);
  const { wrong, unplanted } = judge(expected, await act.findingsOf(report));
  const count = plural(findingsIn(expected).length, 'damaged record');
  const problems = [...wrong, ...unplanted, ...exitProblems(report, 1)];
  story.expect(`the ${count} that it touches are found, and nothing else`, problems, started);

  story.command(`${words} --fix`);
  started = performance.now();
  report = await verify(true);
  act.tellRepair(report);
  story.expect('just that is put right: exit code 0', exitProblems(report, 0), started);
  report = await verify(false);
  story.expect('looked up again, it is right in every store', exitProblems(report, 0));
  return onlyThose(planted, (finding) => !records.has(recordOf(finding)));
}

async function rebuildStatistics(act: Act, { docs }: Native): Promise<void> {
  const { story } = act;
  story.step('A third of the statistics is lost: build them anew, beside the live ones');
  const { deletedCount } = await docs.collection(STATISTICS).deleteMany({
    host_id: { $mod: [3, 1] },
    [UNNAMED_FIELD]: { $exists: false },
  });
  story.done(`deleted: ${plural(deletedCount, 'document')}`);
  const refused = await rebuildOf(act, 'docs.host_statistics', {});
  story.expect('refused: a document holds a field that nobody has named', exitProblems(refused, 4));
  const report = await rebuildOf(act, 'docs.host_statistics', { discardUnmapped: true });
  story.expect('built, compared with the source and swapped in: exit code 0', exitProblems(report, 0));
}

async function rebuildBookings(act: Act, { graph }: Native): Promise<void> {
  const { story } = act;
  story.step('The graph has lost and miscounted bookings: mend them in place');
  await graph.run('MATCH (u:User)-[r:BOOKED_IN]->(c:City) WHERE r.count > 2 SET r.count = r.count - 1');
  await graph.run('MATCH (u:User)-[r:BOOKED_IN]->(c:City) WHERE u.id % 5 = 1 DELETE r');
  const report = await rebuildOf(act, 'graph.BOOKED_IN', {});
  const written = sum(report, ({ repair }) => repair?.outcomes.written ?? 0);
  const problems = [...exitProblems(report, 0), ...(written > 0 ? [] : ['nothing was written'])];
  story.expect(`${number(written)} relationships are right again: exit code 0`, problems);
}

async function rebuildOf(act: Act, name: string, options: RebuildOptions): Promise<Report> {
  const { story, system } = act;
  story.command(`plumbline rebuild ${name} --apply${options.discardUnmapped ? ' --discard-unmapped' : ''}`);
  const report = await act.watched((watching) =>
    rebuild(system.config, replicaOf(system, name), { ...watching, ...options, apply: true }),
  );
  for (const { message, hint } of report.problems) story.say(`${message}. ${hint ?? ''}`);
  act.tellRepair(report);
  return report;
}

/** As the configuration names it, with the prefix that is left out of what is told. */
function replicaOf({ config, prefixes }: Stage, name: string): string {
  const names = config.entities.flatMap((entity) => entity.replicas.map((replica) => replica.name));
  return names.find((full) => prefixes.reduce((text, prefix) => text.replaceAll(prefix, ''), full) === name) ?? name;
}

function plantable(damage: Damage, native: Native): PlantableDamage {
  const { name, store, harmless } = damage;
  const plant = async () => ({ name, findings: await damage.plant(native) });
  return { name, store, is: harmless ? 'look-alike' : 'damage', plant };
}

/** As a person would who has looked at what could not be read. */
async function mend(native: Native, { replica, key }: ExpectedFinding): Promise<void> {
  if (replica.startsWith('cache.')) {
    await dropSearches(native.cache, Number(key.ciudad_id));
  } else if (replica === 'docs.host_statistics') {
    const { total_reviews } = native.data.hostStatistics.get(Number(key.host_id))!;
    await native.docs.collection(STATISTICS).updateOne({ host_id: Number(key.host_id) }, { $set: { total_reviews } });
  } else if (key.ciudad === '') {
    const elsewhere = 'MATCH (u:User {id: $user_id})-[r:BOOKED_IN]->(v:Usuario) DELETE r';
    await native.graph.run(elsewhere, { user_id: int(Number(key.user_id)) });
  } else {
    const { count } = native.data.bookedIn.get(`${key.user_id} ${key.ciudad}`)!;
    const parameters = { user_id: int(Number(key.user_id)), ciudad: key.ciudad, count: int(count) };
    await native.graph.run(`${MATCH_BOOKED_IN} SET r.count = $count`, parameters);
  }
}
