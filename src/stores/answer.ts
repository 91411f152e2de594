// Values of an answer to a probe; numbers exact, or as the digits that they are.

import type { Answer } from './store.ts';

/** Of what is the same in every driver; undefined: an object, of whose class only its driver knows. */
export function plainAnswer(value: unknown): Answer | undefined {
  if (value === undefined || value === null) return null;
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return integerAnswer(value);
    default:
      return undefined;
  }
}

/** Of a whole number. */
export function integerAnswer(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Of a number's text, or of a text that may be one. */
export function digitsAnswer(text: string): number | string {
  const number = Number(text);
  return String(number) === text && (Number.isSafeInteger(number) || /[.]/.test(text)) ? number : text;
}

/** What is neither text, number nor truth value, as one text. */
export function jsonAnswer(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? integerAnswer(part) : part));
}
