// Text from anywhere, made safe and short for a terminal: escaping, display width, shortening, wrapping. A value can't
// leave its line, move the cursor, hide a letter or push a column aside.

/** A terminal that is narrower wraps by itself: the numbers alone fill such a line. */
export const NARROWEST = 72;

const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const NOT_ASCII = /[^\x20-\x7e]/gu;
const MARK = /\p{M}/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Extended_Pictographic}/u;
const OWN_MARKS = /[✔✖]/u;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  if (NAMED[character]) return NAMED[character];
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** One line that shows every control, format, bidirectional and unusual blank character as an escape. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

export function escapeToAscii(text: string): string {
  return text.replace(NOT_ASCII, escapeCharacter);
}

/** A message of several lines as one, escaped. */
export function oneLine(text: string): string {
  return escapeText(text.replace(/\s+/g, ' ').trim());
}

export function needsEscape(text: string): boolean {
  return text.search(UNSAFE) >= 0;
}

function characterWidth(character: string): number {
  if (character <= '\u02ff' || OWN_MARKS.test(character)) return 1;
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Columns that a terminal needs for escaped text: 2 for East Asian wide characters and emoji, 0 for combining marks. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** At most `max` columns from the start. A pile of combining marks has no width, so the length is bounded as well. */
export function takeStart(text: string, max: number): string {
  let width = 0;
  let end = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > max || end > 8 * max) break;
    end += character.length;
  }
  return text.slice(0, end);
}

export function takeEnd(text: string, max: number): string {
  let width = 0;
  let start = text.length;
  for (const character of [...text.slice(-16 * max)].reverse()) {
    width += characterWidth(character);
    if (width > max || text.length - start > 8 * max) break;
    start -= character.length;
  }
  return text.slice(start);
}

function fits(text: string, max: number): boolean {
  return text.length <= 8 * max && displayWidth(text) <= max;
}

export function shorten(text: string, max: number): string {
  return fits(text, max) ? text : `${takeStart(text, max - 1)}…`;
}

/** Names differ at their ends more often than in their middle. */
export function shortenMiddle(text: string, max: number): string {
  if (fits(text, max)) return text;
  const tail = Math.floor((max - 1) / 2);
  return `${takeStart(text, max - 1 - tail)}…${takeEnd(text, tail)}`;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** One line with `end` at its right, two blanks away at least. */
export function atRight(text: string, end: string, width: number): string {
  return text + end.padStart(Math.max(width - displayWidth(text), end.length + 2));
}

/** Lines of whole words; a word longer than a line is cut into lines. */
export function wrap(text: string, width: number): string[] {
  return flow(
    text.split(' ').map((word) => [word]),
    width,
    ' ',
  );
}

/**
 * Lines of whole parts. A part that no line can hold is broken between its pieces, and a piece that no line can hold anywhere.
 * `separator` stands between parts; at a line's end it loses its blanks.
 */
export function flow(parts: readonly (readonly string[])[], width: number, separator: string): string[] {
  const lines: string[] = [];
  let line = '';
  const add = (text: string, between: string, reserve: number) => {
    if (line !== '' && displayWidth(line + between + text) + reserve <= width) {
      line += between + text;
      return;
    }
    if (line !== '') lines.push(line + between.trimEnd());
    let rest = text;
    while (!fits(rest, width - reserve)) {
      // Never nothing: a wide character in a column of one would go round for ever.
      const head = takeStart(rest, width - reserve) || [...rest][0]!;
      if (head.length === rest.length) break;
      lines.push(head);
      rest = rest.slice(head.length);
    }
    line = rest;
  };
  for (const [index, pieces] of parts.entries()) {
    const reserve = index < parts.length - 1 ? separator.trimEnd().length : 0;
    const whole = pieces.join(' ');
    const between = index === 0 ? '' : separator;
    if (pieces.length === 1 || fits(whole, width - reserve)) add(whole, between, reserve);
    else for (const [at, piece] of pieces.entries()) add(piece, at === 0 ? between : ' ', reserve);
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}
