// A worker thread's side: connects to one store, reads a replica, hashes what it reads, and hands over the hashes. Which record a hash belongs to is
// told only where it is asked for: in sync, hardly any.

import type { MessagePort } from 'node:worker_threads';
import { hashPages } from '../compare/hash-pages.ts';
import { StoreError, wordsOf } from '../errors.ts';
import { loadKind } from '../stores/load-kind.ts';
import type { DigestPage } from '../value/digest.ts';
import type { FromWorker, Identity, ReadTask, ToWorker, TransferredError } from './protocol.ts';

export default async function readReplica(task: ReadTask): Promise<void> {
  const { port } = task;
  const say = (message: FromWorker) => port.postMessage(message);
  const stopping = new AbortController();
  const { signal } = stopping;
  const asked = questions(port, stopping);
  try {
    const { kind, ...settings } = task.store;
    const store = await (await loadKind(kind)).connect({ ...settings, signal });
    try {
      const { replica, scheme, filter } = task;
      const pages =
        store.hashing !== undefined && task.hashable
          ? store.hashing.digests(replica, scheme, filter, signal)
          : hashPages(store.scan(replica, signal), replica.mapping, scheme, filter);
      for await (const page of pages) {
        say(message(page));
        if (!(await answer(asked, page, say))) return;
      }
      say({ type: 'end' });
    } finally {
      await store.close();
    }
  } catch (error) {
    say({ type: 'error', error: transferred(error) });
  } finally {
    port.close();
  }
}

function message(page: DigestPage): FromWorker {
  const { count } = page;
  const unread: (Identity & { reason: string })[] = [];
  if (page.unread !== undefined) {
    for (let index = 0; index < count; index++) {
      const reason = page.unread(index);
      if (reason !== undefined) unread.push({ ...identityOf(page, index), reason });
    }
  }
  return { type: 'page', count, hashes: page.hashes.slice(0, 4 * count), unread };
}

/** Answers what is asked about a page until the next one is wanted; false: no more is. */
async function answer(
  asked: () => Promise<ToWorker>,
  page: DigestPage,
  say: (message: FromWorker) => void,
): Promise<boolean> {
  for (;;) {
    const question = await asked();
    if (question.type !== 'identify') return question.type === 'next';
    say({ type: 'identities', identities: question.indexes.map((index) => identityOf(page, index)) });
  }
}

/** The next thing that the main thread says. `stop` interrupts whatever is being read. */
function questions(port: MessagePort, stopping: AbortController): () => Promise<ToWorker> {
  const waiting: ToWorker[] = [];
  let wake = () => {};
  port.on('message', (message: ToWorker) => {
    if (message.type === 'stop') stopping.abort();
    waiting.push(message);
    wake();
  });
  return async () => {
    while (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return waiting.shift()!;
  };
}

function identityOf(page: DigestPage, index: number): Identity {
  return { index, key: page.key!(index), place: page.place?.(index) };
}

function transferred(error: unknown): TransferredError {
  if (!(error instanceof StoreError)) return { message: error instanceof Error ? `${error.stack}` : wordsOf(error) };
  const { store: name, verb, detail, transient, hint } = error;
  return { store: { name, verb, detail, transient }, message: error.message, hint };
}
