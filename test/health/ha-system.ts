// The ha system on servers of the test's own, and what its tests ask of it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect } from 'vitest';
import { type BackupPlace, writeBackups } from '../../fixtures/ha/backups.ts';
import { fixturePath } from '../../fixtures/ha/paths.ts';
import { type HaServers, startHa } from '../../fixtures/ha/servers.ts';
import { type Config, type HealthReport, health, parseConfig, type Reading, readConfig } from '../../src/index.ts';
import { freshRedis, sql } from '../databases.ts';

const PATIENCE_MS = 30_000;
/** Small limits for a slot, which only a slot left behind reaches. */
const SLOTS = { HA_SLOT_WARN: '40MB', HA_SLOT_FAIL: '60MB' };

export const GREEN = { roles: 'ok', primary: 'ok', replay: 'ok', slots: 'ok', canary: 'ok', backups: 'ok' };

export interface HaSystem {
  servers: HaServers;
  readonly place: BackupPlace;
  /** Of the backups, the oldest first. */
  readonly days: readonly string[];
  config(environment?: Readonly<Record<string, string>>): Promise<Config>;
  /** One run of all its probes. */
  look(): Promise<HealthReport>;
  /** What one probe of the test's own says. */
  ask(probe: object): Promise<Reading>;
  /** As the superuser. */
  onPrimary(text: string): Promise<Record<string, unknown>[]>;
  onStandby(text: string): Promise<Record<string, unknown>[]>;
  /** Settings of the primary; those of an earlier call are gone. */
  set(settings: Readonly<Record<string, string>>): Promise<void>;
  /** The standby has replayed what the primary has written. */
  caughtUp(): Promise<void>;
  expectGreen(): Promise<HealthReport>;
}

/** Filled before the first test of the file. */
export function haSystem(version: '18' | '15'): HaSystem {
  const system = { ...methods(() => system) } as HaSystem;
  beforeAll(async () => {
    const { url, prefix } = freshRedis();
    const folder = await mkdtemp(join(tmpdir(), 'plumbline-ha-'));
    const place = { folder, redis: new Redis(url), url, prefix: `${prefix}backup:` };
    const days = await writeBackups(place, new Date());
    Object.assign(system, { place, days, servers: await startHa(version) });
  });
  afterAll(async () => {
    system.place?.redis.disconnect();
    await system.servers?.stop();
    if (system.place !== undefined) await rm(system.place.folder, { recursive: true });
  });
  return system;
}

function methods(system: () => HaSystem): Omit<HaSystem, 'servers' | 'place' | 'days'> {
  return {
    async config(environment = system().servers.environment) {
      const { url, prefix, folder } = system().place;
      const catalog = { HA_CATALOG_URL: url, HA_BACKUP_KEYS: `${prefix}*`, HA_BACKUP_FOLDER: folder };
      const config = await readConfig(fixturePath('plumbline.yaml'), { ...environment, ...SLOTS, ...catalog });
      return { ...config, folder: join(folder, 'runs') };
    },
    async look() {
      return health(await system().config());
    },
    async ask(probe) {
      const file = {
        source: { url: ['$', '{HA_PRIMARY_URL}'].join('') },
        stores: { standby: { kind: 'postgres', url: ['$', '{HA_STANDBY_URL}'].join('') } },
        entities: { pedidos: { table: 'pedidos', touches: {} } },
        health: { probes: { probe } },
      };
      const report = await health(parseConfig(JSON.stringify(file), 'plumbline.yaml', system().servers.environment));
      expect(report.probes[0]!.readings).toHaveLength(1);
      return report.probes[0]!.readings[0]!;
    },
    onPrimary: (text) => sql(system().servers.primary.url, text),
    onStandby: (text) => sql(system().servers.standby.url, text),
    async set(settings) {
      const { onPrimary } = system();
      await onPrimary('alter system reset all');
      for (const [name, value] of Object.entries(settings)) await onPrimary(`alter system set ${name} = '${value}'`);
      await onPrimary('select pg_reload_conf()');
      for (const [name, value] of Object.entries(settings)) {
        await until(onPrimary, `current_setting('${name}') = '${value}'`);
      }
    },
    async caughtUp() {
      const [row] = await system().onPrimary('select pg_current_wal_lsn()::text as lsn');
      await until(system().onPrimary, `exists (select from pg_stat_replication where replay_lsn >= '${row!.lsn}')`);
    },
    async expectGreen() {
      // A machine with other work to do may be late once.
      const end = performance.now() + PATIENCE_MS;
      for (;;) {
        const report = await system().look();
        if (report.exitCode === 0 && report.probes.every(({ status }) => status === 'ok')) return report;
        if (performance.now() > end) expect(report.probes.map(({ readings }) => readings)).toEqual('green');
        await sleep(200);
      }
    },
  };
}

/** `on` is `onPrimary` or `onStandby`. */
export async function until(
  on: (text: string) => Promise<Record<string, unknown>[]>,
  condition: string,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const [row] = await on(`select (${condition}) as holds`);
    if (row!.holds === true) return;
    if (performance.now() > end) throw new Error(`still not: ${condition}`);
    await sleep(20);
  }
}

/** By probe. On a busy machine a lag may pass 100 ms while we look: that warns, and is not what these tests are about. */
export function statuses({ probes }: HealthReport): Record<string, string> {
  const late = ({ status, message }: Reading) => status === 'warning' && /\(warns at (100 ms|1 s)\)$/.test(message);
  return Object.fromEntries(
    probes.map(({ name, status, readings }) => [
      name,
      readings.every((reading) => reading.status === 'ok' || late(reading)) ? 'ok' : status,
    ]),
  );
}

export function readingsOf({ probes }: HealthReport, name: string): readonly Reading[] {
  return probes.find((probe) => probe.name === name)!.readings;
}
