// What is due to a receiver: the first time, when it gets worse, again after the quiet period, once when it is over; and never because
// somebody looked at a part.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Topic } from '../../src/alerts/alert.ts';
import { claimDue, type Standings, settle } from '../../src/alerts/due.ts';
import type { AlertConfig, AlertEvent } from '../../src/config/config.ts';
import type { Status } from '../../src/health/probe.ts';

const HOUR = 3600_000;

const RECEIVER: AlertConfig = {
  name: 'ops',
  kind: 'log',
  on: ['failure', 'unknown', 'recovery'],
  about: [],
  commands: ['health'],
  quiet: 4 * HOUR,
  timeout: 1000,
  attempts: 2,
  pause: 10,
  options: {},
  secrets: [],
};

function topic(status: Status, more: Partial<Topic> = {}): Topic {
  return { kind: 'probe', name: 'slots', names: ['slots'], status, message: status, partial: false, ...more };
}

/** Runs one after another, an hour apart: what each told. `sent`: whether the receiver takes it. */
class Story {
  private standings: Standings = {};
  private hour = 0;
  private readonly receiver: AlertConfig;

  constructor(receiver: Partial<AlertConfig> = {}) {
    this.receiver = { ...RECEIVER, ...receiver };
  }

  look(...topics: readonly Topic[]): readonly AlertEvent[] {
    return this.run(topics, true);
  }

  lookInVain(...topics: readonly Topic[]): readonly AlertEvent[] {
    return this.run(topics, false);
  }

  get remembered(): readonly string[] {
    return Object.keys(this.standings);
  }

  private run(topics: readonly Topic[], sent: boolean): readonly AlertEvent[] {
    const moment = { run: `run-${this.hour}`, now: this.hour++ * HOUR };
    const { due, standings } = claimDue(this.receiver, this.standings, topics, moment, HOUR / 2);
    this.standings = settle(standings, due, sent, moment);
    return due.map(({ event }) => event);
  }
}

test('a failure is told once, again after the quiet period, and its end once', () => {
  const story = new Story();
  const told = Array.from({ length: 9 }, () => story.look(topic('failed')).length);
  expect(told).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  expect(story.look(topic('ok'))).toEqual(['recovery']);
  expect(story.look(topic('ok'))).toEqual([]);
  expect(story.remembered).toEqual([]);
});

test('what was well and is well is no news', () => {
  const story = new Story();
  expect(story.look(topic('ok'), topic('warning', { name: 'lag' }))).toEqual([]);
  expect(story.remembered).toEqual([]);
});

test('one that fails again after its end was told is news, quiet or not', () => {
  const story = new Story();
  expect([story.look(topic('failed')), story.look(topic('ok')), story.look(topic('failed'))].flat()).toEqual([
    'failure',
    'recovery',
    'failure',
  ]);
});

test('what gets worse is told at once; what swings is not told at each swing', () => {
  const story = new Story({ on: ['failure', 'warning', 'unknown', 'recovery'] });
  const statuses: readonly Status[] = ['warning', 'failed', 'unknown', 'failed', 'unknown', 'warning', 'failed'];
  expect(statuses.map((status) => story.look(topic(status)))).toEqual([
    ['warning'],
    ['failure'],
    ['unknown'],
    [],
    [],
    ['warning'],
    ['failure'],
  ]);
});

test('what a receiver does not want to hear of is no failure to it', () => {
  const story = new Story({ on: ['failure', 'recovery'] });
  expect(story.look(topic('unknown'))).toEqual([]);
  expect(story.look(topic('failed'))).toEqual(['failure']);
  expect(story.look(topic('warning'))).toEqual(['recovery']);
});

test('without recovery among its events a receiver hears the next failure, and no end', () => {
  const story = new Story({ on: ['failure'] });
  expect([story.look(topic('failed')), story.look(topic('ok')), story.look(topic('failed'))]).toEqual([
    ['failure'],
    [],
    ['failure'],
  ]);
});

test('what could not be sent is due again at once; what nobody was told of has no end', () => {
  const story = new Story();
  expect(story.lookInVain(topic('failed'))).toEqual(['failure']);
  expect(story.look(topic('failed'))).toEqual(['failure']);
  expect(story.lookInVain(topic('ok'))).toEqual(['recovery']);
  expect(story.look(topic('ok'))).toEqual(['recovery']);
  expect(story.lookInVain(topic('failed'))).toEqual(['failure']);
  expect(story.look(topic('ok'))).toEqual([]);
});

