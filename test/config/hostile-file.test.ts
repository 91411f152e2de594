// A configuration is data: whatever stands in it, nothing of it is run, nothing of ours is changed by it, and reading it ends soon.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from '../../src/alerts/command.ts';
import { ConfigError, parseConfig } from '../../src/index.ts';

const GOOD = {
  source: { url: 'postgres://h/d' },
  stores: { copy: { kind: 'postgres', url: 'postgres://h/c' } },
  entities: { things: { table: 'things', replicas: [{ store: 'copy' }] } },
};
const read = (text: string, env: Record<string, string> = {}) => parseConfig(text, '/nowhere/plumbline.yaml', env);
const variable = (name: string) => ['$', '{', name, '}'].join('');
const problemsOf = (text: string, env?: Record<string, string>): string => {
  try {
    read(text, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  return '';
};

test.each([
  '!!js/function "function () { globalThis.ran = true }"',
  '!!js/eval "globalThis.ran = true"',
  '!!python/object/apply:os.system ["touch /tmp/ran"]',
  '!<tag:yaml.org,2002:js/undefined> x',
  '!ruby/object:Gem::Requirement {}',
])('a tag is refused: %s', (value) => {
  expect(problemsOf(`source: { url: postgres://h/d }\nfolder: ${value}\n`)).toMatch(/tags/);
  expect(globalThis).not.toHaveProperty('ran');
});

test('aliases that multiply are refused before they fill the memory', () => {
  const levels = Array.from(
    { length: 30 },
    (_, i) => `l${i}: &l${i} [${Array(10).fill(i === 0 ? 'x' : `*l${i - 1}`)}]`,
  );
  expect(problemsOf(`${levels.join('\n')}\nsource: *l29\n`)).toMatch(/too large/);
  expect(problemsOf('a: &a [*a]\n')).toMatch(/holds itself/);
});

describe('no key of the file changes what objects are', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
  const places = [
    '',
    'source.',
    'stores.',
    'stores.copy.',
    'entities.',
    'entities.things.',
    'entities.things.fields.',
    'limits.',
    'alerts.',
    'health.probes.',
    'queues.',
  ];
  test.each(places.flatMap((place) => names.map((name) => [`${place}${name}`])))('%s', (path) => {
    const parts = path.split('.');
    const text = (at: readonly string[]): string =>
      at.length === 0 ? '{ polluted: yes }' : `{ ${JSON.stringify(at[0])}: ${text(at.slice(1))} }`;
    problemsOf(text(parts));
    // Beside a configuration that is otherwise right, in the block style that lets a key stand where it would be looked for.
    const [first, ...rest] = parts;
    const more = `${JSON.stringify(first)}: ${text(rest)}`;
    const { [first as 'source']: _, ...others } = GOOD;
    problemsOf(
      `${more}\n${Object.entries(others)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
        .join('\n')}\n`,
    );
    for (const object of [{}, [], () => {}]) expect(object).not.toHaveProperty('polluted');
  });

  test('names that every object has are no kinds, stores or variables', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'valueOf']) {
      const config = { ...GOOD, stores: { copy: { ...GOOD.stores.copy, kind: name } } };
      expect(problemsOf(JSON.stringify(config))).toMatch(/unknown kind/);
      const store = { ...GOOD, entities: { things: { table: 't', replicas: [{ store: name }] } } };
      expect(problemsOf(JSON.stringify(store))).toMatch(/no store is named/);
      const variable = { ...GOOD, folder: `\${${name}}` };
      expect(problemsOf(JSON.stringify(variable))).toMatch(new RegExp(`environment variable ${name} is not set`));
    }
  });
});

test('what a variable holds is not looked through for further variables, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.constantFrom(
          variable('SECRET'),
          `$${variable('SECRET')}`,
          variable(`OTHER:-${variable('SECRET')}`),
          '`id`',
          '$(id)',
        ),
      ),
      (value) => {
        fc.pre(value !== '');
        const config = read(
          JSON.stringify({
            ...GOOD,
            entities: { things: { table: 't', where: variable('VALUE'), replicas: [{ store: 'copy' }] } },
          }),
          {
            VALUE: value,
            SECRET: 'told',
            OTHER: 'told',
          },
        );
        expect(config.entities[0]!.where).toBe(value);
      },
    ),
  );
});

describe('a command of an alert', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plumbline-command-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is no shell’s: its words arrive as they are, and what was found is none of them', async () => {
    const words = [
      '; touch pwned',
      '$(touch pwned)',
      '`touch pwned`',
      '| touch pwned',
      '&& touch pwned',
      '*',
      '~',
      '$HOME',
      '> pwned',
      '\n touch pwned',
      '\' " \\',
    ];
    await writeFile(
      join(folder, 'tell.mjs'),
      `import { writeFileSync } from 'node:fs'; writeFileSync('words.json', JSON.stringify(process.argv.slice(2)));`,
    );
    const alert = { text: '; touch pwned', subjects: ['$(touch pwned)'] } as never;
    await command.send({ command: [process.execPath, 'tell.mjs', ...words] }, alert, {
      folder,
      signal: new AbortController().signal,
    } as never);
    expect(JSON.parse(await readFile(join(folder, 'words.json'), 'utf8'))).toEqual(words);
    expect((await readdir(folder)).sort()).toEqual(['tell.mjs', 'words.json']);
  });
});
