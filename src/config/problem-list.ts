// Collects what is wrong with a config, each with its line.

import type { Problem } from '../errors.ts';
import { type Path, pathText, type Tree } from './yaml-tree.ts';

export interface ProblemList {
  readonly tree: Tree;
  /** Silent where the value's variable is unset: that is told already. `at`: what the line points to. */
  add(path: Path, message: string, options?: { readonly hint?: string; readonly at?: 'key' | 'value' }): void;
  /** A value as it may stand in a message: what came from the environment may not. */
  shown(value: string): string;
  /** All of them, in the order of the file. */
  sorted(): readonly Problem[];
}

export function makeProblemList(tree: Tree): ProblemList {
  const problems: Problem[] = [...tree.problems];
  const broken = new Set(tree.broken.map((path) => JSON.stringify(path)));
  return {
    tree,
    add(path, message, { hint, at = 'value' } = {}) {
      if (broken.has(JSON.stringify(path))) return;
      const place = at === 'key' ? tree.keyPlace(path) : tree.valuePlace(path);
      const problem = { path: pathText(path), message, hint, ...place };
      // What an entity gets wrong is met again in each of its replicas.
      if (problems.some((other) => other.path === problem.path && other.message === message)) return;
      problems.push(problem);
    },
    shown(value) {
      return tree.variables.some((secret) => value.includes(secret)) ? '"…"' : JSON.stringify(value);
    },
    sorted() {
      return problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
    },
  };
}
