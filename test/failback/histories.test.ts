// Random histories of two servers that parted, against a model: what each side made of what both had. Nothing is lost, conflicts are listed,
// constraints hold, and in the end check says in sync.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { DecisionLine } from '../../src/failback/decision.ts';
import { check, failback, undo } from '../../src/index.ts';
import {
  broken,
  differing,
  linesOf,
  live,
  type Row,
  randomOf,
  recordOf,
  type Side,
  type State,
  schema,
  stateOf,
  TABLES,
} from './history.ts';
import { type TwoServers, twoServers } from './two-servers.ts';

let servers: TwoServers;
beforeAll(async () => {
  servers = await twoServers();
});

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

test.each(SEEDS)('history %i: merged as the model has it, and in sync in the end', async (seed) => {
  const plain = seed % 2 === 0;
  await servers.reset(schema(plain));
  const base = await stateOf(servers.here);
  const random = randomOf(seed);
  for (const side of ['here', 'there'] as const) await live(servers[side], side, random);
  const before = { here: await stateOf(servers.here), there: await stateOf(servers.there) };
  const urls = plain ? await servers.plainRole() : undefined;
  const config = servers.config({ tables: TABLES, failback: { policy: 'newest' }, urls });

  const dry = await failback(config, { both: true });
  expect(dry.problems).toEqual([]);
  const lines = await linesOf(dry);
  const decided = new Map(lines.map((line) => [recordOf(line), line]));
  expect([...decided.keys()].sort()).toEqual(differing(before.here, before.there));
  for (const [record, line] of decided) {
    if (/; (kept|left), as /.test(line.why)) continue;
    const wanted = modelOf(base.get(record), before.here.get(record), before.there.get(record));
    expect({ record, take: line.take, why: line.why }).toEqual({ record, take: wanted, why: line.why });
  }

  const merged = await failback(config, { both: true, apply: true });
  expect(merged.problems).toEqual([]);
  expect(merged.takenBack).toEqual([]);
  expect(merged.tables.map(({ unexplained }) => unexplained)).toEqual([0, 0, 0]);
  const after = { here: await stateOf(servers.here), there: await stateOf(servers.there) };
  for (const side of ['here', 'there'] as const) {
    for (const record of new Set([...before.here.keys(), ...before.there.keys()])) {
      const take = decided.has(record) ? (decided.get(record)!.take ?? side) : side;
      expect({ side, record, row: after[side].get(record) }).toEqual({ side, record, row: before[take].get(record) });
    }
    expect(await broken(servers[side])).toEqual([]);
  }
  nothingIsLost(base, before, after.here, decided);
  const open = lines.filter(({ take }) => take === null).length;
  expect(merged.exitCode).toBe(open === 0 ? 0 : 1);

  if (seed % 4 < 2) {
    expect(await undo(config, merged.run, { apply: true })).toMatchObject({ exitCode: 0, problems: [] });
    expect({ here: await stateOf(servers.here), there: await stateOf(servers.there) }).toEqual(before);
    expect((await failback(config, { both: true, apply: true })).takenBack).toEqual([]);
  }
  const plan = join(servers.folder, `plan-${seed}.ndjson`);
  const rest = await failback(config, { both: true });
  const said = (await linesOf(rest)).map((line) => JSON.stringify({ ...line, take: line.take ?? 'here' }));
  await writeFile(plan, said.map((line) => `${line}\n`).join(''));
  const decidedAll = await failback(config, { both: true, apply: true, plan });
  expect(decidedAll).toMatchObject({ exitCode: 0, problems: [] });
  expect((await check(config, { keep: false })).exitCode).toBe(0);
});

/** What is right, of what both had and what each made of it; null: nobody can tell. */
function modelOf(base: Row | undefined, here: Row | undefined, there: Row | undefined): Side | null {
  const same = (a: Row | undefined, b: Row | undefined) => JSON.stringify(a) === JSON.stringify(b);
  if (base === undefined) return here === undefined ? 'there' : there === undefined ? 'here' : null;
  if (same(here, base)) return 'there';
  if (same(there, base)) return 'here';
  if (here === undefined || there === undefined) return null;
  return here.updated_at! > there.updated_at! ? 'here' : 'there';
}

/** A row of either side stands, is deleted by whoever had it and deleted it, or is open. */
function nothingIsLost(
  base: State,
  before: Readonly<Record<Side, State>>,
  after: State,
  decided: ReadonlyMap<string, DecisionLine>,
): void {
  const lost = [...new Set([...before.here.keys(), ...before.there.keys()])].filter((record) => {
    const isDeleted = base.has(record) && !(before.here.has(record) && before.there.has(record));
    return !after.has(record) && !isDeleted && decided.get(record)?.take !== null;
  });
  expect(lost).toEqual([]);
}
