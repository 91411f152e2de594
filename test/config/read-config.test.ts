// What a config that is right comes out as.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { FieldConfig } from '../../src/config/config.ts';
import { applyNaming, tableName } from '../../src/config/naming.ts';
import { parseConfig, readConfig } from '../../src/config/read-config.ts';
import { ConfigError } from '../../src/errors.ts';
import { kinds } from './fake-kinds.ts';

const georiesgo = `
version: 1
source:
  url: postgres://plumbline:\${PG_PASSWORD}@\${PG_HOST:-localhost}:5432/georiesgo
stores:
  backup:
    kind: postgres
    url: \${BACKUP_URL}
    schema: public
    tls: { mode: verify-full, keyPassword: "\${BACKUP_KEY_PASSWORD}" }
    pool: \${BACKUP_POOL}
  docs:
    kind: mongodb
    url: mongodb://mongo-1:27017,mongo-2:27017/?replicaSet=rs0
    database: georiesgo
entities:
  incidents:
    table: public.incidents
    key: id
    version: updated_at
    fields:
      latitud: { tolerance: 0.000001 }
      longitud: { tolerance: 0.000001 }
    replicas:
      - store: backup
      - store: docs
        naming: camelCase
        where: { deleted: { $ne: true } }
        maxLag: 2s
        decimals: double
        fields:
          descriptive_location: place.words
          latitud: { to: place.lat }
          longitud: { tolerance: 0.5 }
          updated_at: { tolerance: 1s }
          status:
            case: insensitive
            map: { Activo: active, En Proceso: 2, Cerrado: false }
  users:
    table: users
    key: [id]
    fields:
      password: { sensitive: true }
      created_at: { ignore: true }
    naming: camelCase
    replicas:
      - store: backup
        naming: asIs
        fields: { created_at: { type: timestamp } }
      - store: docs
        onlyListed: true
        fields: { full_name: fullName }
        ignore: [email]
  active_users:
    sql: |
      SELECT id, full_name FROM users;
    where: id LIKE 'usr_%'
    key: [id]
    replicas:
      - { store: docs, target: users }
confirm: { interval: 250ms, giveUp: 1m }
limits: { maxRows: 500, maxPercent: 2.5% }
folder: var/runs
`;

const env = {
  PG_PASSWORD: 'p@ss/word: 100%',
  BACKUP_URL: 'postgres://plumbline:p%40ss@backup/georiesgo',
  BACKUP_KEY_PASSWORD: 'k',
  BACKUP_POOL: '8',
};

