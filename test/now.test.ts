// The clock that a run reads.

import { afterEach, expect, test, vi } from 'vitest';
import { now } from '../src/now.ts';

const HOUR = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

test.each([-HOUR, HOUR])('whoever sets the machine’s clock by %i ms meanwhile does not move it', (step) => {
  const before = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: before + step });
  expect(Date.now() - before).toBe(step);
  expect(Math.abs(now() - before)).toBeLessThan(HOUR / 2);
});
