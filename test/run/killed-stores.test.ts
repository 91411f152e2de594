// A server of every kind, killed in the middle of a check, a repair and a rebuild: the run ends with exit code 3 and says which replica is
// unproven; when the server is back, every record is as it was or as the source has it, and a second run completes.
// Needs: what engines/ needs to start every kind on this machine.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalEngine, startLocalEngine } from '../../engines/engines.ts';
import type { RunEvent } from '../../src/index.ts';
import { openLine } from '../line.ts';
import type { Harness } from '../stores/contract.ts';
import {
  type Copy,
  endOf,
  IN_SYNC,
  KINDS,
  makeCopy,
  makeSource,
  middleOfCheck,
  REPAIRED,
  STORES,
  whenRepaired,
} from './broken-runs.ts';

const DRIFT = { ...IN_SYNC, verdict: 'drift', exitCode: 1 };
const SLOW_MS = 300_000;

let source: string;

beforeAll(async () => {
  source = await makeSource();
});

describe.each(KINDS)('%s', (kind) => {
  // The stand-in for MongoDB holds its data in memory: a killed one comes back empty, and the second run finds everything missing.
  const forgets = kind === 'mongodb';
  let server: LocalEngine;
  let harness: Harness;

  beforeAll(async () => {
    server = await startLocalEngine({
      kind,
      version: '15',
      name: 'killed',
      memory: '512m',
      shortLived: true,
      durable: !forgets,
    });
    harness = await STORES[kind](server.url);
  }, SLOW_MS);
  afterAll(async () => {
    await harness?.close();
    await server?.stop();
  }, SLOW_MS);

  const kill = () => server.signal('SIGKILL');
  const bringBack = async (copy: Copy) => {
    await server.down();
    await server.up();
    await copy.reached();
  };

  // What the server had sent and nobody had read is lost, as if its machine had gone down: a replica this small may be on its way as a whole.
  test('check, while it reads', { timeout: SLOW_MS }, async () => {
    const copy = await makeCopy(source, harness, 'equal');
    const line = await openLine(harness.url, middleOfCheck(kind), kill);
    copy.expectBroken(await copy.run({ command: 'check', url: line.url }));
    await bringBack(copy);
    expect(endOf(await copy.run({ command: 'check' }))).toEqual(forgets ? DRIFT : IN_SYNC);
  });

  test('check, while it confirms', { timeout: SLOW_MS }, async () => {
    const copy = await makeCopy(source, harness, 'damaged');
    const onEvent = (event: RunEvent) => {
      if (event.type === 'finding') kill();
    };
    // Batches so small that many are still to come when the first one has found something.
    copy.expectBroken(await copy.run({ command: 'check', onEvent, batch: 10 }));
    await bringBack(copy);
    expect(endOf(await copy.run({ command: 'check' }))).toEqual(DRIFT);
  });

  test.each(['repair', 'rebuild'] as const)('%s', { timeout: SLOW_MS }, async (command) => {
    const copy = await makeCopy(source, harness, 'damaged');
    const equal = await copy.expectWhole();
    copy.expectBroken(await copy.run({ command, onEvent: whenRepaired(kill) }));
    await bringBack(copy);
    const found = await copy.expectWhole();
    if (!forgets) expect(found).toBeGreaterThanOrEqual(equal + REPAIRED);
    expect(endOf(await copy.run({ command }))).toEqual(IN_SYNC);
    await copy.expectEqual();
    expect(await copy.run({ command: 'repair' })).toMatchObject({
      exitCode: 0,
      replicas: [{ repair: { outcomes: { written: 0, refused: 0 } } }],
    });
    await copy.expectEqual();
  });
});