test('georiesgo: rows in PostgreSQL and, in camelCase with status codes, in MongoDB', () => {
  const config = parseConfig(georiesgo, '/srv/georiesgo/plumbline.yaml', env, kinds);
  expect(config.source.url).toBe('postgres://plumbline:p%40ss%2Fword%3A%20100%25@localhost:5432/georiesgo');
  expect([...config.stores.values()]).toEqual([
    {
      name: 'backup',
      kind: 'postgres',
      url: env.BACKUP_URL,
      options: { schema: 'public', tls: { mode: 'verify-full', keyPassword: 'k' }, pool: 8 },
    },
    {
      name: 'docs',
      kind: 'mongodb',
      url: 'mongodb://mongo-1:27017,mongo-2:27017/?replicaSet=rs0',
      options: { database: 'georiesgo', readPreference: 'primary' },
    },
  ]);
  expect(config.confirm).toEqual({ interval: 250, giveUp: 60_000 });
  expect(config.limits).toMatchObject({ maxRows: 500, maxPercent: 2.5 });
  expect(config.folder).toBe(path.resolve('/srv/georiesgo/var/runs'));

  const [incidents, users, active] = config.entities;
  expect(incidents).toMatchObject({ name: 'incidents', table: 'public.incidents', key: ['id'], version: 'updated_at' });
  const [toBackup, toDocs] = incidents!.replicas;
  expect(toBackup).toMatchObject({
    name: 'backup.incidents',
    target: 'incidents',
    naming: 'asIs',
    maxLag: 500,
    options: {},
  });
  expect(toBackup!.fields).toEqual(
    new Map<string, FieldConfig>([
      ['latitud', { tolerance: 0.000001 }],
      ['longitud', { tolerance: 0.000001 }],
    ]),
  );
  expect(toDocs).toMatchObject({
    name: 'docs.incidents',
    naming: 'camelCase',
    where: { deleted: { $ne: true } },
    maxLag: 2_000,
    options: { decimals: 'double' },
  });
  expect(toDocs!.fields).toEqual(
    new Map<string, FieldConfig>([
      ['latitud', { to: 'place.lat', tolerance: 0.000001 }],
      ['longitud', { tolerance: 0.5 }],
      ['descriptive_location', { to: 'place.words' }],
      ['updated_at', { tolerance: 1_000_000, toleranceIsDuration: true }],
      [
        'status',
        {
          ignoreCase: true,
          map: new Map<string, string | number | boolean>([
            ['Activo', 'active'],
            ['En Proceso', 2],
            ['Cerrado', false],
          ]),
        },
      ],
    ]),
  );

  expect(users!.replicas.map(({ name, naming }) => [name, naming])).toEqual([
    ['backup.users', 'asIs'],
    ['docs.users#users', 'camelCase'],
  ]);
  expect(users!.replicas[0]!.fields.get('password')).toEqual({ sensitive: true });
  expect(users!.replicas[1]!.onlyListed).toBe(true);
  expect(users!.replicas[1]!.fields).toEqual(
    new Map<string, FieldConfig>([
      ['password', { sensitive: true }],
      ['created_at', { ignore: true }],
      ['full_name', { to: 'fullName' }],
      ['email', { ignore: true }],
    ]),
  );

  expect(active).toMatchObject({ sql: 'SELECT id, full_name FROM users', where: "id LIKE 'usr_%'" });
  expect(active!.table).toBeUndefined();
  expect(active!.replicas[0]!.name).toBe('docs.users#active_users');
});

test('a replica that maps a column takes it back from an entity that ignores it', () => {
  const { entities } = parseConfig(georiesgo, 'a.yaml', env, kinds);
  expect(entities[1]!.replicas[0]!.fields.get('created_at')).toEqual({ type: 'timestamp' });
});

const small = (replica: string) => `
source: { url: postgres://h/d }
stores: { docs: { kind: mongodb, url: mongodb://h } }
entities:
  open_orders: { sql: select 1 as id, key: id, replicas: [${replica}] }
`;
const onlyReplica = (replica: string, variables = {}) =>
  parseConfig(small(replica), 'a.yaml', variables, kinds).entities[0]!.replicas[0]!;

test('everything has a default', () => {
  const config = parseConfig(small('{ store: docs }'), '/a/b.yaml', {}, kinds);
  expect(config.confirm).toEqual({ interval: 100, giveUp: undefined });
  expect(config.limits).toEqual({
    maxRows: 10_000,
    maxPercent: 10,
    maxDeletes: 1000,
    maxShrink: 50,
    windows: [],
    timeZone: 'UTC',
    pause: 600_000,
  });
  expect(config.folder).toBe(path.resolve('/a/.plumbline'));
});

test("a query's target is the entity's name, put through the naming", () => {
  expect(onlyReplica('{ store: docs, naming: camelCase }').target).toBe('openOrders');
  expect(onlyReplica('{ store: docs, naming: camelCase, target: as_told }').target).toBe('as_told');
});

