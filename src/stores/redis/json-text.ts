// JSON as the text that it is: finds where the wanted members lie, without rounding a number or building an object, and replaces
// one of them without touching the rest.

import { ValueError } from '../../value/canonical.ts';

export type TokenKind =
  | 'absent'
  | 'null'
  | 'true'
  | 'false'
  | 'number'
  | 'string'
  | 'object'
  | 'array'
  | 'through array';

/** One wanted path, as the last `locate` met it. */
export interface Place {
  kind: TokenKind;
  /** In the text; of a string with its quotes. */
  start: number;
  end: number;
  /** A string with a backslash in it. */
  escaped: boolean;
  /** An object's members, so that one more knows whether it needs a comma. */
  members: number;
}

interface Node extends Place {
  readonly children: Map<string, Node>;
  met: number;
}

const MAX_DEPTH = 1000;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;

/** Knows where the members of some paths (`address.city`) are in one text at a time. */
export class JsonLocator {
  readonly places: readonly Place[];
  readonly root: Place;
  private readonly top: Node = newNode();
  private text = '';
  private at = 0;
  private escaped = false;
  private round = 0;

  constructor(paths: readonly string[]) {
    this.root = this.top;
    this.places = paths.map((path) => {
      let node = this.top;
      for (const name of path.split('.')) {
        let child = node.children.get(name);
        if (child === undefined) {
          child = newNode();
          node.children.set(name, child);
        }
        node = child;
      }
      return node;
    });
  }

  /** Throws ValueError where the text is not a JSON object. A member that stands twice: the last one counts, as for every reader. */
  locate(text: string): void {
    this.text = text;
    this.at = 0;
    this.round++;
    forget(this.top);
    this.skipSpace();
    if (text.charCodeAt(this.at) !== BRACE) throw new ValueError('it is not a JSON object');
    this.value(this.top, 0);
    this.skipSpace();
    if (this.at !== text.length) this.fail();
  }

  private value(node: Node | undefined, depth: number): void {
    if (depth > MAX_DEPTH) this.fail();
    const start = this.at;
    const kind = this.skipValue(node, depth);
    if (node === undefined) return;
    node.kind = kind;
    node.start = start;
    node.end = this.at;
    node.escaped = this.escaped;
    if (kind === 'array') for (const child of node.children.values()) markThroughArray(child);
  }

  private skipValue(node: Node | undefined, depth: number): TokenKind {
    const { text } = this;
    switch (text.charCodeAt(this.at)) {
      case QUOTE:
        this.string();
        return 'string';
      case BRACE:
        this.object(node, depth);
        return 'object';
      case BRACKET:
        this.array(depth);
        return 'array';
      case 0x74:
        return this.word('true');
      case 0x66:
        return this.word('false');
      case 0x6e:
        return this.word('null');
      default:
        NUMBER.lastIndex = this.at;
        if (!NUMBER.test(text)) this.fail();
        this.at = NUMBER.lastIndex;
        return 'number';
    }
  }

  private word<Word extends 'true' | 'false' | 'null'>(word: Word): Word {
    if (!this.text.startsWith(word, this.at)) this.fail();
    this.at += word.length;
    return word;
  }

  private object(node: Node | undefined, depth: number): void {
    const { text } = this;
    let members = 0;
    this.at++;
    this.skipSpace();
    if (text.charCodeAt(this.at) === CLOSE_BRACE) this.at++;
    else {
      for (;;) {
        if (text.charCodeAt(this.at) !== QUOTE) this.fail();
        const start = this.at;
        this.string();
        const child = node === undefined || node.children.size === 0 ? undefined : this.childAt(node, start);
        this.skipSpace();
        if (text.charCodeAt(this.at) !== COLON) this.fail();
        this.at++;
        this.skipSpace();
        this.value(child, depth + 1);
        members++;
        this.skipSpace();
        const next = text.charCodeAt(this.at++);
        if (next === CLOSE_BRACE) break;
        if (next !== COMMA) this.fail();
        this.skipSpace();
      }
    }
    if (node !== undefined) node.members = members;
  }

