// JSON as the bytes that it is: finds where the wanted members lie, without rounding a number or building an object.

import { isUtf8 } from 'node:buffer';
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
  readonly kind: TokenKind;
  /** In the bytes; of a string with its quotes. */
  readonly start: number;
  readonly end: number;
  /** Where the member's name begins. */
  readonly nameStart: number;
  /** A string with a backslash in it. */
  readonly escaped: boolean;
  /** An object's members. */
  readonly members: number;
}

class Node implements Place {
  kind: TokenKind = 'absent';
  start = 0;
  end = 0;
  nameStart = 0;
  escaped = false;
  members = 0;
  /** The last `locate` that met it. */
  met = 0;
  readonly name: Buffer;
  readonly children: Node[] = [];

  constructor(name: string) {
    this.name = Buffer.from(name);
  }

  child(name: string): Node {
    let child = this.children.find((node) => node.name.toString() === name);
    if (child === undefined) {
      child = new Node(name);
      this.children.push(child);
    }
    return child;
  }

  forget(): void {
    this.kind = 'absent';
    for (const child of this.children) child.forget();
  }

  liesInArray(): void {
    this.kind = 'through array';
    for (const child of this.children) child.liesInArray();
  }
}

const MAX_DEPTH = 1000;

/** Knows where the members of some paths (`address.city`) are in one text at a time. */
export class JsonLocator {
  readonly places: readonly Place[];
  readonly root: Place;
  private readonly top = new Node('');
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private escaped = false;
  private round = 0;

  constructor(paths: readonly string[]) {
    this.root = this.top;
    this.places = paths.map((path) => path.split('.').reduce((node, name) => node.child(name), this.top));
  }

  /** Throws ValueError where the bytes are not a JSON object. A member that stands twice: the last one counts, as for every reader. */
  locate(bytes: Buffer): void {
    if (!isUtf8(bytes)) throw new ValueError('it is not UTF-8');
    this.bytes = bytes;
    this.at = 0;
    this.round++;
    this.top.forget();
    this.skipSpace();
    if (bytes[this.at] !== BRACE) throw new ValueError('it is not a JSON object');
    this.value(this.top, 0);
    this.skipSpace();
    if (this.at !== bytes.length) this.fail();
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
    if (kind === 'array') for (const child of node.children) child.liesInArray();
  }

  private skipValue(node: Node | undefined, depth: number): TokenKind {
    switch (this.bytes[this.at]) {
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
        this.number();
        return 'number';
    }
  }

  private word<Word extends 'true' | 'false' | 'null'>(word: Word): Word {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at++] !== word.charCodeAt(i)) this.fail();
    return word;
  }

  private object(node: Node | undefined, depth: number): void {
    const { bytes } = this;
    let members = 0;
    let next = 0;
    this.at++;
    this.skipSpace();
    if (bytes[this.at] === CLOSE_BRACE) this.at++;
    else {
      for (;;) {
        if (bytes[this.at] !== QUOTE) this.fail();
        const start = this.at;
        this.string();
        let child: Node | undefined;
        if (node !== undefined && node.children.length > 0) {
          const index = this.childAt(node.children, start, next);
          if (index >= 0) {
            child = node.children[index]!;
            if (child.met === this.round) child.forget();
            child.met = this.round;
            child.nameStart = start;
            next = index + 1;
          }
        }
        this.skipSpace();
        if (bytes[this.at] !== COLON) this.fail();
        this.at++;
        this.skipSpace();
        this.value(child, depth + 1);
        members++;
        this.skipSpace();
        const after = bytes[this.at++];
        if (after === CLOSE_BRACE) break;
        if (after !== COMMA) this.fail();
        this.skipSpace();
      }
    }
    if (node !== undefined) node.members = members;
  }

  /** Records mostly have their members in one order: the search begins at `from`. */
  private childAt(children: readonly Node[], start: number, from: number): number {
    const { bytes } = this;
    if (this.escaped) {
      const name = JSON.parse(bytes.toString('utf8', start, this.at)) as string;
      return children.findIndex((child) => child.name.toString() === name);
    }
    const length = this.at - start - 2;
    const first = bytes[start + 1]!;
    for (let i = 0; i < children.length; i++) {
      const index = from + i < children.length ? from + i : from + i - children.length;
      const { name } = children[index]!;
      if (name.length !== length || (length > 0 && name[0] !== first)) continue;
      let same = 1;
      while (same < length && name[same] === bytes[start + 1 + same]) same++;
      if (same >= length) return index;
    }
    return -1;
  }

  private array(depth: number): void {
    const { bytes } = this;
    this.at++;
    this.skipSpace();
    if (bytes[this.at] === CLOSE_BRACKET) {
      this.at++;
      return;
    }
    for (;;) {
      this.value(undefined, depth + 1);
      this.skipSpace();
      const after = bytes[this.at++];
      if (after === CLOSE_BRACKET) return;
      if (after !== COMMA) this.fail();
      this.skipSpace();
    }
  }

  private string(): void {
    const { bytes } = this;
    let at = this.at + 1;
    this.escaped = false;
    for (;;) {
      const byte = bytes[at++];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.escaped = true;
        const letter = bytes[at++];
        if (letter === 0x75) {
          for (const end = at + 4; at < end; at++) if (!isHex(bytes[at])) this.fail();
        } else if (letter === undefined || !ESCAPES.includes(letter)) this.fail();
      } else if (!(byte! >= 0x20)) {
        // A control character, or the end.
        this.at = at - 1;
        this.fail();
      }
    }
    this.at = at;
  }

  private number(): void {
    const { bytes } = this;
    if (bytes[this.at] === MINUS) this.at++;
    if (bytes[this.at] === ZERO) this.at++;
    else this.digits();
    if (bytes[this.at] === POINT) {
      this.at++;
      this.digits();
    }
    if (bytes[this.at] === 0x65 || bytes[this.at] === 0x45) {
      this.at++;
      if (bytes[this.at] === MINUS || bytes[this.at] === PLUS) this.at++;
      this.digits();
    }
  }

  private digits(): void {
    const { bytes } = this;
    const start = this.at;
    while (bytes[this.at]! >= ZERO && bytes[this.at]! <= NINE) this.at++;
    if (this.at === start) this.fail();
  }

  private skipSpace(): void {
    const { bytes } = this;
    for (;;) {
      const byte = bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }

  private fail(): never {
    throw new ValueError(`it is not JSON (at byte ${this.at})`);
  }
}

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const ESCAPES = Buffer.from('"\\/bfnrt');

function isHex(byte: number | undefined): boolean {
  return byte !== undefined && /[0-9a-fA-F]/.test(String.fromCharCode(byte));
}

/** The text of a located string. Throws ValueError for half a surrogate pair, which is no character. */
export function stringAt(bytes: Buffer, place: Place): string {
  if (!place.escaped) return bytes.toString('utf8', place.start + 1, place.end - 1);
  const value = JSON.parse(textAt(bytes, place)) as string;
  if (/\p{Surrogate}/u.test(value)) throw new ValueError('it holds half of a surrogate pair');
  return value;
}

/** The JSON of what was located. */
export function textAt(bytes: Buffer, place: Place): string {
  return bytes.toString('utf8', place.start, place.end);
}
