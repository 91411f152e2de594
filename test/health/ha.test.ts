// The ha system on a primary and a streaming standby of its own: healthy it is green, and each fault is named by its own probe within one run, while
// nothing else fails. After each it is mended and green again.

import { describe, expect, test, vi } from 'vitest';
import { missDay, truncateFile } from '../../fixtures/ha/backups.ts';
import { check, type HealthReport, health, type Reading } from '../../src/index.ts';
import { GREEN, haSystem, readingsOf, statuses, until } from './ha-system.ts';

describe.each(['18', '15'] as const)('PostgreSQL %s', (version) => {
  const ha = haSystem(version);
  const { look, expectGreen, onPrimary, onStandby } = ha;
  /** Only 17 and newer know since when a slot is unused. */
  const slotJustUnused = version === '18' ? 'ok' : 'warning';

  test('healthy is green, with figures', async () => {
    const message = (of: HealthReport, name: string) => readingsOf(of, name)[0]!.message;
    // A primary that has measured no time yet names the bytes alone.
    const report = await vi.waitFor(async () => {
      const looked = await expectGreen();
      expect(message(looked, 'primary')).toMatch(/^primary, 1 standby streaming, async, lag \S+ k?B \/ \S+ ms$/);
      return looked;
    }, 30_000);
    expect(statuses(report)).toEqual(GREEN);
    expect(message(report, 'roles')).toBe('source is primary (timeline 1), standby is standby');
    expect(message(report, 'replay')).toMatch(/^standby, streaming from 127\.0\.0\.1:\d+, lag \S+ k?B \/ \S+ ms$/);
    expect(message(report, 'slots')).toMatch(/^1 slot, holding \S+ \S?B of WAL$/);
    expect(message(report, 'canary')).toMatch(/^reached standby in \S+ m?s$/);
    const metrics = report.probes.flatMap(({ readings }) => readings.flatMap(({ metrics = [] }) => metrics));
    expect(metrics).toContainEqual(expect.objectContaining({ name: 'replication_standbys', value: 1 }));
    expect(metrics).toContainEqual(
      expect.objectContaining({ name: 'replication_lag_bytes', labels: { standby: 'standby', stage: 'replayed' } }),
    );
  });

  test('the standby can be compared with its primary like any replica', async () => {
    await ha.caughtUp();
    expect(await check(await ha.config())).toMatchObject({
      exitCode: 0,
      replicas: [{ name: 'standby.pedidos', sourceRows: 1000, replicaRows: 1000 }],
    });
  });

  test('the standby stopped: the primary’s probe fails, and who would ask the standby does not know', async () => {
    await ha.servers.standby.down();
    await until(onPrimary, 'not exists (select from pg_stat_replication)');
    const report = await look();
    expect(statuses(report)).toEqual({
      ...GREEN,
      primary: 'failed',
      roles: 'unknown',
      replay: 'unknown',
      canary: 'unknown',
      slots: slotJustUnused,
    });
    expect(report.exitCode).toBe(3);
    expect(readingsOf(report, 'primary')).toMatchObject([{ message: 'primary, standby not streaming' }]);
    await ha.servers.standby.up();
    await expectGreen();
  });

  test('the standby hangs: whoever asks it has no answer in time, and says so', async () => {
    const config = await ha.config();
    const probes = config.health.probes.map((probe) => ({ ...probe, timeout: 1000 }));
    ha.servers.standby.signal('SIGSTOP');
    const report = await health({ ...config, health: { ...config.health, probes } });
    ha.servers.standby.signal('SIGCONT');
    expect(statuses(report)).toEqual({ ...GREEN, roles: 'unknown', replay: 'unknown', canary: 'unknown' });
    expect(report.exitCode).toBe(3);
    expect(report.seconds).toBeLessThan(4);
    expect(readingsOf(report, 'roles')).toMatchObject([
      { status: 'ok', message: 'source is primary (timeline 1)' },
      { status: 'unknown', subject: 'standby', message: 'may be primary as well, can’t be asked: no answer in time' },
    ]);
    await expectGreen();
  });

  test('replay paused: the standby’s own probe fails, although it still streams', async () => {
    await onStandby('select pg_wal_replay_pause()');
    await until(onStandby, `pg_get_wal_replay_pause_state() = 'paused'`);
    await onPrimary(`update pedidos set estado = 'pagado', updated_at = now() where id <= 10`);
    await until(onStandby, 'pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()');
    const report = await look();
    expect(statuses(report)).toEqual({ ...GREEN, replay: 'failed', canary: 'warning' });
    expect(report.exitCode).toBe(1);
    expect(readingsOf(report, 'replay')[0]!.message).toMatch(/^replay is paused, \S+ k?B received and not replayed$/);
    expect(readingsOf(report, 'canary')[0]!.message).toBe('not on standby after 3 s (while replay fails)');
    await onStandby('select pg_wal_replay_resume()');
    await expectGreen();
  });

  test('a slot left behind holds back WAL: the slots’ probe fails', async () => {
    await onPrimary(`select pg_create_physical_replication_slot('left_behind', true)`);
    for (let segment = 0; segment < 5; segment += 1) {
      await onPrimary('update pedidos set updated_at = now() where id <= 10');
      await onPrimary('select pg_switch_wal()');
    }
    await ha.caughtUp();
    const report = await look();
    expect(statuses(report)).toEqual({ ...GREEN, slots: 'failed' });
    expect(report.exitCode).toBe(1);
    const [reading, ...others] = readingsOf(report, 'slots');
    expect(others).toEqual([]);
    expect(reading).toMatchObject({
      subject: 'left_behind',
      hint: expect.stringContaining('pg_drop_replication_slot'),
    });
    expect(reading!.message).toMatch(/^inactive.*, holding \d+(\.\d)? MB of WAL \(fails at 60 MB\)$/);
    await onPrimary(`select pg_drop_replication_slot('left_behind')`);
    await expectGreen();
  });

  test.each([
    ['no backup of a day', missDay, -3, 'rotation'],
    ['a backup’s file cut off', truncateFile, -1, 'files'],
  ] as const)('%s: the backups’ probe fails', async (_, damage, at, subject) => {
    const day = ha.days.at(at)!;
    const mend = await damage(ha.place, day);
    const report = await look();
    expect(statuses(report)).toEqual({ ...GREEN, backups: 'failed' });
    expect(report.exitCode).toBe(1);
    const bad = readingsOf(report, 'backups').filter(({ status }) => status !== 'ok');
    expect(bad).toMatchObject([{ status: 'failed', subject, message: expect.stringContaining(day) }]);
    await mend();
    await expectGreen();
  });

  test('the standby promoted: two primaries, both with new writes, are one failure', async () => {
    await onStandby('select pg_promote()');
    for (const on of [onPrimary, onStandby]) await on('update pedidos set updated_at = now()');
    await until(onPrimary, 'not exists (select from pg_stat_replication)');
    const report = await look();
    expect(statuses(report)).toEqual({
      ...GREEN,
      roles: 'failed',
      primary: 'warning',
      replay: 'warning',
      canary: 'warning',
      slots: slotJustUnused,
    });
    expect(report.exitCode).toBe(1);
    const [{ message }] = readingsOf(report, 'roles') as [Reading];
    expect(message).toMatch(
      /^source \(timeline 1, at \S+\) and standby \(timeline 2, at \S+\) both say primary; since /,
    );
    expect(message).toMatch(/ source wrote \S+ kB and standby wrote \S+ kB, both have new writes$/);
    ha.servers = await ha.servers.rebuildStandby();
    await expectGreen();
  });
});
