// The report as one JSON document: the very data that report.json keeps. docs/report.md describes it.

import type { Report } from '../src/report/report.ts';
import { reportWithoutSensitive } from './finding-text.ts';

export function* json(report: Report): Iterable<string> {
  yield `${jsonText(reportWithoutSensitive(report), 2)}\n`;
}

/** JSON that has no raw control character and no character that some reader takes for a line's end. */
export function jsonText(data: unknown, indent?: number): string {
  return JSON.stringify(data, null, indent).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
