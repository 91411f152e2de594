// Marked values in sensitive fields, passwords and keys: every command in every format, with differences, errors and refused writes in every kind of
// store, and no byte of what is printed or kept holds one of them.

import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshPostgres, sql } from '../databases.ts';
import { startCassandra } from '../stores/cassandra-harness.ts';
import type { Harness, NativeRecord, Place } from '../stores/contract.ts';
import { field } from '../stores/contract-cases.ts';
import { startMongodb } from '../stores/mongodb-harness.ts';
import { startNeo4j } from '../stores/neo4j-harness.ts';
import { startOracle } from '../stores/oracle-harness.ts';
import { startPostgres } from '../stores/postgres-harness.ts';
import { startRedis } from '../stores/redis-harness.ts';
import { type Ended, freshFolder, plumbline } from './plumbline.ts';

const STARTS: Readonly<Record<string, (own?: string) => Promise<Harness>>> = {
  backup: startPostgres('15'),
  docs: startMongodb('field'),
  copies: startCassandra,
  erp: startOracle(),
  graph: startNeo4j('node'),
  kv: startRedis('json'),
};
const NAMES = Object.keys(STARTS);
/** In every value of a sensitive field, on either side. */
const MARK = `mk${randomBytes(8).toString('hex')}`;
const PASSWORD = `pw${randomBytes(8).toString('hex')}/@:x`;
const JOURNAL_KEY = randomBytes(32);
const TOKEN = `tk${randomBytes(12).toString('hex')}`;
const MAPPING = {
  key: [field('id', { kind: 'integer', bits: 32 })],
  fields: [
    field('name', { kind: 'text' }),
    field('secret', { kind: 'text' }, { sensitive: true }),
    // Text on one side that is no number on the other: it can't be read as one.
    field('pin', { kind: 'text' }, { sensitive: true }),
  ],
};
const ROWS = 12;

let source: string;
let reader: string;
let folder: string;
let env: Record<string, string>;
const harnesses = new Map<string, Harness>();
const places = new Map<string, Place>();
const secrets = new Set([MARK, PASSWORD, encodeURIComponent(PASSWORD), TOKEN, JOURNAL_KEY.toString('base64')]);

beforeAll(async () => {
  [source, folder] = [await freshPostgres('18'), await freshFolder()];
  await sql(source, 'create table people (id int primary key, name text, secret text, pin text)');
  for (let i = 1; i <= ROWS; i++) {
    await sql(source, 'insert into people values ($1, $2, $3, $4)', [i, `name ${i}`, `${MARK}-${i}`, `${MARK}${i}`]);
  }
  reader = `reader_${randomBytes(4).toString('hex')}`;
  await sql(source, `create role ${reader} login password '${PASSWORD}'`);
  await sql(source, `grant select on people to ${reader}`);
  for (const [name, start] of Object.entries(STARTS)) {
    const harness = await start();
    harnesses.set(name, harness);
    const unique = ['backup', 'docs', 'graph'].includes(name) ? ['secret'] : [];
    places.set(name, await harness.makePlace(MAPPING, { unique }));
    for (const part of [new URL(harness.url).password])
      if (part !== '') secrets.add(part).add(decodeURIComponent(part));
  }
  env = {
    SOURCE_URL: Object.assign(new URL(source), { username: reader, password: encodeURIComponent(PASSWORD) }).href,
    ...Object.fromEntries(NAMES.map((name) => [`${name.toUpperCase()}_URL`, harnesses.get(name)!.url])),
    JOURNAL_KEY: JOURNAL_KEY.toString('base64'),
    TOKEN,
    DEBUG: '1',
    COLUMNS: '200',
  };
  await damage();
  await writeFile(join(folder, 'plumbline.yaml'), configText());
}, 120_000);
afterAll(async () => {
  await Promise.all([...harnesses.values()].map((harness) => harness.close()));
  await sql(source, `drop owned by ${reader}; drop role ${reader}`);
});

