// npm run bench: flags → servers → rounds → results. Exit code 0 even when a goal is missed, 1 when a check gave a wrong
// answer, 2 for wrong usage, 3 when something else went wrong.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { assetPath } from '../engines/assets.ts';
import type { StoreKind } from './copies.ts';
import { RELADIFF_HINT, reladiffVersion } from './reladiff.ts';
import { resultsOf } from './results.ts';
import { measureRounds } from './rounds.ts';
import { startServers } from './servers.ts';
import { markdownText, terminalText } from './table.ts';
import { WrongAnswer } from './variants.ts';

const USAGE = `npm run bench -- [options]
  --rows N                  incidents in the source and in each full replica (default 1000000, at least 1000)
  --runs K                  rounds after the warm-up (default 5)
  --only postgres|mongodb   measure only this kind of store
  --json                    print the results as JSON and nothing else
  --write                   write bench/RESULTS.md as well`;

interface Options {
  readonly rows: number;
  readonly runs: number;
  readonly kinds: readonly StoreKind[];
  readonly json: boolean;
  readonly write: boolean;
}

class UsageError extends Error {}

async function bench({ rows, runs, kinds, json, write }: Options): Promise<void> {
  const began = performance.now();
  const onProgress = (line: string) => {
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
  };
  const reladiff = kinds.includes('postgres') ? await reladiffVersion() : undefined;
  if (kinds.includes('postgres'))
    onProgress(reladiff === undefined ? RELADIFF_HINT : `reladiff ${reladiff} takes part`);
  const servers = await startServers(kinds, rows, onProgress);
  try {
    const series = await measureRounds(servers, { rows, runs, reladiff: reladiff !== undefined, onProgress });
    const { engines, settings } = servers;
    const results = resultsOf({ series, kinds, engines, settings, rows, runs, reladiff });
    process.stdout.write(json ? `${JSON.stringify(results, null, 2)}\n` : terminalText(results));
    if (!write) return;
    const file = assetPath('bench', 'RESULTS.md');
    await writeFile(file, markdownText(results, new Date().toISOString().slice(0, 10)));
    onProgress(`wrote ${file}`);
  } finally {
    await servers.stop();
  }
}

function readFlags(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: '1000000' },
      runs: { type: 'string', default: '5' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const { only, json, write } = values;
  if (only !== undefined && only !== 'postgres' && only !== 'mongodb')
    throw new UsageError(`--only is "${only}", but must be postgres or mongodb`);
  const kinds: readonly StoreKind[] = only === undefined ? ['mongodb', 'postgres'] : [only];
  return {
    rows: wholeNumber('rows', values.rows, 1000),
    runs: wholeNumber('runs', values.runs, 1),
    kinds,
    json,
    write,
  };
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${flag} is "${text}", but must be a whole number from ${least} on`);
  return value;
}

function isUsage(error: unknown): error is Error {
  return error instanceof UsageError || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}

try {
  await bench(readFlags(process.argv.slice(2)));
} catch (error) {
  if (isUsage(error)) {
    process.stderr.write(`${error.message}\n\n${USAGE}\n`);
    process.exitCode = 2;
  } else if (error instanceof WrongAnswer) {
    process.stderr.write(`wrong answer: ${error.message}\nA fast wrong answer is worth nothing: no results.\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 3;
  }
}
