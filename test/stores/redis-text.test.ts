// What the Redis store does without a server: keys and patterns, URLs, JSON as bytes, and hashes of texts as they lie.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Field, Mapping } from '../../src/mapping/mapping.ts';
import { decodeText } from '../../src/stores/redis/decode.ts';
import { encodeText } from '../../src/stores/redis/encode.ts';
import { Failures } from '../../src/stores/redis/failure.ts';
import { withMember } from '../../src/stores/redis/json-edit.ts';
import { JsonLocator, stringAt } from '../../src/stores/redis/json-text.ts';
import { decodePlace, encodeLiteral } from '../../src/stores/redis/json-value.ts';
import { globMatcher, KeyPattern, readPattern } from '../../src/stores/redis/key-pattern.ts';
import { RecentKeys } from '../../src/stores/redis/recent.ts';
import { NUMBER, Pieces, RowHasher, TEXT } from '../../src/stores/redis/text-hash.ts';
import { parseUrl } from '../../src/stores/redis/url.ts';
import { Lookup3Chain } from '../../src/value/lookup3.ts';
import { hashValues } from '../../src/value/row-hash.ts';
import { field, typeCases } from './contract-cases.ts';

const text = field('a', { kind: 'text' });
const integer = field('n', { kind: 'integer', bits: 32 });

function patternOf(target: string, fields: readonly Field[], wild = false): KeyPattern {
  const pattern = readPattern(target, fields, 'target', wild);
  if (!(pattern instanceof KeyPattern)) throw new Error(pattern.map(({ message }) => message).join());
  return pattern;
}

describe('keys', () => {
  test.each<[string, string, readonly Field[], string, readonly string[] | RegExp | undefined]>([
    ['one placeholder takes all', 'u:{a}', [text], 'u:x:y', ['x:y']],
    ['even nothing', 'u:{a}', [text], 'u:', ['']],
    ['with a tail', 'u:{a}:p', [text], 'u:x:p', ['x']],
    ['a tail alone is not enough', 'u:{a}u:', [text], 'u:', undefined],
    ['not of the pattern', 'u:{a}', [text], 'v:x', undefined],
    [
      'types tell where a value ends',
      '{a}:{n}:{m}',
      [text, integer, field('m', { kind: 'timestamp', precision: 6 })],
      'x:1:2:2026-01-01T00:00:00.000000Z',
      ['x:1', '2', '2026-01-01T00:00:00.000000Z'],
    ],
    ['two ways to read', '{a}:{b}', [text, field('b', { kind: 'text' })], 'x:y:z', /more than one way/],
    ['another spelling', 'n:{n}', [integer], 'n:01', /"01" is spelled "1" elsewhere/],
    ['another type', 'n:{n}', [integer], 'n:x', /n in its key is not integer/],
    ['hash tags', 's:{{{n}}}:x', [integer], 's:{5}:x', ['5']],
    ['in the order of the key', '{n}:{a}', [text, integer], '5:x', ['x', '5']],
  ])('%s', (_name, target, fields, key, expected) => {
    const parsed = patternOf(target, fields).parse(key);
    if (expected === undefined) expect(parsed).toBeUndefined();
    else if (expected instanceof RegExp) expect(parsed).toEqual({ reason: expect.stringMatching(expected) });
    else {
      expect(parsed).toEqual({ values: expected });
      expect(patternOf(target, fields).build(expected)).toBe(key);
    }
  });

  test('a built key is read back, or known to be read in more than one way', () => {
    const pattern = patternOf(
      'x:{a}:{b}::{c}',
      ['a', 'b', 'c'].map((name) => field(name, { kind: 'text' })),
    );
    const part = fc.string({ unit: fc.constantFrom(':', 'a', '*', '{', '\\'), maxLength: 5 });
    fc.assert(
      fc.property(fc.tuple(part, part, part), (values) => {
        const parsed = pattern.parse(pattern.build(values));
        if (parsed !== undefined && 'values' in parsed) expect(parsed.values).toEqual(values);
        else expect(parsed).toEqual({ reason: expect.stringContaining('more than one way') });
      }),
    );
  });

  test('what the pattern means matches its glob', () => {
    const pattern = patternOf('[x]*?\\{a}', [text]);
    const matches = globMatcher([pattern.glob]);
    fc.assert(fc.property(fc.string(), (value) => matches(pattern.build([value]))));
    expect(matches('xx?\\v')).toBe(false);
  });

  test('patterns of Redis', () => {
    const cases: [string, string, boolean][] = [
      ['a*', 'abc', true],
      ['a?c', 'abc', true],
      ['a?c', 'ac', false],
      ['a[b-d]', 'ac', true],
      ['a[^b-d]', 'ac', false],
      ['a\\*', 'a*', true],
      ['a\\*', 'ab', false],
      ['a.c', 'abc', false],
      ['a]', 'a]', true],
    ];
    for (const [glob, key, expected] of cases)
      expect([glob, key, globMatcher([glob])(key)]).toEqual([glob, key, expected]);
    expect(globMatcher([])('x')).toBe(false);
  });

  test('slots go by the same hash tag', () => {
    const tagOf = (target: string) => patternOf(target, [integer], true).hashTag;
    expect(tagOf('keys:{{{n}}}')).toBe(tagOf('search:{{{n}}}:*'));
    expect(tagOf('keys:{n}')).toBeUndefined();
    expect(tagOf('keys:{{x}}:{n}')).toBe('x');
    expect(tagOf('keys:{{}}:{{{n}}}')).toBeUndefined();
  });

  test('lately read keys are told from new ones', () => {
    const recent = new RecentKeys();
    expect(['a', 'b', 'a'].map((key) => recent.add(key))).toEqual([true, true, false]);
    for (let i = 0; i < 20_000; i++) recent.add(`k${i}`);
    expect(recent.add('k19999')).toBe(false);
  });
});

