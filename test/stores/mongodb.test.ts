// The MongoDB store: the shared suite with the key in `_id` and in a field of its own, and what only MongoDB has. Everything is
// written and read back by a client of the test's own.

import {
  Binary,
  Decimal128,
  type Document,
  Double,
  type ErrorDescription,
  Int32,
  Long,
  MongoClient,
  MongoServerError,
  ObjectId,
  type TopologyType,
  UUID,
} from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Field, Mapping } from '../../src/mapping/mapping.ts';
import { readBatches } from '../../src/stores/mongodb/batches.ts';
import { Failures } from '../../src/stores/mongodb/failure.ts';
import { mongodb } from '../../src/stores/mongodb/mongodb.ts';
import type { FetchedRow, Replica, Store } from '../../src/stores/store.ts';
import type { Value } from '../../src/value/field-type.ts';
import { freshMongo } from '../databases.ts';
import { expectDigestsOfRows, storeContract } from './contract.ts';
import { field } from './contract-cases.ts';
import { connectMongodb, startMongodb } from './mongodb-harness.ts';

let collections = 0;

storeContract('mongodb, the key in _id', startMongodb('_id'));
storeContract('mongodb, the key in a field', startMongodb('field'));

describe('the mongodb store', () => {
  let client: MongoClient;
  let store: Store;
  let url: string;

  beforeAll(async () => {
    url = freshMongo();
    client = new MongoClient(url);
    store = await connectMongodb(url);
  });
  afterAll(async () => {
    await client.db().dropDatabase();
    await store.close();
    await client.close();
  });

  async function replicaOf(
    documents: readonly Document[],
    mapping: Mapping,
    more: Partial<Replica> = {},
  ): Promise<Replica> {
    const target = `own${collections++}`;
    if (documents.length > 0)
      await client
        .db()
        .collection(target)
        .insertMany(documents.map((document) => ({ ...document })));
    return { name: `docs.${target}`, target, mapping, options: {}, ...more };
  }
  const documentsOf = (replica: Replica): Promise<Document[]> =>
    client.db().collection(replica.target).find({}, { promoteValues: false }).toArray();
  const id = field('id', { kind: 'text' }, { target: '_id' });
  const mapOf = (...fields: Field[]): Mapping => ({ key: [id], fields });

  async function valuesOf(replica: Replica): Promise<(readonly Value[] | string)[]> {
    const found: (readonly Value[] | string)[] = [];
    for await (const page of store.scan(replica)) found.push(...page.map((row) => row.unread ?? row.values));
    await expectDigestsOfRows(store, replica);
    return found;
  }

  describe('values', () => {
    test.each<[string, Field, unknown, Value]>([
      ['a whole double in an integer field', field('f', { kind: 'integer', bits: 32 }), new Double(12), '12'],
      ['a fraction in an integer field stays', field('f', { kind: 'integer', bits: 32 }), new Double(1.5), '1.5'],
      [
        'a long in a 32-bit field',
        field('f', { kind: 'integer', bits: 32 }),
        Long.fromString('4294967296'),
        '4294967296',
      ],
      ['digits in text for an integer', field('f', { kind: 'integer', bits: 64 }), '0012', '12'],
      ['a double for a decimal', field('f', { kind: 'decimal' }), new Double(1200.5), '1200.5'],
      ['a decimal with trailing zeros', field('f', { kind: 'decimal' }), Decimal128.fromString('1.500E+3'), '1500'],
      ['a decimal for a float', field('f', { kind: 'float', bits: 64 }), Decimal128.fromString('0.10'), '0.1'],
      ['negative zero', field('f', { kind: 'float', bits: 64 }), new Double(-0), '0'],
      ['1 for a boolean', field('f', { kind: 'boolean' }), new Int32(1), 'true'],
      ['a number for a word', field('f', { kind: 'enum' }), new Double(3), '3'],
      ['a boolean for a word', field('f', { kind: 'enum' }), true, 'true'],
      [
        'an ObjectId for text',
        field('f', { kind: 'text' }),
        new ObjectId('507f1f77bcf86cd799439011'),
        '507f1f77bcf86cd799439011',
      ],
      [
        'ISO text keeps its microseconds',
        field('f', { kind: 'timestamp', precision: 6 }),
        '2026-01-02 03:04:05.123456+02:00',
        '2026-01-02T01:04:05.123456Z',
      ],
      [
        'ISO text is cut to the precision',
        field('f', { kind: 'timestamp', precision: 3 }),
        '2026-01-02T03:04:05.123987Z',
        '2026-01-02T03:04:05.123000Z',
      ],
      ['a date with a time', field('f', { kind: 'date' }), new Date('2026-01-02T23:59:59Z'), '2026-01-02'],
      [
        'a date before 1970',
        field('f', { kind: 'timestamp', precision: 0 }),
        new Date(-1),
        '1969-12-31T23:59:59.000000Z',
      ],
      [
        'a UUID in capitals',
        field('f', { kind: 'uuid' }),
        '00000000-0000-4000-8000-0000000000FF',
        '00000000-0000-4000-8000-0000000000ff',
      ],
      ['padded text', field('f', { kind: 'text', padded: true }), 'ab  ', 'ab'],
      [
        'dates and longs inside JSON',
        field('f', { kind: 'json' }),
        { d: new Date(0), n: Long.fromString('9007199254740993') },
        '{"d": "1970-01-01T00:00:00.000Z", "n": 9007199254740993}',
      ],
      [
        'JSON as text, where the config says so',
        field('f', { kind: 'json' }, { storedAs: 'string' }),
        '{"b":1,"a":[1.50]}',
        '{"a": [1.5], "b": 1}',
      ],
      [
        'an array of dates',
        field('f', { kind: 'array', element: { kind: 'timestamp', precision: 3 } }),
        [new Date(5)],
        '["1970-01-01T00:00:00.005000Z"]',
      ],
      ['a vector', field('f', { kind: 'vector' }), [new Double(0.1), new Int32(2)], '[0.1, 2]'],
    ])('%s', async (_name, mapped, native, canonical) => {
      expect(await valuesOf(await replicaOf([{ _id: 'a' as unknown, f: native }], mapOf(mapped)))).toEqual([
        [canonical],
      ]);
    });

    test.each<[string, Field, unknown, RegExp]>([
      ['a number in a text field', field('f', { kind: 'text' }), new Int32(3), /^f holds an int, not text$/],
      ['text that is no number', field('f', { kind: 'decimal' }), 'twelve', /^f holds a string, not decimal: "twelve"/],
      ['2 for a boolean', field('f', { kind: 'boolean' }), new Int32(2), /^f holds an int, not boolean/],
      [
        'old UUIDs, whose byte order nobody knows',
        field('f', { kind: 'uuid' }),
        new Binary(Buffer.alloc(16), 3),
        /binary data/,
      ],
      [
        'a regular expression in JSON',
        field('f', { kind: 'json' }),
        { r: /x/ },
        /a regular expression has no form in JSON/,
      ],
      [
        'an array on the path',
        field('f', { kind: 'text' }, { target: 'f.g' }),
        [{ g: 'x' }],
        /^f\.g holds an array on its path/,
      ],
    ])('%s makes the record unread', async (_name, mapped, native, reason) => {
      const replica = await replicaOf([{ _id: 'a' as unknown, f: native }], mapOf(mapped));
      expect(await valuesOf(replica)).toEqual([expect.stringMatching(reason)]);
      const [row] = await store.fetch(replica, [['a']]);
      expect(row).toMatchObject({ key: ['a'], unread: expect.stringMatching(reason) });
    });

    test('a sensitive value is not told in the reason', async () => {
      const secret = field('f', { kind: 'decimal' }, { sensitive: true });
      const [reason] = await valuesOf(await replicaOf([{ _id: 'a' as unknown, f: 's3cret' }], mapOf(secret)));
      expect(reason).toBe('f holds a string, not decimal');
    });

    test('a record without a key is unread, and the others are not', async () => {
      const mapping = { key: [field('id', { kind: 'text' })], fields: [] };
      const replica = await replicaOf([{ id: 'a' }, { other: 1 }, { id: null }], mapping);
      const rows = [];
      for await (const page of store.scan(replica)) rows.push(...page);
      expect(rows.map((row) => row.unread !== undefined)).toEqual([false, true, true]);
    });

    test('dotted targets walk subdocuments, and a name with a dot in it is not followed', async () => {
      const mapping = mapOf(
        field('city', { kind: 'text' }, { target: 'a.b' }),
        field('all', { kind: 'json' }, { target: 'a' }),
      );
      const replica = await replicaOf(
        [
          { _id: '1' as unknown, a: { b: 'x' } },
          { _id: '2' as unknown, 'a.b': 'y' },
          { _id: '3' as unknown, a: 5 },
        ],
        mapping,
      );
      expect(await valuesOf(replica)).toEqual([
        ['x', '{"b": "x"}'],
        [null, null],
        [null, '5'],
      ]);
    });
  });

  describe('keys', () => {
    test('are found as text and as binary, and as both', async () => {
      const uuid = '0b0c0d0e-0000-4000-8000-0000000000ff';
      const mapping = { key: [field('id', { kind: 'uuid' })], fields: [field('f', { kind: 'text' })] };
      for (const forms of [[uuid], [new UUID(uuid)], [uuid.toUpperCase()], [uuid, new UUID(uuid)]]) {
        const replica = await replicaOf(
          forms.map((form) => ({ id: form, f: 'x' })),
          mapping,
        );
        const rows = await store.fetch(replica, [[uuid]]);
        expect(rows.map((row) => row.key)).toEqual(forms.map(() => [uuid]));
        await expectDigestsOfRows(store, replica);
      }
    });

    test('that stand in another form already are not inserted again', async () => {
      const uuids = ['a', 'b', 'c'].map((end) => `0b0c0d0e-0000-4000-8000-00000000000${end}`);
      const mapping = {
        key: [field('id', { kind: 'uuid' }, { target: '_id' })],
        fields: [field('f', { kind: 'text' })],
      };
      const replica = await replicaOf(
        [
          { _id: uuids[0] as unknown, f: 'x' },
          { _id: new UUID(uuids[1]) as unknown, f: 'x' },
        ],
        mapping,
      );
      const changes = uuids.map((uuid) => ({ kind: 'insert' as const, row: { key: [uuid], values: ['new'] } }));
      expect((await store.apply(replica, changes)).map(({ outcome }) => outcome)).toEqual([
        'moved',
        'moved',
        'written',
      ]);
    });

    test('as whole subdocuments are found in the order of names that the collection has', async () => {
      const mapping = {
        key: [
          field('a', { kind: 'text' }, { target: '_id.a' }),
          field('b', { kind: 'integer', bits: 32 }, { target: '_id.b' }),
        ],
        fields: [field('f', { kind: 'text' })],
      };
      const replica = await replicaOf([{ _id: { b: 1, a: 'x' } as unknown, f: 'old' }], mapping);
      const [row] = await store.fetch(replica, [['x', '1']]);
      expect(row).toMatchObject({ key: ['x', '1'], values: ['old'] });
      const changes = [
        {
          kind: 'update' as const,
          row: { key: ['x', '1'], values: ['new'] },
          fields: [0],
          expected: row as FetchedRow,
        },
        { kind: 'insert' as const, row: { key: ['y', '2'], values: ['y'] } },
      ];
      expect((await store.apply(replica, changes)).map(({ outcome }) => outcome)).toEqual(['written', 'written']);
      const ids = (await documentsOf(replica)).map((document) => Object.keys(document._id));
      expect(ids).toEqual([
        ['b', 'a'],
        ['b', 'a'],
      ]);
    });
  });

  describe('written values', () => {
    async function writtenInto(existing: readonly Document[], mapped: Field, value: string): Promise<unknown> {
      const replica = await replicaOf(existing, mapOf(mapped));
      const [outcome] = await store.apply(replica, [{ kind: 'insert', row: { key: ['new'], values: [value] } }]);
      expect(outcome).toEqual({ outcome: 'written' });
      return (await documentsOf(replica)).find((document) => String(document._id) === 'new')!.f;
    }
    const sample = (f: unknown): Document[] => [{ _id: 'old' as unknown, f }];
    const decimal = field('f', { kind: 'decimal' });
    const time = field('f', { kind: 'timestamp', precision: 6 });

    test.each<[string, Document[], Field, string, unknown]>([
      ['decimals as doubles, where doubles stand', sample(new Double(1.5)), decimal, '2', new Double(2)],
      ['decimals as text, where text stands', sample('1.5'), decimal, '2.25', '2.25'],
      ['decimals as decimals by default', [], decimal, '2.25', Decimal128.fromString('2.25')],
      [
        'as decimal what a double would round',
        sample(new Double(1.5)),
        decimal,
        '0.10000000000000000001',
        Decimal128.fromString('0.10000000000000000001'),
      ],
      ['as the config says, whatever stands', sample(new Double(1.5)), { ...decimal, storedAs: 'string' }, '2', '2'],
      [
        'a large integer as long',
        sample(new Int32(1)),
        field('f', { kind: 'integer', bits: 64 }),
        '4294967296',
        Long.fromString('4294967296'),
      ],
      [
        'times as the text that stands',
        sample('2026-01-02T03:04:05.000Z'),
        time,
        '2026-11-22T01:14:07.221000Z',
        '2026-11-22T01:14:07.221Z',
      ],
      [
        'UUIDs as binary, where binary stands',
        sample(new UUID()),
        field('f', { kind: 'uuid' }),
        '0b0c0d0e-0000-4000-8000-0000000000ff',
        new UUID('0b0c0d0e-0000-4000-8000-0000000000ff'),
      ],
      [
        'mapped words as the config spells them',
        [],
        field('f', { kind: 'enum' }, { map: new Map([['OPEN', 1]]) }),
        '1',
        new Int32(1),
      ],
    ])('%s', async (_name, existing, mapped, value, native) => {
      expect(await writtenInto(existing, mapped, value)).toEqual(native);
    });

    test('what no form holds exactly is refused, and the rest is written', async () => {
      const replica = await replicaOf([], mapOf(decimal));
      const rows = ['1'.repeat(40), '1'].map((value, i) => ({
        kind: 'insert' as const,
        row: { key: [`k${i}`], values: [value] },
      }));
      const results = await store.apply(replica, rows);
      expect(results).toEqual([{ outcome: 'refused', error: expect.stringContaining('f: ') }, { outcome: 'written' }]);
    });

    test('a nested field is set without touching its neighbours', async () => {
      const mapping = mapOf(field('city', { kind: 'text' }, { target: 'a.city' }));
      const replica = await replicaOf([{ _id: 'x' as unknown, a: { city: 'old', zip: '1' }, b: [1] }], mapping);
      const [expected] = await store.fetch(replica, [['x']]);
      await store.apply(replica, [
        { kind: 'update', row: { key: ['x'], values: ['new'] }, fields: [0], expected: expected! },
      ]);
      expect(await documentsOf(replica)).toEqual([{ _id: 'x', a: { city: 'new', zip: '1' }, b: [new Int32(1)] }]);
    });

    test('a null that turned into an absent field is a record that moved', async () => {
      const replica = await replicaOf(
        [{ _id: 'x' as unknown, f: null, g: 'a' }],
        mapOf(field('f', { kind: 'text' }), field('g', { kind: 'text' })),
      );
      const [expected] = await store.fetch(replica, [['x']]);
      await client
        .db()
        .collection(replica.target)
        .updateOne({}, { $unset: { f: 1 } });
      const [result] = await store.apply(replica, [
        { kind: 'update', row: { key: ['x'], values: [null, 'b'] }, fields: [1], expected: expected! },
      ]);
      expect(result).toEqual({ outcome: 'moved' });
    });
  });

  describe('where', () => {
    const mapping = mapOf(field('f', { kind: 'text' }));
    const insertOf = (key: string) => ({ kind: 'insert' as const, row: { key: [key], values: ['new'] } });

    test('an inserted record belongs to the replica, and a key that is taken outside of it is left alone', async () => {
      const documents = [
        { _id: 'in' as unknown, f: 'x', kind: 'mine' },
        { _id: 'out' as unknown, f: 'x', kind: 'theirs' },
      ];
      const replica = await replicaOf(documents, mapping, { where: { kind: 'mine' } });
      const results = await store.apply(replica, [insertOf('in'), insertOf('out'), insertOf('fresh')]);
      expect(results.map(({ outcome }) => outcome)).toEqual(['moved', 'moved', 'written']);
      expect(await documentsOf(replica)).toEqual([...documents, { _id: 'fresh', f: 'new', kind: 'mine' }]);
    });

    test('takes dates and ids as Extended JSON', async () => {
      const documents = ['2025-01-01', '2026-01-01'].map((day) => ({ _id: day as unknown, f: day, at: new Date(day) }));
      const where = { $and: [{ at: { $gte: { $date: '2026-01-01T00:00:00Z' } } }] };
      expect(await valuesOf(await replicaOf(documents, mapping, { where }))).toEqual([['2026-01-01']]);
    });

    test('that is no filter is a problem', async () => {
      const { problems } = await store.inspect(await replicaOf([], mapping, { where: 'f = 1' }));
      expect(problems).toEqual([expect.objectContaining({ path: 'where' })]);
    });
  });

  test('batches are the same by commands and by the cursor that many servers need', async () => {
    const driver = await import('mongodb');
    const replica = await replicaOf(
      Array.from({ length: 2500 }, (_, i) => ({ n: i })),
      mapOf(),
    );
    const read = async (type: TopologyType) => {
      const connection = {
        driver,
        client,
        db: client.db(),
        failures: new Failures('docs', []),
        readPreference: 'primary' as const,
        readConcern: 'local',
        topology: () => ({ type, servers: 2 }),
      };
      const found: unknown[] = [];
      const query = {
        collection: replica.target,
        filter: { n: { $gte: 100 } },
        projection: { n: 1, _id: 0 },
        batchSize: 1000,
      };
      for await (const { bytes, starts } of readBatches(connection, query)) {
        for (const start of starts)
          found.push(driver.BSON.deserialize(bytes.subarray(start, start + bytes.readInt32LE(start))).n);
      }
      for await (const _batch of readBatches(connection, query)) break;
      return found;
    };
    const numbers = Array.from({ length: 2400 }, (_, i) => i + 100);
    expect(await read('Single')).toEqual(numbers);
    expect(await read('Sharded')).toEqual(numbers);
  });

  test.each<[string, ErrorDescription, boolean, RegExp]>([
    ['a wrong password', { message: 'Authentication failed.', code: 18 }, false, /authSource/],
    ['a missing role', { message: 'not authorized on db to execute command', code: 13 }, false, /readWrite/],
    ['a lost cursor', { message: 'cursor id 1 not found', code: 43 }, true, /again/],
    ['an election', { message: 'not primary', code: 10107 }, true, /primary/],
    [
      'a write that did not reach the majority',
      { message: 'waiting for replication timed out', code: 64 },
      true,
      /replica set/,
    ],
  ])('%s says what to do', (_name, description, transient, hint) => {
    const failure = new Failures('docs', ['s3cret']).of(
      new MongoServerError({ ...description, errmsg: 's3cret' }),
      'scan c',
    );
    expect(failure).toMatchObject({
      name: 'StoreError',
      store: 'docs',
      verb: 'scan c',
      transient,
      hint: expect.stringMatching(hint),
    });
  });

  describe('inspection', () => {
    test('a collection that does not exist is an empty replica', async () => {
      const replica = await replicaOf([], mapOf(field('f', { kind: 'text' })));
      expect(await store.inspect(replica)).toMatchObject({
        estimatedRows: 0,
        problems: [],
        writeProblems: [],
        notes: expect.arrayContaining(['the collection does not exist yet']),
      });
    });

    test('dates hold milliseconds, text holds what it says', async () => {
      const time = { kind: 'timestamp', precision: 6 } as const;
      const mapping = mapOf(field('date', time), field('text', time), field('none', time), field('both', time));
      const documents = [
        { _id: 'a' as unknown, date: new Date(), text: '2026-01-01T00:00:00.123456Z', both: new Date() },
        { _id: 'b' as unknown, both: '2026-01-01T00:00:00.123456Z' },
      ];
      const { timestampPrecision, notes } = await store.inspect(await replicaOf(documents, mapping));
      expect([...timestampPrecision]).toEqual([
        ['date', 3],
        ['none', 3],
        ['both', 3],
      ]);
      expect(notes).toContain('timestamps hold milliseconds');
    });

    test('a field that never fits is a problem, one that sometimes does not is noted', async () => {
      const mapping = mapOf(field('f', { kind: 'text' }), field('g', { kind: 'text' }));
      const { problems, notes } = await store.inspect(
        await replicaOf(
          [
            { f: 1, g: 1 },
            { f: 2, g: 'x' },
          ],
          mapping,
        ),
      );
      expect(problems).toEqual([expect.objectContaining({ path: 'f', message: expect.stringContaining('int') })]);
      expect(notes).toContainEqual(expect.stringContaining('g is not text in'));
    });

    test('a key without a unique index can be compared, but not written', async () => {
      const mapping = { key: [field('id', { kind: 'text' })], fields: [] };
      const replica = await replicaOf([{ id: 'a' }], mapping);
      expect(await store.inspect(replica)).toMatchObject({
        keyIsUnique: false,
        problems: [],
        writeProblems: [{ path: 'id', hint: expect.stringContaining('createIndex({ "id": 1 }, { unique: true })') }],
      });
    });

    test('reads only the mapped fields where the others weigh more', async () => {
      const documents = Array.from({ length: 50 }, (_, i) => ({
        _id: `k${i}` as unknown,
        f: { g: 'x' },
        ballast: 'b'.repeat(500),
      }));
      const replica = await replicaOf(documents, mapOf(field('f', { kind: 'text' }, { target: 'f.g' })));
      expect(await valuesOf(replica)).toEqual(documents.map(() => ['x']));
    });
  });

  describe('connecting', () => {
    const withoutDatabase = () => url.replace(/\/test_\w+/, '/');

    test('asks for a database, in the URL or beside it', async () => {
      await expect(connectMongodb(withoutDatabase())).rejects.toMatchObject({
        name: 'ConfigError',
        problems: [{ path: 'stores.docs', message: 'names no database' }],
      });
      const other = await mongodb.connect({ name: 'docs', url: withoutDatabase(), options: { database: 'elsewhere' } });
      await other.close();
    });

    test('refuses a URL that is none without telling it', async () => {
      const failure = await connectMongodb('mongodb://me:s3cr!t@host:port/db').catch((error: Error) => error);
      expect(failure).toMatchObject({ name: 'StoreError', transient: false });
      expect(`${(failure as Error).message}${(failure as Error).cause}`).not.toContain('s3cr');
    });

    test('takes no option that it does not know', () => {
      expect(mongodb.options.safeParse({ readPreference: 'secondary', timeouts: { connect: 10 } }).success).toBe(true);
      expect(mongodb.options.safeParse({ readPrefrence: 'secondary' }).success).toBe(false);
    });
  });
});
