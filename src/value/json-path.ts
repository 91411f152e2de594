// Finds values in parsed JSON by a path. Pure.

import { ValueError } from './canonical.ts';
import { type JsonTree, parseJson } from './json.ts';

/** Undefined where nothing stands there. */
export function at(content: JsonTree, path: readonly string[]): JsonTree | undefined {
  let tree: JsonTree | undefined = content;
  for (const part of path) {
    const inner = opened(tree ?? null);
    if (isList(inner)) tree = inner[Number(part)];
    else tree = typeof inner === 'object' && inner !== null && 'members' in inner ? inner.members.get(part) : undefined;
    if (tree === undefined) return undefined;
  }
  return tree;
}

/** JSON may stand in a text: a column of type text, a job whose data was written as JSON twice. */
export function opened(tree: JsonTree): JsonTree {
  if (typeof tree !== 'string' || !/^\s*[[{]/.test(tree)) return tree;
  try {
    return parseJson(tree);
  } catch (error) {
    if (error instanceof ValueError) return tree;
    throw error;
  }
}

export function isList(tree: JsonTree): tree is readonly JsonTree[] {
  return Array.isArray(tree);
}

/** The text of a plain value; undefined for null, a list or an object. */
export function plainText(tree: JsonTree): string | undefined {
  if (typeof tree === 'string') return tree;
  if (typeof tree === 'boolean') return String(tree);
  return tree !== null && 'number' in tree ? tree.number : undefined;
}
