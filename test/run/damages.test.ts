// Every named damage of georiesgo is exactly one finding, with its class and fields; look-alikes are none; what heals is in flight.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Damage, Planted } from '../../fixtures/georiesgo/damages.ts';
import { tableOf } from '../../fixtures/georiesgo/tables.ts';
import type { Config } from '../../src/index.ts';
import { checkAll, expectedWords, findingsOf, foundWords, type Georiesgo, openGeoriesgo } from './georiesgo.ts';

const ROWS = 2000;

describe.each([
  ['digests and pushed-down sums', {}],
  ['little memory: sums first, then rounds', { memory: 20_000 }],
  ['md5 instead of lookup3', { hash: 'md5' }],
  ['batches of two, one replica at a time', { batch: 2, concurrency: 1 }],
] as const)('georiesgo, %s', (_, options) => {
  let georiesgo: Georiesgo;
  const planted: { damage: Damage; planted: Planted }[] = [];

  beforeAll(async () => {
    georiesgo = await openGeoriesgo(ROWS, { uniqueIndexes: false });
  });
  afterAll(() => georiesgo.close());

  test('is in sync as seeded', async () => {
    const report = await checkAll(georiesgo.config, options);
    expect(foundWords(report)).toEqual([]);
    expect(report.replicas.flatMap((replica) => replica.error ?? [])).toEqual([]);
    expect(report).toMatchObject({ verdict: 'in sync', exitCode: 0, problems: [] });
    expect(report.replicas.map((replica) => replica.status)).toEqual(Array(16).fill('proven'));
    for (const replica of report.replicas) expect(replica.replicaRows).toBe(replica.sourceRows);
  });

  test('counts what heals while the check runs as in flight', async () => {
    const users = tableOf('users');
    const user = users.row(georiesgo.native.seed, 3);
    const heal = new Map<string, () => Promise<void>>();
    for (const [store, copy] of Object.entries(georiesgo.native.copies)) {
      await copy.remove(users, user);
      heal.set(store, () => copy.insert(users, user));
    }
    const healed: Promise<void>[] = [];
    // Long enough for four replicas that are read one after the other, on a busy machine.
    const patient = withLag(georiesgo.config, 5000);
    const report = await checkAll(patient, {
      ...options,
      only: ['users'],
      // All its rows have been read by now, and what is missing is only taken for drift once it has stood for maxLag.
      onEvent: (event) => {
        if (event.type !== 'rows' || event.rows < users.count(ROWS) - 1) return;
        const store = event.replica?.split('.')[0];
        if (store === undefined || !heal.has(store)) return;
        healed.push(heal.get(store)!());
        heal.delete(store);
      },
    });
    await Promise.all(healed);
    expect(findingsOf(report)).toEqual([]);
    expect(healed).toHaveLength(4);
    for (const { strategy, inFlight } of report.replicas) {
      // Sums that differed are looked at by digest: by then it may have healed, and then nothing was ever suspected.
      if (strategy === 'sums') expect(inFlight.count).toBeLessThanOrEqual(1);
      else expect(inFlight.count).toBe(1);
      if (strategy !== 'sums') expect(inFlight.longestLag).toBeGreaterThan(0);
    }
  });

  test('names each planted damage exactly once', async () => {
    const settled: Promise<void>[] = [];
    const { damages, native } = georiesgo;
    for (const damage of damages.filter((each) => each.expect !== 'in flight')) {
      planted.push({ damage, planted: await damage.plant(native) });
    }
    const healing = damages.filter((each) => each.expect === 'in flight');
    for (const damage of healing) settled.push((await damage.plant(native)).settled!);
    const report = await checkAll(georiesgo.config, options);
    await Promise.all(settled);
    expect(foundWords(report)).toEqual(expectedWords(planted));
    expect(report.exitCode).toBe(3); // some damages are values that can't be converted: unread, so not just drift
    const inFlight = report.replicas.reduce((sum, replica) => sum + replica.inFlight.count, 0);
    // On a busy machine a record may heal before it is looked at: then it never was in flight.
    expect(inFlight).toBeLessThanOrEqual(healing.length);
  });

  test('shows no sensitive value', async () => {
    const report = await checkAll(georiesgo.config, options);
    const passwords = findingsOf(report).flatMap((finding) =>
      finding.fields.filter((field) => field.name === 'password'),
    );
    expect(passwords.length).toBeGreaterThan(0);
    for (const field of passwords) expect(field).toEqual({ name: 'password', target: 'password', sensitive: true });
  });
});

function withLag(config: Config, maxLag: number): Config {
  const entities = config.entities.map((entity) => ({
    ...entity,
    replicas: entity.replicas.map((replica) => ({ ...replica, maxLag })),
  }));
  return { ...config, entities };
}
