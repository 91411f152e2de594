// Reading in a worker thread gives what reading here gives, and fails as it would here.

import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InterruptedError, StoreError } from '../../src/errors.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { loadKind } from '../../src/stores/load-kind.ts';
import { mongodb } from '../../src/stores/mongodb/mongodb.ts';
import { storeKinds } from '../../src/stores/registry.ts';
import type { Replica } from '../../src/stores/store.ts';
import type { DigestPage, HashScheme } from '../../src/value/digest.ts';
import { Readers, type ReadRequest } from '../../src/workers/readers.ts';
import { freshMongo } from '../databases.ts';
import { field } from '../stores/contract-cases.ts';

const scheme: HashScheme = { algorithm: 'lookup3', seed: 42n };
const mapping: Mapping = {
  key: [field('id', { kind: 'integer', bits: 32 }, { target: '_id' })],
  fields: [field('amount', { kind: 'integer', bits: 32 }), field('at', { kind: 'timestamp', precision: 3 })],
};
const replica: Replica = { name: 'docs.things', target: 'things', mapping, options: {} };
let url: string;
let readers: Readers;

beforeAll(async () => {
  url = freshMongo();
  const client = new MongoClient(url);
  const documents = Array.from({ length: 5000 }, (_, i) => ({
    _id: i as never,
    amount: i % 100 === 7 ? 'many' : i,
    at: new Date(i * 1000),
  }));
  await client.db().collection('things').insertMany(documents);
  await client.close();
  readers = await Readers.start(2);
});
afterAll(() => readers.close());

const read = (more: Partial<ReadRequest> = {}): AsyncIterable<DigestPage> =>
  readers.digests({
    store: { name: 'docs', kind: 'mongodb', url, options: {} },
    replica,
    hashable: true,
    scheme,
    ...more,
  })!;

async function gather(pages: AsyncIterable<DigestPage>): Promise<string[]> {
  const found: string[] = [];
  for await (const page of pages) {
    await page.resolve?.([...Array(page.count).keys()]);
    for (let i = 0; i < page.count; i++) {
      const hash = page.unread?.(i) ?? [...page.hashes.subarray(4 * i, 4 * i + 4)].join(' ');
      found.push(`${page.key!(i)}: ${hash}`);
    }
  }
  return found.sort();
}

test.each([
  true,
  false,
])('the digests are those of this thread, keys and unread records too (raw bytes: %s)', async (hashable) => {
  const store = await mongodb.connect({ name: 'docs', url, options: {} });
  try {
    const here = await gather(store.hashing!.digests(replica, scheme));
    expect(here).toHaveLength(5000);
    expect(here.filter((line) => line.includes('amount'))).toHaveLength(50);
    expect(await gather(read({ hashable }))).toEqual(here);
  } finally {
    await store.close();
  }
});

test('only the wanted buckets come', async () => {
  const filter = { buckets: 8, bits: Uint8Array.of(0b0000_0100) };
  const some = await gather(read({ filter }));
  expect(some.length).toBeGreaterThan(400);
  expect(some.length).toBeLessThan(1000);
});

test('what a store does wrong is its error here as well', async () => {
  const gone = url.replace(/:\d+\//, ':1/');
  const settings = { name: 'docs', kind: 'mongodb', url: gone, options: { timeouts: { serverSelection: 300 } } };
  const reading = gather(read({ store: settings }));
  const error = await reading.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({ store: 'docs', verb: 'connect', transient: true, hint: expect.stringMatching(/\S/) });
});

test('an aborted signal ends it as an interruption, and the next reading is none the worse', async () => {
  const controller = new AbortController();
  const reading = (async () => {
    for await (const _page of read({ signal: controller.signal })) controller.abort();
  })();
  await expect(reading).rejects.toBeInstanceOf(InterruptedError);
  expect(await gather(read())).toHaveLength(5000);
});

test('a reader that stops early leaves its thread free', async () => {
  for (let i = 0; i < 6; i++) {
    for await (const page of read()) {
      expect(page.count).toBeGreaterThan(0);
      break;
    }
  }
  expect(await gather(read())).toHaveLength(5000);
});

test('while all threads are at work there is none to be had', async () => {
  const [first, second] = [read(), read()].map((pages) => pages[Symbol.asyncIterator]());
  try {
    await Promise.all([first!.next(), second!.next()]);
    expect(read()).toBeUndefined();
  } finally {
    await Promise.all([first!.return!(), second!.return!()]);
  }
  expect(await gather(read())).toHaveLength(5000);
});

test('a thread finds every kind of store by its name', async () => {
  for (const [kind, definition] of storeKinds()) expect(await loadKind(kind)).toBe(definition);
});
