// Since when, and what changed: from one report to the next.

import { expect, test } from 'vitest';
import type { HealthReport } from '../../src/health/health-report.ts';
import type { Status } from '../../src/health/probe.ts';
import { nextStates, type ProbeStates } from '../../src/health/states.ts';

function look(startedAt: string, states: Readonly<Record<string, Status>>): HealthReport {
  const probes = Object.entries(states).map(([name, status]) => ({
    name,
    kind: 'query',
    gate: false,
    status,
    seconds: 0,
    readings: [{ status, message: '' }],
  }));
  return { schema: 'plumbline.health/1', run: '', config: '', startedAt, seconds: 0, probes, exitCode: 0 };
}

test('a state begins where it was first seen, and only a new one is a change', () => {
  let states: ProbeStates = new Map();
  const told: unknown[] = [];
  for (const report of [
    look('1', { slots: 'ok', outbox: 'warning' }),
    look('2', { slots: 'ok', outbox: 'warning' }),
    look('3', { slots: 'failed', outbox: 'warning' }),
    look('4', { slots: 'ok', outbox: 'unknown' }),
  ]) {
    const next = nextStates(states, report);
    told.push(next.changes.map(({ probe, from, at }) => `${at} ${probe.name} ${from} ${probe.status}`));
    states = next.states;
  }
  expect(told).toEqual([
    ['1 slots undefined ok', '1 outbox undefined warning'],
    [],
    ['3 slots ok failed'],
    ['4 slots failed ok', '4 outbox warning unknown'],
  ]);
  expect([...states]).toEqual([
    ['slots', { status: 'ok', since: '4' }],
    ['outbox', { status: 'unknown', since: '4' }],
  ]);
});
