// Names and values that try to be more than names and values, through check, repair, verify and undo, in all six kinds of store at once: what is
// planted is found, what is found is put right to the letter, undo brings it back, and a bystander in each store is left alone.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, check, parseConfig, reconcile, undo } from '../../src/index.ts';
import {
  type HostilePlace,
  type HostileStore,
  hostileCassandra,
  hostileMongodb,
  hostileNeo4j,
  hostileOracle,
  hostilePostgres,
  hostileRedis,
  type Record,
} from './hostile-places.ts';

const TIME_LIMIT_MS = 90_000;
const { PLUMBLINE_PROPERTY_RUNS: runs } = process.env;
const CANARY = 'canary';

const VARIABLE = ['$', '{SECRET}'].join('');
const PIECES = [
  '"',
  "'",
  '`',
  '.',
  '$',
  ' ',
  ';',
  '--',
  '/*',
  '*/',
  '\\',
  'ñ',
  '漢字',
  '🐎',
  '\n',
  '\t',
  '\u0001',
  '\u007f',
  '%',
  '_',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  ':',
  ',',
  '?',
  '*',
  '#',
  '=',
  '$$',
  '${',
  '\\u0060',
  '$where',
  '$gt',
  '%00',
  '\u202e',
  'é',
  'A',
  'a',
  '1',
  '<b>',
  '&',
  `"; DROP TABLE ${CANARY}; --`,
  `'; DROP TABLE ${CANARY}; --`,
  '`) DETACH DELETE n //',
  '") ALLOW FILTERING',
];
const VALUES = [
  `'; drop table ${CANARY}; --`,
  `"; DROP TABLE ${CANARY} CASCADE; --`,
  `' or '1'='1`,
  "{ $gt: '' }",
  '{"$gt":""}',
  '$where: sleep(1)',
  'this.id == this.id',
  '`}) DETACH DELETE n //',
  "'}) MATCH (m) DETACH DELETE m //",
  VARIABLE,
  '$$',
  '$1',
  ':1',
  ':id',
  '?',
  '%s%n',
  '\\',
  "\\'",
  '\\x00',
  "E'\\n'",
  'NULL',
  'null',
  'undefined',
  'true',
  '0',
  '-0',
  '1e400',
  '\u001b[2J\u001b]0;x\u0007',
  '\r\nSET x 1\r\n',
  '*3\r\n$3\r\nDEL\r\n',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\ufffd',
  '🐎'.repeat(40),
  ' ',
  '\t',
  '__proto__',
  'constructor',
  '<script>alert(1)</script>',
  ']]>',
  '=cmd()',
  '../../etc/passwd',
];
/** Not in PostgreSQL: only a replica can hold them. */
const WITH_ZERO = ['a\0b', '\0'];

let source: Awaited<ReturnType<typeof hostilePostgres>>;
let stores: readonly HostileStore[];
let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-hostile-'));
  source = await hostilePostgres('18', 'source');
  stores = await Promise.all([
    hostilePostgres('15', 'backup'),
    hostileMongodb(),
    hostileCassandra(),
    hostileNeo4j(),
    hostileRedis(),
    hostileOracle(),
  ]);
}, 120_000);
afterAll(async () => {
  await Promise.all([source, ...stores].map((store) => store.close()));
  await rm(folder, { recursive: true, force: true });
});

const name = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
const value = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
  fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join('')),
);

interface Case {
  readonly place: string;
  /** By source column. */
  readonly fields: readonly string[];
  readonly rows: readonly {
    readonly key: string;
    readonly values: readonly string[];
    readonly fate: Fate;
    readonly other: string;
  }[];
}
type Fate = 'kept' | 'missing' | 'changed' | 'orphan' | 'zero';

const hostileCase: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 3 }).chain((width) =>
  fc.record({
    place: name,
    fields: fc.uniqueArray(name, { minLength: width, maxLength: width, selector: (field) => field.toUpperCase() }),
    rows: fc.uniqueArray(
      fc.record({
        key: value,
        values: fc.array(value, { minLength: width, maxLength: width }),
        fate: fc.constantFrom<Fate>('kept', 'missing', 'changed', 'orphan', 'zero'),
        other: value,
      }),
      { minLength: 1, maxLength: 8, selector: ({ key }) => key },
    ),
  }),
);

/** What the store can't have is made into something plain, so that every case is one for every store. */
function fitted(text: string, fits: (text: string) => boolean, plain: string): string {
  return fits(text) ? text : plain;
}

