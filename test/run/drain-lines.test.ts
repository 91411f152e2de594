// A drain whose lines break at any byte: to the source, to a contingency store that is a replica as well; also between a commit and its answer. The
// next one goes on, and every write is in PostgreSQL once and in order.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configText, environmentOf, storesOf } from '../../fixtures/georiesgo/config.ts';
import type { Targets } from '../../fixtures/georiesgo/stores.ts';
import { type Config, drain, parseConfig } from '../../src/index.ts';
import { sql } from '../databases.ts';
import { type FaultyLine, LINE_FAULTS, type LineFault, openFaultyLine } from '../faults/faulty-line.ts';
import { seeded } from '../faults/seeded.ts';
import { type OutageSystem, Outages, openOutage } from './outage.ts';

const ROWS = 60;
const WRITES = 60;
const ROUNDS = 16;
const SLOW_MS = 400_000;
/** Most bytes pass while the drain looks at the schemas; what matters is written later. */
const EARLIEST = 0.2;

const SIDES = ['source', 'mongodb', 'source', 'cassandra'] as const;
type Side = (typeof SIDES)[number];

let system: OutageSystem;
let text: string;
const key = randomBytes(32);

beforeAll(async () => {
  system = await openOutage(ROWS);
  // Nothing else writes to the replicas, so nobody need wait for them.
  text = (await configText(storesOf(system.urls), false, true)).replaceAll('maxLag: 2s', 'maxLag: 100ms');
}, SLOW_MS);
afterAll(() => system?.close(), SLOW_MS);

test('lines that break lose nothing and do nothing twice', { timeout: SLOW_MS }, async () => {
  const outages = new Outages(system, ROWS);
  await sql(system.urls.source, 'truncate historia');
  await outages.take(1, WRITES);
  const passed = await undisturbed();
  let stopped = 0;
  for (let seed = 2; seed < 2 + ROUNDS; seed++) {
    await outages.take(seed, WRITES);
    const random = seeded(seed);
    const side = SIDES[seed % SIDES.length]!;
    const way = random.pick(['to server', 'from server'] as const);
    const least = Math.floor(passed[side][way] * EARLIEST);
    const after = least + random.below(passed[side][way] - least);
    const kind = random.pick(LINE_FAULTS.filter((word) => word !== 'delay'));
    const isStopped = await drainOver(side, { kind, way, after, lasts: random.pick([0, 300]) });
    if (isStopped) stopped++;
    // Otherwise the next outage comes on top of it.
    if (seed % 3 === 0) await finish(isStopped && random.percent(50), `seed ${seed}`);
  }
  expect(stopped).toBeGreaterThan(ROUNDS / 4);
  await finish(false, 'the last');
  await outages.expectBroughtBack();
});

/** How much passes on each line. */
async function undisturbed(): Promise<Record<Side, FaultyLine['passed']>> {
  const lines = {
    source: await openFaultyLine(system.urls.source),
    mongodb: await openFaultyLine(system.urls.mongodb!),
    cassandra: await openFaultyLine(system.urls.cassandra!),
  };
  const urls = { source: lines.source.url, mongodb: lines.mongodb.url, cassandra: lines.cassandra.url };
  expect(await drain(configOf(urls), { apply: true })).toMatchObject({ exitCode: 0, problems: [] });
  for (const line of Object.values(lines)) line.close();
  return { source: lines.source.passed, mongodb: lines.mongodb.passed, cassandra: lines.cassandra.passed };
}

/** Returns whether it was stopped. What it says of itself is true. */
async function drainOver(side: Side, fault: LineFault): Promise<boolean> {
  const line = await openFaultyLine(system.urls[side]!, fault);
  try {
    const report = await drain(configOf({ [side]: line.url }), { apply: true });
    expect([0, 3]).toContain(report.exitCode);
    if (report.exitCode === 0) expect(await system.waiting()).toEqual({ docs: 0, analytics: 0, file: 0 });
    else expect(report.problems.length + report.replicas.filter(({ error }) => error !== undefined).length).not.toBe(0);
    return report.exitCode === 3;
  } finally {
    line.close();
  }
}

async function finish(isResumed: boolean, what: string): Promise<void> {
  const report = await drain(configOf({}), isResumed ? { resume: true } : { apply: true });
  expect(report.problems, what).toEqual([]);
  expect(report.exitCode, what).toBe(0);
}

function configOf(urls: Partial<Targets>): Config {
  const environment = environmentOf({ ...system.urls, ...urls });
  // The same database by another way.
  const config = parseConfig(text, join(system.folder, 'plumbline.yaml'), environment);
  return { ...config, journal: { key } };
}
