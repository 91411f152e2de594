// Every thrown thing has its exit code, and none is 1.

import { describe, expect, test } from 'vitest';
import { failureJson, failureLines, failureOf, redacted } from '../../cli/failure.ts';
import { UsageError } from '../../cli/usage-error.ts';
import { displayWidth } from '../../reports/text.ts';
import { coloursOf } from '../../reports/theme.ts';
import { ConfigError, InterruptedError, LockedError, RefusedError, StoreError } from '../../src/errors.ts';

const circumstances = { command: 'plumbline check', connected: false, debug: false };
const plain = coloursOf(false);

function systemError(): Error {
  return Object.assign(new Error('EACCES: …'), { code: 'EACCES', syscall: 'mkdir', path: '/runs' });
}

test.each([
  [new ConfigError([{ path: 'a.b', message: 'is wrong' }], 'p.yaml'), 2],
  [new UsageError('no'), 2],
  [Object.assign(new Error('Nonexistent flag: --x'), { oclif: {}, flags: ['--x'] }), 2],
  [new StoreError('docs', 'fetch', 'refused'), 3],
  [new InterruptedError(), 3],
  [systemError(), 3],
  [new RefusedError('too many', '--max-rows 9'), 4],
  [new LockedError('another run'), 5],
  [new TypeError('x is not a function'), 3],
  ['a text', 3],
  [undefined, 3],
])('%o exits with %d', (error, exitCode) => {
  const failure = failureOf(error, circumstances);
  expect(failure.exitCode).toBe(exitCode);
  expect(JSON.parse(failureJson(failure, false))).toMatchObject({ error: { name: failure.name }, exitCode });
});

describe('words', () => {
  test('problems stand with their places, paths and hints, at any width', () => {
    const error = new ConfigError(
      [
        { path: 'entities.a', message: 'unknown key', hint: 'Known: b.', line: 14, column: 7 },
        { path: 'stores.a.very.long.path.that.goes.on', message: 'm '.repeat(60), line: 9 },
      ],
      'prod.yaml',
    );
    const failure = failureOf(error, circumstances);
    expect(failureLines(failure, 80, plain).slice(0, 3)).toEqual([
      'prod.yaml: 2 problems',
      `  14:7  entities.a${' '.repeat(28)}unknown key`,
      '        Known: b.',
    ]);
    expect(failureLines(failure, 80, plain).at(-1)).toMatch(/^Nothing was connected or changed\. +exit 2$/);
    for (const width of [72, 80, 120]) {
      for (const line of failureLines(failure, width, plain)) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  test('one problem without a place needs no heading', () => {
    const failure = failureOf(
      new ConfigError([{ path: '', message: 'there is no such file' }], 'p.yaml'),
      circumstances,
    );
    expect(failureLines(failure, 80, plain)[0]).toBe('✖ p.yaml: there is no such file');
  });

  test('once connected it no longer says that nothing was', () => {
    const error = new ConfigError([{ path: 'x', message: 'y' }]);
    expect(failureOf(error, { ...circumstances, connected: true }).state).toBe('Nothing was changed.');
  });

  test('a bug is called one, and shows where only when asked', () => {
    const bug = new TypeError('x is not a function');
    const text = failureLines(failureOf(bug, circumstances), 80, plain).join('\n');
    expect(text).toContain('this is a bug in plumbline: x is not a function');
    expect(text).not.toContain('failure.test');
    const told = failureLines(failureOf(bug, { ...circumstances, debug: true }), 80, plain).join('\n');
    expect(told).toContain('failure.test');
  });

  test('control characters of a message do not reach the terminal', () => {
    const lines = failureLines(failureOf(new StoreError('a', 'b', 'x\u001b[2Jy'), circumstances), 80, plain);
    expect(lines.join('')).not.toContain('\u001b');
  });
});

test('a secret is taken out of every text', () => {
  const error = new ConfigError([{ path: 'sekret', message: 'is sekret', hint: 'not sekret' }], 'sekret.yaml');
  const failure = redacted(failureOf(error, circumstances), (text) => text.replaceAll('sekret', '***'));
  expect(JSON.stringify(failure)).not.toContain('sekret');
  expect(failure).toMatchObject({ name: 'ConfigError', exitCode: 2 });
});
