// HTML from anything, escaped. Text from outside can neither start a tag nor leave an attribute, nor hide behind control characters.

import { escapeText } from './text.ts';

/** HTML that is safe as it stands: only `html` makes it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = string | number | Markup | readonly Piece[] | undefined;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose values are escaped, unless they are Markup themselves. */
export function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  return new Markup(strings.map((literal, at) => literal + (at < values.length ? textOf(values[at]) : '')).join(''));
}

function textOf(piece: Piece): string {
  if (piece === undefined) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'object') return piece.map(textOf).join('');
  return escapeText(String(piece)).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