interface Prepared {
  readonly config: Config;
  readonly places: readonly {
    readonly store: HostileStore;
    readonly place: HostilePlace;
    readonly wrong: readonly Record[];
    readonly right: readonly Record[];
  }[];
  readonly expected: readonly string[];
}

async function prepare(given: Case): Promise<Prepared> {
  const number = made++;
  const sourceFits = (text: string) => source.takesValue(text) && stores.every((store) => store.takesValue(text));
  const rows = given.rows
    .map((row, i) => ({
      ...row,
      key: fitted(row.key, sourceFits, `key ${i}`).slice(0, 200),
      values: row.values.map((text) => fitted(text, sourceFits, 'plain')),
      other: fitted(row.other, sourceFits, 'other'),
    }))
    .filter(({ key }, i, all) => sourceFits(key) && all.findIndex((row) => row.key === key) === i);
  const columns = given.fields.map((field, i) =>
    fitted(field, (text) => source.takesField(text) && text !== 'id' && !/\$\{/.test(text), `column ${i}`),
  );
  const table = fitted(given.place, source.takesPlace, 'table');
  const origin = await source.make(`${table.slice(0, 20)}_${number}`, columns);
  const inSource = rows.filter(({ fate }) => fate !== 'orphan');
  await origin.write(inSource.map(({ key, values }): Record => [key, ...values]));
  const expected: string[] = [];
  const places = [];
  for (const store of stores) {
    const fields = given.fields.map((field, i) => fitted(field, store.takesField, `field${i}`));
    const target = fitted(`${given.place}_${number}`, store.takesPlace, `place_${number}`);
    const place = await store.make(target, fields);
    const wrong = rows.flatMap(({ key, values, fate, other }): Record[] => {
      const [first, ...rest] = values;
      if (fate === 'missing') return [];
      if (fate === 'changed') return [[key, other, ...rest]];
      const zero = WITH_ZERO[number % 2]!;
      if (fate === 'zero' && store.takesValue(zero)) return [[key, zero, ...rest]];
      return [[key, first, ...rest]];
    });
    for (const { key, values, fate, other } of rows) {
      if (fate === 'missing' || fate === 'orphan') expected.push(`${store.name} ${fate} ${key}`);
      if (fate === 'changed' && other !== values[0]) expected.push(`${store.name} mismatched ${key}`);
      if (fate === 'zero' && store.takesValue(WITH_ZERO[number % 2]!)) expected.push(`${store.name} mismatched ${key}`);
    }
    await place.write(wrong);
    const sorted = [...wrong].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const right = inSource.map(({ key, values }): Record => [key, ...values]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const words = {
      store: store.name,
      maxLag: '10ms',
      ...place.words,
      fields: Object.fromEntries(columns.map((column, i) => [column, { to: fields[i] }])),
    };
    places.push({ store, place, wrong: sorted, right, words });
  }
  return {
    config: configOf(
      (origin.words as { target: string }).target,
      places.map(({ words }) => words),
    ),
    places,
    expected,
  };
}

function configOf(table: string, replicas: readonly object[]): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  // What stands in the file is to be taken as it is.
  const literal = (_key: string, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('${', () => '$${') : value;
  const text = JSON.stringify(
    {
      entities: { things: { table, key: 'id', replicas } },
      limits: { maxPercent: 100 },
      confirm: { interval: '10ms' },
      folder,
    },
    literal,
  );
  const urls = JSON.stringify({
    source: { url: variable('SOURCE') },
    stores: Object.fromEntries(
      stores.map((store) => [store.name, { ...store.config, url: variable(store.name.toUpperCase()) }]),
    ),
  });
  return parseConfig(`${text.slice(0, -1)}, ${urls.slice(1)}`, join(folder, 'plumbline.yaml'), {
    SOURCE: source.url,
    ...Object.fromEntries(stores.map((store) => [store.name.toUpperCase(), store.url])),
  });
}

test('what is planted is found, put right and brought back, and nobody else is touched', {
  timeout: 5 * TIME_LIMIT_MS,
}, async () => {
  const canaries = await Promise.all(
    stores.map(async (store) => {
      const place = await store.make(CANARY, ['field']);
      await place.write([['bystander', 'alive']]);
      return place;
    }),
  );
  const until = Date.now() + TIME_LIMIT_MS;
  await fc.assert(
    fc.asyncProperty(hostileCase, async (given) => {
      if (Date.now() > until) return;
      const { config, places, expected } = await prepare(given);
      const found = await check(config, { shown: 100 });
      expect(found.problems).toEqual([]);
      const findings = found.replicas.flatMap(({ store, status, error, findings }) => {
        expect(`${store} ${status} ${error?.message ?? ''}`).toBe(`${store} proven `);
        return findings.map((finding) => `${store} ${finding.class} ${finding.key.id}`);
      });
      expect(findings.sort()).toEqual([...expected].sort());

      const repaired = await reconcile(config, {
        apply: true,
        deleteOrphans: true,
        maxPercent: 10_000,
        forceEmpty: true,
        forceShrunk: true,
      });
      expect(repaired.problems).toEqual([]);
      expect(repaired.replicas.flatMap(({ repair }) => repair?.errors ?? [])).toEqual([]);
      for (const { store, place, right } of places) expect(await place.read(), store.name).toEqual(right);
      expect((await check(config)).exitCode).toBe(0);

      if (expected.length > 0) {
        const undone = await undo(config, repaired.run, { apply: true });
        expect(undone.exitCode).toBe(0);
      }
      for (const { store, place, wrong } of places) expect(await place.read(), store.name).toEqual(wrong);
      for (const canary of canaries) expect(await canary.read()).toEqual([['bystander', 'alive']]);
    }),
    { numRuns: Number(runs ?? 15), endOnFailure: true },
  );
});

test('ten megabytes in one field are compared, written and brought back', { timeout: 300_000 }, async () => {
  const large = `${'x'.repeat(1000)}é"'\\$`.repeat(10_000);
  const origin = await source.make('large', ['body']);
  await origin.write([
    ['same', large],
    ['missing', large],
    ['changed', large],
  ]);
  // VARCHAR2 holds 4,000 bytes; a LOB of a megabyte is in the store's own tests.
  for (const store of stores.filter(({ name }) => name !== 'erp')) {
    const place = await store.make('large', ['body']);
    const wrong: Record[] = [
      ['changed', `${large.slice(0, -1)}!`],
      ['same', large],
    ];
    await place.write(wrong);
    const config = configOf('large', [{ store: store.name, maxLag: '10ms', ...place.words }]);
    const found = await check(config);
    expect(found.replicas[0], store.name).toMatchObject({
      status: 'proven',
      counts: { missing: 1, mismatched: 1, orphan: 0 },
    });
    const repaired = await reconcile(config, { apply: true });
    // MongoDB takes old and new values in one operation of 16 MiB: a conditional update of such a field is refused, and said so.
    const isHeld = store.name !== 'docs';
    const { outcomes, errors } = repaired.replicas[0]!.repair!;
    expect(outcomes, store.name).toMatchObject(isHeld ? { written: 2 } : { written: 1, refused: 1 });
    expect(errors.join('')).toMatch(isHeld ? /^$/ : /16 MiB/);
    expect(repaired.exitCode, store.name).toBe(isHeld ? 0 : 1);
    const held = async () => (await place.read()).map(([key, body]) => `${key}: ${body === large}`);
    expect(await held(), store.name).toEqual([`changed: ${isHeld}`, 'missing: true', 'same: true']);
    expect((await undo(config, repaired.run, { apply: true })).exitCode, store.name).toBe(0);
    expect(await held(), store.name).toEqual(['changed: false', 'same: true']);
  }
});

test('half of a surrogate pair, which no store’s text can be, is told and not taken for something else', async () => {
  const redis = stores.find(({ name }) => name === 'kv')!;
  const origin = await source.make('surrogates', ['body']);
  await origin.write([
    ['a', '\ufffd'],
    ['b', 'plain'],
  ]);
  const place = await redis.make('surrogates', ['body']);
  await place.write([['b', 'plain']]);
  // As a careless program writes it: the three bytes that UTF-8 does not have.
  const { Redis } = await import('ioredis');
  const client = new Redis(redis.url);
  const start = (place.words as { target: string }).target
    .replace('{id}', '')
    .replaceAll('{{', '{')
    .replaceAll('}}', '}');
  await client.hset(`${start}a`, 'id', 'a', 'body', Buffer.from([0xed, 0xa0, 0x80]));
  client.disconnect();
  const config = configOf('surrogates', [{ store: 'kv', maxLag: '10ms', ...place.words }]);
  const report = await check(config);
  expect(report.exitCode).toBe(3);
  expect(report.replicas[0]!.counts).toMatchObject({ unread: 1 });
});
