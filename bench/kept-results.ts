// The results that are kept in the repository: those of a run take the places of the same parts, the others stay as they were measured.

import { readFile, writeFile } from 'node:fs/promises';
import { assetPath } from '../engines/assets.ts';
import { PARTS } from './options.ts';
import type { Results } from './results.ts';
import { markdownText } from './table.ts';

const DATA = assetPath('bench', 'results.json');
const TEXT = assetPath('bench', 'RESULTS.md');

/** Returns the files that were written. */
export async function keepResults({ parts }: Results): Promise<readonly string[]> {
  const before = JSON.parse(await readFile(DATA, 'utf8')) as Results;
  const all = { ...before.parts, ...parts };
  const kept: Results = {
    parts: Object.fromEntries(PARTS.flatMap((part) => (part in all ? [[part, all[part]]] : []))),
  };
  await writeFile(DATA, `${JSON.stringify(kept, shortened, 2)}\n`);
  await writeFile(TEXT, markdownText(kept));
  return [DATA, TEXT];
}

/** Nothing was measured to more digits than these. */
function shortened(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
