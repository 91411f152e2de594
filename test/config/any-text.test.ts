// Whatever the file holds, the answer is a Config or a ConfigError.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/read-config.ts';
import { ConfigError } from '../../src/errors.ts';
import { kinds } from './fake-kinds.ts';

describe('parseConfig throws nothing but a ConfigError', { timeout: 20_000 }, () => {
  const words = fc.constantFrom(
    'source',
    'stores',
    'entities',
    'replicas',
    'fields',
    'url',
    'kind',
    'store',
    'table',
    'sql',
    'key',
    'map',
    'ignore',
    'constructor',
    '__proto__',
    'mongodb',
    'postgres',
    '<<',
    '~',
    '1',
    '-1',
    '.inf',
    '.nan',
    '1e400',
    '2s',
    '10%',
    `\${A}`,
    `\${B:-x}`,
    `\${`,
    `$\${`,
    'postgres://u:p@h/d',
    '&a',
    '*a',
    '!!set',
    '!x',
    '|',
    '>',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    ',',
    '-',
    '- ',
    '#',
    '\n',
    '\n  ',
    '\n    ',
    '\n      ',
    '\t',
    '---',
    '%YAML 1.1',
    '\uFEFF',
    '\0',
    '?',
    '? ',
  );
  const tryParse = (text: string) => {
    try {
      parseConfig(text, 'a.yaml', { A: 'value' }, kinds);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).problems.length).toBeGreaterThan(0);
    }
  };

  test('on text like YAML', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (parts) => tryParse(parts.join(''))),
      { numRuns: 600 },
    );
  });

  test('on any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), tryParse), { numRuns: 300 });
  });

  test('on the right words with anything in them', () => {
    const anything = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        words,
        fc.integer(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('map'),
      ),
      map: fc.dictionary(words, tie('value'), { maxKeys: 4 }),
    }));
    const file = fc.record(
      {
        source: fc.oneof(fc.record({ url: anything.value }), anything.value),
        stores: fc.oneof(
          fc.dictionary(fc.constantFrom('a', 'b'), fc.record({ kind: words, url: words, tls: anything.value })),
          anything.value,
        ),
        entities: fc.oneof(
          fc.dictionary(
            fc.constantFrom('e', 'constructor'),
            fc.record(
              {
                table: anything.value,
                key: anything.value,
                fields: anything.map,
                replicas: fc.array(
                  fc.record({
                    store: fc.constantFrom('a', 'c'),
                    fields: anything.value,
                    ignore: anything.value,
                    maxLag: anything.value,
                  }),
                ),
              },
              { requiredKeys: [] },
            ),
          ),
          anything.value,
        ),
        limits: anything.value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(file, (value) => tryParse(JSON.stringify(value))),
      { numRuns: 300 },
    );
  });
});