describe('URLs', () => {
  test.each<[string, object]>([
    ['redis://localhost', { addresses: [{ host: 'localhost', port: 6379 }], cluster: false, tls: false, database: 0 }],
    [
      'rediss://me:p%40ss@h:7000/3',
      { addresses: [{ host: 'h', port: 7000 }], tls: true, database: 3, username: 'me', password: 'p@ss' },
    ],
    ['redis://:pw@[::1]:6380', { addresses: [{ host: '::1', port: 6380 }], username: undefined, password: 'pw' }],
    [
      'redis+cluster://h1:7000,h2:7001',
      {
        addresses: [
          { host: 'h1', port: 7000 },
          { host: 'h2', port: 7001 },
        ],
        cluster: true,
      },
    ],
    ['rediss+cluster://h1', { cluster: true, tls: true }],
  ])('%s', (url, expected) => {
    expect(parseUrl(url, {})).toMatchObject(expected);
  });

  test.each([
    ['redis://h1,h2', {}],
    ['redis+cluster://h1/2', {}],
    ['redis://h/x', {}],
    ['redis://h:99999', {}],
    ['redis://h?db=1', {}],
    ['http://h', {}],
    ['redis+cluster://h', { cluster: false }],
    ['rediss://h', { tls: false }],
  ])('%s is refused', (url, given) => {
    expect(parseUrl(url, given)).toMatchObject({ message: expect.stringMatching(/\S/) });
  });

  test('options say the same as the scheme', () => {
    expect(parseUrl('redis://h1,h2', { cluster: true, tls: true })).toMatchObject({ cluster: true, tls: true });
  });
});

describe('failures', () => {
  const reply = (message: string) =>
    Object.assign(new Error(message), { name: 'ReplyError', command: { args: ['s3cret'] } });
  test.each<[string, Error, boolean, RegExp]>([
    ['a server that loads', reply('LOADING Redis is loading the dataset in memory'), true, /loading/],
    ['a missing right', reply('NOPERM this user has no permissions'), false, /Grant/],
    ['a full server', reply('OOM command not allowed'), false, /maxmemory/],
    ['a replica', reply("READONLY You can't write against a read only replica."), false, /master/],
    ['a cluster without a master', reply('CLUSTERDOWN Hash slot not served'), true, /slots/],
    ['a lost connection', new Error('Connection is closed.'), true, /still up/],
    [
      'a refused connection',
      Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }),
      true,
      /port/,
    ],
    [
      'an unknown host',
      Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' }),
      false,
      /unknown here/,
    ],
    [
      'a certificate',
      Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      false,
      /tls\.ca/,
    ],
  ])('%s says what to do', (_name, error, transient, hint) => {
    const failure = new Failures('kv', ['s3cret']).of(error, 'scan x');
    expect(failure).toMatchObject({ name: 'StoreError', verb: 'scan x', transient, hint: expect.stringMatching(hint) });
    expect(failure.cause).toBeUndefined();
  });

  test('an echo of arguments is left out', () => {
    const error = reply("ERR unknown command 'EVAL', with args beginning with: 'a' 's3cret'");
    expect(new Failures('kv', []).of(error, 'apply').message).toBe("kv: apply: ERR unknown command 'EVAL'");
  });
});

