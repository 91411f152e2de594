// The formats by name, as `--format` takes them.

import { json } from './json.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import { ndjson } from './ndjson.ts';
import type { Renderer } from './renderer.ts';
import { table } from './table.ts';

export type { Renderer, RenderOptions } from './renderer.ts';

export const FORMATS = ['table', 'json', 'ndjson', 'junit', 'markdown'] as const;
export type Format = (typeof FORMATS)[number];

export const renderers: Readonly<Record<Format, Renderer>> = { table, json, ndjson, junit, markdown };
