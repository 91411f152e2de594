// npm run bench: flags → servers → rounds → results. Exit code 0 even when a goal is missed, 1 when a check gave a
// wrong answer, 2 for wrong usage, 3 when something else went wrong.

import { writeFile } from 'node:fs/promises';
import { assetPath } from '../engines/assets.ts';
import { measureKind } from './kind.ts';
import { isUsage, type Options, type Part, readFlags, USAGE } from './options.ts';
import { RELADIFF_HINT, reladiffVersion } from './reladiff.ts';
import { resultsOf } from './results.ts';
import type { Recorder } from './rounds.ts';
import { Census, type Source, withSource } from './servers.ts';
import { markdownText, terminalText } from './table.ts';
import { measureTogether } from './together.ts';
import { measureWindow } from './window/measure-window.ts';
import { WrongAnswer } from './wrong-answer.ts';

async function bench(options: Options): Promise<void> {
  const { kinds, parts, rowsOf, togetherRows, runs, json, write } = options;
  const onProgress = progress();
  const reladiff = parts.has('postgres') ? await reladiffVersion() : undefined;
  if (parts.has('postgres')) onProgress(reladiff === undefined ? RELADIFF_HINT : `reladiff ${reladiff} takes part`);
  const census = new Census();
  const recorder: Recorder = { series: new Map(), runs, onProgress };
  const sizes = [...kinds.map(rowsOf), ...(parts.has('together') ? [togetherRows] : [])];
  const failures = await withSource(sizes, census, onProgress, (source) =>
    measureParts(source, options, reladiff, recorder, census),
  );
  const results = resultsOf({ series: recorder.series, census, options, reladiff });
  process.stdout.write(json ? `${JSON.stringify(results, null, 2)}\n` : terminalText(results));
  if (failures.length > 0) throw new AggregateError(failures, failures.join('\n'));
  if (!write) return;
  const file = assetPath('bench', 'RESULTS.md');
  await writeFile(file, markdownText(results, new Date().toISOString().slice(0, 10)));
  onProgress(`wrote ${file}`);
}

/**
 * One after the other. What a part's servers did to it is returned, so that it costs the others nothing; a wrong answer
 * is thrown.
 */
async function measureParts(
  source: Source,
  { kinds, parts, rowsOf, togetherRows, scales }: Options,
  reladiff: string | undefined,
  recorder: Recorder,
  census: Census,
): Promise<readonly string[]> {
  const failures: string[] = [];
  const measure = async (part: Part, work: () => Promise<void>) => {
    if (!parts.has(part)) return;
    try {
      await work();
    } catch (error) {
      if (error instanceof WrongAnswer) throw error;
      failures.push(`${part} was not measured to the end: ${error instanceof Error ? error.stack : error}`);
      recorder.onProgress(failures.at(-1)!);
    }
  };
  for (const kind of kinds) {
    const takesPart = kind === 'postgres' && reladiff !== undefined;
    const options = { kind, rows: rowsOf(kind), reladiff: takesPart };
    await measure(kind, () => measureKind(source, options, recorder, census));
  }
  await measure('together', () => measureTogether(source, togetherRows, recorder, census));
  await measure('window', () => measureWindow(source, scales, recorder, census));
  return failures;
}

function progress(): (line: string) => void {
  const began = performance.now();
  return (line) => {
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
  };
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
  } else if (error instanceof AggregateError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 3;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 3;
  }
}
