// What the probes of replication say on a primary and its standby besides the faults of ha.test.ts: rights, a replay that is held up, synchronous
// standbys, a lost slot.

import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { health } from '../../src/index.ts';
import { haSystem, readingsOf, statuses, until } from './ha-system.ts';

describe.each(['18', '15'] as const)('PostgreSQL %s', (version) => {
  const ha = haSystem(version);
  const { ask, look, set, expectGreen, onPrimary, onStandby } = ha;

  test('a role without pg_monitor sees no columns: unknown, with what to grant', async () => {
    await onPrimary(`create role blind login password 'blindfold'`);
    const environment = { ...ha.servers.environment };
    for (const name of ['HA_PRIMARY_URL', 'HA_STANDBY_URL']) {
      const url = new URL(environment[name]!);
      url.username = 'blind';
      url.password = 'blindfold';
      environment[name] = url.href;
    }
    await ha.caughtUp();
    const report = await health(await ha.config(environment), { only: ['primary', 'replay'] });
    const unknown = { status: 'unknown', readings: [{ hint: 'GRANT pg_monitor TO blind;' }] };
    expect(report).toMatchObject({ exitCode: 3, probes: [unknown, unknown] });
    await onPrimary('drop role blind');
  });

  test('replay held up by a query there is late by the clock', async () => {
    const reader = new pg.Client({ connectionString: ha.servers.standby.url });
    await reader.connect();
    await reader.query('begin isolation level repeatable read; select count(*) from pedidos');
    await onPrimary('update pedidos set updated_at = now() where id <= 10');
    await onPrimary('vacuum pedidos');
    await until(onStandby, 'pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()');
    expect(await ask({ kind: 'standby', server: 'standby', lag: { warn: 100, fail: 400 } })).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/, lag \S+ k?B \/ .* \(fails at 400 ms\)$/),
    });
    await reader.end();
    await expectGreen();
  });

  test('a synchronous standby counts as such, and the canary does not wait for it to commit', async () => {
    const synchronous = { kind: 'replication', server: 'source', synchronous: 1, lag: { warn: 5000 } };
    expect(await ask(synchronous)).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/^primary, 0 of 1 standbys synchronous, async, lag /),
    });
    await set({ synchronous_standby_names: 'standby', synchronous_commit: 'remote_apply' });
    await until(onPrimary, `exists (select from pg_stat_replication where sync_state = 'sync')`);
    expect(await ask(synchronous)).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/^primary, 1 standby streaming, sync, lag /),
    });
    await onStandby('select pg_wal_replay_pause()');
    await until(onStandby, `pg_get_wal_replay_pause_state() = 'paused'`);
    expect(statuses(await look())).toMatchObject({ replay: 'failed', canary: 'warning', roles: 'ok', slots: 'ok' });
    await onStandby('select pg_wal_replay_resume()');
    await set({});
    await expectGreen();
  });

  test('a standby may send on, and is then asked as one', async () => {
    expect(await ask({ kind: 'replication', server: 'standby', role: 'standby', standbys: 0 })).toMatchObject({
      status: 'ok',
      message: 'standby, 0 standbys streaming',
    });
    expect(await ask({ kind: 'split-brain', servers: ['standby', 'standby'] })).toMatchObject({
      status: 'failed',
      message: 'no server is primary: standby (also standby) is a standby',
    });
  });

  test('a slot whose WAL was removed is lost', async () => {
    await onPrimary(`select pg_create_physical_replication_slot('left_behind', true)`);
    for (let segment = 0; segment < 4; segment += 1) {
      await onPrimary('update pedidos set updated_at = now() where id <= 10');
      await onPrimary('select pg_switch_wal()');
    }
    await ha.caughtUp();
    await set({ max_slot_wal_keep_size: '32MB' });
    await onPrimary('checkpoint');
    const lost = readingsOf(await look(), 'slots');
    expect(lost).toMatchObject([{ status: 'failed', subject: 'left_behind' }]);
    expect(lost[0]!.message).toBe(`lost${version === '18' ? ' (wal_removed)' : ''}: what its standby needs is removed`);
    await set({});
    await onPrimary(`select pg_drop_replication_slot('left_behind')`);
    await expectGreen();
  });
});
