// What is hidden in a URL and in any text, and that nothing slips through.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/read-config.ts';
import { configSecrets, makeRedactor, redactUrl, secretsOf } from '../../src/config/redact.ts';
import { kinds } from './fake-kinds.ts';

describe('redactUrl', () => {
  test.each([
    ['postgres://app:s3cret@db:5432/shop', 'postgres://app:***@db:5432/shop'],
    ['postgres://app@db/shop', 'postgres://app@db/shop'],
    ['postgres://db/shop?sslmode=require', 'postgres://db/shop?sslmode=require'],
    ['postgres://app:a:b@db/shop', 'postgres://app:***@db/shop'],
    ['postgres://app:a@b@db/shop', 'postgres://app:***@db/shop'],
    ['postgres://app:p%40ss@%2Fvar%2Frun/shop', 'postgres://app:***@%2Fvar%2Frun/shop'],
    [
      'mongodb://u:p@m1:27017,m2:27017,[::1]:27017/db?replicaSet=rs',
      'mongodb://u:***@m1:27017,m2:27017,[::1]:27017/db?replicaSet=rs',
    ],
    ['mongodb+srv://u:p@cluster.example.net/db', 'mongodb+srv://u:***@cluster.example.net/db'],
    ['redis://:p@cache:6379/0', 'redis://:***@cache:6379/0'],
    ['bolt://neo4j:p@graph:7687', 'bolt://neo4j:***@graph:7687'],
    ['postgres://db/shop?password=p&sslmode=require', 'postgres://db/shop?password=***&sslmode=require'],
    ['postgres://db/shop?ssl%70assword=p', 'postgres://db/shop?ssl%70assword=***'],
    [
      'mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:x&tlsCertificateKeyFilePassword=y',
      'mongodb://h/?authMechanismProperties=***&tlsCertificateKeyFilePassword=***',
    ],
    [
      'mongodb://h/?tlsCertificateKeyFile=/etc/k.pem&access_token=z',
      'mongodb://h/?tlsCertificateKeyFile=/etc/k.pem&access_token=***',
    ],
    ['postgres://db/shop?password=a&b', 'postgres://db/shop?password=***&***'],
    // An @ behind the host, or a port that is none: a raw password may stand there.
    ['postgres://app:a/b@db/shop', 'postgres://…'],
    ['postgres://app:a@b/c@db/shop', 'postgres://…'],
    ['postgres://app:secret', 'postgres://…'],
    ['app:secret@db/shop', '…'],
    ['host=db password=secret', '…'],
    ['', '…'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  const hosts = 'postgres://app:***@db.example:5432/shop?sslmode=require';

  test('whatever the password is, encoded as it should be: only *** is shown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (password) => {
        const url = hosts.replace('***', () => encodeURIComponent(password));
        expect(redactUrl(url)).toBe(hosts);
      }),
    );
  });

  // Told apart from the rest of the URL by characters that stand nowhere else in it.
  const odd = fc.string({
    unit: fc.constantFrom('Q', 'Z', '@', '/', '?', '#', ':', '%', '&', '=', '[', '+', ' ', '\n'),
    maxLength: 12,
  });

  test('whatever the password is, raw: nothing of it is shown', () => {
    fc.assert(
      fc.property(odd, odd, (before, after) => {
        const password = `${before}Q${after}`;
        for (const tail of ['db', 'db:5432/shop', 'm1,m2/shop?sslmode=require']) {
          expect(redactUrl(`postgres://app:${password}@${tail}`)).not.toMatch(/[QZ]/);
          expect(redactUrl(`postgres://:${password}@${tail}`)).not.toMatch(/[QZ]/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('makeRedactor', { timeout: 20_000 }, () => {
  test('hides each secret in a text that a driver wrote', () => {
    const redact = makeRedactor(secretsOf('postgres://app:p%40s%2fs@db/shop?sslpassword=k%20k'));
    expect(redact('password "p@s/s" (p%40s%2Fs, p%40s/s) and k k, k+k, k%20k failed for app')).toBe(
      'password "***" (***, ***) and ***, ***, *** failed for app',
    );
  });

  test('takes the longer of two secrets first, and no secret for nothing', () => {
    expect(makeRedactor(['ab', 'abc', ''])('abcd ab')).toBe('***d ***');
    expect(makeRedactor([])('as it is')).toBe('as it is');
  });

  test('whatever the password is: raw, encoded and in JSON it is gone', () => {
    const password = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !text.includes('*'));
    fc.assert(
      fc.property(password, (secret) => {
        const redact = makeRedactor([secret]);
        expect(redact(`<${secret}>`)).not.toContain(`<${secret}>`);
        expect(redact(secret)).toBe('***');
        expect(redact(JSON.stringify(secret).slice(1, -1))).toBe('***');
        const encoded = encodeURIComponent(secret);
        expect(redact(encoded)).toBe('***');
        expect(redact(encoded.replace(/%../g, (byte) => byte.toLowerCase()))).toBe('***');
      }),
      { numRuns: 300 },
    );
  });

  test('what secretsOf finds covers the password of any URL, readable or not', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('*')),
        (password) => {
          for (const spelt of [password, encodeURIComponent(password)]) {
            const text = `connect postgres://app:${spelt}@db/shop?x=1 failed`;
            const redacted = makeRedactor(secretsOf(`postgres://app:${spelt}@db/shop?x=1`))(text);
            expect(redacted).not.toContain(`app:${spelt}@`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('configSecrets knows those of every URL and option', () => {
  const text = `
source: { url: "postgres://a:\${A}@h/d" }
stores: { copy: { kind: postgres, url: "postgres://b:\${B}@h/d", tls: { mode: require, keyPassword: "\${C}" } } }
entities: { t: { table: t, replicas: [{ store: copy }] } }
`;
  const config = parseConfig(text, 'a.yaml', { A: 'one@', B: 'two', C: 'three' }, kinds);
  expect(configSecrets(config).sort()).toEqual(['one%40', 'one@', 'three', 'two']);
});
