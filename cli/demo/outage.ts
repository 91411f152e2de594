// The end of the first act: PostgreSQL goes down, the application writes elsewhere, PostgreSQL comes back, and drain brings everything back to it.

import { join } from 'node:path';
import type { LocalEngine } from '../../engines/engines.ts';
import {
  CONTINGENCY_STORES,
  CONTINGENCY_TABLE,
  CONTINGENCY_TARGET,
  type ContingencyStore,
  type Model,
  nameOf,
  type OutageWrite,
  outageWrites,
  takers,
} from '../../fixtures/georiesgo/contingency.ts';
import type { Native } from '../../fixtures/georiesgo/damages.ts';
import { tableOf } from '../../fixtures/georiesgo/tables.ts';
import { drainTable } from '../../reports/drain.ts';
import { plural } from '../../reports/words.ts';
import type { Config } from '../../src/config/config.ts';
import { drain } from '../../src/run/drain.ts';
import type { Act } from './act.ts';
import type { Server } from './servers.ts';

const WRITES = 300;
/** After every row of the fixture. */
const FROM = Date.UTC(2026, 10, 22, 1);
const TABLES = ['incidents', 'users', 'resources'] as const;

/** `config` has the contingency of the stores that run; `folder` is where its file is. */
export async function playOutage(
  act: Act,
  native: Native,
  config: Config,
  file: string,
  source: Server,
): Promise<void> {
  const { story } = act;
  const engine = source.engine as Partial<LocalEngine>;
  const stores = CONTINGENCY_STORES.filter((name) => config.contingency!.stores.some((store) => store.name === name));
  const model = await modelOf(native);
  const writes = outageWrites({ seed: native.seed, rows: native.rows, writes: WRITES, from: FROM, stores }, model);

  story.step('PostgreSQL goes down; the application writes to what is left, and to a file');
  let started = performance.now();
  if (native.docs !== undefined) await native.docs.createCollection(CONTINGENCY_TARGET);
  if (native.analytics !== undefined) await native.analytics.execute(CONTINGENCY_TABLE);
  if (engine.down === undefined)
    story.say('The source was lent to the demo, so it stays up; nobody writes to it meanwhile.');
  else await engine.down();
  const take = takers(native.docs, native.analytics!, file);
  for (const write of writes) await take[write.store](write);
  story.done(`${plural(writes.length, 'write')} taken: ${countsOf(writes, stores)}`, started);

  story.step('PostgreSQL is back, and somebody has changed an incident there as well');
  started = performance.now();
  await engine.up?.();
  const both = writes.filter(({ table, operation }) => table === 'incidents' && operation === 'update').at(-1)!;
  const name = nameOf(tableOf(both.table), both.cells);
  const later = new Date(FROM + 3_600_000);
  await native.source.query(`UPDATE incidents SET title = 'Cambiado después', updated_at = $1 WHERE id = $2`, [
    later,
    both.cells.id,
  ]);
  story.done('changed later than by the application, so the newest is PostgreSQL’s', started);

  story.command('plumbline drain --apply');
  started = performance.now();
  const report = await act.watched((watching) =>
    drain(config, { ...watching, apply: true, maxDeletes: writes.length, maxRows: writes.length }),
  );
  const shown = { ...report, folder: `.plumbline/runs/${report.run}` };
  story.block([...drainTable(shown, story.width, story.colours.isColorSupported)].join(''));
  const settled = report.stores.reduce((sum, store) => sum + store.settled, 0);
  const problems = [
    ...report.problems.map(({ message }) => message),
    ...(report.exitCode === 0 ? [] : [`exit ${report.exitCode}`]),
  ];
  story.expect(
    `all ${writes.length} writes are brought back and marked where they waited`,
    settled === writes.length ? problems : [`${settled} are`, ...problems],
    started,
  );
  story.expect(
    'the conflict is recorded, and both its values',
    report.conflicts.length > 0 ? [] : ['none was recorded'],
  );
  const rows = await modelOf(native);
  const wrong = [...new Set(writes.map((write) => nameOf(tableOf(write.table), write.cells)))].filter(
    (key) => key !== name && saying(rows, key) !== saying(model, key),
  );
  story.expect('every record says in PostgreSQL what was written of it last', wrong);
  await act.expectInSync('and all copies say the same', true);
}

/** The tables as PostgreSQL has them. */
async function modelOf(native: Native): Promise<Model> {
  const model: Model = new Map();
  for (const name of TABLES) {
    const { rows } = await native.source.query(`SELECT * FROM ${name}`);
    for (const row of rows) model.set(nameOf(tableOf(name), row), row);
  }
  return model;
}

function saying(model: Model, name: string): string {
  const row = model.get(name);
  return row === undefined ? 'nothing' : String(row.title ?? row.full_name ?? row.name);
}

function countsOf(writes: readonly OutageWrite[], stores: readonly ContingencyStore[]): string {
  return stores.map((store) => `${writes.filter((write) => write.store === store).length} by ${store}`).join(', ');
}

export function contingencyFile(folder: string): string {
  return join(folder, 'contingency.ndjson');
}
