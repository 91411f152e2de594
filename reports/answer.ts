// What a command answers, whatever it is about: in the formats that it has, and in one sentence.

import type { Format } from './index.ts';
import type { Mark } from './verdict.ts';

export type Render = (width: number, colour: boolean) => Iterable<string> | AsyncIterable<string>;

export interface Answer {
  readonly render: Partial<Record<Format, Render>>;
  readonly mark: Mark;
  /** With its full stop. */
  readonly sentence: string;
  readonly exitCode: number;
}
