// Two servers with databases of the test's own, and a failback between them. They are no copies of one cluster: only columns tell times.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Config, parseConfig } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

export const PARTED = '2026-06-01T12:00:00Z';

export interface TwoServers {
  readonly here: string;
  readonly there: string;
  readonly folder: string;
  /** Runs SQL on both. */
  onBoth(text: string): Promise<void>;
  /** Empties both, and makes them anew. */
  reset(schema: string): Promise<void>;
  /** The same databases through a role that owns nothing, and may do everything with the tables that there are. */
  plainRole(): Promise<{ readonly here: string; readonly there: string }>;
  config(options?: ConfigOptions): Config;
}

interface ConfigOptions {
  readonly tables?: readonly string[];
  readonly failback?: object;
  readonly urls?: { readonly here: string; readonly there: string };
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const variable = (name: string) => ['$', '{', name, '}'].join('');

export async function twoServers(): Promise<TwoServers> {
  const [here, there] = await Promise.all([freshPostgres('18'), freshPostgres('15')]);
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-failback-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const onBoth = async (text: string) => {
    await Promise.all([sql(here, text), sql(there, text)]);
  };
  return {
    here,
    there,
    folder,
    onBoth,
    reset: (schema) => onBoth(`drop schema public cascade; create schema public; ${schema}`),
    async plainRole() {
      const [role, password] = [`failback_${randomBytes(4).toString('hex')}`, randomBytes(8).toString('hex')];
      await onBoth(`create role ${role} login password '${password}'; grant usage on schema public to ${role};
        grant select, insert, update, delete on all tables in schema public to ${role};
        grant select, update on all sequences in schema public to ${role}`);
      cleanUps.unshift(() => onBoth(`drop owned by ${role}; drop role ${role}`));
      const as = (url: string) => Object.assign(new URL(url), { username: role, password }).href;
      return { here: as(here), there: as(there) };
    },
    config({ tables = [], failback = {}, urls = { here, there } } = {}) {
      const file = {
        source: { url: variable('HERE') },
        stores: { backup: { kind: 'postgres', url: variable('THERE') } },
        entities: Object.fromEntries(
          (tables.length === 0 ? ['things'] : tables).map((table) => [
            table,
            { table, replicas: [{ store: 'backup', maxLag: '50ms' }] },
          ]),
        ),
        limits: { maxPercent: 100 },
        failback: {
          there: { url: variable('THERE') },
          parted: PARTED,
          margin: '1ms',
          version: 'updated_at',
          created: 'created_at',
          ...failback,
        },
        folder,
      };
      return parseConfig(JSON.stringify(file), join(folder, 'plumbline.yaml'), { HERE: urls.here, THERE: urls.there });
    },
  };
}
