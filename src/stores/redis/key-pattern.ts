// A target such as `usuario:{id}`: which keys it may mean, the key of a record, and the record of a key. `{{` and `}}` are braces themselves,
// as hash tags need them: `search:{{{city}}}` is `search:{5}`.

import type { Problem } from '../../errors.ts';
import type { Field } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import { decodeText } from './decode.ts';
import { encodeText } from './encode.ts';

type Part = { readonly literal: string } | { readonly column: string } | { readonly any: true };

/** The values in the order of the pattern's fields, or why they can't be told. */
export type ParsedKey = { readonly values: readonly string[] } | { readonly reason: string };

const PIECE = /\{\{|\}\}|\{([^{}]*)\}|\*|[{}]|[^{}*]+/g;

/** Reads a pattern. With `wild` a `*` stands for any text. `fields` are the columns that it must name, each once. */
export function readPattern(
  text: string,
  fields: readonly Field[],
  path: string,
  wild = false,
): KeyPattern | readonly Problem[] {
  const problems: Problem[] = [];
  const say = (message: string, hint?: string) => problems.push({ path, message: `${text}: ${message}`, hint });
  const parts: Part[] = [];
  const addLiteral = (literal: string) => {
    const last = parts.at(-1);
    if (last !== undefined && 'literal' in last) parts[parts.length - 1] = { literal: last.literal + literal };
    else parts.push({ literal });
  };
  for (const [piece, column] of text.matchAll(PIECE)) {
    if (column !== undefined) parts.push({ column });
    else if (piece === '{{' || piece === '}}') addLiteral(piece[0]!);
    else if (piece === '{' || piece === '}')
      say('a brace is not closed', 'Write {{ and }} for braces that belong to the key.');
    else if (piece === '*' && wild) parts.push({ any: true });
    else addLiteral(piece);
  }
  const named = parts.flatMap((part) => ('column' in part ? [part.column] : []));
  const wanted = fields.map((field) => field.name);
  for (const column of new Set(named)) {
    if (!wanted.includes(column)) say(`{${column}} is no column of the key`, `Columns to name: ${wanted.join(', ')}.`);
    else if (named.indexOf(column) !== named.lastIndexOf(column)) say(`{${column}} stands there twice`);
  }
  const absent = wanted.filter((column) => !named.includes(column));
  if (absent.length > 0) {
    say(
      `names no ${absent.map((column) => `{${column}}`).join(', ')}`,
      'Each column of the key stands in the pattern, such as usuario:{id}.',
    );
  }
  parts.forEach((part, i) => {
    const next = parts[i + 1];
    if (next !== undefined && !('literal' in part) && !('literal' in next)) {
      say('nothing stands between two placeholders', 'Put a separator between them: {city}:{day}.');
    }
  });
  return problems.length > 0 ? problems : new KeyPattern(parts, fields);
}

export class KeyPattern {
  /** For MATCH: whatever it matches may be of the pattern, and nothing else can. */
  readonly glob: string;
  /** A literal pair of braces around something is a hash tag, which says to which slot of a cluster a key belongs. */
  readonly hashTag: string | undefined;
  private readonly parts: readonly Part[];
  /** By placeholder: index into the fields. */
  private readonly slots: readonly number[];
  private readonly fields: readonly Field[];

  constructor(parts: readonly Part[], fields: readonly Field[]) {
    this.parts = parts;
    this.fields = fields;
    this.slots = parts.map((part) => ('column' in part ? fields.findIndex((field) => field.name === part.column) : -1));
    this.glob = parts.map((part) => ('literal' in part ? escapeGlob(part.literal) : '*')).join('');
    const shape = parts.map((part) =>
      'literal' in part ? part.literal : 'column' in part ? `\0${part.column}\0` : '\0*\0',
    );
    // The first brace counts, and only with something in it.
    const tag = /^[^{]*\{([^}]+)\}/.exec(shape.join(''))?.[1];
    this.hashTag = tag?.includes('\0*\0') ? undefined : tag;
  }

  /** A key that the pattern may mean. */
  get example(): string {
    return this.parts.map((part) => ('literal' in part ? part.literal : '0')).join('');
  }

  /** The key of a record, given the values of the pattern's fields. Throws ValueError for what no key can hold. */
  build(values: readonly string[]): string {
    return this.parts
      .map((part, i) => {
        if ('literal' in part) return part.literal;
        const slot = this.slots[i]!;
        return encodeText(this.fields[slot]!, values[slot]!);
      })
      .join('');
  }

  /** Undefined for a key that is none of the pattern. */
  parse(key: string): ParsedKey | undefined {
    const [first, second, third] = this.parts;
    const values: string[] = this.fields.map(() => '');
    // One placeholder can be read in one way only.
    if (this.fields.length === 1 && this.parts.length <= 3 && this.parts.every((part) => !('any' in part))) {
      const prefix = first !== undefined && 'literal' in first ? first.literal : '';
      const last = prefix === '' ? second : third;
      const suffix = last !== undefined && 'literal' in last ? last.literal : '';
      if (!key.startsWith(prefix) || !key.endsWith(suffix) || key.length < prefix.length + suffix.length)
        return undefined;
      const text = key.slice(prefix.length, key.length - suffix.length);
      try {
        values[0] = exactly(this.fields[0]!, text);
        return { values };
      } catch (error) {
        return { reason: misread(this.fields[0]!, text, error) };
      }
    }
    return this.parseLong(key);
  }

