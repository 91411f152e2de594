// The receivers of alerts in the file: what is filled in, what is refused, and what must never be shown.

import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/read-config.ts';
import { configSecrets, makeRedactor } from '../../src/config/redact.ts';
import { good, testCases } from './bad-config.ts';
import { kinds } from './fake-kinds.ts';

/** What is given starts in line 11, at four blanks. */
const alert = (lines: string) => `${good}alerts:\n  ops:\n${lines}`;
const read = (text: string, env: Record<string, string> = {}) =>
  parseConfig(text, '/etc/plumbline.yaml', env, kinds).alerts;

test('every default is filled in', () => {
  expect(read(alert('    kind: log\n    file: alerts.ndjson\n'))).toEqual([
    {
      name: 'ops',
      kind: 'log',
      on: ['failure', 'unknown', 'recovery'],
      about: [],
      commands: ['check', 'reconcile', 'rebuild', 'drain', 'health'],
      quiet: 4 * 3600_000,
      timeout: 10_000,
      attempts: 4,
      pause: 1000,
      options: { file: 'alerts.ndjson' },
      secrets: [],
    },
  ]);
  expect(read(good)).toEqual([]);
});

test('what is said is taken', () => {
  const words = [
    '    kind: webhook',
    '    url: $' + '{OPS}',
    '    on: [warning, recovery]',
    '    about: [docs, orders, copy]',
    '    commands: [check]',
    '    quiet: 1d',
    '    timeout: 2s',
    '    attempts: 1',
    '    pause: 0',
  ];
  const [ops] = read(alert(`${words.join('\n')}\n`), { OPS: 'https://hooks.example/x' });
  expect(ops).toMatchObject({
    on: ['warning', 'recovery'],
    about: ['docs', 'orders', 'copy'],
    commands: ['check'],
    quiet: 24 * 3600_000,
    timeout: 2000,
    attempts: 1,
    pause: 0,
    options: { url: 'https://hooks.example/x' },
  });
});

describe('secrets', () => {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const text = alert(
    `    kind: webhook\n    url: ${variable('OPS')}\n    headers: { Authorization: "Bearer ${variable('TOKEN')}", X-Env: prod }\n`,
  );
  const env = {
    OPS: 'https://ops:pa55@hooks.example/services/T0000001/aVeryLongSecret?key=alsoVerySecret',
    TOKEN: 't0k',
  };
  const redact = makeRedactor(configSecrets(parseConfig(text, '/etc/plumbline.yaml', env, kinds)));

  test.each([
    [
      'posting to https://ops:pa55@hooks.example/services/T0000001/aVeryLongSecret?key=alsoVerySecret',
      'posting to ***',
    ],
    ['POST /services/T0000001/aVeryLongSecret?key=alsoVerySecret', 'POST ***'],
    ['no hook aVeryLongSecret here', 'no hook *** here'],
    ['password pa55, token t0k, Bearer t0k', 'password ***, token ***, ***'],
    ['prod and services stay', 'prod and services stay'],
  ])('%s', (said, shown) => {
    expect(redact(said)).toBe(shown);
  });

  test('an address that stands in the file is none', () => {
    const config = parseConfig(
      alert('    kind: webhook\n    url: http://collector:9093/api/v2/plumbline/alerts\n'),
      '/etc/plumbline.yaml',
      {},
      kinds,
    );
    expect(configSecrets(config)).toEqual([]);
  });
});

const variable = (name: string) => ['$', '{', name, '}'].join('');

testCases([
  {
    name: 'a kind that nobody knows, and a name that is none',
    text: `${good}alerts:\n  ops: { kind: webhok }\n  "a b": { kind: log, file: x }\n`,
    says: [
      [11, 'alerts.ops.kind', 'unknown kind "webhok"; did you mean "webhook"?', 'Kinds known: webhook, command, log.'],
      [12, 'alerts["a b"]', 'an alert is named with letters, digits, -, _ and .'],
    ],
  },
  {
    name: 'a slip in the common words, in the kind’s own, and in the names that it is about',
    text: alert(
      '    kind: log\n    file: x\n    qiet: 1h\n    fle: y\n    on: [failur]\n    about: [dosc]\n    commands: [verify-sync]\n',
    ),
    says: [
      [14, 'alerts.ops.qiet', 'unknown key; did you mean "quiet"?'],
      [15, 'alerts.ops.fle', 'unknown key; did you mean "file"?'],
      [16, 'alerts.ops.on[0]', 'must be one of failure, unknown, warning, recovery; did you mean "failure"?'],
      [17, 'alerts.ops.about[0]', 'no probe, replica, store or entity is named "dosc"; did you mean "docs"?'],
      [18, 'alerts.ops.commands[0]', 'must be one of check, reconcile, rebuild, drain, health'],
    ],
  },
  {
    name: 'what can’t be sent to',
    text: `${good}alerts:\n  a: { kind: webhook, url: "ftp://x/y" }\n  b: { kind: command, command: [] }\n  c: { kind: command, command: say hello }\n  d: { kind: log }\n`,
    says: [
      [11, 'alerts.a.url', 'is no address of a webhook; write https://host/path'],
      [12, 'alerts.b.command', 'needs a program'],
      [13, 'alerts.c.command', 'must be a list, not text'],
      [14, 'alerts.d.file', 'missing'],
    ],
  },
  {
    name: 'a secret in the file: a password, an authorization, an address of Slack, each with its variable’s default',
    text: `${good}alerts:
  a: { kind: webhook, url: "https://ops:secret@hooks/x" }
  b: { kind: webhook, url: "https://hooks/x", headers: { Authorization: Bearer secret, X-Api-Key: "${'$'}{KEY:-secret}" } }
  c: { kind: webhook, format: slack, url: "https://hooks.slack.com/services/T/B/secret" }
  d: { kind: webhook, format: slack, url: "https://hooks.slack.com/services/${variable('TOKEN')}" }
`,
    env: { TOKEN: 'T/B/secret' },
    says: [
      [11, 'alerts.a.url', 'a secret stands in the file; secrets come from the environment only', 'A_URL'],
      [
        12,
        'alerts.b.headers.Authorization',
        'a secret stands in the file; secrets come from the environment only',
        'B_AUTHORIZATION',
      ],
      [12, 'alerts.b.headers.X-Api-Key', 'a secret stands in the file; secrets come from the environment only'],
      [13, 'alerts.c.url', 'a secret stands in the file; secrets come from the environment only', 'C_URL'],
    ],
  },
]);
