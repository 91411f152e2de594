// The YAML text as plain data that still knows where each value stood and what came from the environment. Runs no tags
// and no code; what is wrong with the text itself is returned as problems.

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Problem } from '../errors.ts';
import { type Expansion, expandVariables } from './variables.ts';

export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Tree {
  /** Maps, lists, texts, numbers, booleans and nulls; variables are replaced. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** False when the text could not be read as YAML: nothing further can be said about it. */
  readonly readable: boolean;
  /** Where the key of `path` stands, or its nearest parent's; undefined only in an empty file. */
  keyPlace(path: Path): Place | undefined;
  valuePlace(path: Path): Place | undefined;
  /** Whether something stands at `path`, right or wrong. */
  has(path: Path): boolean;
  /** Texts whose variables could not be resolved: their problem is told already. */
  readonly broken: readonly Path[];
  /** Every value that came from the environment: none may stand in a message. */
  readonly variables: readonly string[];
  /** How a text came about; undefined for anything that is no text. */
  expansion(path: Path): Expansion | undefined;
}

interface Entry {
  readonly keyAt?: number;
  readonly valueAt?: number;
  readonly expansion?: Expansion;
}

const mostNodes = 100_000;
const deepest = 64;

/** `entities.incidents.replicas[0].store`; a key with other characters is quoted. */
export function pathText(path: Path): string {
  return path
    .map((part) =>
      typeof part === 'number' ? `[${part}]` : /^[\w-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`,
    )
    .join('')
    .replace(/^\./, '');
}

export function readTree(text: string, env: Readonly<Record<string, string | undefined>>): Tree {
  const counter = new LineCounter();
  const problems: Problem[] = [];
  const entries = new Map<string, Entry>();
  const place = (offset: number | undefined): Place | undefined => {
    if (offset === undefined) return undefined;
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const nearest = (path: Path, which: 'keyAt' | 'valueAt'): Place | undefined => {
    for (let length = path.length; length >= 0; length--) {
      const entry = entries.get(JSON.stringify(path.slice(0, length)));
      const offset = entry?.[which] ?? entry?.keyAt ?? entry?.valueAt;
      if (offset !== undefined) return place(offset);
    }
    return undefined;
  };
  const problem = (path: Path, offset: number | undefined, message: string, hint?: string) =>
    problems.push({ path: pathText(path), message, hint, ...place(offset) });

  const document = parse(text, counter, problem);
  const readable = document !== undefined && problems.length === 0;
  const value = readable ? readDocument(document.contents, { text, env, entries, problem }) : undefined;
  return {
    value,
    problems,
    readable,
    keyPlace: (path) => nearest(path, 'keyAt'),
    valuePlace: (path) => nearest(path, 'valueAt'),
    has: (path) => entries.has(JSON.stringify(path)),
    broken: [...entries]
      .filter(([, entry]) => entry.expansion?.problems.length)
      .map(([path]) => JSON.parse(path) as Path),
    variables: [...new Set([...entries.values()].flatMap(({ expansion }) => expansion?.values ?? []))],
    expansion: (path) => entries.get(JSON.stringify(path))?.expansion,
  };
}

type AddProblem = (path: Path, offset: number | undefined, message: string, hint?: string) => void;

function parse(text: string, lineCounter: LineCounter, problem: AddProblem): Document.Parsed | undefined {
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      lineCounter,
      schema: 'core',
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
      // 'silent' would swallow a second document as well; nothing is ever printed.
      logLevel: 'error',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problem([], undefined, 'nested too deeply to be read');
    return undefined;
  }
  let lastLine = 0;
  for (const error of [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = lineCounter.linePos(error.pos[0]);
    // One slip makes the parser stumble again, in the same line and in all that follows; only the first says anything.
    if (line === lastLine || (lastLine > 0 && error.message.includes('token in YAML stream'))) continue;
    lastLine = line;
    problem([], error.pos[0], ...yamlWords(error.code, error.message, text.slice(0, error.pos[0] + 1)));
  }
  return document;
}

/** The parser quotes the file after a colon; a password may stand there, so that part is left out. */
function yamlWords(code: string, message: string, upToHere: string): [message: string, hint?: string] {
  if (upToHere.endsWith('${')) {
    return [`a \${…} between { } or [ ] stands in quotes`, `Write { url: "\${URL}" }.`];
  }
  if (code === 'TAG_RESOLVE_FAILED') return ['tags (!…) are not read', 'Write the plain value.'];
  if (code === 'MULTIPLE_DOCS') return ['a second document starts here (---)', 'One file holds one configuration.'];
  if (code === 'RESOURCE_EXHAUSTION') return ['nested too deeply to be read'];
  const words = message.replace(/: .*$/s, '').replace(/(Invalid escape sequence).*/s, '$1');
  return [`not readable as YAML: ${words.charAt(0).toLowerCase()}${words.slice(1)}`];
}

interface Reading {
  readonly text: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly entries: Map<string, Entry>;
  readonly problem: AddProblem;
}

/** The document as plain data; fills `entries`. An alias gives what it names, its places included, as that is where to mend it. */
function readDocument(root: unknown, { text, env, entries, problem }: Reading): unknown {
  const anchors = new Map<string, Node>();
  const open = new Set<unknown>();
  let nodes = 0;
  return read(root, [], undefined);

  function read(node: unknown, path: Path, keyAt: number | undefined): unknown {
    if (++nodes > mostNodes) {
      if (nodes === mostNodes + 1)
        problem(path, keyAt, 'too large', 'An alias (*name) repeats all that it names; write less.');
      return undefined;
    }
    if (isAlias(node)) {
      const named = anchors.get(node.source);
      if (named === undefined) problem(path, node.range?.[0], `no &${node.source} stands before this alias`);
      else if (open.has(named)) problem(path, node.range?.[0], `the alias *${node.source} holds itself`);
      else return read(named, path, keyAt);
      return undefined;
    }
    const valueAt = isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
    entries.set(JSON.stringify(path), { keyAt, valueAt });
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) anchors.set(node.anchor, node);
    if (isScalar(node)) return readScalar(node, path, keyAt);
    if (path.length >= deepest) {
      problem(path, valueAt, 'nested too deeply to be read');
      return undefined;
    }
    open.add(node);
    let value: unknown = null;
    if (isSeq(node)) value = node.items.map((item, index) => read(item, [...path, index], undefined));
    if (isMap(node)) value = readMap(node, path);
    open.delete(node);
    return value;
  }

  function readMap(node: YAMLMap, path: Path): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (const pair of node.items) {
      const at = (pair.key as Node | null)?.range?.[0] ?? node.range?.[0];
      if (!isScalar(pair.key) || pair.key.value === null) {
        problem(path, at, 'a key must be plain text', `A \${…} stands in quotes inside { } or [ ].`);
        continue;
      }
      const key = typeof pair.key.value === 'string' ? pair.key.value : (pair.key.source ?? String(pair.key.value));
      const here = [...path, key];
      if (key === '__proto__' || key === '') {
        problem(path, at, `${JSON.stringify(key)} can't be a key`);
      } else if (Object.hasOwn(map, key)) {
        const first = lineOf(entries.get(JSON.stringify(here))?.keyAt);
        problem(here, at, `stands twice, first in line ${first}`, 'Keep one of them.');
      } else {
        map[key] = read(pair.value, here, at);
      }
    }
    return map;
  }

  function readScalar(node: Scalar, path: Path, keyAt: number | undefined): unknown {
    const { value } = node;
    const [valueAt = 0, end = 0] = node.range ?? [];
    if (typeof value === 'string') {
      const expansion = expandVariables(value, env);
      entries.set(JSON.stringify(path), { keyAt, valueAt, expansion });
      for (const { reference, message, hint } of expansion.problems) {
        const within = text.slice(valueAt, end).indexOf(reference);
        problem(path, valueAt + Math.max(within, 0), message, hint);
      }
      return expansion.text;
    }
    if (typeof value === 'number' && /^[-+]?\d+$/.test(node.source ?? '') && !Number.isSafeInteger(value)) {
      problem(path, valueAt, 'too large for a number', 'Write it in quotes.');
    }
    return value;
  }

  function lineOf(offset = 0): number {
    return text.slice(0, offset).split('\n').length;
  }
}
