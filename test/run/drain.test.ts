// georiesgo's outage: PostgreSQL is really stopped, MongoDB, Cassandra and a file take the writes, PostgreSQL is really back: every write is in it once,
// in order, conflicts are recorded, the replicas are in sync, nothing waits any more.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalEngine, startLocalEngine } from '../../engines/engines.ts';
import { nameOf, type OutageWrite, outageWrites } from '../../fixtures/georiesgo/contingency.ts';
import { tableOf } from '../../fixtures/georiesgo/tables.ts';
import type { ConflictLine } from '../../src/contingency/drain-report.ts';
import { drain, undo } from '../../src/index.ts';
import { readReport } from '../../src/run/kept-reports.ts';
import { sql } from '../databases.ts';
import { checkAll, findingsOf } from './georiesgo.ts';
import { byRecord, type OutageSystem, openOutage, plainModel, SEED, saying, seededModel } from './outage.ts';

const ROWS = 200;
const SLOW_MS = 300_000;
const FROM = Date.UTC(2026, 10, 22, 1, 0, 0);

let server: LocalEngine;
let system: OutageSystem;

beforeAll(async () => {
  server = await startLocalEngine({
    kind: 'postgres',
    version: '18',
    name: 'drained',
    shortLived: true,
    durable: true,
  });
  system = await openOutage(ROWS, server.url);
}, SLOW_MS);
afterAll(async () => {
  await system?.close();
  await server?.stop();
}, SLOW_MS);

const key = (write: OutageWrite) => nameOf(tableOf(write.table), write.cells);

