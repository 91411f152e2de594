// The live view, drawn from reports and the clock alone.

import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LiveLines, LiveScreen } from '../../cli/live-health.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { displayWidth } from '../../reports/text.ts';
import type { HealthReport } from '../../src/health/health-report.ts';
import { healthSamples } from '../reports/sample-health.ts';

let written: string;
let terminal: Terminal & { rows: number; columns: number };
const stops: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  written = '';
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      written += String(chunk);
      done();
    },
  });
  terminal = Object.assign(stream, { isTTY: true, columns: 80, rows: 40 });
});

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.useRealTimers();
});

function screen(now: () => number): LiveScreen {
  const made = new LiveScreen(terminal, { every: 5000, colour: false, now });
  stops.push(made.stop);
  return made;
}

const START = Date.parse(healthSamples.sick!.startedAt);

/** The same probes `seconds` later, one of them in another state. */
function later(report: HealthReport, seconds: number, name: string, status: 'ok' | 'failed'): HealthReport {
  return {
    ...report,
    startedAt: new Date(START + seconds * 1000).toISOString(),
    probes: report.probes.map((probe) =>
      probe.name === name ? { ...probe, status, readings: [{ status, message: 'as it is now' }] } : probe,
    ),
  };
}

test('shows since when each probe is in its state, and the last changes', async () => {
  let now = START;
  const live = screen(() => now);
  await live.show(healthSamples.sick!);
  now += 125_000;
  await live.show(later(healthSamples.sick!, 120, 'slots', 'ok'));
  const lines = live.lines(80, 40);
  expect(lines.find((line) => line.includes('primary, 1'))).toMatch(/✔ primary +2m 05s {2}/);
  expect(lines.find((line) => line.includes('as it is now'))).toMatch(/✔ slots +5s {2}as it is now/);
  expect(lines.slice(-4)).toEqual([
    'Last changes, newest first',
    '  2026-11-22 02:02:03 UTC  ✔ slots failed → ok: as it is now',
    '',
    'A look every 5.0s. Ctrl-C ends.',
  ]);
});

test('fits the screen, however small', async () => {
  const live = screen(() => START);
  await live.show(healthSamples.hostile!);
  for (const rows of [5, 12, 24]) {
    const lines = live.lines(80, rows);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(lines[0]).toContain('Not healthy');
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  }
});

test('redraws in place and leaves the terminal as it was, once', async () => {
  const live = screen(() => START);
  expect(written).toContain('\u001b[?1049h');
  written = '';
  vi.advanceTimersByTime(1000);
  expect(written.startsWith('\u001b[HAsking')).toBe(true);
  live.stop();
  live.stop();
  expect(written.split('\u001b[?1049l')).toHaveLength(2);
  expect(written).toContain('\u001b[?25h');
  written = '';
  vi.advanceTimersByTime(5000);
  expect(written).toBe('');
});

test('piped: a line for each probe at first, then for each change, and nothing else', async () => {
  const lines = new LiveLines(terminal, false);
  await lines.show(healthSamples.sick!);
  expect(written.trimEnd().split('\n')).toHaveLength(6);
  expect(written).toContain('2026-11-22 02:00:03 UTC  ✖ slots failed: physical_slot_2: inactive for 3 h');
  written = '';
  await lines.show(healthSamples.sick!);
  expect(written).toBe('');
  await lines.show(later(healthSamples.sick!, 60, 'cache', 'failed'));
  expect(written).toBe('2026-11-22 02:01:03 UTC  ✖ cache ok → failed: as it is now\n');
});

test('quiet: at first only what is not fine, and hostile text stays on its line', async () => {
  const lines = new LiveLines(terminal, true);
  await lines.show(healthSamples.sick!);
  expect(written).not.toContain('primary');
  written = '';
  await lines.show({ ...healthSamples.hostile!, startedAt: 'x' });
  expect(written.trimEnd().split('\n')).toHaveLength(2);
  expect(written).not.toContain('\u001b');
});
