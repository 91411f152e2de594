// A drain that is killed at any moment, twenty times over: the next one goes on, and every write is in PostgreSQL once and in order.
// Needs the build: npm run build.

import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configText, environmentOf, storesOf } from '../../fixtures/georiesgo/config.ts';
import { randomOf } from '../../fixtures/georiesgo/random.ts';
import { isThere } from '../../src/journal/read-journal.ts';
import { runIds } from '../../src/run/find-run.ts';
import { startPlumbline } from '../commands/plumbline.ts';
import { sql } from '../databases.ts';
import { type OutageSystem, Outages, openOutage } from './outage.ts';

const ROWS = 60;
const WRITES = 60;
const SLOW_MS = 400_000;
const MINUTE = 60_000;

let system: OutageSystem;
let env: Record<string, string>;

beforeAll(async () => {
  system = await openOutage(ROWS);
  // Nothing else writes to the replicas, so nobody need wait for them.
  const text = (await configText(storesOf(system.urls), false, true)).replaceAll('maxLag: 2s', 'maxLag: 100ms');
  await writeFile(join(system.folder, 'plumbline.yaml'), `${text}\njournal: { key: "\${JOURNAL_KEY}" }\n`);
  env = { ...environmentOf(system.urls), JOURNAL_KEY: randomBytes(32).toString('hex') };
}, SLOW_MS);
afterAll(() => system?.close(), SLOW_MS);

test('20 killed drains lose nothing and do nothing twice', { timeout: SLOW_MS }, async () => {
  const outages = new Outages(system, ROWS);
  const kills = { early: 0, applied: 0, done: 0 };
  await sql(system.urls.source, 'truncate historia');
  for (let seed = 1; seed <= 20; seed++) {
    await outages.take(seed, WRITES);
    kills[await drainAndKill(randomOf(seed, 5, 0)(26))]++;
    // Otherwise the next outage comes on top of it.
    if (seed % 4 === 0) await finish(`seed ${seed}`);
  }
  expect(kills.applied).toBeGreaterThan(5);
  await outages.expectBroughtBack();
});

/** Kills it when its journal has so many entries of transactions; 16 and more: a little after the last, while it compares or settles. */
async function drainAndKill(transactions: number): Promise<'early' | 'applied' | 'done'> {
  for (let tries = 0; ; tries++) {
    const before = (await runIds(join(system.folder, '.plumbline'))).length;
    const { child, ended } = startPlumbline(['drain', '--apply', '--json'], { cwd: system.folder, env });
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    const until = Date.now() + MINUTE;
    let seen = 0;
    let since = Date.now();
    while (!isOver && Date.now() < until) {
      const runs = await runIds(join(system.folder, '.plumbline'));
      const count = runs.length > before ? await drainEntries(runs[0]!) : 0;
      if (count > seen) [seen, since] = [count, Date.now()];
      if (transactions === 0 && runs.length > before) break;
      if (count > 0 && (count >= transactions || Date.now() - since > 100 * Math.max(1, transactions - 15))) break;
      await sleep(3);
    }
    child.kill('SIGKILL');
    const { code, stdout, stderr } = await ended;
    // The lock of the one before may be there for a moment more.
    if (code === 5 && tries < 20) continue;
    if (code !== null) expect(code, stdout + stderr).toBe(0);
    return code !== null ? 'done' : seen === 0 ? 'early' : 'applied';
  }
}

async function drainEntries(run: string): Promise<number> {
  const path = join(system.folder, '.plumbline', 'runs', run, 'journal.ndjson');
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.startsWith('{"type":"drain"')).length;
}

/** Goes on with the last one, where that was stopped; its lock may be there for a moment more. */
async function finish(what: string): Promise<void> {
  const [last] = await runIds(join(system.folder, '.plumbline'));
  const folder = join(system.folder, '.plumbline', 'runs', last!);
  const resume = (await isThere(join(folder, 'report.json'))) ? [] : ['--resume'];
  for (let tries = 0; ; tries++) {
    const { code, stdout, stderr } = await startPlumbline(['drain', '--apply', '--json', ...resume], {
      cwd: system.folder,
      env,
    }).ended;
    if (code === 5 && tries < 20) {
      await sleep(500);
      continue;
    }
    expect(code, `${what}: ${stdout}${stderr}`).toBe(0);
    return;
  }
}
