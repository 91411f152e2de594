// Each way to send an alert, against real receivers: an HTTP server, a program, a file.

import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../engines/engines.ts';
import { ALERT_SCHEMA, type Alert } from '../../src/alerts/alert.ts';
import { alertKinds } from '../../src/alerts/alert-kinds.ts';
import { DeliveryError } from '../../src/errors.ts';
import { startReceiver } from './receiver.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-alerts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ALERT: Alert = {
  schema: ALERT_SCHEMA,
  alert: 'ops',
  event: 'failure',
  summary: 'plumbline reconcile: 1 failed, 1 recovered',
  run: '20261122-020003-k3f9',
  command: 'reconcile',
  config: 'plumbline.yaml',
  host: 'nightly-1',
  at: '2026-11-22T02:00:09.000Z',
  verdict: 'drift',
  exitCode: 1,
  folder: '.plumbline/runs/20261122-020003-k3f9',
  subjects: [
    {
      kind: 'replica',
      name: 'docs.<incidents>',
      event: 'failure',
      status: 'failed',
      since: '2026-11-22T02:00:03.000Z',
      message: 'missing 1 & stale 2',
      hint: 'plumbline reconcile docs.incidents says what a repair would do.',
    },
    {
      kind: 'probe',
      name: 'slots',
      event: 'recovery',
      status: 'ok',
      since: '2026-11-21T02:00:03.000Z',
      message: 'no slot is inactive\n*really*',
    },
  ],
};

function send(kind: string, options: object, timeout = 10_000, alert = ALERT): Promise<void> {
  return alertKinds.get(kind)!.send(options, alert, { folder, signal: AbortSignal.timeout(timeout) });
}

/** Resolves with the error that it has to end in. */
async function failed(sending: Promise<void>): Promise<DeliveryError> {
  const error = await sending.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(DeliveryError);
  return error;
}

describe('webhook', () => {
  test('posts the alert as JSON, with the headers of the config', async () => {
    const receiver = await startReceiver();
    await send('webhook', { url: receiver.url, headers: { Authorization: 'Bearer t0ken' } });
    expect(receiver.received).toEqual([
      {
        method: 'POST',
        path: '/hooks/a-long-secret-token',
        headers: expect.objectContaining({ 'content-type': 'application/json', authorization: 'Bearer t0ken' }),
        body: ALERT,
      },
    ]);
  });

  test('a user and password in the address become an authorization', async () => {
    const receiver = await startReceiver();
    await send('webhook', { url: receiver.url.replace('//', '//ops:p%40ss@') });
    expect(receiver.received[0]!.headers.authorization).toBe(`Basic ${Buffer.from('ops:p@ss').toString('base64')}`);
  });

  test('speaks to Slack: one text, its control characters escaped, each subject on its line', async () => {
    const receiver = await startReceiver();
    await send('webhook', { url: receiver.url, format: 'slack' });
    expect(receiver.received[0]!.body).toEqual({
      text: [
        '✖ *plumbline reconcile: 1 failed, 1 recovered*',
        '✖ *docs.&lt;incidents&gt;* missing 1 &amp; stale 2',
        '> plumbline reconcile docs.incidents says what a repair would do.',
        '✔ *slots* recovered: no slot is inactive *really*',
        'plumbline.yaml on nightly-1 · run 20261122-020003-k3f9 · exit 1',
      ].join('\n'),
    });
  });

  test('a message to Slack stays short, whatever failed', async () => {
    const receiver = await startReceiver();
    const subjects = Array.from({ length: 500 }, () => ({ ...ALERT.subjects[0]!, message: 'x'.repeat(5000) }));
    await alertKinds.get('webhook')!.send(
      { url: receiver.url, format: 'slack' },
      { ...ALERT, subjects },
      {
        folder,
        signal: AbortSignal.timeout(10_000),
      },
    );
    const { text } = receiver.received[0]!.body;
    expect(text.length).toBeLessThan(40_000);
    expect(text).toContain('… 480 more');
  });

  test.each([
    [500, true],
    [503, true],
    [429, true],
    [408, true],
    [400, false],
    [404, false],
    [410, false],
  ])('%i: trying again may help: %s', async (status, transient) => {
    const receiver = await startReceiver();
    receiver.answer(status);
    const error = await failed(send('webhook', { url: receiver.url }));
    expect(error.message).toMatch(new RegExp(`^${status} .*: not today$`));
    expect(error.transient).toBe(transient);
  });

  test('the receiver’s word on when to come again is kept', async () => {
    const receiver = await startReceiver();
    receiver.answer((response) => response.writeHead(429, { 'retry-after': '7' }).end());
    expect((await failed(send('webhook', { url: receiver.url }))).retryAfter).toBe(7000);
  });

  test('a redirection is not followed: what arrived would be no alert', async () => {
    const [receiver, other] = [await startReceiver(), await startReceiver()];
    receiver.answer((response) => response.writeHead(302, { location: other.url }).end());
    const error = await failed(send('webhook', { url: receiver.url }));
    expect(error).toMatchObject({ transient: false, hint: expect.stringContaining('Redirections') });
    expect(other.received).toEqual([]);
  });

  test('no answer in time, refused, no such host, broken off: each in words, without the address', async () => {
    const receiver = await startReceiver();
    receiver.answer('never', (response) => response.destroy());
    const errors = [
      await failed(send('webhook', { url: receiver.url }, 200)),
      await failed(send('webhook', { url: receiver.url })),
      await failed(send('webhook', { url: `http://127.0.0.1:${await freePort()}/secret` })),
      await failed(send('webhook', { url: 'http://nobody.invalid/secret' })),
    ];
    expect(errors.map(({ message }) => message).slice(0, 3)).toEqual([
      'no answer in time',
      'the connection broke',
      'connection refused',
    ]);
    expect(errors[3]!.message).toMatch(/host/);
    for (const error of errors) expect(error).toMatchObject({ transient: true });
    for (const error of errors) expect(error.message).not.toContain('secret');
  });

  test('an answer that never ends does not hold the alert back', async () => {
    const receiver = await startReceiver();
    receiver.answer((response) => void response.writeHead(200).write('…'));
    await send('webhook', { url: receiver.url });
    receiver.answer((response) => void response.writeHead(500).write('endless'));
    expect((await failed(send('webhook', { url: receiver.url }))).message).toContain('500');
  });
});