/** 1 is missing, 2 and 3 differ, 21 is too many and holds what is to be unique in the missing one, so that its insert is refused. */
async function damage(): Promise<void> {
  for (const place of places.values()) {
    const record = (id: number, secret: string, pin = `${MARK}${id}`): NativeRecord => ({
      key: [String(id)],
      values: [`name ${id}`, secret, pin],
    });
    await place.write([
      record(2, `${MARK}-old-2`),
      record(3, `${MARK}-3`, `${MARK}-old`),
      ...Array.from({ length: ROWS - 3 }, (_, i) => record(i + 4, `${MARK}-${i + 4}`)),
      record(21, `${MARK}-1`),
    ]);
  }
}

function configText(change: { readonly pin?: object; readonly urls?: Readonly<Record<string, string>> } = {}): string {
  const variable = (name: string) => `\${${name}}`;
  return JSON.stringify({
    source: { url: variable('SOURCE_URL') },
    stores: Object.fromEntries(
      NAMES.map((name) => [
        name,
        { ...harnesses.get(name)!.config, url: change.urls?.[name] ?? variable(`${name.toUpperCase()}_URL`) },
      ]),
    ),
    entities: {
      people: {
        table: 'people',
        replicas: NAMES.map((store) => {
          const { fields = {}, ...config } = places.get(store)!.config as { fields?: Record<string, string> };
          const secret = { to: fields.secret ?? 'secret', sensitive: true };
          return {
            store,
            maxLag: '20ms',
            ...config,
            fields: { ...fields, secret, pin: { to: fields.pin ?? 'pin', sensitive: true, ...change.pin } },
          };
        }),
      },
    },
    journal: { key: variable('JOURNAL_KEY') },
    limits: { maxPercent: 100 },
    alerts: {
      pager: {
        kind: 'webhook',
        url: 'http://127.0.0.1:9/hook',
        headers: { Authorization: `Bearer ${variable('TOKEN')}` },
        attempts: 1,
      },
    },
  });
}

/** However a byte of output may spell it. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...inBase64(bytes),
  ];
}

/** Within a longer base64 text it has three forms, by where it begins; its ends depend on their neighbours. */
function inBase64(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
}

function expectNoSecret(where: string, text: string): void {
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) {
      if (text.includes(spelling)) {
        const at = text.indexOf(spelling);
        throw new Error(`${where} tells a secret: …${text.slice(Math.max(0, at - 200), at + spelling.length + 50)}…`);
      }
    }
  }
}

async function expectNoSecretIn(path: string): Promise<number> {
  let files = 0;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files++;
    const file = join(entry.parentPath, entry.name);
    expectNoSecret(file, await readFile(file, 'latin1'));
    expectNoSecret(file, await readFile(file, 'utf8'));
  }
  return files;
}

let logs = 0;
async function run(words: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const log =
    words[0] === 'doctor' || words[0] === 'health' ? [] : ['--log', `log${logs++}.ndjson`, '--log-level', 'debug'];
  const ended = await plumbline([...words, ...log], { cwd: folder, env: { ...env, ...more } });
  expectNoSecret(`${words.join(' ')}: stdout`, ended.stdout);
  expectNoSecret(`${words.join(' ')}: stderr`, ended.stderr);
  return ended;
}

const FORMATS = ['table', 'json', 'ndjson', 'junit', 'markdown', 'html'];

test('looking: no command tells them in any format', { timeout: 240_000 }, async () => {
  for (const format of FORMATS) {
    const { code, stdout } = await run(['check', '--format', format]);
    expect(code, stdout).toBe(1);
    expect(stdout).toContain('secret');
  }
  expect((await run(['check', '--format', 'prometheus'])).stdout).toContain('plumbline');
  for (const format of ['table', 'json']) {
    await run(['doctor', '--format', format]);
    await run(['check', '--plan', '--format', format]);
    await run(['verify-sync', 'people', '2', '--fields', '--format', format]);
    await run(['reconcile', '--delete-orphans', '--format', format]);
  }
  await run(['doctor', '--self-test']);
  for (const format of ['table', 'json', 'prometheus']) await run(['health', '--format', format]);
  await run(['check', '--baseline', 'known.json', '--update-baseline']);
  expect((await run(['check', '--baseline', 'known.json'])).code).toBe(0);
  expect(await expectNoSecretIn(folder)).toBeGreaterThan(10);
});

