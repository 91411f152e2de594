// What a user installs: the packed package in an empty folder, its command, a check of two PostgreSQL databases, and its library.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshPostgres, sql } from './databases.ts';

const run = promisify(execFile);
const root = new URL('..', import.meta.url).pathname;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-pack-'));
  // The tests run on a build; building again here would pull it from under the others.
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
  });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  await run('npm', ['install', '--no-audit', '--no-fund', join(folder, filename)], { cwd: folder });

  const [source, copy] = [await freshPostgres('18'), await freshPostgres('15')];
  for (const url of [source, copy]) await sql(url, 'create table things (id int primary key, name text)');
  await sql(source, "insert into things select i, 'thing ' || i from generate_series(1, 500) i");
  await sql(copy, "insert into things select i, 'thing ' || i from generate_series(1, 500) i where i <> 77");
  const config = `source: { url: "\${SOURCE_URL}" }
stores: { copy: { kind: postgres, url: "\${COPY_URL}" } }
entities:
  things: { table: things, replicas: [{ store: copy }] }
`;
  await writeFile(join(folder, 'plumbline.yaml'), config);
  env = { ...process.env, SOURCE_URL: source, COPY_URL: copy, NO_COLOR: '1' };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the command answers with its help', async () => {
  const { stdout } = await run('npx', ['plumbline', '--help'], { cwd: folder, env });
  for (const command of ['check', 'reconcile', 'verify-sync', 'doctor', 'demo']) expect(stdout).toContain(command);
});

test('what the commands are called is known without loading them', async () => {
  const manifest = await readFile(join(folder, 'node_modules', 'plumbline', 'oclif.manifest.json'), 'utf8');
  const files = await readdir(join(root, 'commands'));
  expect(Object.keys(JSON.parse(manifest).commands).sort()).toEqual(files.map((file) => file.slice(0, -3)).sort());
});

test('the command checks two databases and exits 1 on drift', async () => {
  const failure = await run('npx', ['plumbline', 'check', '--json'], { cwd: folder, env }).catch((error) => error);
  expect(failure.code).toBe(1);
  const report = JSON.parse(failure.stdout);
  expect(report.replicas[0]).toMatchObject({
    name: 'copy.things',
    counts: { missing: 1 },
    findings: [{ key: { id: '77' } }],
  });
  const kept = JSON.parse(await readFile(join(report.folder, 'report.json'), 'utf8'));
  expect(kept.run).toBe(report.run);
});

test('the library does the same, prints nothing and reads no environment', async () => {
  const program = `
import { check, defineStore, doctor, readConfig, reconcile, verifySync } from 'plumbline';
const config = await readConfig('plumbline.yaml', JSON.parse(process.argv[2]));
const events = [];
const options = { keep: false, onEvent: (event) => events.push(event.type), signal: new AbortController().signal };
const found = await check(config, options);
const one = await verifySync(config, 'things', ['78'], options);
const repaired = await reconcile(config, { ...options, apply: true });
const again = await check(config, options);
const health = await doctor(config);
console.log(JSON.stringify({ codes: [found, one, repaired, again, health].map((it) => it.exitCode), events: [...new Set(events)], defineStore: typeof defineStore }));
`;
  await writeFile(join(folder, 'program.js'), program);
  const given = JSON.stringify({ SOURCE_URL: env.SOURCE_URL, COPY_URL: env.COPY_URL });
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME };
  const { stdout, stderr } = await run(process.execPath, ['program.js', given], { cwd: folder, env: bare });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({ codes: [1, 0, 0, 0, 0], defineStore: 'function' });
});
