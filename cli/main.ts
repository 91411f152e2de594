// Starts the command that the words name. What goes wrong before or beside a command ends here, never with exit code 1.

import { Config, flush, run } from '@oclif/core';
import { suggest } from '../src/config/suggest.ts';
import { wordsOf } from '../src/errors.ts';
import { failureOf } from './failure.ts';
import { tellFailure } from './tell-failure.ts';
import { UsageError } from './usage-error.ts';

/** What a driver may take to close its sockets once all is said; one whose server hangs never would. */
const CLOSING_MS = 500;

/** `words` as after the program's name; `root` is a file URL inside the package. */
export async function main(words: readonly string[], root: string): Promise<void> {
  // Node would end with 1, which means drift.
  process.on('uncaughtException', (error) => {
    say(error, words).finally(() => process.exit());
  });
  try {
    const config = await Config.load(root);
    // `plumbline help check` as well as `plumbline check --help`.
    const argv = words[0] === 'help' ? [...words.slice(1), '--help'] : [...words];
    await run(argv, config).catch((error) => {
      throw unknownCommand(error, config) ?? error;
    });
    await flush();
  } catch (error) {
    await say(error, words);
  }
  // Keeps nothing alive by itself: only a process that would not end by then is ended.
  setTimeout(() => process.exit(), CLOSING_MS).unref();
}

function unknownCommand(error: unknown, config: Config): UsageError | undefined {
  const [, word] = /^command (.+) not found$/s.exec(wordsOf(error)) ?? [];
  if (word === undefined) return undefined;
  const names = config.commandIDs.filter((name) => !config.findCommand(name)?.hidden).sort();
  const near = suggest(word, names);
  const message = `there is no command ${word}${near === undefined ? '' : `; did you mean ${near}?`}`;
  return new UsageError(message, `Commands: ${names.join(', ')}.`);
}

async function say(error: unknown, words: readonly string[]): Promise<void> {
  const debug = Boolean(process.env.DEBUG);
  const failure = failureOf(error, { command: 'plumbline', connected: false, debug });
  process.exitCode = failure.exitCode;
  await tellFailure(failure, words);
}
