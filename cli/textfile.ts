// Metrics for the textfile collector of node_exporter, which reads every *.prom of its folder as another user than the one who runs us.

import { writeWhole } from '../src/files/write-whole.ts';
import { checkOutput } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const READABLE_BY_ALL = 0o644;

/** Throws a UsageError. */
export async function checkTextfile(file: string): Promise<void> {
  if (!file.endsWith('.prom')) {
    throw new UsageError(`--textfile ${file}: node_exporter reads only files that are named *.prom`);
  }
  await checkOutput('textfile', file);
}

export async function writeTextfile(file: string, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  await writeWhole(file, pieces, READABLE_BY_ALL);
}
