// Records of backups in Redis, as hashes and as JSON, one a key.

import { truncate } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freshPostgres, freshRedis } from '../../databases.ts';
import { askProbes, variable, wrongIn } from './ask-probes.ts';
import { type BackupSet, backupSet, NOW } from './backup-set.ts';

const { url, prefix } = freshRedis();
const redis = new Redis(url);
let source: string;
let set: BackupSet;

beforeAll(async () => {
  source = await freshPostgres();
});
afterAll(() => redis.disconnect());

/** Every other one as a hash, as two jobs might leave them. */
beforeEach(async () => {
  set = await backupSet();
  const old = await redis.keys(`${prefix}*`);
  if (old.length > 0) await redis.del(old);
  for (const [index, [day, record]] of [...set.records].entries()) {
    if (index % 2 === 0) await redis.hset(`${prefix}backup:${day}`, record);
    else await redis.set(`${prefix}backup:${day}`, JSON.stringify(record));
  }
});

async function look(server = url) {
  const query = { keys: `${prefix}backup:*` };
  const [report] = await askProbes({
    probes: { nightly: { kind: 'backups', server: 'cache', query, folder: set.folder } },
    stores: { cache: { kind: 'redis', url: variable('CACHE') } },
    env: { SOURCE: source, CACHE: server },
    folder: '/nowhere',
    now: NOW,
  });
  return report!;
}

test('hashes and JSON are read alike', async () => {
  const report = await look();
  expect(wrongIn(report)).toEqual({});
  expect(report.readings.map(({ subject }) => subject)).toContain('checksums');
});

test('a day without a record and a truncated file are named, each by its reading', async () => {
  await redis.del(`${prefix}backup:2026-11-20`);
  expect(Object.keys(wrongIn(await look()))).toEqual(['rotation']);
  await truncate(set.path('2026-11-23'), 100);
  expect(Object.keys(wrongIn(await look()))).toEqual(['rotation', 'files']);
});

test('a key that is no record is unknown, and named', async () => {
  await redis.set(`${prefix}backup:2026-11-20`, '{"type": ');
  await redis.rpush(`${prefix}backup:history`, 'one');
  const report = await look();
  expect(report.status).toBe('unknown');
  expect(wrongIn(report).records).toMatch(/backup:\S+ has no type, and 1 more$/);
});

test('a server that is not there is unknown', async () => {
  expect((await look('redis://127.0.0.1:1')).status).toBe('unknown');
});
