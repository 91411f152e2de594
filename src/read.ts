// The config reader with the built-in kinds of store already known.

import type { Config } from './config/config.ts';
import * as reader from './config/read-config.ts';
import { storeKinds } from './stores/registry.ts';
import type { StoreDefinition } from './stores/store.ts';

/** Reads a config file. `env` resolves `${NAME}`; `kinds` are stores of the caller's own. Throws ConfigError with every problem. */
export function readConfig(
  file: string,
  env: NodeJS.ProcessEnv,
  kinds: readonly StoreDefinition[] = [],
): Promise<Config> {
  return reader.readConfig(file, env, storeKinds(kinds));
}

/** As `readConfig`, of a text; `file` names it in messages and is what relative paths are relative to. */
export function parseConfig(
  text: string,
  file: string,
  env: NodeJS.ProcessEnv,
  kinds: readonly StoreDefinition[] = [],
): Config {
  return reader.parseConfig(text, file, env, storeKinds(kinds));
}
