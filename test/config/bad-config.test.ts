// Every way to get the config wrong: what is said, where, and that nothing else is said.

import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/read-config.ts';
import { ConfigError, type Problem } from '../../src/errors.ts';
import { kinds } from './fake-kinds.ts';

function problemsOf(text: string, env: Record<string, string> = {}): readonly Problem[] {
  try {
    parseConfig(text, '/etc/plumbline.yaml', env, kinds);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const head = `source: { url: postgres://reader@primary/shop }
stores:
  copy: { kind: postgres, url: postgres://reader@copy/shop }
  docs: { kind: mongodb, url: mongodb://docs/shop }
`;
/** Line 5 is `entities:`, 6 `orders:`, 7 `table: orders`; what is given starts in line 8. */
const entity = (rest: string) => `${head}entities:\n  orders:\n    table: orders\n${rest}`;
/** What is given starts in line 10. */
const replica = (rest: string) => entity(`    replicas:\n      - store: docs\n${rest}`);
const good = replica('');
const withStore = (lines: string) =>
  good.replace('  docs: { kind: mongodb, url: mongodb://docs/shop }\n', `  docs:\n${lines}`);

interface Case {
  readonly name: string;
  readonly text: string;
  readonly env?: Record<string, string>;
  /** `line`, `path`, `message`, and the hint or a part of it. */
  readonly says: readonly (readonly [line: number | undefined, path: string, message: string, hint?: string])[];
}

const cases: readonly Case[] = [
  { name: 'nothing is wrong', text: good, says: [] },
  {
    name: 'an empty file',
    text: '# nothing\n',
    says: [[undefined, '', 'the file is empty', 'docs/config.md']],
  },
  {
    name: 'a list instead of a mapping',
    text: '- source\n',
    says: [[1, '', 'must be a mapping, not a list']],
  },
  {
    name: 'YAML that does not end',
    text: `${head}entities: [\n`,
    says: [
      [6, '', 'not readable as YAML: flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
  },
  {
    name: 'a tab',
    text: 'source:\n\turl: x\n',
    says: [[2, '', 'not readable as YAML: tabs are not allowed as indentation']],
  },
  {
    name: 'an unquoted variable between braces',
    text: good.replace('postgres://reader@primary/shop', `\${PG_URL}`),
    says: [[1, '', `a \${…} between { } or [ ] stands in quotes`, `{ url: "\${URL}" }`]],
  },
  {
    name: 'a tag',
    text: good.replace('postgres://reader@primary/shop', '!!js/function "x"'),
    says: [[1, '', 'tags (!…) are not read', 'plain value']],
  },
  {
    name: 'two documents',
    text: `${good}---\n${good}`,
    says: [[10, '', 'a second document starts here (---)', 'One file']],
  },
  {
    name: 'a key that stands twice',
    text: entity('    where: a > 1\n    where: a > 2\n    replicas: [{ store: docs }]\n'),
    says: [[9, 'entities.orders.where', 'stands twice, first in line 8', 'Keep one']],
  },
  {
    name: 'an unknown key that resembles one: the missing one is not told as well',
    text: entity('    replica: [{ store: docs }]\n'),
    says: [[8, 'entities.orders.replica', 'unknown key; did you mean "replicas"?', 'Known here: table, sql,']],
  },
  {
    name: 'an unknown key that resembles none',
    text: `${good}owner: me\n`,
    says: [[10, 'owner', 'unknown key', 'Known here: version, source, stores, entities, confirm, limits, folder.']],
  },
  {
    name: 'missing parts',
    text: 'version: 1\nstores:\n  docs: { kind: mongodb }\n',
    says: [
      [1, 'source', 'missing', 'holds the truth'],
      [1, 'entities', 'missing', 'What is compared'],
      [3, 'stores.docs.url', 'missing', 'Where it is'],
    ],
  },
  {
    name: 'a part that is empty',
    text: good.replace(/stores:\n.*\n.*\n/, 'stores:\n'),
    says: [[2, 'stores', 'is empty', 'Give it a value']],
  },
  {
    name: 'wrong types',
    text: replica(
      '        naming: 3\n        onlyListed: perhaps\n        ignore: notes\n        fields: { a: 7, b: { to: [] } }\n',
    ),
    says: [
      [10, 'entities.orders.replicas[0].naming', 'must be one of asIs, camelCase, snake_case'],
      [11, 'entities.orders.replicas[0].onlyListed', 'must be true or false, not text'],
      [12, 'entities.orders.replicas[0].ignore', 'must be a list, not text'],
      [13, 'entities.orders.replicas[0].fields.a', 'must be text or a mapping, not a number'],
      [13, 'entities.orders.replicas[0].fields.b.to', 'must be text, not a list'],
    ],
  },
  {
    name: 'a naming with a slip',
    text: replica('        naming: snakecase\n'),
    says: [
      [
        10,
        'entities.orders.replicas[0].naming',
        'must be one of asIs, camelCase, snake_case; did you mean "snake_case"?',
      ],
    ],
  },
  {
    name: 'another format version',
    text: `version: 2\n${good}`,
    says: [[1, 'version', 'must be 1']],
  },
  {
    name: 'no entity',
    text: `${head}entities: {}\n`,
    says: [[5, 'entities', 'needs at least one entity']],
  },
  {
    name: 'an entity without replicas',
    text: entity('    replicas: []\n'),
    says: [[8, 'entities.orders.replicas', 'needs at least one replica']],
  },
  {
    name: 'a number that would lose digits',
    text: replica('        where: { id: 9007199254740993 }\n'),
    says: [[10, 'entities.orders.replicas[0].where.id', 'too large for a number', 'quotes']],
  },
  {
    name: 'a kind that nobody knows',
    text: good.replace('kind: mongodb', 'kind: mongo'),
    says: [[4, 'stores.docs.kind', 'unknown kind "mongo"; did you mean "mongodb"?', 'Kinds known: mongodb, postgres.']],
  },
  {
    name: 'a store named source, and one with a dot',
    text: good.replace(
      'stores:\n',
      'stores:\n  source: { kind: postgres, url: postgres://a/b }\n  a.b: { kind: postgres, url: postgres://a/b }\n',
    ),
    says: [
      [3, 'stores.source', 'a store is named with letters, digits, - and _ (and not "source")'],
      [4, 'stores["a.b"]', 'a store is named with letters, digits, - and _ (and not "source")'],
    ],
  },
  {
    name: "a slip in the kind's own words and in the common ones",
    text: withStore('    kind: mongodb\n    url: mongodb://docs/shop\n    databse: shop\n'),
    says: [
      [
        7,
        'stores.docs.databse',
        'unknown key; did you mean "database"?',
        'Known here: kind, url, database, readPreference.',
      ],
    ],
  },
  {
    name: 'a common word with a slip, in a store',
    text: withStore('    kind: mongodb\n    ulr: mongodb://docs/shop\n'),
    says: [[6, 'stores.docs.ulr', 'unknown key; did you mean "url"?']],
  },
  {
    name: "another kind's word",
    text: good.replace('url: mongodb://docs/shop', 'url: mongodb://docs/shop, schema: x'),
    says: [[4, 'stores.docs.schema', 'unknown key', 'Known here: kind, url, database, readPreference.']],
  },
  {
    name: "what the kind's schema refuses, and what it would drop without a word",
    text: good.replace(
      'url: postgres://reader@copy/shop',
      'url: postgres://reader@copy/shop, pool: 0, tls: { mode: requir, ca: x }',
    ),
    says: [
      [3, 'stores.copy.pool', 'too small: expected number to be >=1'],
      [3, 'stores.copy.tls.mode', 'must be one of require, verify-full; did you mean "require"?'],
      [3, 'stores.copy.tls.ca', 'unknown key', 'Known here: mode, keyPassword.'],
    ],
  },
  {
    name: "a replica's own words",
    text: replica('        decimal: double\n        absentIsNull: 1\n'),
    says: [
      [
        10,
        'entities.orders.replicas[0].decimal',
        'unknown key; did you mean "decimals"?',
        'Known here: store, target,',
      ],
      [11, 'entities.orders.replicas[0].absentIsNull', 'must be true or false, not a number'],
    ],
  },
  {
    name: 'a store that is not there',
    text: good.replace('store: docs', 'store: dosc'),
    says: [
      [
        9,
        'entities.orders.replicas[0].store',
        'no store is named "dosc"; did you mean "docs"?',
        'Stores here: copy, docs.',
      ],
    ],
  },
  {
    name: 'a table and a query',
    text: entity('    sql: select 1\n    replicas: [{ store: docs }]\n'),
    says: [[8, 'entities.orders.sql', 'stands beside table', 'Keep one']],
  },
  {
    name: 'neither a table nor a query',
    text: good.replace('    table: orders\n', ''),
    says: [[6, 'entities.orders', 'neither table nor sql is given', 'Name the source table']],
  },
  {
    name: 'a query without a key',
    text: good.replace('table: orders', 'sql: select 1 as id'),
    says: [[6, 'entities.orders.key', 'missing', 'A query has no primary key']],
  },
  {
    name: 'a key that names a column twice',
    text: entity('    key: [id, id]\n    replicas: [{ store: docs }]\n'),
    says: [[8, 'entities.orders.key', 'names "id" twice']],
  },
  {
    name: 'the same place twice in one entity',
    text: entity('    replicas:\n      - store: docs\n      - store: docs\n        target: orders\n'),
    says: [[10, 'entities.orders.replicas[1]', 'is the same place as entities.orders.replicas[0]', 'another target']],
  },
  {
    name: 'two columns in one field, by word and by naming',
    text: replica(
      '        naming: camelCase\n        fields:\n          note: reportedBy\n          reported_by: { sensitive: true }\n',
    ),
    says: [
      [13, 'entities.orders.replicas[0].fields.reported_by', 'goes to "reportedBy", as "note" does', 'another field'],
    ],
  },
  {
    name: 'a field in the place of the key, told once for all replicas',
    text: entity('    key: id\n    fields:\n      number: id\n    replicas: [{ store: docs }, { store: copy }]\n'),
    says: [[10, 'entities.orders.fields.number', 'goes to "id", as "id" does']],
  },
  {
    name: 'a field both ignored and mapped',
    text: replica('        ignore: [notes]\n        fields: { notes: remarks, tax: { ignore: true, tolerance: 1 } }\n'),
    says: [
      [11, 'entities.orders.replicas[0].fields.notes', 'is both ignored and mapped', 'out of ignore'],
      [11, 'entities.orders.replicas[0].fields.tax', 'is both ignored and mapped'],
    ],
  },
  {
    name: 'a key that is ignored or has a tolerance',
    text: entity(
      '    key: [a, b]\n    fields: { a: { tolerance: 1 } }\n    replicas:\n      - store: docs\n        ignore: [b]\n',
    ),
    says: [
      [9, 'entities.orders.fields.a.tolerance', 'a key is equal or not; it has no tolerance'],
      [12, 'entities.orders.replicas[0].ignore', '"b" belongs to the key and can\'t be ignored'],
    ],
  },
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
  {
    name: 'an alias of nothing, and one that holds itself',
    text: replica('        where: { a: *nobody, b: &b [*b] }\n'),
    says: [
      [10, 'entities.orders.replicas[0].where.a', 'no &nobody stands before this alias'],
      [10, 'entities.orders.replicas[0].where.b[0]', 'the alias *b holds itself'],
    ],
  },
];

describe('a config that is wrong', () => {
  test.each(cases)('$name', ({ text, env, says }) => {
    const problems = problemsOf(text, env);
    expect(problems.map(({ line, path, message }) => [line, path, message])).toEqual(
      says.map(([line, path, message]) => [line, path, message]),
    );
    for (const [index, [, path, , hint]] of says.entries()) {
      if (hint !== undefined) expect(problems[index]?.hint, path).toContain(hint);
    }
    for (const { line, column } of problems) if (line !== undefined) expect(column).toBeGreaterThan(0);
  });

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
});
