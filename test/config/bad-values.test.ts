// Durations, variables, secrets and URLs that are wrong, and files that are meant to harm.

import { expect, test } from 'vitest';
import { head, problemsOf, replica, testCases, withStore } from './bad-config.ts';

testCases([
  {
    name: 'durations, percentages and tolerances that are none',
    text: `${replica('        maxLag: 2 weeks\n        fields: { a: { tolerance: -1 }, b: { tolerance: 1 year } }\n')}confirm: { interval: -5 }\nlimits: { maxRows: 1.5, maxPercent: 120% }\n`,
    says: [
      [10, 'entities.orders.replicas[0].maxLag', 'is no duration; write 500ms, 2s, 5m, 1h or 7d'],
      [11, 'entities.orders.replicas[0].fields.a.tolerance', 'must not be negative'],
      [
        11,
        'entities.orders.replicas[0].fields.b.tolerance',
        'is no tolerance; write a number, or a duration such as 1s for a timestamp',
      ],
      [12, 'confirm.interval', 'must not be negative'],
      [13, 'limits.maxRows', 'must be a whole number'],
      [13, 'limits.maxPercent', 'must lie between 0 and 100'],
    ],
  },
  {
    name: 'a variable that is not set, in the line where it stands',
    text: replica('        where: |\n          first line\n          second $' + '{LIMIT}\n'),
    says: [[12, 'entities.orders.replicas[0].where', 'environment variable LIMIT is not set', `\${LIMIT:-…}`]],
  },
  {
    name: 'an unset variable says no more than that',
    text: `${head}entities:\n  a:\n    table: \${TABLE}\n    replicas: [{ store: "\${STORE}" }, { store: docs, maxLag: "\${LAG}" }]\n`,
    says: [
      [7, 'entities.a.table', 'environment variable TABLE is not set'],
      [8, 'entities.a.replicas[0].store', 'environment variable STORE is not set'],
      [8, 'entities.a.replicas[1].maxLag', 'environment variable LAG is not set'],
    ],
  },
  {
    name: 'a variable that is none',
    text: replica(`        target: \${1st}\n`),
    says: [[10, 'entities.orders.replicas[0].target', `this \${…} is no variable`, 'for a literal']],
  },
  {
    name: 'a variable that is set to nothing',
    text: withStore(`    kind: mongodb\n    url: \${MONGO_URL}\n`),
    env: { MONGO_URL: '' },
    says: [[6, 'stores.docs.url', 'must not be empty']],
  },
  {
    name: 'a password in the file, in every place where one can stand',
    text: `${withStore(`    kind: mongodb\n    url: mongodb://\${U}:hunter2@\${H}/shop\n`)
      .replace('reader@primary/shop', 'reader@primary/shop?sslpassword=hunter2')
      .replace(
        'url: postgres://reader@copy/shop',
        `url: "\${COPY:-postgres://reader:hunter2@copy/shop}", tls: { mode: require, keyPassword: hunter2 }`,
      )}`,
    env: { U: 'me', H: 'docs', COPY: 'postgres://copy/shop' },
    says: [
      [1, 'source.url', 'a secret stands in the file; secrets come from the environment only', `\${SOURCE_PASSWORD}`],
      [
        3,
        'stores.copy.url',
        'a secret stands in the file; secrets come from the environment only',
        `\${COPY_PASSWORD}`,
      ],
      [
        3,
        'stores.copy.tls.keyPassword',
        'a secret stands in the file; secrets come from the environment only',
        `\${COPY_KEY_PASSWORD}`,
      ],
      [
        6,
        'stores.docs.url',
        'a secret stands in the file; secrets come from the environment only',
        `\${DOCS_PASSWORD}`,
      ],
    ],
  },
  {
    name: 'URLs that are none',
    text: `${withStore('    kind: mongodb\n    url: docs:27017\n').replace('postgres://reader@primary', 'mysql://primary').replace('@copy/shop', '@copy:port/shop')}`,
    says: [
      [1, 'source.url', 'is no PostgreSQL URL', 'The source is PostgreSQL'],
      [3, 'stores.copy.url', 'is no URL that can be told apart', 'Percent-encode'],
      [6, 'stores.docs.url', 'is no URL', 'scheme://'],
    ],
  },
]);

test('a billion laughs is refused, at once', () => {
  const laughs = Array.from({ length: 12 }, (_, i) => `  l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`).join('\n');
  const problems = problemsOf(`where:\n  l0: &l0 [ha, ha]\n${laughs}\n`);
  expect(problems.map(({ message }) => message)).toContain('too large');
});

test('nesting without end is refused', () => {
  const messages = problemsOf(`a: ${'['.repeat(200)}${']'.repeat(200)}`).map(({ message }) => message);
  expect(messages).toContain('nested too deeply to be read');
  expect(problemsOf(`a: ${'['.repeat(100_000)}`).length).toBeGreaterThan(0);
});

test('no message shows what came from the environment', () => {
  const secret = 'zq9-Äx';
  const env = { A: secret, URL: `weird://u:${secret}@h:x/${secret}` };
  const text = `source: { url: "\${URL}" }
stores:
  docs: { kind: "\${A}", url: "\${A}" }
  more: { kind: mongodb, url: mongodb://h, readPreference: "\${A}", database: { "x": "\${A}" } }
entities:
  a:
    table: t
    key: ["\${A}", "\${A}"]
    version: "\${A}"
    fields: { a: "\${A}", b: "\${A}" }
    replicas:
      - { store: "\${A}", naming: "\${A}", maxLag: "\${A}", onlyListed: "\${A}" }
      - { store: more, target: "\${A}" }
      - { store: more, target: "\${A}", ignore: ["\${A}"] }
limits: { maxPercent: "\${A}", maxRows: "\${A}" }
`;
  const problems = problemsOf(text, env);
  expect(problems.length).toBeGreaterThan(12);
  expect(JSON.stringify(problems)).not.toContain(secret);
});
