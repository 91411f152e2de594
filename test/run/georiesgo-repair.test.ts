// Every damage of georiesgo in all four stores at once is repaired, what can't be read excepted; a second repair has nothing to do.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Damage, Planted } from '../../fixtures/georiesgo/damages.ts';
import { type Report, reconcile } from '../../src/index.ts';
import { checkAll, expectedWords, foundWords, type Georiesgo, openGeoriesgo } from './georiesgo.ts';

/** mongo-java-server takes two decimals that are equal as doubles for one, and writes nothing; MongoDB does. */
const STUCK_IN_STAND_IN = 'docs-numeric';

let georiesgo: Georiesgo;
const planted: { damage: Damage; planted: Planted }[] = [];
const wordsOf = (wanted: (damage: Damage) => boolean) => expectedWords(planted.filter(({ damage }) => wanted(damage)));

beforeAll(async () => {
  georiesgo = await openGeoriesgo(1000, { uniqueIndexes: false });
  for (const damage of georiesgo.damages.filter((each) => each.expect !== 'in flight')) {
    planted.push({ damage, planted: await damage.plant(georiesgo.native) });
  }
});
afterAll(() => georiesgo.close());

function repair(): Promise<Report> {
  return reconcile(georiesgo.config, {
    keep: false,
    shown: 10_000,
    apply: true,
    deleteOrphans: true,
    deleteDuplicates: true,
    overwriteAhead: true,
    maxPercent: 100,
  });
}

test('all is repaired but what can’t be read', { timeout: 240_000 }, async () => {
  const before = await checkAll(georiesgo.config);
  expect(foundWords(before)).toEqual(wordsOf(() => true));
  const report = await repair();
  for (const { name, repair: done } of report.replicas) {
    expect([name, done!.errors, done!.outcomes.refused, done!.outcomes.moved]).toEqual([name, [], 0, 0]);
  }
  const left = foundWords(await checkAll(georiesgo.config));
  const stuck = wordsOf(({ name }) => name === STUCK_IN_STAND_IN);
  const unread = wordsOf(({ expect: expected }) => typeof expected !== 'string' && expected.class === 'unread');
  expect(left.filter((words) => !stuck.includes(words))).toEqual(unread);
});

test('a second repair writes nothing', { timeout: 240_000 }, async () => {
  for (const { name, repair: done } of (await repair()).replicas) {
    if (name !== 'docs.mediciones') expect([name, done!.planned]).toEqual([name, { insert: 0, update: 0, delete: 0 }]);
  }
});
