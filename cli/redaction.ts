// The secrets that this process has read, and their removal from what it says last. One process, one configuration.

import type { Config } from '../src/config/config.ts';
import { configSecrets, makeRedactor } from '../src/config/redact.ts';

let redactor: (text: string) => string = (text) => text;

/** From now on `redact` takes these secrets out. */
export function hideSecrets(config: Config): void {
  redactor = makeRedactor(configSecrets(config));
}

export function redact(text: string): string {
  return redactor(text);
}
