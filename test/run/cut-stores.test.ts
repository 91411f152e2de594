// Every kind of store, its line cut in the middle of a check, a repair and a rebuild: the run ends with exit code 3 and says which replica is unproven,
// nothing is lost or half-written, and a second run completes. The server stays: killed-stores.test.ts has it killed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLine } from '../line.ts';
import type { Harness } from '../stores/contract.ts';
import { endOf, IN_SYNC, KINDS, makeCopy, makeSource, middleOfCheck, STORES, whenRepaired } from './broken-runs.ts';

let source: string;

beforeAll(async () => {
  source = await makeSource();
});

describe.each(KINDS)('%s', (kind) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await STORES[kind]();
  }, 120_000);
  afterAll(() => harness?.close());

  test('check', { timeout: 120_000 }, async () => {
    const copy = await makeCopy(source, harness, 'equal');
    const line = await openLine(harness.url, middleOfCheck(kind));
    copy.expectBroken(await copy.run({ command: 'check', url: line.url }));
    expect(endOf(await copy.run({ command: 'check' }))).toEqual(IN_SYNC);
  });

  test.each(['repair', 'rebuild'] as const)('%s', { timeout: 120_000 }, async (command) => {
    const copy = await makeCopy(source, harness, 'damaged');
    const line = await openLine(harness.url);
    copy.expectBroken(await copy.run({ command, url: line.url, onEvent: whenRepaired(line.cut) }));
    await copy.expectWhole();
    expect(endOf(await copy.run({ command }))).toEqual(IN_SYNC);
    await copy.expectEqual();
  });
});