test('writing: refused writes, journal, plan file and undo tell none', { timeout: 240_000 }, async () => {
  const found = await run(['check', '--json']);
  const { run: id } = JSON.parse(found.stdout) as { run: string };
  await run(['repair', id, '--write-plan', 'plan.ndjson']);
  // Orphans stay, and so does what they hold that is to be unique: inserts are refused.
  const repaired = await run(['repair', id, '--plan', 'plan.ndjson', '--apply', '--json']);
  const report = JSON.parse(repaired.stdout) as {
    run: string;
    replicas: { name: string; repair: { outcomes: { refused: number; written: number }; errors: string[] } }[];
  };
  for (const { name, repair } of report.replicas) {
    expect(repair.outcomes.written, name).toBeGreaterThan(0);
    if (/^(backup|docs|graph)/.test(name)) expect(repair.errors.length, name).toBeGreaterThan(0);
  }
  for (const format of ['table', 'json']) await run(['undo', report.run, '--format', format]);
  for (const format of FORMATS) await run(['report', id, '--format', format]);
  // To a page in the folder of the run.
  await run(['report', id, '--html']);
  for (const format of ['table', 'json']) await run(['history', '--format', format]);
  await run(['undo', report.run, '--apply']);
  await run(['reconcile', '--apply', '--delete-orphans', '--format', 'markdown']);
  expect(await expectNoSecretIn(folder)).toBeGreaterThan(20);
});

test('values that can’t be read as their type are unread, and not told', { timeout: 120_000 }, async () => {
  await writeFile(join(folder, 'unread.yaml'), configText({ pin: { map: { one: 1 } } }));
  for (const format of FORMATS) {
    const { code } = await run(['check', '-c', 'unread.yaml', '--format', format]);
    expect(code).toBe(3);
  }
  expect(await expectNoSecretIn(folder)).toBeGreaterThan(20);
});

test('servers that refuse the password, or don’t answer, leave it untold', { timeout: 240_000 }, async () => {
  const wrong: Record<string, string> = {};
  for (const name of NAMES) {
    const url = new URL(harnesses.get(name)!.url);
    // A port where nobody listens.
    const dead = `${url.protocol}//someone:${encodeURIComponent(PASSWORD)}@127.0.0.1:9${url.pathname}${url.search}`;
    wrong[`${name.toUpperCase()}_URL`] = dead;
  }
  for (const format of ['table', 'json']) {
    const { code } = await run(['check', '--format', format], wrong);
    expect(code).toBe(3);
    await run(['doctor', '--format', format], wrong);
    await run(['health', '--format', format], wrong);
  }
  const denied: Record<string, string> = {};
  for (const name of NAMES) {
    const url = new URL(harnesses.get(name)!.url);
    if (url.username === '' && url.password === '') continue;
    const user = url.username === '' ? 'someone' : url.username;
    denied[`${name.toUpperCase()}_URL`] =
      `${url.protocol}//${user}:${encodeURIComponent(`${PASSWORD}wrong`)}@${url.host}${url.pathname}${url.search}`;
  }
  expect((await run(['check', '--json'], denied)).code).toBe(3);
  const nobody = Object.assign(new URL(source), { username: reader, password: `${PASSWORD}wrong`.replaceAll('/', '') });
  expect((await run(['check'], { SOURCE_URL: nobody.href })).code).toBe(3);
  expect(await expectNoSecretIn(folder)).toBeGreaterThan(20);
});

test('a secret in the file itself is refused without being told', { timeout: 60_000 }, async () => {
  const key = `-----BEGIN PRIVATE KEY-----\n${MARK}\n-----END PRIVATE KEY-----`;
  await writeFile(
    join(folder, 'bad.yaml'),
    JSON.stringify({
      source: { url: 'postgres://h/d', tls: { cert: 'x.pem', key, keyPassword: PASSWORD } },
      stores: { docs: { kind: 'mongodb', url: `mongodb://a:${encodeURIComponent(PASSWORD)}@h/d`, tls: { key } } },
      entities: { people: { table: 'people', replicas: [{ store: 'docs' }] } },
    }),
  );
  const { code, stderr } = await plumbline(['check', '-c', 'bad.yaml'], { cwd: folder, env });
  expect(code).toBe(2);
  for (const path of ['source.tls.key', 'source.tls.keyPassword', 'stores.docs.url', 'stores.docs.tls.key']) {
    expect(stderr).toContain(path);
  }
  expectNoSecret('stderr', stderr);
});