async function program(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

describe('command', () => {
  test('gets the alert on its standard input, its words as they stand, in the config file’s folder', async () => {
    await program('take.sh', '#!/bin/sh\npwd > where\nprintf "%s\\n" "$@" > words\ncat > alert.json\n');
    await send('command', { command: ['./take.sh', '$HOME', '`id`; rm -rf /', ''] });
    const text = (name: string) => readFile(join(folder, name), 'utf8');
    expect(JSON.parse(await text('alert.json'))).toEqual(ALERT);
    expect(await text('words')).toBe('$HOME\n`id`; rm -rf /\n\n');
    expect((await text('where')).trim()).toMatch(/plumbline-alerts-/);
  });

  test('fails with its exit code and its last word', async () => {
    await program('fail.sh', '#!/bin/sh\necho first >&2\necho "the pager is out of order" >&2\nexit 7\n');
    const error = await failed(send('command', { command: ['./fail.sh'] }));
    expect(error.message).toBe('exit code 7: the pager is out of order');
    expect(error.transient).toBe(true);
  });

  test('need not read what it is told, however much that is', async () => {
    const subjects = Array.from({ length: 5000 }, () => ALERT.subjects[0]!);
    await send('command', { command: ['true'] }, 10_000, { ...ALERT, subjects });
  });

  test('what takes too long is ended with all that it started', async () => {
    await program('hang.sh', `#!/bin/sh\ntrap '' TERM\n(trap '' TERM; sleep 3; touch survived) &\nsleep 60\n`);
    const began = performance.now();
    const error = await failed(send('command', { command: ['./hang.sh'] }, 300));
    expect(error.message).toBe('it did not end in time');
    expect(performance.now() - began).toBeLessThan(2500);
    await expect.poll(() => performance.now() - began, { timeout: 5000 }).toBeGreaterThan(3500);
    expect(existsSync(join(folder, 'survived'))).toBe(false);
  });

  test('a program that is not there is not tried again', async () => {
    const error = await failed(send('command', { command: ['./nowhere'] }));
    expect(error).toMatchObject({ message: expect.stringContaining('ENOENT'), transient: false });
  });
});

describe('log', () => {
  test('adds a line for each alert, in a folder that is made for it and that others can’t read', async () => {
    for (const run of ['one', 'two']) await send('log', { file: 'var/alerts.ndjson' }, 1000, { ...ALERT, run });
    const file = join(folder, 'var', 'alerts.ndjson');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...ALERT, run: 'one' },
      { ...ALERT, run: 'two' },
    ]);
    expect((await stat(file)).mode & 0o077).toBe(0);
  });

  test('a file that can’t be written is said, and not tried again', async () => {
    const error = await failed(send('log', { file: '.' }));
    expect(error).toMatchObject({ message: expect.stringContaining('EISDIR'), transient: false });
  });
});