  private childAt(node: Node, start: number): Node | undefined {
    const raw = this.text.slice(start + 1, this.at - 1);
    const child = node.children.get(this.escaped ? (JSON.parse(`"${raw}"`) as string) : raw);
    if (child === undefined) return undefined;
    if (child.met === this.round) forget(child);
    child.met = this.round;
    return child;
  }

  private array(depth: number): void {
    const { text } = this;
    this.at++;
    this.skipSpace();
    if (text.charCodeAt(this.at) === CLOSE_BRACKET) {
      this.at++;
      return;
    }
    for (;;) {
      this.value(undefined, depth + 1);
      this.skipSpace();
      const next = text.charCodeAt(this.at++);
      if (next === CLOSE_BRACKET) return;
      if (next !== COMMA) this.fail();
      this.skipSpace();
    }
  }

  private string(): void {
    const { text } = this;
    let at = this.at + 1;
    this.escaped = false;
    for (;;) {
      const code = text.charCodeAt(at++);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        this.escaped = true;
        const letter = text[at++];
        if (letter === 'u') {
          HEX4.lastIndex = at;
          if (!HEX4.test(text)) this.fail();
          at += 4;
        } else if (letter === undefined || !'"\\/bfnrt'.includes(letter)) this.fail();
      } else if (!(code >= 0x20)) {
        // A control character, or the end of the text.
        this.at = at - 1;
        this.fail();
      }
    }
    this.at = at;
  }

  private skipSpace(): void {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private fail(): never {
    throw new ValueError(`it is not JSON (at character ${this.at})`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

function newNode(): Node {
  return { children: new Map(), met: 0, kind: 'absent', start: 0, end: 0, escaped: false, members: 0 };
}

function forget(node: Node): void {
  node.kind = 'absent';
  if (node.children.size > 0) for (const child of node.children.values()) forget(child);
}

function markThroughArray(node: Node): void {
  node.kind = 'through array';
  for (const child of node.children.values()) markThroughArray(child);
}

/** The text of a located string. Throws ValueError for half a surrogate pair, which is no character. */
export function stringAt(text: string, place: Place): string {
  if (!place.escaped) return text.slice(place.start + 1, place.end - 1);
  const value = JSON.parse(text.slice(place.start, place.end)) as string;
  if (/\p{Surrogate}/u.test(value)) throw new ValueError('it holds half of a surrogate pair');
  return value;
}

/** The same text with one member set; `literal` is JSON. What is on the path and is no object is a ValueError. */
export function withMember(text: string, path: string, literal: string): string {
  const names = path.split('.');
  const paths = names.map((_, i) => names.slice(0, i + 1).join('.'));
  const locator = new JsonLocator(paths);
  locator.locate(text);
  const last = locator.places.length - 1;
  const target = locator.places[last]!;
  if (target.kind === 'through array') throw new ValueError('an array stands on its path');
  if (target.kind !== 'absent') return text.slice(0, target.start) + literal + text.slice(target.end);
  // The deepest object that is there takes the rest of the path.
  let depth = last;
  while (depth > 0 && locator.places[depth - 1]!.kind === 'absent') depth--;
  const parent = depth === 0 ? locator.root : locator.places[depth - 1]!;
  const nested = (from: number): string =>
    from > last ? literal : `{${JSON.stringify(names[from])}:${nested(from + 1)}}`;
  if (parent.kind === 'null') return text.slice(0, parent.start) + nested(depth) + text.slice(parent.end);
  if (parent.kind !== 'object') throw new ValueError(`a ${parent.kind} stands on its path`);
  const member = `${JSON.stringify(names[depth])}:${nested(depth + 1)}`;
  const end = parent.end - 1;
  return `${text.slice(0, end)}${parent.members > 0 ? ',' : ''}${member}${text.slice(end)}`;
}
