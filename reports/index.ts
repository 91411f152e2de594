// The formats by name, as `--format` takes them.

import { htmlReport } from './html.ts';
import { json } from './json.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import { ndjson } from './ndjson.ts';
import type { Renderer } from './renderer.ts';
import { table } from './table.ts';

export type { Renderer, RenderOptions } from './renderer.ts';

/** Those of a report alone. */
export const REPORT_FORMATS = ['table', 'json', 'ndjson', 'junit', 'markdown', 'html'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** All that an answer may have: metrics are of more than one report. */
export const FORMATS = [...REPORT_FORMATS, 'prometheus'] as const;
export type Format = (typeof FORMATS)[number];

export const renderers: Readonly<Record<ReportFormat, Renderer>> = {
  table,
  json,
  ndjson,
  junit,
  markdown,
  html: htmlReport,
};
