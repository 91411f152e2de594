// Breaks things on purpose, seed by seed. `npm run test:faults` runs as many seeds as one likes; here are a few, so that each fault comes up, and
// those that once found something.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { Servers } from './servers.ts';
import { runTrial } from './trial.ts';

const SEEDS: readonly (readonly [seed: number, what: string])[] = [
  [0, 'killed in a reconcile'],
  [1, 'the replica’s line cut in an undo'],
  // Found: a run that had ended as incomplete passed for one at work for as long as its process lived.
  [3, 'the replica’s line reset'],
  [5, 'no room'],
  [7, 'a wrong clock in a rebuild'],
  [8, 'a message from the replica that ends in the middle'],
  [10, 'a slow replica'],
  [13, 'newer writes meanwhile'],
  [14, 'the replica’s server killed'],
  [19, 'killed in a rebuild'],
  [21, 'the source’s line cut'],
  [25, 'killed in a rebuild in place'],
  // Found: after a lost connection to Cassandra an empty list was read as null.
  [41, 'Cassandra’s line reset in a repair'],
];
const SLOW_MS = 120_000;

const servers = new Servers();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-faults-'));
});
afterAll(async () => {
  await servers.close();
  await rm(folder, { recursive: true, force: true });
}, SLOW_MS);

test.each(SEEDS)('seed %i: %s; records, report and journal are right', { timeout: SLOW_MS }, async (seed) => {
  await runTrial(servers, seed, join(folder, String(seed)));
});
