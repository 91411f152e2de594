// Builds configs with one mistake each, and holds what is said about it against what should be.

import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/read-config.ts';
import { ConfigError, type Problem } from '../../src/errors.ts';
import { kinds } from './fake-kinds.ts';

export function problemsOf(text: string, env: Record<string, string> = {}): readonly Problem[] {
  try {
    parseConfig(text, '/etc/plumbline.yaml', env, kinds);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

export const head = `source: { url: postgres://reader@primary/shop }
stores:
  copy: { kind: postgres, url: postgres://reader@copy/shop }
  docs: { kind: mongodb, url: mongodb://docs/shop }
`;
/** Line 5 is `entities:`, 6 `orders:`, 7 `table: orders`; what is given starts in line 8. */
export const entity = (rest: string) => `${head}entities:\n  orders:\n    table: orders\n${rest}`;
/** What is given starts in line 10. */
export const replica = (rest: string) => entity(`    replicas:\n      - store: docs\n${rest}`);
export const good = replica('');
export const withStore = (lines: string) =>
  good.replace('  docs: { kind: mongodb, url: mongodb://docs/shop }\n', `  docs:\n${lines}`);

export interface Case {
  readonly name: string;
  readonly text: string;
  readonly env?: Record<string, string>;
  /** `line`, `path`, `message`, and the hint or a part of it. */
  readonly says: readonly (readonly [line: number | undefined, path: string, message: string, hint?: string])[];
}

/** Everything that is said, where, and nothing else. */
export function testCases(cases: readonly Case[]): void {
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
}
