// The demo against the tests' own servers: every claim that it makes holds, and nothing is left behind.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { sql } from '../databases.ts';
import { plumbline, startPlumbline } from './plumbline.ts';

let folder: string;
const servers = {
  PLUMBLINE_TEST_POSTGRES_URL: inject('postgres18'),
  PLUMBLINE_TEST_POSTGRES15_URL: inject('postgres15'),
  PLUMBLINE_TEST_MONGODB_URL: inject('mongodb'),
};

/** A temporary folder of its own, so that somebody else's demo is not taken for this one. */
const env = () => ({ ...servers, TMPDIR: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-cli-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('every expectation holds', { timeout: 180_000 }, async () => {
  const { code, stdout, stderr } = await plumbline(['demo', '--rows', '2000'], { env: env() });
  expect(stderr).toBe('');
  expect(stdout.split('\n').filter((line) => line.startsWith('   ✖'))).toEqual([]);
  expect(stdout).toMatch(/✔ all \d+ expectations held/);
  expect(code).toBe(0);
  expect(await leftBehind()).toEqual([]);
});

test('Ctrl-C leaves nothing behind', async () => {
  const { child, ended } = startPlumbline(['demo'], { env: env() });
  await new Promise<void>((resolve) => {
    child.stdout!.on('data', (text) => {
      if (String(text).includes('$ plumbline check')) resolve();
    });
  });
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('interrupted');
  expect(code).toBe(3);
  expect(await leftBehind()).toEqual([]);
});

async function leftBehind(): Promise<unknown[]> {
  const folders = await readdir(folder);
  const databases = `select datname from pg_database where datname like 'plumbline_demo%'`;
  return [...folders, ...(await sql(inject('postgres18'), databases)), ...(await sql(inject('postgres15'), databases))];
}