describe('1,000 writes of an outage', () => {
  const model = seededModel(ROWS);
  const before = plainModel(model);
  let writes: readonly OutageWrite[];
  /** Incidents that are changed in PostgreSQL as well: before their write was made, and after. */
  let older: OutageWrite;
  let newer: OutageWrite;
  let run: string;

  test('are taken by three stores while PostgreSQL is down', { timeout: SLOW_MS }, async () => {
    writes = outageWrites({ seed: SEED, rows: ROWS, writes: 1000, from: FROM }, model);
    expect(writes).toHaveLength(1000);
    await server.down();
    await expect(sql(system.urls.source, 'select')).rejects.toThrow();
    await system.take(writes);
    expect(await system.waiting()).toEqual({
      docs: writes.filter(({ store }) => store === 'docs').length,
      analytics: writes.filter(({ store }) => store === 'analytics').length,
      file: writes.filter(({ store }) => store === 'file').length,
    });
    await server.up();
    const written = writes.map(key);
    const alone = writes.filter(
      (write, i) =>
        write.table === 'incidents' && write.operation === 'update' && written.lastIndexOf(key(write)) === i,
    );
    // Their earlier writes come before the change in PostgreSQL, so all but the last lose, or the last wins.
    older = alone.at(-1)!;
    newer = alone.at(-2)!;
    const change = (write: OutageWrite, at: number, title: string) =>
      sql(system.urls.source, 'update incidents set title = $1, updated_at = $2 where id = $3 returning id', [
        title,
        new Date(at),
        write.cells.id,
      ]);
    expect(await change(older, older.at - 1, 'Cambiado antes')).toHaveLength(1);
    expect(await change(newer, FROM + 3_600_000, 'Cambiado después')).toHaveLength(1);
    await sql(system.urls.source, 'truncate historia');
  });

  test('are told by a dry run, which writes nothing', { timeout: SLOW_MS }, async () => {
    const report = await drain(system.config);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ verdict: 'waiting', exitCode: 1, applied: false });
    expect(await system.history()).toEqual([]);
    expect(Object.values(await system.waiting()).reduce((a, b) => a + b)).toBe(1000);
  });

  test('are brought back', { timeout: SLOW_MS }, async () => {
    const report = await drain(system.config, { apply: true });
    run = report.run;
    expect(report.problems).toEqual([]);
    expect(report.replicas.filter(({ remaining, error }) => remaining > 0 || error !== undefined)).toEqual([]);
    expect(report).toMatchObject({ verdict: 'drained', exitCode: 0, unsettled: 0, deadWrites: 0, failedWrites: 0 });
    expect(report.stores.reduce((sum, { settled }) => sum + settled, 0)).toBe(1000);
    const effects = report.entities.flatMap(({ effects }) => Object.entries(effects));
    expect(effects.reduce((sum, [, count]) => sum + count, 0)).toBe(1000);
  });

  test('stand in PostgreSQL each once and in order', async () => {
    const kept = new Set(
      (await conflicts()).filter(({ winner }) => winner === 'source').map(({ entity, key }) => `${entity} ${key.id}`),
    );
    // What the later change in PostgreSQL beat was never written.
    const expected = new Map<string, string[]>();
    for (const write of writes) {
      const name = key(write);
      if (kept.has(name) && write.at < Date.parse('2026-11-22T02:00:00Z') && isBeaten(name, write)) continue;
      expected.set(name, [...(expected.get(name) ?? []), saying(write.operation, write.cells)]);
    }
    expect(byRecord(await system.history())).toEqual(expected);
    const rows = await system.sourceRows();
    const wanted = plainModel(model);
    wanted.set(key(newer), { ...(wanted.get(key(newer)) as object), ...(await rowOf(newer)) });
    expect(rows).toEqual(wanted);
    expect((await rowOf(newer)) as object).toMatchObject({ title: 'Cambiado después' });
  });

  test('that met a change in PostgreSQL are recorded with both values', async () => {
    const lines = await conflicts();
    expect(lines.every(({ entity, take }) => entity === 'incidents' && take === null)).toBe(true);
    expect(new Set(lines.map(({ key }) => key.id))).toEqual(new Set([older.cells.id, newer.cells.id]));
    const won = lines.filter(({ winner }) => winner === 'contingency');
    expect(won).toMatchObject([{ kind: 'changed', rule: 'newest', key: { id: older.cells.id } }]);
    expect(won[0]!.fields).toContainEqual({ name: 'title', source: 'Cambiado antes', contingency: older.cells.title });
    const lost = lines.find(({ winner, key }) => winner === 'source' && key.id === newer.cells.id)!;
    expect(lost.fields.find(({ name }) => name === 'title')).toMatchObject({ source: 'Cambiado después' });
  });

  test('wait nowhere any more, and the replicas are in sync', { timeout: SLOW_MS }, async () => {
    expect(await system.waiting()).toEqual({ docs: 0, analytics: 0, file: 0 });
    expect(await readdir(join(system.folder, 'drained'))).toHaveLength(1);
    expect((await checkAll(system.config)).exitCode).toBe(0);
  });

  test('are nothing to do the second time', { timeout: SLOW_MS }, async () => {
    const { length } = await system.history();
    const report = await drain(system.config, { apply: true });
    expect(report).toMatchObject({ verdict: 'drained', exitCode: 0, entities: [], replicas: [] });
    const kept = await readReport(system.config, report.run);
    expect(kept.report).toMatchObject({ schema: 'plumbline.drain/1', run: report.run, folder: kept.path });
    expect(await system.history()).toHaveLength(length);
  });

  test('can be undone, in the replicas too', { timeout: SLOW_MS }, async () => {
    const undone = await undo(system.config, run, { apply: true });
    expect(undone.problems).toEqual([]);
    expect(undone.replicas.flatMap(({ left }) => left)).toEqual([]);
    expect(undone).toMatchObject({ exitCode: 0 });
    const rows = await system.sourceRows();
    for (const write of [older, newer]) before.set(key(write), (await rowOf(write)) as object);
    expect(rows).toEqual(before);
    // What was changed in PostgreSQL itself has never been replicated.
    const findings = findingsOf(await checkAll(system.config));
    expect(new Set(findings.map(({ key }) => key.id))).toEqual(new Set([older.cells.id, newer.cells.id]));
  });

  const conflicts = async (): Promise<readonly ConflictLine[]> => {
    const text = await readFile(join(system.config.folder, 'runs', run, 'conflicts.ndjson'), 'utf8');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as ConflictLine]));
  };
  /** Whether PostgreSQL's own change came later than the write. */
  const isBeaten = (name: string, write: OutageWrite) =>
    name === key(newer) || (name === key(older) && write.at < older.at);
  const rowOf = async (write: OutageWrite) => (await system.sourceRows()).get(key(write));
});
