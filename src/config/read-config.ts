// The config file's text and the environment become a Config, or a ConfigError that lists every problem at once.
// Connects to nothing and prints nothing.

import { readFile } from 'node:fs/promises';
import { ConfigError, wordsOf } from '../errors.ts';
import { check, type Loose } from './check.ts';
import type { Config } from './config.ts';
import { makeProblemList } from './problem-list.ts';
import { type Definitions, resolveConfig } from './resolve.ts';
import { looseFile, type RawFile } from './schema.ts';
import { readTree } from './yaml-tree.ts';

const example = 'docs/config.md has an example to start from.';

/** Reads `file`. What it names relatively is relative to its folder. */
export async function readConfig(file: string, env: NodeJS.ProcessEnv, definitions: Definitions): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'is a folder, not a file'
          : `can't be read: ${wordsOf(error)}`;
    throw new ConfigError([{ path: '', message, hint: `Name the file with -c, or write one: ${example}` }], file);
  }
  return parseConfig(text, file, env, definitions);
}

/** `file` is for messages and for the folder that relative paths start from; it is not read. */
export function parseConfig(text: string, file: string, env: NodeJS.ProcessEnv, definitions: Definitions): Config {
  const tree = readTree(text.replace(/^\uFEFF/, ''), env);
  const problems = makeProblemList(tree);
  if (!tree.readable) throw new ConfigError(problems.sorted(), file);
  if (tree.value === undefined || tree.value === null) {
    problems.add([], 'the file is empty', { hint: `Write source, stores and entities: ${example}` });
    throw new ConfigError(problems.sorted(), file);
  }
  const { rest } = check(looseFile, tree.value, [], problems);
  const config = resolveConfig(rest as Loose<RawFile>, file, definitions, problems);
  const found = problems.sorted();
  if (found.length > 0) throw new ConfigError(found, file);
  return config;
}