describe('JSON as bytes', () => {
  const json = fc
    .json({ maxDepth: 4 })
    .map((inner) => `{"before":1, "wanted" : ${inner} , "x":{"y":${inner}},"after":[${inner}]}`);
  const at = (source: string, ...paths: string[]) => {
    const bytes = Buffer.from(source);
    const locator = new JsonLocator(paths);
    locator.locate(bytes);
    return locator.places.map((place) =>
      place.kind === 'absent' ? undefined : bytes.toString('utf8', place.start, place.end),
    );
  };

  test('members lie where a parser finds them', () => {
    fc.assert(
      fc.property(json, (source) => {
        const [wanted, nested, none] = at(source, 'wanted', 'x.y', 'x.z');
        const parsed = JSON.parse(source);
        expect([JSON.parse(wanted!), JSON.parse(nested!), none]).toEqual([parsed.wanted, parsed.x.y, undefined]);
      }),
    );
  });

  test('takes what a parser takes, and nothing else', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '1',
      '01',
      '-',
      '.5',
      '1e',
      '1.0e+2',
      'true',
      'nul',
      ' ',
      '\n',
      '\t',
      '\u0001',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const source = `{"a":${pieces.join('')}}`;
        let parses = true;
        try {
          JSON.parse(source);
        } catch {
          parses = false;
        }
        if (parses) at(source, 'a');
        else expect(() => at(source, 'a')).toThrow('not JSON');
      }),
      { numRuns: 2000 },
    );
  });

  test('the last of two members counts, with all that lies in it', () => {
    expect(at('{"a":{"b":1},"a":{"c":2}}', 'a.b', 'a.c', 'a')).toEqual([undefined, '2', '{"c":2}']);
    expect(at('{"a":{"b":1},"\\u0061":3}', 'a.b', 'a')).toEqual([undefined, '3']);
  });

  test('setting a member changes it alone', () => {
    const value = fc.json({ maxDepth: 1 });
    fc.assert(
      fc.property(
        json,
        value,
        fc.constantFrom('wanted', 'x.y', 'x.new', 'new.a.b', 'after'),
        (source, literal, path) => {
          const written = withMember(Buffer.from(source), path, literal).toString();
          const expected = JSON.parse(source);
          const names = path.split('.');
          const last = names.pop()!;
          let inner = expected;
          for (const name of names) {
            inner[name] ??= {};
            inner = inner[name];
          }
          inner[last] = JSON.parse(literal);
          expect(JSON.parse(written)).toEqual(expected);
        },
      ),
    );
  });

  test.each([
    ['{}', 'a', '{"a":1}'],
    ['{ }', 'a', '{ "a":1}'],
    ['{"a":null}', 'a.b', '{"a":{"b":1}}'],
    ['{"b":0}', 'a.b.c', '{"b":0,"a":{"b":{"c":1}}}'],
  ])('%s takes %s', (source, path, expected) => {
    expect(withMember(Buffer.from(source), path, '1').toString()).toBe(expected);
  });

  test.each([
    ['{"a":"x"}', 'a.b', /a string stands on its path/],
    ['{"a":[]}', 'a.b', /an array stands on its path/],
  ])('%s does not take %s', (source, path, message) => {
    expect(() => withMember(Buffer.from(source), path, '1')).toThrow(message);
  });

  test('strings say what a parser says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        const bytes = Buffer.from(`{"s":${JSON.stringify(value)}}`);
        const locator = new JsonLocator(['s']);
        locator.locate(bytes);
        expect(stringAt(bytes, locator.places[0]!)).toBe(value);
      }),
    );
  });
});

