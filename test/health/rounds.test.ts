// health again and again: rounds do not overlap, and what hangs is let go of.

import { beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../src/index.ts';
import { healthRounds } from '../../src/run/health-rounds.ts';
import { freshPostgres, sql } from '../databases.ts';
import { silentUrls, startSilentServer } from './silent-server.ts';

let source: string;

beforeAll(async () => {
  source = await freshPostgres();
  await sql(source, 'create table things (id int primary key)');
});

const count = { kind: 'query', server: 'source', query: 'select count(*) from things', fail: '> 1', timeout: '30s' };

function configOf(probes: Record<string, object>, stores: Record<string, object> = {}) {
  const entities = { things: { table: 'things', touches: {} } };
  const file = { source: { url: '$' + '{SOURCE}' }, stores, entities, health: { probes } };
  return parseConfig(JSON.stringify(file), 'plumbline.yaml', { SOURCE: source, NOTHING: 'nothing' });
}

test('each round sees what is the case by then, and the signal ends them', async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { probes, exitCode } of healthRounds(configOf({ count }), { every: 20, signal: stop.signal })) {
    seen.push(`${probes[0]!.status} ${exitCode}`);
    if (seen.length === 1) await sql(source, 'insert into things values (1), (2)');
    if (seen.length === 2) stop.abort();
  }
  expect(seen).toEqual(['ok 0', 'failed 1']);
});

test('a stop in the midst of a round does not wait for it, and the server ends what it was asked', async () => {
  const stop = new AbortController();
  const config = configOf({ slow: { ...count, query: 'select pg_sleep(60)::text', timeout: '60s' } });
  const sleeping = () =>
    sql(source, `select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`);
  const rounds = healthRounds(config, { every: 20, signal: stop.signal });
  const round = rounds.next();
  await expect.poll(sleeping, { timeout: 20_000 }).toHaveLength(1);
  stop.abort();
  expect(await round).toEqual({ value: undefined, done: true });
  await expect.poll(sleeping, { timeout: 20_000 }).toEqual([]);
});

describe.each(Object.keys(silentUrls(0)))('a %s server that accepts and never answers', (kind) => {
  test('is said to be silent each time, and no connection to it outlives its round', async () => {
    const silent = await startSilentServer();
    const config = configOf(
      { stuck: { ...count, server: 'hung', timeout: '300ms' }, count },
      { hung: { kind, url: silentUrls(silent.port)[kind] } },
    );
    const stop = new AbortController();
    let rounds = 0;
    for await (const { probes } of healthRounds(config, { every: 20, signal: stop.signal })) {
      expect(probes[0]!.readings).toMatchObject([{ status: 'unknown', message: 'timed out after 300 ms' }]);
      expect(probes[1]!.status).toBe('failed');
      await expect.poll(() => silent.connected()).toBe(0);
      if (++rounds === 2) stop.abort();
    }
    expect(silent.accepted()).toBeGreaterThanOrEqual(2);
  });
});

test('what the caller got wrong is thrown at once', async () => {
  const { signal } = new AbortController();
  const rounds = healthRounds(configOf({ count }), { every: 20, only: ['cuont'], signal });
  await expect(rounds.next()).rejects.toThrow(ConfigError);
});
