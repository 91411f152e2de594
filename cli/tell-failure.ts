// The one place that says what went wrong: as JSON on stdout where JSON was asked for, else in words on stderr.

import { coloursOf } from '../reports/theme.ts';
import { type Failure, failureJson, failureLines, redacted } from './failure.ts';
import { redact } from './redaction.ts';
import { wantsColour, widthOf, writeTo } from './terminal.ts';

/** `words`: the command line. Secrets are taken out; the exit code is the caller's to set. */
export async function tellFailure(failure: Failure, words: readonly string[]): Promise<void> {
  const shown = redacted(failure, redact);
  const { stdout, stderr, env } = process;
  const line = asks(words, '--format', 'ndjson');
  if (line || asks(words, '--json') || asks(words, '--format', 'json')) {
    await writeTo(stdout, [failureJson(shown, line)]);
    return;
  }
  const colours = coloursOf(wantsColour(stderr, asks(words, '--no-color'), env));
  await writeTo(stderr, [`${failureLines(shown, widthOf(stderr, env), colours).join('\n')}\n`]);
}

/** Whether a flag was given, from the raw words: they may be what could not be parsed. */
export function asks(words: readonly string[], flag: string, value?: string): boolean {
  const end = words.indexOf('--');
  const before = end < 0 ? words : words.slice(0, end);
  if (value === undefined) return before.includes(flag);
  return before.some((word, at) => word === `${flag}=${value}` || (word === flag && before[at + 1] === value));
}