test.each([
  ['250', 250],
  ['500ms', 500],
  ['1.5s', 1_500],
  ['"2 m"', 120_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['0', 0],
  [`"\${LAG}"`, 90],
])('maxLag: %s is %i ms', (words, milliseconds) => {
  expect(onlyReplica(`{ store: docs, maxLag: ${words} }`, { LAG: '90' }).maxLag).toBe(milliseconds);
});

test.each([
  [`\${A}-\${B:-b}`, 'x-b'],
  [`\${EMPTY:-default}`, 'default'],
  [`a\${EMPTY}b`, 'ab'],
  [`$\${A} costs $5`, `\${A} costs $5`],
  [`\${A:-}`, 'x'],
])('%s becomes %s', (words, text) => {
  const config = small(`{ store: docs, target: "${words}" }`);
  expect(parseConfig(config, 'a.yaml', { A: 'x', EMPTY: '' }, kinds).entities[0]!.replicas[0]!.target).toBe(text);
});

test('a number or a yes-or-no may come from a variable; a text of digits stays text', () => {
  const variables = { YES: 'true', N: '12' };
  expect(onlyReplica(`{ store: docs, onlyListed: "\${YES}", target: "\${N}" }`, variables)).toMatchObject({
    onlyListed: true,
    target: '12',
  });
});

test("a map's keys are read as text, as they are written", () => {
  const { map } = onlyReplica('{ store: docs, fields: { s: { map: { 01: a, true: b, 1.50: c } } } }').fields.get('s')!;
  expect([...map!]).toEqual([
    ['01', 'a'],
    ['true', 'b'],
    ['1.50', 'c'],
  ]);
});

test('columns and keys may have the names that every JavaScript object has', () => {
  const replica = onlyReplica('{ store: docs, fields: { constructor: a, toString: { ignore: true } } }');
  expect([...replica.fields]).toEqual([
    ['constructor', { to: 'a' }],
    ['toString', { ignore: true }],
  ]);
});

test('an alias repeats what it names', () => {
  const text = small('{ store: docs, target: a, fields: &f { x: y } }, { store: docs, target: b, fields: *f }');
  const [a, b] = parseConfig(text, 'a.yaml', {}, kinds).entities[0]!.replicas;
  expect(b!.fields).toEqual(a!.fields);
});

test('a file that is not there is a ConfigError that says what to do', async () => {
  const reading = readConfig('/nowhere/plumbline.yaml', {}, kinds);
  await expect(reading).rejects.toBeInstanceOf(ConfigError);
  await expect(reading).rejects.toMatchObject({
    file: '/nowhere/plumbline.yaml',
    problems: [{ message: 'there is no such file', hint: expect.stringContaining('docs/config.md') }],
  });
});

test.each([
  ['reported_by', 'camelCase', 'reportedBy'],
  ['reportedBy', 'camelCase', 'reportedBy'],
  ['_a__b_1_', 'camelCase', '_aB1_'],
  ['reportedBy', 'snake_case', 'reported_by'],
  ['reported_by', 'snake_case', 'reported_by'],
  ['userID2', 'snake_case', 'user_id2'],
  ['HTTPServer', 'snake_case', 'http_server'],
  ['Reported_By', 'asIs', 'Reported_By'],
] as const)('%s in %s is %s', (name, naming, wanted) => {
  expect(applyNaming(name, naming)).toBe(wanted);
});

test.each([
  ['incidents', 'incidents'],
  ['public.incidents', 'incidents'],
  ['"My.App"."In""cidents"', 'In"cidents'],
])('the table of %s is %s', (table, name) => {
  expect(tableName(table)).toBe(name);
});

test('the example in docs/config.md is right', async () => {
  const page = await readFile(new URL('../../docs/config.md', import.meta.url), 'utf8');
  const example = /```yaml\n(.*?)```/s.exec(page)![1]!;
  const variables = { PG_PASSWORD: 'a', BACKUP_URL: 'postgres://h/d', MONGO_PASSWORD: 'b' };
  const { entities } = parseConfig(example, 'plumbline.yaml', variables, kinds);
  expect(entities.flatMap(({ replicas }) => replicas.map(({ name }) => name))).toEqual([
    'backup.incidents',
    'docs.incidents',
    'docs.users',
    'docs.incident_counts',
  ]);
});