  /** What stands in the placeholders, however it reads; for the key of a record that can't be read. */
  texts(key: string): readonly string[] {
    const [found] = splits(this.parts, key, () => true);
    const texts = this.fields.map(() => '');
    if (found === undefined) texts[0] = key;
    else for (const [i, slot] of this.slots.entries()) if (slot >= 0) texts[slot] = found[i]!;
    return texts;
  }

  private parseLong(key: string): ParsedKey | undefined {
    let misfit: string | undefined;
    const fits = (i: number, text: string) => {
      const slot = this.slots[i]!;
      if (slot < 0) return true;
      try {
        exactly(this.fields[slot]!, text);
        return true;
      } catch (error) {
        misfit ??= misread(this.fields[slot]!, text, error);
        return false;
      }
    };
    const found = splits(this.parts, key, fits);
    const [one, other] = found;
    if (one === undefined) return misfit === undefined ? undefined : { reason: misfit };
    // Of a pattern with wildcards the shortest reading counts.
    if (other !== undefined && this.parts.every((part) => !('any' in part))) {
      return { reason: 'its key can be read in more than one way: a value holds the separator' };
    }
    const values = this.fields.map(() => '');
    for (const [i, slot] of this.slots.entries()) if (slot >= 0) values[slot] = exactly(this.fields[slot]!, one[i]!);
    return { values };
  }
}

/** The canonical value of a key's part. Throws ValueError for one that a look-up of that value would not find. */
export function exactly(field: Field, text: string): string {
  const value = decodeText(field, text);
  if (field.type.kind === 'text' && value === text) return value;
  const spelling = encodeText(field, value);
  if (spelling !== text)
    throw new ValueError(`${JSON.stringify(text)} is spelled ${JSON.stringify(spelling)} elsewhere`);
  return value;
}

export function misread(field: Field, text: string, error: unknown): string {
  if (!(error instanceof ValueError)) throw error;
  const reason = `${field.name} in its key is not ${field.type.kind}`;
  return field.sensitive ? reason : `${reason}: ${error.message || JSON.stringify(text)}`;
}

/** At most two ways to cut the key along the parts, the shortest placeholders first; one text a part. */
function splits(
  parts: readonly Part[],
  key: string,
  fits: (part: number, text: string) => boolean,
): readonly (readonly string[])[] {
  const found: string[][] = [];
  const taken: string[] = [];
  const walk = (i: number, at: number): void => {
    if (found.length === 2) return;
    const part = parts[i];
    if (part === undefined) {
      if (at === key.length) found.push([...taken]);
      return;
    }
    if ('literal' in part) {
      if (!key.startsWith(part.literal, at)) return;
      taken.push(part.literal);
      walk(i + 1, at + part.literal.length);
      taken.pop();
      return;
    }
    const next = parts[i + 1] as { readonly literal: string } | undefined;
    if (next === undefined) {
      const text = key.slice(at);
      if (fits(i, text)) found.push([...taken, text]);
      return;
    }
    const isLast = i + 2 === parts.length;
    // Only the end can be followed by nothing.
    let to = isLast ? key.length - next.literal.length : key.indexOf(next.literal, at);
    if (isLast && (to < at || !key.endsWith(next.literal))) return;
    while (to >= 0 && found.length < 2) {
      const text = key.slice(at, to);
      if (fits(i, text)) {
        taken.push(text);
        walk(i + 1, to);
        taken.pop();
      }
      to = isLast ? -1 : key.indexOf(next.literal, to + 1);
    }
  };
  walk(0, 0);
  return found;
}

function escapeGlob(literal: string): string {
  return literal.replace(/[\\*?[\]]/g, '\\$&');
}

/** Redis' own patterns (MATCH, KEYS): `*`, `?`, `[abc]`, `[^a-c]`, and `\` before what is meant as it is. */
export function globMatcher(globs: readonly string[]): (key: string) => boolean {
  if (globs.length === 0) return () => false;
  const sources = globs.map((glob) =>
    glob.replace(
      /\\([\s\S])|\[(\^?)((?:\\[\s\S]|[^\]\\])*)\]|([*?])|([\s\S])/g,
      (_all, quoted, not, set, wild, plain) => {
        if (quoted !== undefined) return escapeRegExp(quoted);
        if (wild !== undefined) return wild === '*' ? '[\\s\\S]*' : '[\\s\\S]';
        if (plain !== undefined) return escapeRegExp(plain);
        if (set === '') return not === '^' ? '[\\s\\S]' : '(?!)';
        return `[${not}${set.replace(/\\?([\s\S])/g, (_: string, char: string) => (char === '-' ? '-' : escapeRegExp(char)))}]`;
      },
    ),
  );
  const matcher = new RegExp(`^(?:${sources.join('|')})$`);
  return (key) => matcher.test(key);
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
