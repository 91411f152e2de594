// georiesgo with a contingency: what it takes while its PostgreSQL is down, what PostgreSQL is to hold afterwards, and a history of what was done to it.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'cassandra-driver';
import type { Db } from 'mongodb';
import { expect } from 'vitest';
import { openCassandra } from '../../fixtures/georiesgo/cassandra/native.ts';
import type { Row, Table } from '../../fixtures/georiesgo/column.ts';
import {
  CONTINGENCY_TABLE,
  CONTINGENCY_TARGET,
  type ContingencyStore,
  type Model,
  nameOf,
  type OutageWrite,
  outageWrites,
  takers,
} from '../../fixtures/georiesgo/contingency.ts';
import { momentText } from '../../fixtures/georiesgo/moment.ts';
import { tableOf } from '../../fixtures/georiesgo/tables.ts';
import { check } from '../../src/index.ts';
import { sql } from '../databases.ts';
import { type Georiesgo, openGeoriesgo } from './georiesgo.ts';

export const SEED = 7;
export const WRITTEN = ['incidents', 'users', 'resources'] as const;

/** Tells every change of a row, in the order in which it was made. */
const HISTORY = `create table historia (n bigserial primary key, tabla text, id text, op text, fila jsonb);
  create function anota() returns trigger language plpgsql as $$ begin
    insert into historia (tabla, id, op, fila) values (tg_table_name, coalesce(new.id, old.id), lower(tg_op), to_jsonb(new));
    return null;
  end $$;
  ${WRITTEN.map((name) => `create trigger anota after insert or update or delete on ${name} for each row execute function anota();`).join('\n')}`;

interface HistoryEntry {
  readonly name: string;
  readonly op: string;
  readonly fila: Row | null;
}

export interface OutageSystem extends Georiesgo {
  readonly folder: string;
  readonly file: string;
  readonly docs: Db;
  readonly analytics: Client;
  take(writes: readonly OutageWrite[]): Promise<void>;
  /** What the stores still hold as waiting. */
  waiting(): Promise<Record<ContingencyStore, number>>;
  /** As seeded, and every trace of an earlier outage gone. */
  sourceRows(): Promise<Map<string, object>>;
  history(): Promise<readonly HistoryEntry[]>;
}

/** `server`: the source's own. */
export async function openOutage(rows: number, server?: string): Promise<OutageSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-drain-'));
  const file = join(folder, 'contingency.ndjson');
  const georiesgo = await openGeoriesgo(rows, {
    stores: ['backup', 'docs', 'analytics'],
    server,
    contingencyFile: file,
    folder,
  });
  const { source } = georiesgo.urls;
  await sql(source, HISTORY);
  const docs = georiesgo.native.docs!;
  await docs.createCollection(CONTINGENCY_TARGET);
  const analytics = openCassandra(georiesgo.urls.cassandra!);
  await analytics.execute(CONTINGENCY_TABLE);
  const takes = takers(docs, analytics, file);
  return {
    ...georiesgo,
    // Without a key what is sensitive could not be put back, nor be put among the dead letters.
    config: { ...georiesgo.config, journal: { key: randomBytes(32) } },
    folder,
    file,
    docs,
    analytics,
    async take(writes) {
      for (const write of writes) await takes[write.store](write);
    },
    async waiting() {
      const rows = await analytics.execute(`select postgres_pending from ${CONTINGENCY_TARGET}`, [], {
        fetchSize: 10_000,
      });
      return {
        docs: await docs.collection(CONTINGENCY_TARGET).countDocuments({ postgres_pending: true }),
        analytics: rows.rows.filter((row) => row.get('postgres_pending')).length,
        file: await linesOf(file),
      };
    },
    async sourceRows() {
      const found = new Map<string, object>();
      for (const name of WRITTEN) {
        const table = tableOf(name);
        for (const row of await sql(source, `select ${columnsSql(table)} from ${name}`))
          found.set(nameOf(table, row as Row), plain(row as Row));
      }
      return found;
    },
    async history() {
      const entries = await sql(source, 'select tabla, id, op, fila from historia order by n');
      return entries.map(({ tabla, id, op, fila }) => ({
        name: `${tabla} ${id}`,
        op: String(op),
        fila: fila as Row | null,
      }));
    },
    async close() {
      await analytics.shutdown();
      await georiesgo.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The seeded rows. */
export function seededModel(rows: number): Model {
  const model: Model = new Map();
  for (const name of WRITTEN) {
    const table = tableOf(name);
    for (let i = 0; i < table.count(rows); i++) {
      const row = table.row(SEED, i);
      model.set(nameOf(table, row), row);
    }
  }
  return model;
}

/** As `sourceRows` has it. */
export function plainModel(model: Model): Map<string, object> {
  return new Map([...model].map(([name, row]) => [name, plain(row)]));
}

function plain(row: Row): object {
  return Object.fromEntries(
    Object.entries(row)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, cell]) => {
        if (typeof cell === 'number') return [name, cell + 0];
        if (typeof cell === 'object' && cell !== null && 'ms' in cell) return [name, momentText(cell)];
        return [name, cell];
      }),
  );
}

function columnsSql({ columns }: Table): string {
  return columns
    .map(({ name, type }) =>
      type === 'moment' ? `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as ${name}` : name,
    )
    .join(', ');
}

async function linesOf(file: string): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '').length;
}

/** One outage after another, and what has to have become of all of them. */
export class Outages {
  private readonly system: OutageSystem;
  private readonly rows: number;
  private readonly model: Model;
  /** By record, in order: what was done to it. */
  private readonly done = new Map<string, string[]>();

  /** `rows`: what the system was seeded with. */
  constructor(system: OutageSystem, rows: number) {
    this.system = system;
    this.rows = rows;
    this.model = seededModel(rows);
  }

  /** Takes so many writes, later than those of every smaller `stream`. */
  async take(stream: number, writes: number): Promise<void> {
    const from = Date.UTC(2026, 10, stream);
    const taken = outageWrites({ seed: SEED, stream, rows: this.rows, writes, from }, this.model);
    for (const write of taken) {
      const name = nameOf(tableOf(write.table), write.cells);
      this.done.set(name, [...(this.done.get(name) ?? []), saying(write.operation, write.cells)]);
    }
    await this.system.take(taken);
  }

  /** Each write in the source once and in order, the replicas in sync, nothing waiting. */
  async expectBroughtBack(): Promise<void> {
    expect(byRecord(await this.system.history())).toEqual(this.done);
    expect(await this.system.sourceRows()).toEqual(plainModel(this.model));
    expect(await this.system.waiting()).toEqual({ docs: 0, analytics: 0, file: 0 });
    expect((await check(this.system.config, { keep: false })).exitCode).toBe(0);
  }
}

/** What was done to each record, in order. */
export function byRecord(history: readonly HistoryEntry[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, op, fila } of history) found.set(name, [...(found.get(name) ?? []), saying(op, fila)]);
  return found;
}

/** What tells a write from all others. */
export function saying(op: string, cells: object | null): string {
  const { title, full_name, name } = (cells ?? {}) as Record<string, string>;
  return op === 'delete' ? 'delete' : `${op} ${title ?? full_name ?? name}`;
}
