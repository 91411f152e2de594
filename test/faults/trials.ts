// The long job: the trials of PLUMBLINE_FAULTS_SEEDS (`FIRST-LAST`), each result a line of PLUMBLINE_FAULTS_RESULTS. run.mjs starts it.

import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { Servers } from './servers.ts';
import { runTrial } from './trial.ts';

const SLOW_MS = 300_000;
const { PLUMBLINE_FAULTS_SEEDS: seeds = '0-0', PLUMBLINE_FAULTS_RESULTS: results } = process.env;
const [first, last] = seeds.split('-').map(Number) as [number, number];

const servers = new Servers();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-faults-'));
});
afterAll(async () => {
  await servers.close();
  if (process.env.PLUMBLINE_FAULTS_KEEP === undefined) await rm(folder, { recursive: true, force: true });
}, SLOW_MS);

test.each(Array.from({ length: last - first + 1 }, (_, i) => first + i))('seed %i', {
  timeout: SLOW_MS,
}, async (seed) => {
  const result = await runTrial(servers, seed, join(folder, String(seed)));
  if (results !== undefined) appendFileSync(results, `${JSON.stringify(result)}\n`);
  console.log(JSON.stringify(result));
});
