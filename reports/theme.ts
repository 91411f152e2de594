// Colours by meaning. They repeat what marks and words say already.

import pc from 'picocolors';
import type { FindingClass } from '../src/report/report.ts';
import type { Mark } from './verdict.ts';

export type Colours = ReturnType<typeof pc.createColors>;

export function coloursOf(colour: boolean): Colours {
  return pc.createColors(colour);
}

export function markPaint(colours: Colours, mark: Mark): (text: string) => string {
  return { '✔': colours.green, '✖': colours.red, '!': colours.yellow, '?': colours.yellow }[mark];
}

export function classPaint(colours: Colours, name: FindingClass): (text: string) => string {
  return name === 'unread' ? colours.yellow : colours.red;
}
