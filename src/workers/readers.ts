// Reading replicas in worker threads: the driver's decoding and our hashing then share no core with the comparison, and several replicas none with each
// other. Each worker has a connection of its own.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Tinypool } from 'tinypool';
import { InterruptedError, StoreError } from '../errors.ts';
import type { DigestPage } from '../value/digest.ts';
import type { FromWorker, Identity, ReadTask, ToWorker, TransferredError } from './protocol.ts';

export type ReadRequest = Omit<ReadTask, 'port'> & { readonly signal?: AbortSignal };

export class Readers {
  private readonly pool: Tinypool;
  private free: number;

  private constructor(pool: Tinypool, threads: number) {
    this.pool = pool;
    this.free = threads;
  }

  static async start(threads: number): Promise<Readers> {
    const { Tinypool } = await import('tinypool');
    // The tests run the sources as they are; a worker can only load what was built from them.
    const path = import.meta.url.endsWith('.ts') ? '../../dist/src/workers/read-worker.js' : './read-worker.js';
    const filename = new URL(path, import.meta.url).href;
    const pool = new Tinypool({ filename, minThreads: 0, maxThreads: threads, concurrentTasksPerWorker: 1 });
    return new Readers(pool, threads);
  }

  /**
   * As `Hashing.digests`, from another thread; undefined while all of them are at work. `resolve` has to be called before a record's key is asked
   * for. What is returned has to be begun: that is what frees its thread.
   */
  digests(request: ReadRequest): AsyncGenerator<DigestPage> | undefined {
    if (this.free === 0) return undefined;
    this.free--;
    return this.read(request);
  }

  private async *read({ signal, ...request }: ReadRequest): AsyncGenerator<DigestPage> {
    const { port1: port, port2 } = new MessageChannel();
    const inbox = new Inbox(port, signal);
    const say = (message: ToWorker) => port.postMessage(message);
    const task = this.pool.run({ ...request, port: port2 } satisfies ReadTask, { transferList: [port2] });
    task.catch((error: unknown) => inbox.fail(error));
    try {
      for (;;) {
        const message = await inbox.take();
        if (message.type === 'end') return;
        if (message.type === 'error') throw received(message.error);
        if (message.type !== 'page') throw new Error(`a reading worker said ${message.type} out of turn`);
        yield pageOf(message, async (indexes) => {
          say({ type: 'identify', indexes });
          const answer = await inbox.take();
          if (answer.type !== 'identities') throw new Error(`a reading worker said ${answer.type} when asked for keys`);
          return answer.identities;
        });
        say({ type: 'next' });
      }
    } finally {
      // Not waited for: a store that never answers must not hold an interrupted run. What is left ends with the pool.
      say({ type: 'stop' });
      inbox.close();
      port.close();
      this.free++;
    }
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }
}

function pageOf(
  { count, hashes, unread }: FromWorker & { type: 'page' },
  identify: (indexes: readonly number[]) => Promise<readonly Identity[]>,
): DigestPage {
  const known = new Map<number, Identity>(unread.map((identity) => [identity.index, identity]));
  const reasons = new Map(unread.map(({ index, reason }) => [index, reason]));
  return {
    count,
    hashes,
    key: (i) => known.get(i)!.key,
    place: (i) => known.get(i)!.place,
    unread: unread.length === 0 ? undefined : (i) => reasons.get(i),
    async resolve(indexes) {
      const open = indexes.filter((index) => !known.has(index));
      if (open.length === 0) return;
      for (const identity of await identify(open)) known.set(identity.index, identity);
    },
  };
}

/** Messages in the order in which they came, and what ends the waiting for them. */
class Inbox {
  private readonly messages: FromWorker[] = [];
  private failure: unknown;
  private wake = () => {};
  private readonly signal: AbortSignal | undefined;
  private readonly onAbort = () => this.fail(new InterruptedError());

  constructor(port: MessagePort, signal: AbortSignal | undefined) {
    this.signal = signal;
    port.on('message', (message: FromWorker) => {
      this.messages.push(message);
      this.wake();
    });
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  fail(error: unknown): void {
    this.failure ??= error;
    this.wake();
  }

  async take(): Promise<FromWorker> {
    for (;;) {
      if (this.signal?.aborted) throw new InterruptedError();
      const message = this.messages.shift();
      if (message !== undefined) return message;
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  close(): void {
    this.signal?.removeEventListener('abort', this.onAbort);
  }
}

function received({ store, message, hint }: TransferredError): Error {
  return store === undefined
    ? new Error(`a reading worker failed: ${message}`)
    : new StoreError(store.name, store.verb, store.detail, { transient: store.transient, hint });
}
