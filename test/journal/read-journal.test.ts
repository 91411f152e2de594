// A journal is read backwards as it was written, however long its lines, and without the one that a kill tore off.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastWrite, readJournal, readJournalBackwards } from '../../src/journal/read-journal.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-journal-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test('forwards and backwards give the same entries', async () => {
  // Around the size of the blocks that are read, several of them, and short ones between.
  const length = fc.oneof(
    fc.nat(50),
    fc.integer({ min: 65_400, max: 65_600 }),
    fc.integer({ min: 130_000, max: 400_000 }),
  );
  const path = join(folder, 'journal.ndjson');
  await fc.assert(
    fc.asyncProperty(fc.array(length, { maxLength: 8 }), fc.nat(100_000), async (lengths, torn) => {
      const entries = lengths.map((size, i) => ({ type: 'write', n: i + 1, text: 'é'.repeat(size / 2) }));
      const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
      await writeFile(path, `${lines}${'x'.repeat(torn)}`);
      expect(await all(readJournal(path))).toEqual(entries);
      expect(await all(readJournalBackwards(path))).toEqual([...entries].reverse());
      expect(await lastWrite(path)).toEqual({ n: entries.length, end: Buffer.byteLength(lines) });
    }),
    { numRuns: 40 },
  );
});
