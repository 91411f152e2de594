// nexus: one run of its probes names what an audit had to find, and nothing else; on the mended data all is green.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../../engines/engines.ts';
import { type Damage, damages, mendAll, plantAll } from '../../fixtures/nexus/damages.ts';
import { connectNative, type Native } from '../../fixtures/nexus/native.ts';
import { fixturePath } from '../../fixtures/nexus/paths.ts';
import { type SeededNexus, seedNexus } from '../../fixtures/nexus/seed.ts';
import { environmentOf, type Targets } from '../../fixtures/nexus/targets.ts';
import { type Config, check, type HealthReport, health, parseConfig } from '../../src/index.ts';
import { freshPostgres } from '../databases.ts';

let engine: Engine;
let targets: Targets;
let seeded: SeededNexus;
let native: Native;
let config: Config;

beforeAll(async () => {
  // A Redis of its own: what DBSIZE says counts.
  const [source, redis] = await Promise.all([freshPostgres(), startEngine({ kind: 'redis', name: 'nexus' })]);
  engine = redis;
  targets = { source, memory: `${redis.url}/0`, recall: `${redis.url}/1` };
  seeded = await seedNexus(targets);
  native = await connectNative(targets);
  const text = await readFile(fixturePath('plumbline.yaml'), 'utf8');
  config = parseConfig(text, '/nowhere/plumbline.yaml', environmentOf(targets, seeded.dimensions));
});
afterAll(async () => {
  await native?.close();
  await engine?.stop();
});

/** By probe: status, and the messages of what is not ok. */
function outcome({ probes }: HealthReport) {
  return Object.fromEntries(
    probes.map(({ name, status, readings }) => [
      name,
      [status, ...readings.filter((reading) => reading.status !== 'ok').map(({ message }) => message)],
    ]),
  );
}

const PROBES = ['servers', 'embeddings', 'embedding_queue', 'recall', 'working_memory', 'memory', 'outbox'];
const green = Object.fromEntries(PROBES.map((name) => [name, ['ok']]));

test('as it was seeded all is green, with the figures that it should have', async () => {
  const report = await health(config);
  expect(outcome(report)).toEqual(green);
  expect(report.exitCode).toBe(0);
  const message = (name: string) => report.probes.find((probe) => probe.name === name)!.readings[0]!.message;
  expect(message('embeddings')).toBe('4,704 of 4,704 episodes have an embedding of 384 dimensions');
  expect(message('recall')).toBe('4,704 of 4,704 episodes are reachable from the recall cache');
  expect(message('working_memory')).toBe('314 of 314 live rows stand in Redis');
  expect(message('embedding_queue')).toBe('0 episodes wait for their embedding');
  expect(message('memory')).toMatch(/^314 keys, /);
});

test('as it was seeded, the caches hold what the source does', async () => {
  const { replicas, exitCode } = await check(config, { keep: false });
  expect(replicas.map(({ name, counts }) => [name, Object.values(counts).every((count) => count === 0)])).toEqual([
    ['recall.episode:{episode_id}', true],
    ['memory.working:{memory_id}', true],
  ]);
  expect(exitCode).toBe(0);
});

describe('each damage alone is named by its own probe, and nothing else fails', () => {
  test.each(Object.entries<Damage>(damages))('%s', async (_, { probe, says, plant, mend }) => {
    await plant(native, seeded);
    const report = await health(config);
    const { [probe]: named, ...others } = outcome(report);
    expect(named).toEqual(['failed', says(seeded)]);
    expect(Object.entries(others).filter(([, [status]]) => status === 'failed' || status === 'unknown')).toEqual([]);
    expect(report.exitCode).toBe(1);
    await mend(native, seeded);
    expect(outcome(await health(config))).toEqual(green);
  });
});

test('as the audit found it: one run names all three and exits with 1; mended, it is green', async () => {
  await plantAll(native, seeded);
  const report = await health(config);
  expect(outcome(report)).toEqual({
    ...green,
    embeddings: ['failed', '0 of 4,704 episodes have an embedding of 384 dimensions (wants 99 %)'],
    embedding_queue: ['warning', '4,704 episodes wait for their embedding (fails at > 1000) (while embeddings fails)'],
    recall: ['failed', '20 of 4,704 episodes are reachable from the recall cache (wants 99 %)'],
    working_memory: ['failed', '0 of 314 live rows stand in Redis (wants 90 %)'],
  });
  expect(report.exitCode).toBe(1);
  const hints = report.probes.filter(({ status }) => status === 'failed').map(({ readings }) => readings[0]!.hint);
  expect(hints).toEqual([
    expect.stringMatching(/embedding worker/),
    "plumbline check 'recall.episode:{episode_id}' tells which are missing.",
    expect.stringMatching(/started anew/),
  ]);
  await mendAll(native, seeded);
  expect(outcome(await health(config))).toEqual(green);
});

test('embeddings of another length do not count', async () => {
  if (seeded.dimensions !== 'array_length(embedding, 1)') return; // vector(384) refuses them
  await native.source.query(
    'UPDATE zep_episodic_memory SET embedding = embedding[1:383] WHERE episode_id IN (SELECT episode_id FROM zep_episodic_memory LIMIT 60)',
  );
  expect(outcome(await health(config, { only: ['embeddings'] })).embeddings).toEqual([
    'failed',
    '4,644 of 4,704 episodes have an embedding of 384 dimensions (wants 99 %)',
  ]);
});
