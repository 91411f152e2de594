// JSON that loses nothing: numbers stay decimal text of any length, keys are in jsonb's order. JSON.parse would round 2^53 + 1.

import { fromDecimalText, ValueError } from './canonical.ts';

/** Parsed JSON. A number is its canonical decimal text. An object is a list of members. */
export type JsonTree =
  | null
  | boolean
  | string
  | { readonly number: string }
  | { readonly members: ReadonlyMap<string, JsonTree> }
  | readonly JsonTree[];

export function canonicalJson(text: string): string {
  return writeJson(parseJson(text));
}

/** As PostgreSQL prints jsonb: `, ` and `: ` between, keys by length in bytes, then by bytes. */
export function writeJson(tree: JsonTree): string {
  if (tree === null) return 'null';
  if (typeof tree === 'boolean') return tree ? 'true' : 'false';
  if (typeof tree === 'string') return JSON.stringify(tree);
  if ('number' in tree) return tree.number;
  if ('members' in tree) {
    const keys = [...tree.members.keys()];
    const members = keys.sort(jsonbOrder).map((key) => `${JSON.stringify(key)}: ${writeJson(tree.members.get(key)!)}`);
    return `{${members.join(', ')}}`;
  }
  return `[${tree.map(writeJson).join(', ')}]`;
}

function jsonbOrder(a: string, b: string): number {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length - right.length || Buffer.compare(left, right);
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them bare inside a string
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const MAX_DEPTH = 1000;

/** Throws ValueError where the text is not JSON. A member that stands twice: the last one counts, as in jsonb. */
export function parseJson(text: string): JsonTree {
  let at = 0;
  const fail = (): never => {
    throw new ValueError(`it is not JSON (at character ${at})`);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const eat = (expected: string): boolean => {
    match(SPACE);
    if (!text.startsWith(expected, at)) return false;
    at += expected.length;
    return true;
  };
  const string = (): string => {
    match(SPACE);
    return JSON.parse(match(STRING) ?? fail()) as string;
  };
  const value = (depth: number): JsonTree => {
    if (depth > MAX_DEPTH) fail();
    if (eat('{')) {
      const members = new Map<string, JsonTree>();
      if (eat('}')) return { members };
      do {
        const key = string();
        if (!eat(':')) fail();
        members.set(key, value(depth + 1));
      } while (eat(','));
      return eat('}') ? { members } : fail();
    }
    if (eat('[')) {
      const items: JsonTree[] = [];
      if (eat(']')) return items;
      do items.push(value(depth + 1));
      while (eat(','));
      return eat(']') ? items : fail();
    }
    if (eat('null')) return null;
    if (eat('true')) return true;
    if (eat('false')) return false;
    if (text[at] === '"') return string();
    const number = match(NUMBER);
    return number === undefined ? fail() : { number: fromDecimalText(number) };
  };
  const tree = value(0);
  match(SPACE);
  return at === text.length ? tree : fail();
}
