import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLines } from '../../src/files/lines.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-lines-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function linesIn(text: string, end?: number): Promise<string[]> {
  const file = join(folder, 'text');
  await writeFile(file, text);
  const lines: string[] = [];
  for await (const line of readLines(file, end)) lines.push(line);
  return lines;
}

test('only LF and CRLF end a line, wherever a block of the file ends', async () => {
  expect(await linesIn('')).toEqual([]);
  expect(await linesIn('a\r\nb\n\nc')).toEqual(['a', 'b', '', 'c']);
  expect(await linesIn('a\u2028b\u2029c\u0085d\re\n')).toEqual(['a\u2028b\u2029c\u0085d\re']);
  const long = ['é'.repeat(100_000), '\u2028'.repeat(70_000), '🐎'.repeat(50_000)];
  expect(await linesIn(`${long.join('\n')}\n`)).toEqual(long);
  expect(await linesIn('ab\ncd\n', 4)).toEqual(['ab', 'c']);
  expect(await linesIn('ab\n', 0)).toEqual([]);
});

test('values in JSON lines come back, whatever they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), async (values) => {
      const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
      expect((await linesIn(text)).map((line) => JSON.parse(line))).toEqual(values);
    }),
    { numRuns: 200 },
  );
});
