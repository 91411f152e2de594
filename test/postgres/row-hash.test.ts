// The row hash in SQL and in JavaScript must agree on every type, on every server version, in both algorithms.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Field, Mapping, Row } from '../../src/mapping/mapping.ts';
import type { Relation } from '../../src/postgres/relation.ts';
import { Source } from '../../src/source/source.ts';
import { makeChain, seedHalves } from '../../src/value/chain.ts';
import type { HashScheme } from '../../src/value/digest.ts';
import { hashKey, hashValues } from '../../src/value/row-hash.ts';
import { freshPostgres, sql } from '../databases.ts';

const columns: Record<string, { type: string; values: (string | null)[]; field?: Partial<Field> }> = {
  t: {
    type: 'text',
    values: ['', 'a', 'ñandú', '🐎', 'x'.repeat(500), "quo'te", 'back\\slash', 'tab\t', null, ' lead', 'trail '],
  },
  v: { type: 'varchar(20)', values: ['', 'Ünï', null] },
  c: { type: 'char(8)', values: ['ab', 'ab      ', '', null] },
  b: { type: 'boolean', values: ['true', 'false', null] },
  i2: { type: 'smallint', values: ['0', '-1', '32767', '-32768', null] },
  i4: { type: 'integer', values: ['0', '-1', '2147483647', '-2147483648', null] },
  i8: {
    type: 'bigint',
    values: [
      '0',
      '-1',
      '9223372036854775807',
      '-9223372036854775808',
      '9007199254740993',
      '4294967296',
      '-4294967297',
      null,
    ],
  },
  n: {
    type: 'numeric',
    values: ['0', '-0.0', '1200.50', '1e30', '-0.000001', 'NaN', '123456789012345678901234567890.123', null],
  },
  f4: { type: 'real', values: ['0', '-0', '1.1', '1e20', 'NaN', 'Infinity', '3.4e38', '1e-40', null] },
  f8: {
    type: 'double precision',
    values: ['0', '-0', '0.1', '1e300', '-Infinity', 'NaN', '5e-324', '-12.046374', null],
  },
  d: {
    type: 'date',
    values: ['1970-01-01', '2026-11-22', '0044-03-15 BC', 'infinity', '-infinity', '1899-12-31', null],
  },
  ts: {
    type: 'timestamp',
    values: [
      '1970-01-01',
      '2026-11-22 01:14:07.221',
      '1969-12-31 23:59:59.999999',
      '2262-01-01',
      '9999-12-31 23:59:59.999999',
      '9999-12-31 23:59:59.999998',
      'infinity',
      null,
    ],
  },
  tz: {
    type: 'timestamptz',
    values: [
      '1970-01-01Z',
      '2026-11-22 01:14:07.221001-05',
      '1969-12-31 23:59:59.9999Z',
      '0044-03-15 BC',
      '-infinity',
      null,
    ],
  },
  ms: {
    type: 'timestamptz',
    values: [
      '1970-01-01 00:00:00.0004Z',
      '2026-11-22 01:14:07.221999Z',
      '1969-12-31 23:59:59.999499Z',
      '1969-12-31 23:59:59.999Z',
      '1955-05-05 05:05:05.005Z',
      null,
    ],
    field: { type: { kind: 'timestamp', precision: 3 } },
  },
  u: { type: 'uuid', values: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', null] },
  y: { type: 'bytea', values: ['\\x', '\\x00ff', null] },
  j: { type: 'jsonb', values: ['{}', '{"b": 1, "aa": [true, null, "x\\ny"]}', '[1, 2.5]', '"é"', null] },
  jz: {
    type: 'jsonb',
    values: [
      '{"a": 1.50, "b": 1.0, "c": "1.50, \\" 2.0", "d": [0.05, 10.10, 100, 1e2, 0.000]}',
      '"v1.0"',
      '1.0',
      '[1.00, "\\\\", 2.0]',
      null,
    ],
  },
  na: { type: 'numeric[]', values: ['{1.50,2,0.0}', null] },
  ta: { type: 'text[]', values: ['{}', '{a,"b c",NULL,"q\\"q"}', null] },
  ia: { type: 'int[]', values: ['{1,2,3}', '{{1,2},{3,4}}', null] },
  iv: { type: 'interval', values: ['1 year 2 mons 3 days 04:05:06.7', '-1 day', '0', null] },
  e: { type: 'mood', values: ['sad', 'happy', null] },
  m: {
    type: 'text',
    values: ['on', 'off', null],
    field: {
      map: new Map<string, number>([
        ['on', 1],
        ['off', 0],
      ]),
      type: { kind: 'enum' },
    },
  },
  tol: { type: 'double precision', values: ['0', '0.004', '-7.77', '1e300', 'NaN', null], field: { tolerance: 0.01 } },
  toln: {
    type: 'numeric',
    values: ['0', '12.345', '-7.770', '99999999999999999999.5', null],
    field: { tolerance: 0.5 },
  },
  tolt: {
    type: 'timestamptz',
    values: ['2026-11-22 01:14:07.221Z', '1960-01-01 00:00:00.5Z', 'infinity', null],
    field: { tolerance: 1_000_000 },
  },
  ci: { type: 'text', values: ['ABC', 'abÇ', '', null], field: { ignoreCase: true } },
  et: { type: 'text', values: ['', 'a', ' ', null], field: { emptyIsNull: true } },
  en: { type: 'text not null', values: ['', 'a'], field: { emptyIsNull: true } },
  ec: { type: 'char(8)', values: ['', 'ab', null], field: { emptyIsNull: true } },
  ey: { type: 'bytea', values: ['\\x', '\\x00', null], field: { emptyIsNull: true } },
  em: {
    type: 'text',
    values: ['none', 'some', null],
    field: {
      map: new Map([
        ['none', ''],
        ['some', 'x'],
      ]),
      type: { kind: 'enum' },
      emptyIsNull: true,
    },
  },
};

describe.each(['18', '15'] as const)('on PostgreSQL %s', (server) => {
  let source: Source;
  let relation: Relation;
  let mapping: Mapping;

  beforeAll(async () => {
    const url = await freshPostgres(server);
    await sql(url, "create type mood as enum ('sad', 'happy')");
    const names = Object.keys(columns);
    await sql(
      url,
      `create table every_type (k1 bigint, k2 text, ${names.map((name) => `${name} ${columns[name]!.type}`).join(', ')}, primary key (k1, k2))`,
    );
    const most = Math.max(...names.map((name) => columns[name]!.values.length));
    for (let i = 0; i < most * 3; i++) {
      const values = names.map((name, n) => {
        const { values } = columns[name]!;
        return i < most ? values[i % values.length] : values[(i * 7 + n * 3) % values.length];
      });
      await sql(
        url,
        `insert into every_type values (${i}, 'k${i}é', ${values.map((_, v) => `$${v + 1}`).join(', ')})`,
        values,
      );
    }
    source = await Source.connect(url);
    const shape = (await source.shapeOf({ table: 'every_type' }))!;
    relation = { shape, side: 'source' };
    const field = (name: string): Field => {
      const column = shape.columns.get(name)!;
      return { name, target: name, type: column.type, nullable: !column.notNull, ...columns[name]?.field };
    };
    mapping = { key: ['k1', 'k2'].map(field), fields: names.map(field) };
  });
  afterAll(() => source.close());

  async function hashesOfServer(scheme: HashScheme): Promise<string[]> {
    const snapshot = await source.openSnapshot();
    const hashes: string[] = [];
    try {
      for await (const page of snapshot.digests(relation, [mapping], scheme)) {
        for (let i = 0; i < page.count; i++) hashes.push(page.numbers.slice(i * 4, i * 4 + 4).join(' '));
      }
    } finally {
      await snapshot.close();
    }
    return hashes.sort();
  }

  async function rowsOfServer(): Promise<readonly Row[]> {
    const keys = Array.from({ length: 60 }, (_, i) => [String(i), `k${i}é`]);
    return source.fetch(relation, mapping, keys);
  }

  function hashOf(row: Row, scheme: HashScheme, of: Mapping = mapping): string {
    const chain = makeChain(scheme);
    hashKey(chain, seedHalves(scheme), of, row.key);
    const { high, low } = chain;
    hashValues(chain, high, low, of, row.values);
    return [high, low, chain.high, chain.low].join(' ');
  }

  test.each([
    ['lookup3', 42n],
    ['lookup3', 0n],
    ['lookup3', -1n],
    ['lookup3', 2n ** 63n - 1n],
    ['md5', 42n],
    ['md5', -(2n ** 63n)],
  ] as const)('%s with seed %s agrees on every type', async (algorithm, seed) => {
    const scheme = { algorithm, seed };
    const rows = await rowsOfServer();
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter((row) => row.unread)).toEqual([]);
    expect(await hashesOfServer(scheme)).toEqual(rows.map((row) => hashOf(row, scheme)).sort());
  });

  test.each(Object.keys(columns))('a field of type %s alone agrees', async (name) => {
    const scheme: HashScheme = { algorithm: 'lookup3', seed: 7n };
    const index = mapping.fields.findIndex((field) => field.name === name);
    const alone: Mapping = { key: mapping.key, fields: [mapping.fields[index]!] };
    const rows = await rowsOfServer();
    const snapshot = await source.openSnapshot();
    const hashes: string[] = [];
    for await (const page of snapshot.digests(relation, [alone], scheme)) {
      for (let i = 0; i < page.count; i++) hashes.push(page.numbers.slice(i * 4, i * 4 + 4).join(' '));
    }
    await snapshot.close();
    const expected = rows.map((row) => hashOf({ key: row.key, values: [row.values[index]!] }, scheme, alone));
    expect(hashes.sort()).toEqual(expected.sort());
  });

  test('any text, number and float agrees (property)', async () => {
    const texts = fc.string({ unit: 'binary', maxLength: 80 }).filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(texts, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.double(), fc.bigInt()), {
          minLength: 1,
          maxLength: 50,
        }),
        async (rows) => {
          const result = await source.session.query(
            'test',
            `select hashfloat8extended(f, hashint8extended(n, hashint8extended(n >> 32, hashtextextended(t collate "C", s))))::text as h
             from unnest($1::text[], $2::int8[], $3::float8[], $4::int8[]) as given(t, n, f, s)`,
            [
              rows.map((r) => r[0]),
              rows.map((r) => r[1]),
              rows.map((r) => r[2]),
              rows.map((r) => BigInt.asIntN(64, r[3])),
            ],
          );
          const chain = makeChain({ algorithm: 'lookup3', seed: 0n });
          rows.forEach(([text, integer, float, seed], i) => {
            chain.begin(...seedHalves({ algorithm: 'lookup3', seed: BigInt.asIntN(64, seed) }));
            chain.text(text);
            chain.int64(Number(BigInt.asIntN(32, integer)), Number(BigInt.asIntN(32, integer >> 32n)));
            chain.float64(float);
            const hash = BigInt.asIntN(64, (BigInt(chain.high) << 32n) | BigInt(chain.low >>> 0));
            expect(hash).toBe(BigInt(result[i]!.h!));
          });
        },
      ),
      { numRuns: 30 },
    );
  });
});
