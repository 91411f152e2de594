// The spool: whatever is added comes out sorted, those of one order as they were added, from memory and from disk; what is on disk can't be read.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spool } from '../../src/contingency/spool.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-spool-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const order = fc.string({ unit: fc.constantFrom('a', 'b', 'é', ' ', '"'), maxLength: 3 });

test('gives back everything in order, and again, and leaves nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(order), fc.integer({ min: 1, max: 60 }), async (orders, piece) => {
      const spool = new Spool(folder, piece);
      const added = orders.map((order, content) => ({ order, content: { content, text: 'ñ\n\t' } }));
      for (const { order, content } of added) await spool.add(order, content);
      expect(spool.length).toBe(orders.length);
      const sorted = [...added].sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
      for (let time = 0; time < 2; time++) {
        const found = [];
        for await (const entry of spool.sorted()) found.push(entry);
        expect(found).toEqual(sorted);
      }
      await spool.remove();
      expect(await readdir(folder)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('holds on disk nothing that could be read', async () => {
  const spool = new Spool(folder, 10);
  await spool.add('1', { password: 'muy-secreto-4711' });
  const [file] = await readdir(folder);
  expect(await readFile(join(folder, file!), 'utf8')).not.toContain('secreto');
  const found = [];
  for await (const { content } of spool.sorted()) found.push(content);
  expect(found).toEqual([{ password: 'muy-secreto-4711' }]);
  await spool.remove();
});

test('ends early without leaving a file open', async () => {
  const spool = new Spool(folder, 1);
  for (const order of ['b', 'a', 'c']) await spool.add(order, order);
  for await (const { order } of spool.sorted()) {
    expect(order).toBe('a');
    break;
  }
  await spool.remove();
  expect(await readdir(folder)).toEqual([]);
});
