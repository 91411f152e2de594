// Cells to lines: columns as wide as their widest cell, two blanks between, no borders.

import { displayWidth, padEnd, padStart } from './text.ts';

export interface Cell {
  readonly text: string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  readonly paint?: (text: string) => string;
}

export function columnWidths(rows: readonly (readonly Cell[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell.text));
  }
  return widths;
}

export function inColumns(rows: readonly (readonly Cell[])[], indent: string): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) => {
    const cells = row.map((cell, at) => {
      const last = at === row.length - 1;
      const text = cell.right ? padStart(cell.text, widths[at]!) : last ? cell.text : padEnd(cell.text, widths[at]!);
      return cell.paint && text.trim() !== '' ? cell.paint(text) : text;
    });
    return indent + cells.join('  ');
  });
}
