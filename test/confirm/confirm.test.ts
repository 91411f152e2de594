// Confirm over servers that fail: what it throws, and that it does not try them again for every batch that is left.

import { expect, test } from 'vitest';
import type { Candidate } from '../../src/compare/candidate.ts';
import { type ConfirmOptions, confirm, type Verdict } from '../../src/confirm/confirm.ts';
import { InterruptedError, StoreError } from '../../src/errors.ts';
import { field } from '../stores/contract-cases.ts';

const BATCH = 10;
const KEYS = 1000;

const options = (fetchReplica: ConfirmOptions['fetchReplica'], signal?: AbortSignal): ConfirmOptions => ({
  replica: 'copies.things',
  entity: 'things',
  mapping: { key: [field('id', { kind: 'text' })], fields: [] },
  scheme: { algorithm: 'lookup3', seed: 1n },
  maxLag: 0,
  interval: 10,
  giveUp: 1000,
  nominated: true,
  keysPerLook: BATCH,
  fetchSource: async (keys) => keys.map((key) => ({ key, values: [] })),
  fetchReplica,
  signal,
});

async function* missing(): AsyncGenerator<Candidate> {
  for (let i = 0; i < KEYS; i++) yield { key: [`r${i}`], seenAt: Date.now() - 1000 };
}

async function drain(verdicts: AsyncIterable<Verdict>): Promise<number> {
  let count = 0;
  for await (const verdict of verdicts) if (verdict.kind === 'finding') count++;
  return count;
}

test('every candidate that stays is a finding', async () => {
  expect(
    await drain(
      confirm(
        missing(),
        options(async () => []),
      ),
    ),
  ).toBe(KEYS);
});

test('a server that is gone is not tried again for every batch', async () => {
  const failure = new StoreError('copies', 'fetch', 'connection refused', { transient: true });
  let looks = 0;
  const fetchReplica = async () => {
    looks++;
    if (looks > 5) throw failure;
    return [];
  };
  await expect(drain(confirm(missing(), options(fetchReplica)))).rejects.toBe(failure);
  // Two are looked at at the same time.
  expect(looks).toBeLessThanOrEqual(7);
});

test('what the candidates throw ends the looks that wait', async () => {
  const failure = new Error('the scan broke');
  let looks = 0;
  const candidates = async function* () {
    yield* missing();
    throw failure;
  };
  const fetchReplica = async () => {
    looks++;
    await new Promise((resolve) => setTimeout(resolve, 10));
    return [];
  };
  await expect(drain(confirm(candidates(), options(fetchReplica)))).rejects.toBe(failure);
  expect(looks).toBeLessThan(KEYS / BATCH);
});

test('an abort is an interruption', async () => {
  const controller = new AbortController();
  const fetchReplica = async () => {
    controller.abort();
    return [];
  };
  const verdicts = confirm(missing(), options(fetchReplica, controller.signal));
  await expect(drain(verdicts)).rejects.toBeInstanceOf(InterruptedError);
});