describe('values', () => {
  const stored: readonly Field[] = [
    ...typeCases(6).map(({ name, type }) => field(name, type)),
    ...['epochSeconds', 'epochMillis', 'epochMicros', 'isoMillis'].flatMap((storedAs) => [
      field(storedAs, { kind: 'timestamp', precision: 6 }, { storedAs }),
      field(`${storedAs} cut`, { kind: 'timestamp', precision: 0 }, { storedAs }),
    ]),
    field('day', { kind: 'date' }, { storedAs: 'epochMillis' }),
    field('base64', { kind: 'bytes' }, { storedAs: 'base64' }),
    field('padded', { kind: 'text', padded: true }),
    field('lower', { kind: 'text' }, { ignoreCase: true }),
    field('near', { kind: 'float', bits: 64 }, { tolerance: 0.1 }),
    field('near time', { kind: 'timestamp', precision: 6 }, { tolerance: 1000 }),
    field('real', { kind: 'float', bits: 32 }),
  ];

  test('every value is read back from its text and from its JSON', () => {
    for (const { name, type, values } of typeCases(6)) {
      const mapped = field(name, type);
      for (const value of values) {
        expect(decodeText(mapped, encodeText(mapped, value))).toBe(value);
        const bytes = Buffer.from(`{"v":${encodeLiteral(mapped, value, undefined)}}`);
        const locator = new JsonLocator(['v']);
        locator.locate(bytes);
        expect(decodePlace(mapped, bytes, locator.places[0]!)).toBe(value);
      }
    }
  });

  /** Texts that look like values of many types, right ones and wrong ones. */
  const spelling = fc.oneof(
    fc.constantFrom(
      'true',
      'False',
      '1',
      '0',
      'yes',
      '',
      ' ',
      'NaN',
      'Infinity',
      '-0',
      '0.0',
      '00',
      '1e3',
      '-1.50',
      '.5',
      '5.',
      '+7',
      '1e400',
    ),
    fc.constantFrom(
      '9007199254740993',
      '-9223372036854775808',
      '2147483648',
      '123456789012345',
      '1234567890123456',
      '0.10',
      '-0.0',
      '007',
    ),
    fc.constantFrom(
      '2026-11-22',
      '1969-12-31',
      '0044-03-15',
      '2026-02-31',
      'infinity',
      '2026-1-2',
      '2026-11-22T01:02:03',
    ),
    fc.constantFrom(
      '00000000-0000-4000-8000-0000000000ff',
      '00000000-0000-4000-8000-0000000000FF',
      'AP8Q',
      '00ff',
      '\\x00FF',
    ),
    fc.double().map(String),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc
      .date({ noInvalidDate: true, min: new Date('1960'), max: new Date('2060') })
      .map((date) => date.toISOString().replace('T', ' ').replace('Z', '987+00:00')),
    fc
      .date({ noInvalidDate: true, min: new Date('1960'), max: new Date('2060') })
      .map((date) => String(date.getTime())),
    fc.constantFrom(
      '2026-01-02T03:04:05+02:00',
      '2026-01-02T03:04:05.1234567',
      '2026-01-02T03:04:05.Z',
      '2026-01-02T24:00:00Z',
      '2400-02-29T12:00:00.000000Z',
    ),
    fc.string({ unit: 'grapheme' }),
  );

  test('the hash of what lies there is that of the value', () => {
    fc.assert(
      fc.property(fc.constantFrom(...stored), spelling, fc.boolean(), (mapped, given, asNumber) => {
        const mapping: Mapping = { key: [], fields: [mapped] };
        let value: string | undefined;
        try {
          value = decodeText(mapped, given);
        } catch {
          // It is then no hash at all, or any other one.
        }
        const pieces = new Pieces(1);
        const bytes = Buffer.from(`ab${given}cd`);
        const isNumber = asNumber && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(given) && mapped.type.kind !== 'text';
        pieces.set(0, isNumber ? NUMBER : TEXT, bytes, 2, bytes.length - 2);
        const chain = new Lookup3Chain();
        const hash = () =>
          new RowHasher(mapping).hash(chain, 1, 2, pieces, () => {
            if (value === undefined) throw new Error('unread');
            return value;
          });
        if (value === undefined) expect(hash).toThrow('unread');
        else {
          hash();
          const found = [chain.high, chain.low];
          hashValues(chain, 1, 2, mapping, [value]);
          expect(found).toEqual([chain.high, chain.low]);
        }
      }),
      { numRuns: 6000 },
    );
  });
});