test('only the names that it asks for', () => {
  const story = new Story({ about: ['docs', 'lag'] });
  const replica = (name: string) =>
    topic('failed', { kind: 'replica', name, names: [name, name.split('.')[0]!, 'incidents'] });
  expect(story.look(topic('failed'), replica('docs.incidents'), replica('backup.incidents'))).toEqual(['failure']);
  expect(story.remembered).toEqual(['replica docs.incidents']);
});

describe('drift', () => {
  const replica = (status: Status, partial = false) =>
    topic(status, { kind: 'replica', name: 'docs.a', names: ['docs.a'], partial });

  test('is over when every row was compared, not when the few that were looked at are equal', () => {
    const story = new Story();
    expect(story.look(replica('failed'))).toEqual(['failure']);
    expect(story.look(replica('ok', true))).toEqual([]);
    expect(story.look(replica('ok'))).toEqual(['recovery']);
  });

  test('is still there after the store was down and a few rows were equal', () => {
    const story = new Story();
    const told = [replica('failed', true), replica('unknown'), replica('ok', true), replica('ok')];
    expect(told.map((one) => story.look(one))).toEqual([['failure'], ['unknown'], [], ['recovery']]);
  });

  test('a store that was down is over when it answers, whatever was compared', () => {
    const story = new Story();
    expect([story.look(replica('unknown', true)), story.look(replica('ok', true))]).toEqual([
      ['unknown'],
      ['recovery'],
    ]);
  });

  test('that was repaired is over', () => {
    const story = new Story();
    expect([story.look(replica('failed')), story.look(replica('warning'))]).toEqual([['failure'], ['recovery']]);
  });
});

describe('two runs at once', () => {
  const at = (run: string, now: number) => ({ run, now });

  test('what one is telling the other does not tell', () => {
    const first = claimDue(RECEIVER, {}, [topic('failed')], at('a', 0), 1000);
    const second = claimDue(RECEIVER, first.standings, [topic('failed')], at('b', 500), 1000);
    expect([first.due.length, second.due.length]).toEqual([1, 0]);
    const settled = settle(second.standings, first.due, true, at('a', 800));
    expect(claimDue(RECEIVER, settled, [topic('failed')], at('c', 900), 1000).due).toEqual([]);
  });

  test('what a run that was killed did not tell, the next tells once its time is up', () => {
    const first = claimDue(RECEIVER, {}, [topic('failed')], at('a', 0), 1000);
    expect(claimDue(RECEIVER, first.standings, [topic('failed')], at('b', 999), 1000).due).toEqual([]);
    expect(claimDue(RECEIVER, first.standings, [topic('failed')], at('b', 1001), 1000).due).toHaveLength(1);
  });

  test('one that comes back from the dead settles nothing of the other', () => {
    const first = claimDue(RECEIVER, {}, [topic('failed')], at('a', 0), 1000);
    const second = claimDue(RECEIVER, first.standings, [topic('failed')], at('b', 2000), 1000);
    expect(settle(second.standings, first.due, true, at('a', 2500))).toEqual(second.standings);
  });

  test('asking again for one’s own claim gives the same', () => {
    const first = claimDue(RECEIVER, {}, [topic('failed')], at('a', 0), 1000);
    expect(claimDue(RECEIVER, first.standings, [topic('failed')], at('a', 0), 1000)).toEqual(first);
  });
});

test('whatever happens: what fails is told, each end follows it once, and no warning comes more often than the quiet period', () => {
  const statuses = fc.array(fc.constantFrom<Status>('ok', 'warning', 'failed', 'unknown'), { maxLength: 60 });
  fc.assert(
    fc.property(statuses, fc.integer({ min: 1, max: 6 }), (looks, hours) => {
      const story = new Story({ on: ['failure', 'warning', 'unknown', 'recovery'], quiet: hours * HOUR });
      let open = false;
      let warned = Number.NEGATIVE_INFINITY;
      for (const [hour, status] of looks.entries()) {
        const [event, ...more] = story.look(topic(status));
        expect(more).toEqual([]);
        if (status === 'ok') expect(event).toBe(open ? 'recovery' : undefined);
        else if (!open) expect(event).toBe(status === 'failed' ? 'failure' : status);
        if (event === 'warning') expect(hour - warned).toBeGreaterThanOrEqual(hours);
        if (event === 'warning') warned = hour;
        if (event === 'recovery') warned = Number.NEGATIVE_INFINITY;
        open = status !== 'ok';
      }
    }),
  );
});
