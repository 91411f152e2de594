// The third part: two replicas whose decoding costs us more than their server, in one run, with a thread for one of them and without.

import { type Config, check, parseConfig } from '../src/index.ts';
import { type Copy, type CopyName, copyOf } from './copies.ts';
import { measureRounds, type Recorder, stepOf } from './rounds.ts';
import { type Census, type Source, withStores } from './servers.ts';
import { placeAsJson, seedAsJson } from './stores/redis.ts';
import { secondsSince } from './variants.ts';
import { expectFindings } from './wrong-answer.ts';

export interface ThreadsJob {
  readonly variant: 'threads';
  /** The URL of the source's database. */
  readonly source: string;
  /** The URL of the server. */
  readonly redis: string;
  readonly rows: number;
  readonly workers: number;
}

/** Worker threads. */
export const THREADS = [0, 1] as const;

export async function measureThreads(source: Source, rows: number, recorder: Recorder, census: Census): Promise<void> {
  const { onProgress } = recorder;
  await withStores(['redis'], rows, census, onProgress, async ([server]) => {
    const { url: redis } = server!;
    onProgress(`seeding redis: ${rows.toLocaleString('en')} rows as JSON`);
    for (const name of ['equal', 'warmUp'] as const) await seedAsJson(redis, copyOf(name, rows));
    const steps = THREADS.map((workers) =>
      stepOf(threadsName(workers), rows, { variant: 'threads', source: source.url, redis, rows, workers }),
    );
    await measureRounds(recorder, steps);
  });
}

/** Seconds. The two replicas stand in one place: to read it twice is as much work as to read two. */
export async function checkTwo({ source, redis, rows, workers }: ThreadsJob, name: CopyName): Promise<number> {
  const copy = copyOf(name, rows);
  const started = performance.now();
  const report = await check(configOf(source, redis, copy), { keep: false, workers });
  const seconds = secondsSince(started);
  expectFindings(report, copy, 2);
  return seconds;
}

function configOf(source: string, redis: string, copy: Copy): Config {
  const place = placeAsJson(redis, copy);
  // By variable, because the reader refuses a password in the file itself.
  const variable = (name: string) => `\${${name}}`;
  const names = ['first', 'second'];
  const stores = Object.fromEntries(names.map((name) => [name, { kind: 'redis', url: variable('redis') }]));
  const replicas = names.map((store) => ({ store, ...place.replica }));
  const entities = { incidents: { table: copy.source, version: 'updated_at', replicas } };
  const file = { version: 1, source: { url: variable('source') }, stores, entities };
  return parseConfig(JSON.stringify(file), 'bench.yaml', { source, redis: place.url });
}

export function threadsName(workers: number): string {
  return `two replicas of JSON, ${workers === 0 ? 'no worker thread' : `${workers} worker thread`}`;
}
