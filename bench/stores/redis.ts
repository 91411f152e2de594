// Redis: a numbered database a copy, one hash a record, all values texts. So SCAN meets nothing but the copy, as in an
// application's own database.

import { type ChainableCommander, Redis } from 'ioredis';
import type { Row } from '../../fixtures/georiesgo/column.ts';
import { incidents } from '../../fixtures/georiesgo/incidents.ts';
import { type Moment, momentText } from '../../fixtures/georiesgo/moment.ts';
import { COPY_NAMES, type Copy, copyOf } from '../copies.ts';
import { expectRecords, keyOf, otherTitle, rowBatches, rowOf, slices } from '../rows.ts';
import type { BenchStore, Place } from './bench-store.ts';

const BATCH = 1000;
const SCAN_COUNT = 1000;
const PREFIX = 'plumbline_bench:';

export const redis: BenchStore = {
  place: (url, copy) => ({ url: urlOf(url, copy), replica: { target: `${PREFIX}{id}`, as: 'hash' } }),

  async clear(url) {
    for (const name of COPY_NAMES) {
      await withRedis(url, copyOf(name, 0), async (client) => {
        for await (const keys of pagesOf(client)) if (keys.length > 0) await client.unlink(keys);
      });
    }
  },

  async seed(url, copies) {
    for (const copy of copies)
      await seedCopy(url, copy, (pipeline, row) => pipeline.hset(PREFIX + row.id, hashOf(row)));
  },

  plantDrift: (url, copy) =>
    withRedis(url, copy, async (client) => {
      const { changed, missing, orphans } = copy.drift;
      const pipeline = client.pipeline();
      for (const index of changed) pipeline.hset(PREFIX + keyOf(index), 'title', otherTitle(index));
      for (const index of missing) pipeline.unlink(PREFIX + keyOf(index));
      for (const index of orphans) pipeline.hset(PREFIX + keyOf(index), hashOf(rowOf(index)));
      const replies = await run(pipeline);
      const removed = replies.slice(changed.length, changed.length + missing.length).filter((reply) => reply === 1);
      expectRecords(removed.length, missing.length, 'delete');
    }),

  drain: (url, copy) =>
    withRedis(url, copy, async (client) => {
      let records = 0;
      const read = async (keys: readonly string[]) => {
        const pipeline = client.pipeline();
        for (const key of keys) pipeline.hgetall(key);
        for (const record of await run(pipeline)) if (record !== null) records += 1;
      };
      let waiting: string[] = [];
      for await (const keys of pagesOf(client)) {
        waiting.push(...keys);
        while (waiting.length >= BATCH) {
          await read(waiting.slice(0, BATCH));
          waiting = waiting.slice(BATCH);
        }
      }
      if (waiting.length > 0) await read(waiting);
      return records;
    }),

  async prepareBulkWrite(url, copy) {
    const client = new Redis(urlOf(url, copy));
    await client.ping();
    const { changed, missing, orphans } = copy.drift;
    const batches = [...slices([...changed, ...missing], BATCH)].map((indexes) => indexes.map(rowOf));
    return {
      run: async () => {
        for (const rows of batches) {
          const pipeline = client.pipeline();
          // Written whole: a field that is gone must not stay.
          for (const row of rows) pipeline.del(PREFIX + row.id).hset(PREFIX + row.id, hashOf(row));
          await run(pipeline);
        }
        await client.unlink(orphans.map((index) => PREFIX + keyOf(index)));
      },
      close: () => client.quit(),
    };
  },
};

/** The copy as JSON in a string a record, where its hashes would stand. */
export function seedAsJson(url: string, copy: Copy): Promise<void> {
  return seedCopy(url, copy, (pipeline, row) => pipeline.set(PREFIX + row.id, JSON.stringify(jsonOf(row))));
}

export function placeAsJson(url: string, copy: Copy): Place {
  return { url: urlOf(url, copy), replica: { target: `${PREFIX}{id}`, as: 'json' } };
}

function seedCopy(url: string, copy: Copy, put: (pipeline: ChainableCommander, row: Row) => void): Promise<void> {
  return withRedis(url, copy, async (client) => {
    // The next batch is made while the server takes this one.
    let sent: Promise<unknown> = Promise.resolve();
    for (const rows of rowBatches(copy.name === 'empty' ? 0 : copy.rows, BATCH)) {
      const pipeline = client.pipeline();
      for (const row of rows) put(pipeline, row);
      await sent;
      sent = run(pipeline);
    }
    await sent;
  });
}

async function withRedis<T>(url: string, copy: Copy, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(urlOf(url, copy));
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

function pagesOf(client: Redis): AsyncIterable<string[]> {
  return client.scanStream({ match: `${PREFIX}*`, count: SCAN_COUNT });
}

/** Fails when one command of it did. */
async function run(pipeline: ChainableCommander): Promise<readonly unknown[]> {
  const replies = (await pipeline.exec())!;
  return replies.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

/** Not 0, where a server that somebody lent us has its own keys. */
function urlOf(url: string, { name }: Copy): string {
  const own = new URL(url);
  own.pathname = `/${COPY_NAMES.indexOf(name) + 1}`;
  return own.href;
}

function jsonOf(row: Row): Record<string, unknown> {
  return Object.fromEntries(
    incidents.columns.map(({ name, type }) => [name, type === 'moment' ? isoText(row[name] as Moment) : row[name]]),
  );
}

function isoText(moment: Moment): string {
  return `${momentText(moment).replace(' ', 'T')}Z`;
}

/** A null is no field. */
function hashOf(row: Row): Record<string, string> {
  const hash: Record<string, string> = {};
  for (const { name, type } of incidents.columns) {
    const cell = row[name]!;
    if (cell === null) continue;
    if (type === 'moment') hash[name] = isoText(cell as Moment);
    else hash[name] = Object.is(cell, -0) ? '-0' : String(cell);
  }
  return hash;
}
