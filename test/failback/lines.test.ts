// A failback whose lines break at any byte, also between a commit and its answer: each group of tables is merged whole or not at all, going on comes to
// what an undisturbed one comes to, and undo, over a line that breaks as well, brings everything back.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { type Config, type FailbackReport, failback, StoreError, undo } from '../../src/index.ts';
import { LINE_FAULTS, openFaultyLine } from '../faults/faulty-line.ts';
import { seeded } from '../faults/seeded.ts';
import { linesOf, live, randomOf, recordOf, type Side, type State, schema, stateOf, TABLES } from './history.ts';
import { type TwoServers, twoServers } from './two-servers.ts';

/** What refers to each other. */
const GROUPS = [['grupos', 'miembros'], ['puestos']] as const;
const SIDES = ['here', 'there'] as const;
const OPTIONS = { tables: TABLES, failback: { policy: 'newest' } };
const SEEDS = Array.from({ length: 12 }, (_, i) => i + 101);

type States = Readonly<Record<Side, State>>;

let servers: TwoServers;
let stopped = 0;
let half = 0;
beforeAll(async () => {
  servers = await twoServers();
});

test.each(SEEDS)('seed %i: whole or not at all, and right in the end', async (seed) => {
  // A role that may not leave references unchecked merges in another order.
  const isPlain = seed % 3 === 0;
  await servers.reset(schema(isPlain));
  const urls = isPlain ? await servers.plainRole() : { here: servers.here, there: servers.there };
  const history = randomOf(seed);
  for (const side of SIDES) await live(servers[side], side, history);
  const before = await statesOf();
  const random = seeded(seed);
  const broken = random.pick(SIDES);
  const counting = await openFaultyLine(urls[broken]);
  const dry = await failback(configBy({ ...urls, [broken]: counting.url }), { both: true }).finally(() =>
    counting.close(),
  );
  expect(dry.problems).toEqual([]);
  const expected = await mergedOf(before, dry);
  const exitCode = dry.tables.every(({ open }) => open === 0) ? 0 : 1;

  const way = random.pick(['to server', 'from server'] as const);
  // A dry run comes as far as the decisions; a merge takes about as much again.
  const after = Math.floor(counting.passed[way] * (0.6 + random.below(130) / 100));
  const kind = random.pick(LINE_FAULTS.filter((word) => word !== 'delay'));
  const line = await openFaultyLine(urls[broken], { kind, way, after, lasts: random.pick([0, 300]) });
  const report = await failback(configBy({ ...urls, [broken]: line.url }), { both: true, apply: true }).finally(() =>
    line.close(),
  );
  const between = await statesOf();
  for (const side of SIDES) {
    for (const group of GROUPS) {
      const whole = [before, expected].map((states) => ofTables(states[side], group));
      expect(whole).toContainEqual(ofTables(between[side], group));
    }
  }
  if (report.exitCode === 3) {
    stopped++;
    if (!isDeepStrictEqual(between, before)) half++;
    const resumed = await failback(configBy(urls), { resume: true });
    expect(resumed).toMatchObject({ run: report.run, exitCode, problems: [], takenBack: [] });
  } else expect(report).toMatchObject({ exitCode, problems: [] });
  expect(await statesOf()).toEqual(expected);

  const cut = await openFaultyLine(urls[broken], { kind, way, after: random.below(after), lasts: 0 });
  const undone = await undo(configBy({ ...urls, [broken]: cut.url }), report.run, { apply: true })
    .catch(exitCodeOf)
    .finally(() => cut.close());
  expect([0, 3]).toContain(undone.exitCode);
  const left = await statesOf();
  for (const side of SIDES) expect([before[side], expected[side]]).toContainEqual(left[side]);
  expect(await undo(configBy(urls), report.run, { apply: true })).toMatchObject({ exitCode: 0, problems: [] });
  expect(await statesOf()).toEqual(before);
});

test('most of them were stopped, and some half-way', () => {
  expect(stopped).toBeGreaterThan(SEEDS.length / 3);
  expect(half).toBeGreaterThan(0);
});

test('where a kill took the outcomes from the journal, what stands there tells', async () => {
  await servers.reset(schema(false));
  const history = randomOf(101);
  for (const side of SIDES) await live(servers[side], side, history);
  const before = await statesOf();
  const config = servers.config(OPTIONS);
  const { run, folder } = await failback(config, { both: true, apply: true });
  const journal = join(folder, 'journal.ndjson');
  const entries = (await readFile(journal, 'utf8')).split('\n').filter((line) => !line.startsWith('{"type":"outcome"'));
  await writeFile(journal, entries.join('\n'));
  // Rows that exchange a unique value go and come again: two writes of one record.
  const names = entries.flatMap((line) => (line.startsWith('{"type":"write"') ? [recordIn(line)] : []));
  expect(new Set(names).size).toBeLessThan(names.length);

  expect(await undo(config, run, { apply: true })).toMatchObject({ exitCode: 0, problems: [] });
  expect(await statesOf()).toEqual(before);
  // As if the kill had come before the commit.
  const again = await undo(config, run, { apply: true });
  expect(again).toMatchObject({ exitCode: 0, problems: [] });
  const outcomes = again.replicas.flatMap(({ outcomes: { unchanged, ...others } }) => Object.values(others));
  expect(outcomes.reduce((a, b) => a + b)).toBe(0);
  expect(await statesOf()).toEqual(before);
});

/** Of what the command line makes of it. */
function exitCodeOf(error: unknown): { readonly exitCode: number } {
  if (error instanceof StoreError) return { exitCode: 3 };
  throw error;
}

function recordIn(line: string): string {
  const { replica, key } = JSON.parse(line);
  return `${replica} ${key}`;
}

function configBy(urls: { readonly here: string; readonly there: string }): Config {
  return servers.config({ ...OPTIONS, urls });
}

async function statesOf(): Promise<States> {
  return { here: await stateOf(servers.here), there: await stateOf(servers.there) };
}

/** As the decisions of a dry run have it. */
async function mergedOf(before: States, dry: FailbackReport): Promise<States> {
  const taken = new Map((await linesOf(dry)).map((line) => [recordOf(line), line.take]));
  const merged = (side: Side): State => {
    const records = [...new Set([...before.here.keys(), ...before.there.keys()])];
    return new Map(
      records.flatMap((record) => {
        const row = before[taken.get(record) ?? side].get(record);
        return row === undefined ? [] : [[record, row] as const];
      }),
    );
  };
  return { here: merged('here'), there: merged('there') };
}

function ofTables(state: State, tables: readonly string[]): Record<string, unknown> {
  return Object.fromEntries([...state].filter(([record]) => tables.includes(record.split(' ')[0]!)));
}
