// Every named damage of georiesgo is exactly one finding, with its class and fields; look-alikes are none; what heals is in flight.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Damage, damages, type Planted } from '../../fixtures/georiesgo/damages.ts';
import { checkAll, expectedWords, findingsOf, foundWords, type Georiesgo, openGeoriesgo } from './georiesgo.ts';

describe.each([
  ['digests and pushed-down sums', {}],
  ['little memory: sums first, then rounds', { memory: 20_000 }],
  ['md5 instead of lookup3', { hash: 'md5' }],
  ['batches of two, one replica at a time', { batch: 2, concurrency: 1 }],
] as const)('georiesgo, %s', (_, options) => {
  let georiesgo: Georiesgo;
  const planted: { damage: Damage; planted: Planted }[] = [];

  beforeAll(async () => {
    georiesgo = await openGeoriesgo(2000, false);
  });
  afterAll(() => georiesgo.close());

  test('is in sync as seeded', async () => {
    const report = await checkAll(georiesgo.config, options);
    expect(foundWords(report)).toEqual([]);
    expect(report).toMatchObject({ verdict: 'in sync', exitCode: 0, problems: [] });
    expect(report.replicas.map((replica) => replica.status)).toEqual(Array(8).fill('proven'));
    for (const replica of report.replicas) expect(replica.replicaRows).toBe(replica.sourceRows);
  });

  test('names each planted damage exactly once', async () => {
    const settled: Promise<void>[] = [];
    for (const damage of damages.filter((each) => each.expect !== 'in flight')) {
      planted.push({ damage, planted: await damage.plant(georiesgo.native) });
    }
    const healing = damages.filter((each) => each.expect === 'in flight');
    for (const damage of healing) {
      const { settled: healed } = await damage.plant(georiesgo.native);
      settled.push(healed!);
    }
    const report = await checkAll(georiesgo.config, options);
    await Promise.all(settled);
    expect(foundWords(report)).toEqual(expectedWords(planted));
    expect(report.exitCode).toBe(3); // some damages are values that can't be converted: unread, so not just drift
    const inFlight = report.replicas.reduce((sum, replica) => sum + replica.inFlight.count, 0);
    // One replica at a time may be looked at after it has healed: then it never was in flight.
    if ('concurrency' in options) expect(inFlight).toBeLessThanOrEqual(healing.length);
    else expect(inFlight).toBe(healing.length);
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
