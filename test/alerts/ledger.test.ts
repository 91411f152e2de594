// What was told is kept whole and loses nothing, whoever writes at the same time and whatever a killed run left behind.

import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Book, Ledger } from '../../src/alerts/ledger.ts';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'plumbline-ledger-')), 'alerts');
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(join(folder, '..'), { recursive: true, force: true });
});

function add(name: string, ledger = new Ledger(folder)): Promise<number> {
  return ledger.update((book) => {
    const since = (book.ops?.[name]?.since ?? 0) + 1;
    return { book: { ...book, ops: { ...book.ops, [name]: { since, told: {} } } }, result: since };
  });
}

function read(): Promise<Book> {
  return new Ledger(folder).update((book) => ({ book, result: book }));
}

test('nothing is made while nothing is kept', async () => {
  expect(await read()).toEqual({});
  await expect(readdir(folder)).rejects.toThrow('ENOENT');
});

test('what many write at once is all there', async () => {
  const ledgers = Array.from({ length: 8 }, () => new Ledger(folder));
  await Promise.all(ledgers.flatMap((ledger) => [1, 2, 3, 4, 5].map(() => add('probe slots', ledger))));
  expect((await read()).ops).toEqual({ 'probe slots': { since: 40, told: {} } });
});

test('so is what several processes write', async () => {
  const program = `
import { Ledger } from ${JSON.stringify(new URL('../../dist/src/alerts/ledger.js', import.meta.url).href)};
for (let i = 0; i < 20; i++)
  await new Ledger(process.argv[2]).update((book) => ({
    book: { ops: { all: { since: (book.ops?.all?.since ?? 0) + 1, told: {} } } },
    result: undefined,
  }));
`;
  const file = join(folder, '..', 'program.mjs');
  await writeFile(file, program);
  const run = promisify(execFile);
  await Promise.all([1, 2, 3].map(() => run(process.execPath, [file, folder])));
  expect((await read()).ops?.all?.since).toBe(60);
});

test('what was replaced, and what a killed run left half written, is cleared away in time', async () => {
  await add('probe slots');
  const part = '.0123456789ab.part';
  await writeFile(join(folder, part), '{"schema": "plumbl');
  expect(await add('probe slots')).toBe(2);
  expect((await readdir(folder)).sort()).toEqual([part, '000001.json', '000002.json']);
  const yesterday = new Date(Date.now() - 24 * 3600_000);
  for (const name of [part, '000001.json', '000002.json']) await utimes(join(folder, name), yesterday, yesterday);
  expect(await add('probe slots')).toBe(3);
  expect(await readdir(folder)).toEqual(['000003.json']);
});

test('a file that is no ledger counts as an empty one, and is replaced', async () => {
  await add('probe slots');
  const newest = (await readdir(folder)).sort().at(-1)!;
  await writeFile(join(folder, newest), 'no JSON');
  expect(await read()).toEqual({});
  expect(await add('probe slots')).toBe(1);
  expect((await read()).ops).toEqual({ 'probe slots': { since: 1, told: {} } });
});

test('a run that slept while others went far ahead, and cleared up behind them, loses nothing of theirs', async () => {
  await add('a');
  const file = (number: number) => join(folder, `00000${number}.json`);
  let looks = 0;
  await new Ledger(folder).update((book) => {
    if (looks++ === 0) {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3600_000 });
      // What was read is gone by now, and the next number is free again.
      writeFileSync(file(6), readFileSync(file(1), 'utf8').replace('"since": 1', '"since": 6'));
      rmSync(file(1));
    }
    return { book: { ...book, late: { x: { since: 1, told: {} } } }, result: undefined };
  });
  expect(looks).toBe(2);
  expect(await read()).toEqual({ ops: { a: { since: 6, told: {} } }, late: { x: { since: 1, told: {} } } });
});

test('only the owner can read it', async () => {
  await add('a');
  const { stdout } = await promisify(execFile)('stat', ['-c', '%a', folder]);
  expect(stdout.trim()).toBe('700');
  expect(await readFile(join(folder, '000001.json'), 'utf8')).toContain('plumbline.told/1');
});
