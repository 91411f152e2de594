// The first act: the rows of georiesgo in up to four stores, every known damage planted, found, named and repaired.

import { dirname } from 'node:path';
import type { Db } from 'mongodb';
import { configText, environmentOf, storesOf } from '../../fixtures/georiesgo/config.ts';
import { connectCopies } from '../../fixtures/georiesgo/copies.ts';
import { type Damage, damagesOf, type Native } from '../../fixtures/georiesgo/damages.ts';
import { openPool, type Postgres } from '../../fixtures/georiesgo/native.ts';
import { seedGeoriesgo } from '../../fixtures/georiesgo/seed.ts';
import type { Targets } from '../../fixtures/georiesgo/stores.ts';
import { TABLES, tableOf } from '../../fixtures/georiesgo/tables.ts';
import { classCount, listed, number } from '../../reports/words.ts';
import { parseConfig } from '../../src/read.ts';
import type { FindingClass } from '../../src/report/report.ts';
import { Act, type Found, type PlantableDamage } from './act.ts';
import { findingsIn, onlyThose, type PlantedDamage } from './expectations.ts';
import { mend, seededRow } from './mend.ts';
import { contingencyFile, playOutage } from './outage.ts';
import { partOf, type Servers } from './servers.ts';
import type { Size, System } from './system.ts';

/** What policy leaves alone, and why. */
const LEFT: Partial<Record<FindingClass, string>> = {
  ahead: 'the copy is newer than the source; only --overwrite-ahead takes the source’s word for it',
  duplicate: 'which of the copies is to stay, --delete-duplicates or a person says',
  unread: 'what could not be read is not known to be wrong',
};

/** What mongo-java-server will not write, though MongoDB does. */
const STUCK_IN_STAND_IN: readonly string[] = ['docs-numeric'];
const STUCK =
  'The stand-in takes two decimals that are equal as doubles for one and writes nothing. What is written is read back, so it shows.';

export function georiesgo(servers: Servers): System | undefined {
  const part = (role: Parameters<typeof partOf>[2]) => partOf(servers, 'georiesgo', role);
  const [source, legacy] = [part('source')!, part('legacy')];
  const targets: Targets = {
    source: source.url,
    postgres: part('backup')?.url,
    mongodb: part('docs')?.url,
    oracle: legacy,
    cassandra: part('analytics')?.url,
  };
  const stores = storesOf(targets);
  if (stores.length === 0) return undefined;
  const prefixes = [legacy?.prefix ?? ''].filter((prefix) => prefix !== '');
  const isStandIn = servers.running.some(({ role, engine }) => role === 'docs' && engine.standIn);
  return {
    name: 'georiesgo',
    title: 'georiesgo: four tables, copied row by row, and an outage',
    stores,
    environment: environmentOf(targets),
    configText: () => configText(stores),
    play: async (story, size, options) => {
      story.step('Fill source and copies with the same rows');
      const started = performance.now();
      // Without unique indexes on the copies, as many a grown system has them: only so can a key stand twice.
      await seedGeoriesgo(targets, { ...size, uniqueIndexes: false });
      const counts = TABLES.map((table) => `${number(table.count(size.rows))} ${table.name}`);
      story.done(`${listed(counts)}, seed ${size.seed}`, started);
      const native = await connectNative(targets, size);
      try {
        const config = parseConfig(await configText(stores), 'plumbline.yaml', environmentOf(targets));
        const damages = damagesOf(stores).map((damage) => plantable(damage, native, prefixes));
        const system = { config: { ...config, folder: options.folder }, damages, prefixes };
        const act = new Act(story, system, options);
        await play(act, native, isStandIn);
        const file = contingencyFile(dirname(options.folder));
        const own = environmentOf({ ...targets, contingencyFile: file });
        const outage = parseConfig(await configText(stores, false, true), 'plumbline.yaml', own);
        const sourceServer = servers.running.find(({ role }) => role === 'source')!;
        await playOutage(act, native, { ...outage, folder: options.folder }, file, sourceServer);
      } finally {
        await native.close();
      }
    },
  };
}

async function play(act: Act, native: Native, isStandIn: boolean): Promise<void> {
  const { story } = act;
  story.step('Check before anything has happened');
  await act.expectInSync('every record of every replica is found equal, and nothing is found');

  const planted = await act.plant();
  const found = await act.find(planted);
  story.expect('a changed password is named as a field and shown nowhere', passwordProblems(native, planted, found));
  await act.repairRefused(found);

  story.step('Repair, and delete orphans, because we say so');
  const isStuck = (name: string) => isStandIn && STUCK_IN_STAND_IN.includes(name);
  const left = onlyThose(planted, (finding, name) => LEFT[finding.class] !== undefined || isStuck(name));
  await act.repair(planted, left, found.report, { deleteOrphans: true });
  for (const [name, why] of Object.entries(LEFT) as [FindingClass, string][]) {
    const count = findingsIn(left).filter((finding) => finding.class === name).length;
    if (count > 0) story.say(`left: ${classCount(name, count)}: ${why}.`);
  }
  for (const { name } of left.filter((each) => isStuck(each.name))) story.say(`left: ${name}. ${STUCK}`);
  await act.expectOnly(left, 'a second look finds what was left and nothing else');

  story.step('Overwrite the copies that are ahead, because we say so');
  const rest = onlyThose(left, (finding) => finding.class !== 'ahead');
  await act.repair(
    left,
    onlyThose(left, (finding, name) => finding.class !== 'ahead' || isStuck(name)),
    undefined,
    {
      overwriteAhead: true,
    },
  );

  story.step('Put the rest right by hand, with the native drivers, as a person would');
  const started = performance.now();
  for (const each of rest) await mend(native, each);
  story.done(`mended: ${rest.map(({ name }) => name).join(', ')}`, started);

  story.step('Check once more');
  await act.expectInSync('all copies are true again', true);
  await act.repairNothing({ deleteOrphans: true, overwriteAhead: true });
}

function plantable(damage: Damage, native: Native, prefixes: readonly string[]): PlantableDamage {
  const { name, store, expect } = damage;
  return {
    name,
    store,
    is: expect === 'nothing' ? 'look-alike' : expect === 'in flight' ? 'in flight' : 'damage',
    plant: async () => {
      const { key, settled, ...planted } = await damage.plant(native);
      const replica = prefixes.reduce((text, prefix) => text.replaceAll(prefix, ''), planted.replica);
      if (typeof expect === 'string') return { name, findings: [], innocent: { replica, key }, settled };
      return { name, findings: [{ ...expect, replica, key }] };
    },
  };
}

function passwordProblems(native: Native, planted: readonly PlantedDamage[], { text, findings }: Found) {
  const everything = text + JSON.stringify(findings);
  return planted
    .filter(({ name }) => name.endsWith('user-password'))
    .filter(({ findings: [expected] }) => {
      const { password } = seededRow(native, tableOf('users'), expected!.key);
      return everything.includes(String(password).slice(0, -1));
    })
    .map(({ name }) => `${name}: its value was shown`);
}

/** Whichever of the stores there are; damages are only planted in those. */
async function connectNative(targets: Targets, { rows, seed }: Size): Promise<Native & { close(): Promise<void> }> {
  const { backup, docs, legacy, analytics, byStore, close: closeCopies } = await connectCopies(targets, 2);
  const source = openPool(targets.source, 2);
  const close = async () => {
    await Promise.allSettled([source.end(), closeCopies()]);
  };
  return {
    source,
    backup: backup as Postgres,
    docs: docs as Db,
    legacy,
    analytics,
    copies: byStore,
    rows,
    seed,
    close,
  };
}
