// Any thrown thing becomes an exit code and words for the user. An error never exits with 1: that means drift.

import { jsonText } from '../reports/json.ts';
import { displayWidth, escapeText, oneLine, padEnd, wrap } from '../reports/text.ts';
import { type Colours, markPaint } from '../reports/theme.ts';
import { plural } from '../reports/words.ts';
import { suggest } from '../src/config/suggest.ts';
import {
  ConfigError,
  InterruptedError,
  LockedError,
  type Problem,
  RefusedError,
  StoreError,
  wordsOf,
} from '../src/errors.ts';
import { isOutOfRoom } from '../src/files/naming.ts';
import { EXIT } from '../src/report/verdict.ts';
import { UsageError } from './usage-error.ts';

export interface Failure {
  readonly exitCode: number;
  /** The kind of error, for programs: `ConfigError`, `UsageError`, `StoreError` … `Bug`. */
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
  /** What is the case now, one sentence. */
  readonly state?: string;
  /** Only of a ConfigError. */
  readonly file?: string;
  readonly problems?: readonly Problem[];
  /** Only of a bug, and only when it was asked for. */
  readonly stack?: string;
}

export interface Circumstances {
  /** `plumbline check`, for hints; without a command only `plumbline`. */
  readonly command: string;
  /** The configuration was read, so servers may have been asked. */
  readonly connected: boolean;
  /** Show where a bug was thrown. */
  readonly debug: boolean;
}

export function failureOf(error: unknown, circumstances: Circumstances): Failure {
  const { command, connected, debug } = circumstances;
  const message = wordsOf(error);
  if (error instanceof ConfigError) {
    const state = connected ? 'Nothing was changed.' : 'Nothing was connected or changed.';
    return { exitCode: EXIT.usage, name: error.name, message, state, file: error.file, problems: error.problems };
  }
  if (error instanceof UsageError || isParseError(error)) {
    const hint = error instanceof UsageError && error.hint !== undefined ? error.hint : helpHint(command);
    return { exitCode: EXIT.usage, name: 'UsageError', message: usageWords(error), hint };
  }
  if (error instanceof LockedError) {
    const hint = 'Wait until it has ended, or choose other replicas. Reading alone (check) needs no lock.';
    return { exitCode: EXIT.locked, name: error.name, message, hint, state: 'Nothing was changed.' };
  }
  if (error instanceof RefusedError) {
    const lifted = error.flag === undefined ? [] : [`If that is right, run it again with ${error.flag}.`];
    const hint = [...(error.hint === undefined ? [] : [error.hint]), ...lifted].join(' ') || undefined;
    return { exitCode: EXIT.refused, name: error.name, message, hint, state: 'Nothing was written.' };
  }
  if (error instanceof StoreError) {
    return { exitCode: EXIT.incomplete, name: error.name, message, hint: error.hint };
  }
  if (error instanceof InterruptedError) return { exitCode: EXIT.incomplete, name: error.name, message };
  if (isSystemError(error)) {
    const hint = isOutOfRoom(error)
      ? ROOM_HINT
      : 'The folder of the runs is `folder` in the configuration, by default .plumbline beside it.';
    return { exitCode: EXIT.incomplete, name: 'SystemError', message: systemWords(error), hint };
  }
  return {
    exitCode: EXIT.incomplete,
    name: 'Bug',
    message: `this is a bug in plumbline: ${message}`,
    hint: debug ? undefined : 'Please report it. With DEBUG=1 in the environment it says where it happened.',
    stack: debug && error instanceof Error ? error.stack : undefined,
  };
}

/** For stderr; each line without its end. */
export function failureLines(failure: Failure, width: number, colours: Colours): string[] {
  const lines =
    failure.problems === undefined
      ? messageLines(failure, width, colours)
      : problemLines(failure.file, failure.problems, width, colours);
  if (failure.stack !== undefined) lines.push(...failure.stack.split('\n').map(escapeText));
  const exit = `exit ${failure.exitCode}`;
  const last = failure.state === undefined ? (lines.pop() ?? '') : failure.state;
  const blanks = width - displayWidth(withoutColour(last)) - exit.length;
  return [...lines, ...(blanks >= 2 ? [`${last}${' '.repeat(blanks)}${exit}`] : [last, exit.padStart(width)])];
}

