// A streaming standby of a local PostgreSQL, as tests of outages need it: it follows, it can be promoted, it outlives a kill on either side.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type LocalEngine, startLocalEngine, startStandby } from '../../engines/engines.ts';
import { sql } from '../databases.ts';

const SLOW_MS = 120_000;

describe.each(['15', '18'] as const)('a standby of PostgreSQL %s', (version) => {
  let primary: LocalEngine;
  let standby: LocalEngine;
  let ids = 0;

  beforeAll(async () => {
    primary = await startLocalEngine({ kind: 'postgres', version, name: 'primary' });
    await sql(primary.url, 'create table orders (id int primary key, note text)');
    await sql(primary.url, `insert into orders select -i, repeat('x', 200) from generate_series(1, 20000) i`);
    // Rows come and files grow while it is copied.
    const copying = startStandby(primary, { name: 'reserve', slot: 'reserve_slot', settings: { work_mem: '7MB' } });
    let isCopied = false;
    copying.then(
      () => {
        isCopied = true;
      },
      () => {},
    );
    while (!isCopied) await write();
    standby = await copying;
  }, SLOW_MS);
  afterAll(async () => {
    for (const engine of [standby, primary]) {
      await engine?.stop();
      expect(existsSync(engine.folder)).toBe(false);
    }
  });

  const write = () => sql(primary.url, `insert into orders select $1::int, repeat('y', 2000)`, [++ids]);
  const rowsOf = async (engine: LocalEngine) =>
    (
      await sql(
        engine.url,
        'select count(*)::int as rows, sum(id)::int as ids, sum(length(note))::int as bytes from orders',
      )
    )[0];
  const expectSame = () =>
    vi.waitFor(async () => expect(await rowsOf(standby)).toEqual(await rowsOf(primary)), { timeout: 20_000 });

  test('holds what the primary held, and what it is given', { timeout: SLOW_MS }, async () => {
    await write();
    await expectSame();
    expect(standby).toMatchObject({ kind: 'postgres', name: `postgres-${version}-reserve`, version: primary.version });
    expect(await sql(standby.url, 'select pg_is_in_recovery() as standby')).toEqual([{ standby: true }]);
    expect(await sql(standby.url, 'show work_mem')).toEqual([{ work_mem: '7MB' }]);
    await expect(sql(standby.url, 'delete from orders')).rejects.toMatchObject({ code: '25006' });
  });

  test('is named by the primary, with its slot', { timeout: SLOW_MS }, async () => {
    const text = `select application_name, state, slot_name, active from pg_stat_replication join pg_replication_slots on active_pid = pid`;
    const row = { application_name: 'reserve', state: 'streaming', slot_name: 'reserve_slot', active: true };
    await vi.waitFor(async () => expect(await sql(primary.url, text)).toEqual([row]), { timeout: 20_000 });
  });

  test.each(['SIGKILL', 'SIGINT'] as const)('goes on after %s of either side', { timeout: SLOW_MS }, async (signal) => {
    await standby.down(signal);
    await write();
    await standby.up();
    await expectSame();
    await primary.down(signal);
    expect(await rowsOf(standby)).toMatchObject({ ids: expect.any(Number) });
    await primary.up();
    await write();
    await expectSame();
  });

  test('takes over once it is promoted', { timeout: SLOW_MS }, async () => {
    await expectSame();
    await primary.down();
    expect(await sql(standby.url, 'select pg_promote() as done')).toEqual([{ done: true }]);
    await sql(standby.url, `insert into orders values (0, 'accepted by the standby')`);
    await standby.down();
    await standby.up();
    expect(await sql(standby.url, 'select note from orders where id = 0')).toEqual([
      { note: 'accepted by the standby' },
    ]);
  });
});
