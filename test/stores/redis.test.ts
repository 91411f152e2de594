// The Redis store: the shared suite with records as hashes and as JSON, and what only Redis has. Everything is written and read back by a
// client of the test's own.

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Field, Mapping, Row } from '../../src/mapping/mapping.ts';
import type { ReplicaOptions } from '../../src/stores/redis/options.ts';
import { redis } from '../../src/stores/redis/redis.ts';
import type { Change, FetchedRow, Replica, Store } from '../../src/stores/store.ts';
import type { Value } from '../../src/value/field-type.ts';
import { freshRedis } from '../databases.ts';
import { expectDigestsOfRows, storeContract } from './contract.ts';
import { field } from './contract-cases.ts';
import { connectRedis, startRedis } from './redis-harness.ts';

storeContract('redis, records as hashes', startRedis('hash'));
storeContract('redis, records as JSON', startRedis('json'));

describe('the redis store', () => {
  const { url, prefix } = freshRedis();
  let client: Redis;
  let store: Store;
  let places = 0;

  beforeAll(async () => {
    client = new Redis(url);
    store = await connectRedis(url);
  });
  afterAll(async () => {
    await store.close();
    client.disconnect();
  });

  const id = field('id', { kind: 'text' });
  const mapOf = (...fields: Field[]): Mapping => ({ key: [id], fields });

  /** `KEY` in the target stands for a beginning of the test's own. */
  function replicaOf(mapping: Mapping, options: ReplicaOptions, target = 'KEY{id}', where?: unknown) {
    const start = `${prefix}own${places++}:`;
    const entries = options.entries?.replace('KEY', start);
    const except = options.except?.map((glob) => glob.replace('KEY', start));
    const replica: Replica = {
      name: 'kv.own',
      target: target.replace('KEY', start),
      mapping,
      where,
      options: { ...options, ...(entries && { entries }), ...(except && { except }) },
    };
    return { replica, start };
  }

  async function rowsOf(replica: Replica): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const page of store.scan(replica)) rows.push(...page);
    await expectDigestsOfRows(store, replica);
    return rows.sort((a, b) => (a.key.join() < b.key.join() ? -1 : 1));
  }
  const readings = async (replica: Replica) => (await rowsOf(replica)).map((row) => row.unread ?? row.values);
  const outcomes = async (replica: Replica, changes: readonly Change[]) =>
    (await store.apply(replica, changes)).map((result) => ('error' in result ? result.error : result.outcome));
  const fetchOne = async (replica: Replica, ...key: string[]): Promise<FetchedRow> =>
    (await store.fetch(replica, [key]))[0]!;
  const update = (expected: FetchedRow, ...values: Value[]): Change => ({
    kind: 'update',
    row: { key: expected.key, values },
    fields: values.map((_, i) => i),
    expected,
  });

  describe('values of a hash', () => {
    const timestamp = { kind: 'timestamp', precision: 6 } as const;
    test.each<[string, Field, string | Buffer, Value]>([
      ['1 for a boolean', field('f', { kind: 'boolean' }), '1', 'true'],
      ['False for a boolean', field('f', { kind: 'boolean' }), 'False', 'false'],
      ['an integer with zeros before it', field('f', { kind: 'integer', bits: 64 }), '0012', '12'],
      ['a decimal with zeros behind it', field('f', { kind: 'decimal' }), '1200.500', '1200.5'],
      ['a decimal with an exponent', field('f', { kind: 'decimal' }), '1.5e3', '1500'],
      ['a float', field('f', { kind: 'float', bits: 64 }), '-74.0721000', '-74.0721'],
      [
        'a time with an offset',
        field('f', timestamp),
        '2026-01-02 03:04:05.123456+02:00',
        '2026-01-02T01:04:05.123456Z',
      ],
      ['a time as Python writes it', field('f', timestamp), '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05.000000Z'],
      [
        'milliseconds',
        field('f', timestamp, { storedAs: 'epochMillis' }),
        '1767323045123',
        '2026-01-02T03:04:05.123000Z',
      ],
      [
        'seconds with a fraction',
        field('f', timestamp, { storedAs: 'epochSeconds' }),
        '1767323045.25',
        '2026-01-02T03:04:05.250000Z',
      ],
      [
        'microseconds before 1970',
        field('f', timestamp, { storedAs: 'epochMicros' }),
        '-1',
        '1969-12-31T23:59:59.999999Z',
      ],
      [
        'ISO milliseconds',
        field('f', timestamp, { storedAs: 'isoMillis' }),
        '2026-01-02T03:04:05.123999Z',
        '2026-01-02T03:04:05.123000Z',
      ],
      [
        'a UUID in capitals',
        field('f', { kind: 'uuid' }),
        '00000000-0000-4000-8000-0000000000FF',
        '00000000-0000-4000-8000-0000000000ff',
      ],
      ['bytes in base64', field('f', { kind: 'bytes' }, { storedAs: 'base64' }), 'AP8Q', '00ff10'],
      ['bytes as they are', field('f', { kind: 'bytes' }, { storedAs: 'binary' }), Buffer.from([0, 255, 16]), '00ff10'],
      ['JSON', field('f', { kind: 'json' }), '{"b":1,"a":[1.50]}', '{"a": [1.5], "b": 1}'],
      ['an empty text', field('f', { kind: 'text' }), '', ''],
    ])('%s', async (_name, mapped, native, canonical) => {
      const { replica, start } = replicaOf(mapOf(mapped), { as: 'hash' });
      await client.hset(`${start}a`, 'f', native);
      expect(await readings(replica)).toEqual([[canonical]]);
      expect(await fetchOne(replica, 'a')).toMatchObject({ values: [canonical] });
    });

    test.each<[string, Field, string | Buffer, RegExp]>([
      [
        'a word for a number',
        field('f', { kind: 'decimal' }),
        'twelve',
        /^f holds a text, not decimal: "twelve" is not a number$/,
      ],
      ['an empty text for a number', field('f', { kind: 'integer', bits: 32 }), '', /^f holds a text, not integer/],
      ['2 for a boolean', field('f', { kind: 'boolean' }), '2', /not boolean/],
      [
        'bytes that are no text',
        field('f', { kind: 'text' }),
        Buffer.from([0xff, 0x61]),
        /^f holds a text, not text: it is not UTF-8$/,
      ],
      ['a secret', field('f', { kind: 'decimal' }, { sensitive: true }), 's3cret', /^f holds a text, not decimal$/],
    ])('%s makes the record unread', async (_name, mapped, native, reason) => {
      const { replica, start } = replicaOf(mapOf(mapped), { as: 'hash' });
      await client.hset(`${start}a`, 'f', native);
      expect(await readings(replica)).toEqual([expect.stringMatching(reason)]);
      expect(await fetchOne(replica, 'a')).toMatchObject({ key: ['a'], unread: expect.stringMatching(reason) });
    });

    test('a text may stand for null, and is written for it', async () => {
      const mapping = mapOf(field('a', { kind: 'integer', bits: 32 }), field('b', { kind: 'text' }));
      const { replica, start } = replicaOf(mapping, { as: 'hash', nullText: '' });
      await client.hset(`${start}x`, { a: '', b: 'text' });
      expect(await readings(replica)).toEqual([[null, 'text']]);
      expect(await outcomes(replica, [update(await fetchOne(replica, 'x'), '5', null)])).toEqual(['written']);
      expect(await client.hgetall(`${start}x`)).toEqual({ a: '5', b: '' });
      expect(await outcomes(replica, [update(await fetchOne(replica, 'x'), '5', '')])).toEqual([
        'b: it would read as null (nullText)',
      ]);
    });

    test('what is written is spelled as what stands there', async () => {
      const mapping = mapOf(
        field('yes', { kind: 'boolean' }),
        field('at', timestamp),
        field('key', { kind: 'uuid' }),
        field('status', { kind: 'enum' }, { map: new Map([['Activo', 1]]) }),
      );
      const { replica, start } = replicaOf(mapping, { as: 'hash' });
      const uuid = '0b0c0d0e-0000-4000-8000-0000000000ff';
      await client.hset(`${start}x`, { yes: '0', at: '2026-01-02 03:04:05.100+00:00', key: uuid.toUpperCase() });
      const values = ['true', '2026-11-22T01:14:07.221000Z', uuid.replace('0b', 'ab'), '1'];
      expect(await outcomes(replica, [{ kind: 'insert', row: { key: ['y'], values } }])).toEqual(['written']);
      // The id is no field here, as it is none of the other record.
      expect(await client.hgetall(`${start}y`)).toEqual({
        yes: '1',
        at: '2026-11-22 01:14:07.221+00:00',
        key: uuid.replace('0b', 'ab').toUpperCase(),
        status: '1',
      });
    });

    test('what its way of keeping can’t hold is refused, not rounded', async () => {
      const { replica, start } = replicaOf(mapOf(field('at', timestamp, { storedAs: 'epochMillis' })), { as: 'hash' });
      const insert = (value: string): Change => ({ kind: 'insert', row: { key: ['a'], values: [value] } });
      expect(
        await outcomes(replica, [insert('2026-01-02T03:04:05.123456Z'), insert('2026-01-02T03:04:05.123000Z')]),
      ).toEqual(['at: it can’t be held as epochMillis', 'written']);
      expect(await client.hget(`${start}a`, 'at')).toBe('1767323045123');
    });

    test('a hash is not emptied away', async () => {
      const { replica, start } = replicaOf(mapOf(field('f', { kind: 'text' })), { as: 'hash' });
      await client.hset(`${start}a`, 'f', 'x');
      expect(await outcomes(replica, [update(await fetchOne(replica, 'a'), null)])).toEqual([
        expect.stringContaining('a hash without a field'),
      ]);
      expect(await client.hgetall(`${start}a`)).toEqual({ f: 'x' });
    });
  });

  describe('values of JSON', () => {
    const decimal = { kind: 'decimal' } as const;
    test.each<[string, Field, string, Value]>([
      ['a number beyond a double', field('f', { kind: 'integer', bits: 64 }), '9007199254740993', '9007199254740993'],
      ['all digits of a decimal', field('f', decimal), '0.10000000000000000555', '0.10000000000000000555'],
      ['a decimal in a string', field('f', decimal), '"12.50"', '12.5'],
      ['a number for a boolean', field('f', { kind: 'boolean' }), '1', 'true'],
      ['a number for a word', field('f', { kind: 'enum' }), '3', '3'],
      [
        'milliseconds',
        field('f', { kind: 'timestamp', precision: 6 }, { storedAs: 'epochMillis' }),
        '1767323045123',
        '2026-01-02T03:04:05.123000Z',
      ],
      ['an escaped text', field('f', { kind: 'text' }), '"\\u00d1and\\u00fa \\ud83d\\ude42 \\n"', 'Ñandú 🙂 \n'],
      [
        'JSON in a string, where the config says so',
        field('f', { kind: 'json' }, { storedAs: 'string' }),
        '"{\\"a\\":1}"',
        '{"a": 1}',
      ],
      ['a string that is JSON', field('f', { kind: 'json' }), '"{}"', '"{}"'],
      ['an array', field('f', { kind: 'array', element: decimal }), '[1.0, null]', '[1, null]'],
      ['null', field('f', decimal), 'null', null],
    ])('%s', async (_name, mapped, literal, canonical) => {
      const { replica, start } = replicaOf(mapOf(mapped), { as: 'json' });
      await client.set(`${start}a`, `{"other":[{"f":7}],"f":${literal}}`);
      expect(await readings(replica)).toEqual([[canonical]]);
    });

    test.each<[string, string, RegExp]>([
      ['a number for a text', '{"f":1}', /^f holds a number, not text$/],
      ['no object', '[1]', /^its value can’t be read: it is not a JSON object$/],
      ['no JSON', '{"f":"x"', /^its value can’t be read: it is not JSON/],
      ['half a surrogate pair', '{"f":"\\ud83d"}', /half of a surrogate pair/],
    ])('%s makes the record unread', async (_name, text, reason) => {
      const { replica, start } = replicaOf(mapOf(field('f', { kind: 'text' })), { as: 'json' });
      await client.set(`${start}a`, text);
      expect(await readings(replica)).toEqual([expect.stringMatching(reason)]);
    });

    test('a rewrite changes its member and no other byte', async () => {
      const mapping = mapOf(
        field('city', { kind: 'text' }, { target: 'address.city' }),
        field('total', { kind: 'decimal' }),
        field('zip', { kind: 'text' }, { target: 'address.zip' }),
      );
      const { replica, start } = replicaOf(mapping, { as: 'json' });
      await client.set(
        `${start}a`,
        '{ "big": 12345678901234567890.10, "address" : {"city":"Cali", "x": [1.0]},\n "total":"1.5" }',
      );
      expect(await outcomes(replica, [update(await fetchOne(replica, 'a'), 'Bogotá', '2', '11001')])).toEqual([
        'written',
      ]);
      expect(await client.get(`${start}a`)).toBe(
        '{ "big": 12345678901234567890.10, "address" : {"city":"Bogotá", "x": [1.0],"zip":"11001"},\n "total":"2" }',
      );
    });

    test('members that the others leave away when null are left away', async () => {
      const { replica, start } = replicaOf(mapOf(field('a', { kind: 'text' }), field('b', { kind: 'text' })), {
        as: 'json',
      });
      await client.set(`${start}x`, '{"id":"x","a":"1"}');
      expect(await outcomes(replica, [{ kind: 'insert', row: { key: ['y'], values: ['2', null] } }])).toEqual([
        'written',
      ]);
      expect(await client.get(`${start}y`)).toBe('{"id":"y","a":"2"}');
    });
  });

  describe('plain strings', () => {
    const price = field('price', { kind: 'decimal' });

    test('are read, written under their guard, and removed', async () => {
      const { replica, start } = replicaOf(mapOf(price), { as: 'string' });
      await client.mset({ [`${start}a`]: '12.50', [`${start}b`]: 'free', [`${start}c`]: '3' });
      expect(await readings(replica)).toEqual([
        ['12.5'],
        expect.stringMatching(/^price holds a text, not decimal/),
        ['3'],
      ]);
      const [a, c] = [await fetchOne(replica, 'a'), await fetchOne(replica, 'c')];
      await client.set(`${start}c`, '4');
      const changes: Change[] = [
        update(a, '13'),
        update(c, '5'),
        { kind: 'insert', row: { key: ['d'], values: ['1'] } },
        { kind: 'insert', row: { key: ['a'], values: ['1'] } },
        { kind: 'insert', row: { key: ['e'], values: [null] } },
      ];
      expect(await outcomes(replica, changes)).toEqual([
        'written',
        'moved',
        'written',
        'moved',
        'price: a plain string can’t be null',
      ]);
      expect(
        await outcomes(replica, [
          { kind: 'delete', expected: c },
          { kind: 'delete', expected: await fetchOne(replica, 'c') },
        ]),
      ).toEqual(['moved', 'written']);
      expect(await client.mget(`${start}a`, `${start}c`, `${start}d`)).toEqual(['13', null, '1']);
    });

    test('hold one field', async () => {
      const { replica } = replicaOf(mapOf(price, field('other', { kind: 'text' })), { as: 'string' });
      expect((await store.inspect(replica)).problems).toMatchObject([
        { message: expect.stringContaining('price, other') },
      ]);
    });
  });

  describe('sets', () => {
    const member: Mapping = {
      key: [field('city', { kind: 'integer', bits: 32 }), field('user', { kind: 'text' })],
      fields: [],
    };

    test('are records by their members', async () => {
      const { replica, start } = replicaOf(member, { as: 'set', member: 'user', expire: '1h' }, 'KEY{city}:users');
      const many = Array.from({ length: 3000 }, (_, i) => `u${i}`);
      await client.sadd(`${start}1:users`, ...many);
      await client.sadd(`${start}2:users`, 'a', 'b');
      await client.set(`${start}3:users`, 'no set');
      const rows = await rowsOf(replica);
      expect(rows).toHaveLength(3003);
      expect(rows.filter((row) => row.key[0] !== '1')).toEqual([
        { key: ['2', 'a'], values: [] },
        { key: ['2', 'b'], values: [] },
        { key: ['3', ''], values: [], unread: 'its key holds something else than a set' },
      ]);
      expect((await store.inspect(replica)).estimatedRows).toBeGreaterThan(3000);
      const found = await store.fetch(replica, [
        ['2', 'a'],
        ['2', 'x'],
        ['4', 'a'],
        ['3', 'a'],
      ]);
      expect(found.map((row) => [...row.key, row.unread !== undefined])).toEqual([
        ['2', 'a', false],
        ['3', 'a', true],
      ]);
      const changes: Change[] = [
        { kind: 'delete', expected: found[0]! },
        { kind: 'insert', row: { key: ['2', 'b'], values: [] } },
        { kind: 'insert', row: { key: ['5', 'n'], values: [] } },
        { kind: 'insert', row: { key: ['3', 'n'], values: [] } },
      ];
      expect(await outcomes(replica, changes)).toEqual(['written', 'moved', 'written', 'the key holds a string']);
      expect(await outcomes(replica, changes.slice(0, 1))).toEqual(['unchanged']);
      expect(await client.smembers(`${start}2:users`)).toEqual(['b']);
      expect(await client.ttl(`${start}5:users`)).toBeGreaterThan(3500);
    });

    test('need to know which column the members are, and hold no fields', async () => {
      const wrong = { ...member, fields: [field('name', { kind: 'text' })] };
      const { replica } = replicaOf(wrong, { as: 'set', member: 'nobody' }, 'KEY{city}:users');
      const { problems } = await store.inspect(replica);
      expect(problems.map(({ message }) => message)).toEqual([
        'nobody is no column of the key',
        'a member of a set has no fields, and name would be compared',
        expect.stringContaining('names no {user}'),
      ]);
    });
  });

  describe('keys', () => {
    test('that can’t be read are unread, those of others can be excepted', async () => {
      const mapping: Mapping = { key: [field('id', { kind: 'integer', bits: 32 })], fields: [] };
      const { replica, start } = replicaOf(mapping, { as: 'hash', except: ['KEY*:sessions', 'KEY[a-c]?'] });
      for (const key of ['1', '007', 'x', '2:sessions', 'b2']) await client.hset(`${start}${key}`, 'f', '1');
      await client.hset(Buffer.concat([Buffer.from(start), Buffer.from([0xff])]), 'f', '1');
      const rows = await rowsOf(replica);
      expect(rows.map((row) => [row.key[0], row.unread])).toEqual([
        ['007', expect.stringContaining('"007" is spelled "7" elsewhere')],
        ['1', undefined],
        ['x', expect.stringContaining('id in its key is not integer')],
        ['ÿ', 'its key is not UTF-8'],
      ]);
      expect(await store.fetch(replica, [['7'], ['1']])).toMatchObject([{ key: ['1'] }]);
    });

    test('that can be read in two ways are unread, and never written', async () => {
      const mapping: Mapping = { key: [field('a', { kind: 'text' }), field('b', { kind: 'text' })], fields: [] };
      const { replica, start } = replicaOf(mapping, { as: 'hash' }, 'KEY{a}:{b}');
      await client.hset(`${start}x:y:z`, 'f', '1');
      await client.hset(`${start}x:y`, 'f', '1');
      const rows = await rowsOf(replica);
      expect(rows.map((row) => [row.key.join('|'), row.unread !== undefined])).toEqual([
        ['x|y', false],
        ['x|y:z', true],
      ]);
      expect(await fetchOne(replica, 'x:y', 'z')).toMatchObject({
        unread: expect.stringContaining('more than one way'),
      });
      expect(await outcomes(replica, [{ kind: 'insert', row: { key: ['q:r', 's'], values: [] } }])).toEqual([
        expect.stringContaining('more than one way'),
      ]);
    });

    test('are meant literally where they look like patterns', async () => {
      const { replica, start } = replicaOf(mapOf(field('f', { kind: 'text' })), { as: 'hash' }, 'KEY[a]*?\\{{{id}}}');
      await client.hset(`${start}[a]*?\\{1}`, 'f', 'mine');
      await client.hset(`${start}axxx{1}`, 'f', 'other');
      expect(await rowsOf(replica)).toEqual([{ key: ['1'], values: ['mine'] }]);
      expect(await fetchOne(replica, '1')).toMatchObject({ values: ['mine'] });
    });

    test('of another type are unread', async () => {
      for (const as of ['hash', 'json'] as const) {
        const { replica, start } = replicaOf(mapOf(field('f', { kind: 'text' })), { as });
        await client.rpush(`${start}list`, 'x');
        expect(await rowsOf(replica)).toMatchObject([
          { key: ['list'], unread: expect.stringMatching(/^its key holds/) },
        ]);
        const row = await fetchOne(replica, 'list');
        expect(row.unread).toMatch(/^its key holds/);
        expect(await outcomes(replica, [update(row, 'x')])).toEqual([
          'what stands there is no record that could be read',
        ]);
      }
    });
  });

  describe('writing', () => {
    const f = field('f', { kind: 'text' });

    test.each([
      'hash',
      'json',
    ] as const)('%s: a key that expires goes on to expire, a new one when the config says', async (as) => {
      const { replica, start } = replicaOf(mapOf(f), { as, expire: 60_000 });
      if (as === 'hash') await client.hset(`${start}a`, 'f', 'old');
      else await client.set(`${start}a`, '{"f":"old"}');
      await client.expire(`${start}a`, 1000);
      const changes: Change[] = [
        update(await fetchOne(replica, 'a'), 'new'),
        { kind: 'insert', row: { key: ['b'], values: ['x'] } },
      ];
      expect(await outcomes(replica, changes)).toEqual(['written', 'written']);
      expect(await client.ttl(`${start}a`)).toBeGreaterThan(900);
      expect(await client.ttl(`${start}b`)).toBeGreaterThan(50);
      expect((await store.inspect(replica)).notes).toContainEqual(expect.stringMatching(/^2 of 2 sampled keys expire/));
    });

    test('a record that many change at once is written once', async () => {
      const { replica, start } = replicaOf(mapOf(f), { as: 'json' });
      await client.set(`${start}a`, '{"f":"old"}');
      const row = await fetchOne(replica, 'a');
      const others = await Promise.all([connectRedis(url), connectRedis(url), connectRedis(url)]);
      const results = await Promise.all(others.map((other, i) => other.apply(replica, [update(row, `new ${i}`)])));
      await Promise.all(others.map((other) => other.close()));
      expect(
        results
          .flat()
          .map(({ outcome }) => outcome)
          .sort(),
      ).toEqual(['moved', 'moved', 'written']);
    });

    test('scripts that the server has forgotten are sent again', async () => {
      const { replica } = replicaOf(mapOf(f), { as: 'hash' });
      const rows = Array.from({ length: 600 }, (_, i) => ({
        kind: 'insert' as const,
        row: { key: [`${i}`], values: ['x'] },
      }));
      const flushing = (async () => {
        for (let i = 0; i < 20; i++) await client.script('FLUSH');
      })();
      expect(new Set(await outcomes(replica, rows))).toEqual(new Set(['written']));
      await flushing;
    });

    test('`where` is part of what is inserted, and of what must still hold', async () => {
      for (const as of ['hash', 'json'] as const) {
        const { replica, start } = replicaOf(mapOf(f), { as }, 'KEY{id}', { active: true, kind: 'a' });
        expect(await outcomes(replica, [{ kind: 'insert', row: { key: ['n'], values: ['x'] } }])).toEqual(['written']);
        const [row] = await rowsOf(replica);
        expect(row).toEqual({ key: ['n'], values: ['x'] });
        const fetched = await fetchOne(replica, 'n');
        if (as === 'hash') await client.hset(`${start}n`, 'kind', 'b');
        else await client.set(`${start}n`, '{"f":"x","active":true,"kind":"b"}');
        expect(await outcomes(replica, [update(fetched, 'y')])).toEqual(['moved']);
        expect(await rowsOf(replica)).toEqual([]);
      }
    });
  });

  test('50,000 keys come exactly once while others come and go', { timeout: 60_000 }, async () => {
    const { replica, start } = replicaOf(mapOf(field('f', { kind: 'text' })), { as: 'string' });
    const set = async (from: number, to: number, name: string) => {
      for (let i = from; i < to; i += 5000) {
        await client.mset(...Array.from({ length: 5000 }, (_, j) => [`${start}${name}${i + j}`, 'x']).flat());
      }
    };
    await set(0, 50_000, 'k');
    const { replica: noisy, start: noise } = replicaOf(mapOf(field('f', { kind: 'text' })), { as: 'string' });
    let stop = false;
    // The table grows and shrinks under the cursor.
    const churn = (async () => {
      while (!stop) {
        for (let i = 0; i < 60_000; i += 10_000) {
          await client.mset(...Array.from({ length: 10_000 }, (_, j) => [`${noise}${i + j}`, 'x']).flat());
        }
        for (let i = 0; i < 60_000; i += 10_000) {
          await client.unlink(...Array.from({ length: 10_000 }, (_, j) => `${noise}${i + j}`));
        }
      }
    })();
    for (let round = 0; round < 2; round++) {
      const keys: string[] = [];
      for await (const page of store.scan(replica)) keys.push(...page.map((row) => row.key[0]!));
      expect(new Set(keys).size).toBe(50_000);
      expect(keys).toHaveLength(50_000);
    }
    stop = true;
    await churn;
    expect(noisy.target).toContain(noise);
    expect((await store.inspect(replica)).estimatedRows).toBeGreaterThan(10_000);
  });

  describe('inspection', () => {
    test('lists what is wrong with the words', async () => {
      const problemsOf = async (mapping: Mapping, options: ReplicaOptions, target: string, where?: unknown) =>
        (await store.inspect(replicaOf(mapping, options, target, where).replica)).problems.map(
          ({ message }) => message,
        );
      const two: Mapping = { key: [id, field('b', { kind: 'text' })], fields: [] };
      expect(await problemsOf(two, { as: 'hash' }, 'x:{id}{b}')).toEqual([
        expect.stringContaining('nothing stands between'),
      ]);
      expect(await problemsOf(two, { as: 'hash' }, 'x:{id}')).toEqual([expect.stringContaining('names no {b}')]);
      expect(await problemsOf(mapOf(), { as: 'hash' }, 'x:{id}:{c}')).toEqual([
        expect.stringContaining('{c} is no column'),
      ]);
      expect(await problemsOf(mapOf(), { as: 'hash' }, 'x:{id')).toContainEqual(expect.stringContaining('not closed'));
      expect(await problemsOf(mapOf(), { as: 'hash', ttl: '3s' }, 'x:{id}')).toEqual(['means nothing with as: hash']);
      expect(await problemsOf(mapOf(), { as: 'hash' }, 'x:{id}', ['no'])).toEqual(['is no list of fields and values']);
      const odd = mapOf(field('at', { kind: 'timestamp', precision: 6 }, { storedAs: 'epochMilis' }));
      expect(await problemsOf(odd, { as: 'hash' }, 'x:{id}')).toEqual(['epochMilis is no way to keep timestamp']);
    });

    test('a field that never fits is a problem, one that sometimes does not is noted', async () => {
      const { replica, start } = replicaOf(mapOf(field('a', { kind: 'decimal' }), field('b', { kind: 'decimal' })), {
        as: 'hash',
      });
      await client.hset(`${start}1`, { a: 'x', b: '1' });
      await client.hset(`${start}2`, { a: 'y', b: 'z' });
      const { problems, notes, estimatedRows } = await store.inspect(replica);
      expect(problems).toMatchObject([{ path: 'a', message: expect.stringContaining('compared as decimal') }]);
      expect(notes).toContainEqual('b is not decimal in 1 of 2 sampled records');
      expect(estimatedRows).toBe(2);
    });

    test('times that hold less say so, or how to say so', async () => {
      const time = { kind: 'timestamp', precision: 6 } as const;
      const mapping = mapOf(field('a', time, { storedAs: 'epochMillis' }), field('b', time), field('c', time));
      const { replica, start } = replicaOf(mapping, { as: 'hash' });
      await client.hset(`${start}1`, { b: '2026-01-02T03:04:05.123Z', c: '2026-01-02T03:04:05.123456Z' });
      const { timestampPrecision, notes } = await store.inspect(replica);
      expect([...timestampPrecision]).toEqual([['a', 3]]);
      expect(notes.filter((note) => note.includes('isoMillis'))).toEqual([
        expect.stringMatching(/^b has no more than/),
      ]);
    });

    test('tells what the user may not do', async () => {
      const { replica, start } = replicaOf(mapOf(field('f', { kind: 'text' })), { as: 'hash' });
      await client.hset(`${start}1`, 'f', 'x');
      const user = `reader${prefix.replaceAll(/\W/g, '')}`;
      const connectAs = async (...rules: string[]) => {
        await client.acl('SETUSER', user, 'reset', 'on', '>s3cret', ...rules);
        const other = new URL(url);
        [other.username, other.password] = [user, 's3cret'];
        return redis.connect({ name: 'kv', url: other.href, options: {} });
      };
      try {
        const reader = await connectAs(`%R~${prefix}*`, '+@read', '+@connection', '+info', '+type', '+exec', '+multi');
        const { problems, writeProblems } = await reader.inspect(replica);
        expect([problems, writeProblems]).toMatchObject([
          [],
          [{ message: expect.stringContaining('may not run scripts') }],
        ]);
        expect(await reader.fetch(replica, [['1']])).toHaveLength(1);
        await expect(
          reader.apply(replica, [{ kind: 'insert', row: { key: ['2'], values: ['y'] } }]),
        ).rejects.toMatchObject({
          name: 'StoreError',
          transient: false,
        });
        await reader.close();
        const writer = await connectAs(`~${prefix}*`, '+@read', '+@connection', '+eval', '+evalsha', '+hset', '+type');
        expect((await writer.inspect(replica)).writeProblems).toMatchObject([
          { message: 'the user may not hdel, unlink, restore the keys of this replica' },
        ]);
        await writer.close();
      } finally {
        await client.acl('DELUSER', user);
      }
    });
  });

  describe('connecting', () => {
    test('a wrong password is told as such, without it', async () => {
      const wrong = new URL(url);
      wrong.password = 's3cr!t';
      const failure = await redis
        .connect({ name: 'kv', url: wrong.href, options: {} })
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'StoreError', transient: false, detail: 'authentication failed' });
      expect(JSON.stringify([failure, String((failure as Error).stack), (failure as Error).cause])).not.toMatch(/s3cr/);
    });

    test('a server that is no cluster does not pass for one', async () => {
      const failure = await redis
        .connect({ name: 'kv', url, options: { cluster: true } })
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'StoreError', transient: false });
    });

    test('takes no option that it does not know', () => {
      expect(redis.options.safeParse({ scanCount: 500, timeouts: { connect: 10 } }).success).toBe(true);
      expect(redis.options.safeParse({ keyPrefix: 'x' }).success).toBe(false);
      expect(redis.replicaOptions.safeParse({ as: 'hash', ttl: 'soon' }).success).toBe(false);
      expect(redis.isCache?.({ as: 'cache' })).toBe(true);
    });
  });
});