/** For stdout, where JSON was asked for. `type` is there where each line is a document of its own. */
export function failureJson(failure: Failure, line: boolean): string {
  const { exitCode, state: _, ...error } = failure;
  const document = line ? { type: 'error', error, exitCode } : { error, exitCode };
  return `${jsonText(document, line ? undefined : 2)}\n`;
}

/** The same with every text of it put through `redact`. */
export function redacted(failure: Failure, redact: (text: string) => string): Failure {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return redact(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  return { ...(walk(failure) as Failure), name: failure.name };
}

function messageLines(failure: Failure, width: number, colours: Colours): string[] {
  const mark = failure.exitCode === EXIT.refused || failure.exitCode === EXIT.locked ? '!' : '✖';
  const [first, ...more] = failure.message.split('\n').flatMap((line) => wrap(oneLine(line), width - 2));
  const hint = failure.hint === undefined ? [] : wrap(oneLine(failure.hint), width - 2);
  return [`${markPaint(colours, mark)(mark)} ${first}`, ...[...more, ...hint].map((line) => `  ${line}`)];
}

function problemLines(
  file: string | undefined,
  problems: readonly Problem[],
  width: number,
  colours: Colours,
): string[] {
  const only = problems.length === 1 ? problems[0]! : undefined;
  if (only !== undefined && only.line === undefined) {
    const where = only.path === '' ? file : only.path;
    const message = where === undefined ? only.message : `${where}: ${only.message}`;
    return messageLines({ exitCode: EXIT.usage, name: '', message, hint: only.hint }, width, colours);
  }
  const title = plural(problems.length, 'problem');
  const head = colours.bold(file === undefined ? title : `${oneLine(file)}: ${title}`);
  const placeWidth = Math.max(...problems.map((problem) => placeOf(problem).length));
  const pathWidth = Math.max(...problems.map((problem) => displayWidth(oneLine(problem.path))));
  const start = placeWidth === 0 ? 2 : placeWidth + 4;
  const lines = problems.flatMap((problem) => {
    const place = placeWidth === 0 ? '  ' : `  ${placeOf(problem).padEnd(placeWidth)}  `;
    const path = oneLine(problem.path);
    const message = oneLine(problem.message);
    const hint = problem.hint === undefined ? [] : wrap(oneLine(problem.hint), width - start);
    const beside = start + pathWidth + 2 + displayWidth(message) <= width;
    const first = place + colours.bold(path) + (beside ? padEnd('', pathWidth + 2 - displayWidth(path)) + message : '');
    const more = beside ? [] : wrap(message, width - start);
    return [first, ...[...more, ...hint].map((line) => ' '.repeat(start) + line)];
  });
  return [head, ...lines];
}

function placeOf({ line, column }: Problem): string {
  return line === undefined ? '' : `${line}:${column ?? 1}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what starts a colour
const COLOUR = /\u001b\[\d+m/g;

function withoutColour(text: string): string {
  return text.replace(COLOUR, '');
}

/** What oclif throws while it reads the command line; recognised by shape, as its classes are not exported. */
interface ParseError extends Error {
  readonly parse?: { readonly input?: { readonly flags?: object } };
  /** Of a NonExistentFlagsError. */
  readonly flags?: readonly string[];
}

function isParseError(error: unknown): error is ParseError {
  return error instanceof Error && 'oclif' in error;
}

function usageWords(error: ParseError): string {
  const message = error.message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/^The following errors? occurred:\s*/, '');
  if (!error.message.startsWith('Nonexistent flag')) return message;
  const known = Object.keys(error.parse?.input?.flags ?? {}).map((name) => `--${name}`);
  const near = error.flags?.length === 1 ? suggest(error.flags[0]!, known) : undefined;
  return near === undefined ? message : `${message}; did you mean ${near}?`;
}

function helpHint(command: string): string {
  return `${command} --help tells more.`;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly path: string } {
  return error instanceof Error && 'syscall' in error && 'path' in error && typeof error.path === 'string';
}

/** The journal comes before the write: what it had no room for was not made. */
const ROOM_HINT = 'Nothing was written that its journal does not hold. Make room, then go on with --resume.';
const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is no folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file may not grow any further',
};

function systemWords(error: NodeJS.ErrnoException & { readonly path: string }): string {
  return `${error.path}: ${SYSTEM_WORDS[error.code ?? ''] ?? wordsOf(error)} (${error.syscall})`;
}
