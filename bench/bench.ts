// npm run bench: flags → servers → rounds → results. Exit code 0 even when a goal is missed, 1 when a check gave a
// wrong answer, 2 for wrong usage, 3 when something else went wrong.

import { keepResults } from './kept-results.ts';
import { measureKind } from './kind.ts';
import { isUsage, type Options, type Part, readFlags, USAGE } from './options.ts';
import { RELADIFF_HINT, reladiffVersion } from './reladiff.ts';
import { type PartResults, partResults } from './results.ts';
import type { Recorder } from './rounds.ts';
import { Census, type Source, withSource } from './servers.ts';
import { terminalText } from './table.ts';
import { measureThreads } from './threads.ts';
import { measureTogether } from './together.ts';
import { measureWindow } from './window/measure-window.ts';
import { WrongAnswer } from './wrong-answer.ts';

async function bench(options: Options): Promise<void> {
  const { kinds, parts, rowsOf, togetherRows, threadsRows, runs, json, write } = options;
  const onProgress = progress();
  const reladiff = parts.has('postgres') ? await reladiffVersion() : undefined;
  if (parts.has('postgres')) onProgress(reladiff === undefined ? RELADIFF_HINT : `reladiff ${reladiff} takes part`);
  const census = new Census();
  const sizes = [
    ...kinds.map(rowsOf),
    ...(parts.has('together') ? [togetherRows] : []),
    ...(parts.has('threads') ? [threadsRows] : []),
  ];
  const { results, failures } = await withSource(sizes, census, onProgress, (source) =>
    measureParts({ source, census, options, reladiff, runs, onProgress }),
  );
  process.stdout.write(json ? `${JSON.stringify(results, null, 2)}\n` : terminalText(results));
  if (write) for (const file of await keepResults(results)) onProgress(`wrote ${file}`);
  if (failures.length > 0) throw new AggregateError(failures, failures.join('\n'));
}

interface Bench {
  readonly source: Source;
  /** Of the source. */
  readonly census: Census;
  readonly options: Options;
  readonly reladiff: string | undefined;
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

/**
 * One after the other. What a part's servers did to it is among the failures, so that it costs the others nothing; a wrong answer is thrown.
 */
async function measureParts({ source, census, options, reladiff, runs, onProgress }: Bench) {
  const { kinds, parts, rowsOf, togetherRows, threadsRows, scales } = options;
  const results: Partial<Record<Part, PartResults>> = {};
  const failures: string[] = [];
  const measure = async (part: Part, work: (recorder: Recorder, census: Census) => Promise<void>) => {
    if (!parts.has(part)) return;
    const recorder: Recorder = { series: new Map(), runs, onProgress };
    const own = new Census(census);
    try {
      await work(recorder, own);
      results[part] = partResults(part, { series: recorder.series, census: own, options, reladiff });
    } catch (error) {
      if (error instanceof WrongAnswer) throw error;
      failures.push(`${part} was not measured to the end: ${error instanceof Error ? error.stack : error}`);
      onProgress(failures.at(-1)!);
    }
  };
  for (const kind of kinds) {
    const takesPart = kind === 'postgres' && reladiff !== undefined;
    const own = { kind, rows: rowsOf(kind), reladiff: takesPart };
    await measure(kind, (recorder, servers) => measureKind(source, own, recorder, servers));
  }
  await measure('together', (recorder, servers) => measureTogether(source, togetherRows, recorder, servers));
  await measure('threads', (recorder, servers) => measureThreads(source, threadsRows, recorder, servers));
  await measure('window', (recorder, servers) => measureWindow(source, scales, recorder, servers));
  return { results: { parts: results }, failures };
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
