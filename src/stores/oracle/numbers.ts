// What a NUMBER holds without rounding. Oracle rounds in silence what has too many digits, so such a value is refused before.

import { fromDecimalText, ValueError } from '../../value/canonical.ts';
import type { Column } from './columns.ts';

const MOST_DIGITS = 38;
const BINARY_DIGIT = Math.log10(2);

/** Plain digits for a bind. Throws ValueError for what the column would round; what is too large the server refuses by itself. */
export function numberText(column: Column, canonical: string): string {
  const text = fromDecimalText(canonical);
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new ValueError(`${column.declared} does not hold ${text}`);
  const [, whole = '', fraction = ''] = match;
  const significant = `${whole}${fraction}`.replace(/^0+/, '').replace(/0+$/, '').length;
  if (significant > mostDigits(column)) throw new ValueError(`it has more digits than ${column.declared} holds`);
  if (column.declared === 'FLOAT') return text;
  const { scale } = column;
  if (scale !== undefined && fraction.length > Math.max(scale, 0)) {
    throw new ValueError(`it has more digits after the point than ${column.declared} holds`);
  }
  if (scale !== undefined && scale < 0 && !/^0*$/.test(whole.slice(scale))) {
    throw new ValueError(`${column.declared} would round it`);
  }
  // The least that any NUMBER holds is 1e-130; anything smaller becomes 0.
  if (fraction.length > 130) throw new ValueError(`it has more digits after the point than a NUMBER holds`);
  return text;
}

function mostDigits({ declared, precision }: Column): number {
  return declared === 'FLOAT' && precision !== undefined ? Math.ceil(precision * BINARY_DIGIT) : MOST_DIGITS;
}
