// What is kept of the last run of each replica, and what must not take another's place.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/index.ts';
import { LAST_RUN_SCHEMA, type LastRun, type RunScope } from '../../src/report/last-run.ts';
import { keepLastRuns, readLastRuns, scopeOf } from '../../src/run/last-runs.ts';
import type { RunOptions } from '../../src/run/options.ts';

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-latest-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

function configOf(folder: string, ...targets: string[]) {
  const replicas = targets.map((target) => ({ store: 'docs', target }));
  const file = {
    folder,
    source: { url: 'postgres://h/d' },
    stores: { docs: { kind: 'mongodb', url: 'mongodb://h/d' } },
    entities: { things: { table: 'things', replicas } },
  };
  return parseConfig(JSON.stringify(file), 'plumbline.yaml', {});
}

function lastRun(target: string, scope: RunScope, run = 'r1'): LastRun {
  return {
    schema: LAST_RUN_SCHEMA,
    replica: `docs.${target}`,
    entity: 'things',
    store: 'docs',
    scope,
    run,
    command: 'check',
    endedAt: '2026-11-22T02:00:03.000Z',
    seconds: 1,
    exitCode: 0,
    proven: true,
  };
}

test('the last of each replica and scope is kept, in the order of the config', async () => {
  const folder = await freshFolder();
  await keepLastRuns(folder, [lastRun('b', 'all'), lastRun('a', 'all'), lastRun('a', 'keys')]);
  await keepLastRuns(folder, [lastRun('a', 'all', 'r2')]);
  const runs = await readLastRuns(configOf(folder, 'a', 'b'));
  expect(runs.map(({ replica, scope, run }) => `${replica} ${scope} ${run}`)).toEqual([
    'docs.a all r2',
    'docs.a keys r1',
    'docs.b all r1',
  ]);
});

test('a replica that the config no longer has is not told of', async () => {
  const folder = await freshFolder();
  await keepLastRuns(folder, [lastRun('a', 'all'), lastRun('gone', 'all')]);
  expect((await readLastRuns(configOf(folder, 'a'))).map(({ replica }) => replica)).toEqual(['docs.a']);
});

test('names that no file can have, that look alike, or that are long, stay apart', async () => {
  const folder = await freshFolder();
  const names = ['a/b', 'a:b', '../../a', 'cache:{ciudad}:*', 'x'.repeat(300), `${'x'.repeat(300)}y`];
  await keepLastRuns(
    folder,
    names.map((name) => lastRun(name, 'all', name)),
  );
  const runs = await readLastRuns(configOf(folder, ...names));
  expect(runs.map(({ run }) => run)).toEqual(names);
  expect(await readdir(folder)).toEqual(['latest']);
});

test('what another version wrote is no last run', async () => {
  const folder = await freshFolder();
  await keepLastRuns(folder, [lastRun('a', 'all')]);
  const [file] = await readdir(join(folder, 'latest'));
  await writeFile(join(folder, 'latest', file!), JSON.stringify({ schema: 'plumbline.last-run/9' }));
  expect(await readLastRuns(configOf(folder, 'a'))).toEqual([]);
});

test.each<[RunOptions, RunScope]>([
  [{}, 'all'],
  [{ only: ['docs'], memory: 1 }, 'all'],
  [{ since: 1000 }, 'since'],
  [{ sample: 0.1 }, 'sample'],
  [{ keys: [['7']] }, 'keys'],
  [{ from: { outbox: true } }, 'keys'],
  [{ from: { queue: 'mail' }, since: 1000 }, 'keys'],
])('%o looks at %s', (options, scope) => expect(scopeOf('check', options)).toBe(scope));

test('a repair of what an earlier run found says nothing of the rest', () => {
  expect(scopeOf('repair', { only: ['docs.a'] })).toBe('keys');
});
