// Progress is drawn from events and the clock alone.

import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Progress } from '../../cli/progress.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { displayWidth } from '../../reports/text.ts';

let written: string[];
let now: number;
let progress: Progress;

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  now = 0;
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      written.push(String(chunk));
      done();
    },
  });
  const terminal: Terminal = Object.assign(stream, { isTTY: true, columns: 80 });
  progress = new Progress(terminal, { now: () => now, redact: (text) => text.replaceAll('sekret', '***') });
});

afterEach(() => {
  progress.stop();
  vi.useRealTimers();
});

function pass(milliseconds: number): void {
  for (let at = 0; at < milliseconds; at += 5) {
    now += 5;
    vi.advanceTimersByTime(5);
  }
}

test('rows, rate, percent and time left', () => {
  progress.listener({ type: 'stage', stage: 'compare' });
  progress.listener({ type: 'rows', entity: 'incidents', replica: null, rows: 8192, expected: 4_000_000 });
  progress.listener({ type: 'rows', entity: 'incidents', replica: 'docs.incidents', rows: 100, expected: 100 });
  now = 2000;
  progress.listener({ type: 'rows', entity: 'incidents', replica: null, rows: 1_008_192, expected: 4_000_000 });
  progress.listener({ type: 'rows', entity: 'incidents', replica: 'docs.incidents', rows: 300, expected: 100 });
  expect(progress.lines(80)).toEqual([
    'Comparing · 2s',
    '  incidents (source)  1,008,192 of ~4,000,000 · 500,000/s · 25 % · 6.0s left',
    '  docs.incidents      300 · 100/s',
  ]);
});

test('what is done leaves; what runs beside it stays', () => {
  progress.listener({ type: 'stage', stage: 'compare' });
  for (const entity of ['a', 'b']) {
    progress.listener({ type: 'rows', entity, replica: null, rows: 9, expected: 9 });
    progress.listener({ type: 'rows', entity, replica: `docs.${entity}`, rows: 1, expected: 9 });
  }
  expect(progress.lines(80)).toHaveLength(5);
  progress.listener({ type: 'compared', replica: 'docs.a' });
  expect(progress.lines(80)).toEqual([
    'Comparing · 0s · 1 replica done',
    '  b (source)  9 of ~9',
    '  docs.b      1 of ~9 · 11 %',
  ]);
});

test('a retry is mentioned for a while, without its secret', () => {
  const reason = 'docs: fetch 500 keys: connection refused (sekret)';
  progress.listener({ type: 'retry', verb: 'docs: fetch', attempt: 1, reason });
  expect(progress.lines(80).at(-1)).toBe('  docs: fetch: retrying after connection refused (***)');
  now = 6000;
  expect(progress.lines(80)).toHaveLength(1);
});

test('every line fits the terminal', () => {
  const name = 'docs.'.concat('ü漢'.repeat(80));
  progress.listener({ type: 'rows', entity: 'e', replica: name, rows: 1e12, expected: 2e12 });
  progress.listener({ type: 'retry', verb: 'docs: fetch', attempt: 1, reason: 'x '.repeat(400) });
  now = 1e6;
  for (const width of [20, 40, 80]) {
    for (const line of progress.lines(width)) expect(displayWidth(line)).toBeLessThanOrEqual(width);
  }
});

test('nothing is drawn of what is over soon, and at most ten times a second after that', () => {
  pass(250);
  expect(written).toEqual([]);
  for (let at = 0; at < 1000; at += 1) {
    progress.listener({ type: 'rows', entity: 'a', replica: null, rows: at, expected: 9000 });
    if (at % 10 === 0) pass(10);
  }
  expect(written.length).toBeGreaterThan(2);
  expect(written.length).toBeLessThanOrEqual(10);
});

test('what was drawn is wiped at the end, and nothing follows', () => {
  progress.listener({ type: 'rows', entity: 'a', replica: null, rows: 1, expected: 9 });
  pass(500);
  progress.stop();
  expect(written.at(-1)).toBe('\u001b[2A\r\u001b[J');
  const before = written.length;
  pass(1000);
  progress.stop();
  expect(written).toHaveLength(before);
});
