// The contract of the renderers: a finished report comes in, text goes out in pieces with their line ends. A renderer
// only formats: it never compares, fetches, writes, or reads the clock, the terminal or the environment.

import type { Finding, Report } from '../src/report/report.ts';

export type Renderer = (report: Report, io: RenderOptions) => Iterable<string> | AsyncIterable<string>;

export interface RenderOptions {
  /** Columns of the terminal; the caller chooses a number where there is none. Less than 72 counts as 72. */
  readonly width: number;
  readonly colour: boolean;
  /** Every finding of the run, as findings.ndjson keeps them, from the start on each call. */
  findings(): AsyncIterable<Finding>;
}
