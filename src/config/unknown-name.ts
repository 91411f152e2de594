// A name that is none of those it could be: the problem, the nearest of them, and all of them.

import type { ProblemList } from './problem-list.ts';
import { suggest } from './suggest.ts';
import type { Path } from './yaml-tree.ts';

/** `words`: `no store is named`. `title` stands before the list of all: `Stores here`. */
export function addUnknown(
  path: Path,
  words: string,
  given: string,
  all: readonly string[],
  title: string,
  problems: ProblemList,
): void {
  const near = suggest(given, all);
  const message = `${words} ${problems.shown(given)}`;
  problems.add(path, near === undefined ? message : `${message}; did you mean ${JSON.stringify(near)}?`, {
    hint: all.length === 0 ? undefined : `${title}: ${all.join(', ')}.`,
  });
}
