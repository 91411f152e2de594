// health --serve as a process: what it answers, when, to whom, and how it ends.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startReceiver } from '../alerts/receiver.ts';
import { sql } from '../databases.ts';
import { silentUrls, startSilentServer } from '../health/silent-server.ts';
import { samplesOf } from '../reports/prometheus.ts';
import { type Accounts, CONFIG, freshAccounts, freshFolder, plumbline, startPlumbline } from './plumbline.ts';

let accounts: Accounts;

beforeAll(async () => {
  accounts = await freshAccounts();
  await sql(accounts.backup, 'delete from accounts where id <= 3');
});

const rows = `rows: { kind: query, server: source, query: select count(*) from accounts, fail: '> 100', timeout: 30s }`;

async function serve(probes: readonly string[], words: readonly string[] = [], stores = '') {
  const folder = await freshFolder();
  const config = `${CONFIG.replace('entities:', `${stores}entities:`)}health:\n  probes:\n    ${probes.join('\n    ')}\n`;
  await writeFile(join(folder, 'plumbline.yaml'), config);
  const settings = { cwd: folder, env: accounts.settings.env };
  const { child, ended } = startPlumbline(['health', '--serve', '--port', '0', ...words], settings);
  let stderr = '';
  child.stderr!.on('data', (text) => {
    stderr += text;
  });
  await expect.poll(() => stderr, { timeout: 20_000 }).toContain('Listening');
  const url = /http:\S+/.exec(stderr)![0];
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  const ready = () => expect.poll(async () => (await get('/readyz')).status, { timeout: 20_000 }).toBe(200);
  return { child, ended, url, get, ready, settings };
}

function value(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const wanted = Object.entries(labels);
  return samplesOf(text).find(
    (sample) => sample.name === `plumbline_${name}` && wanted.every(([label, held]) => sample.labels[label] === held),
  )?.value;
}

test('metrics of the probes and of the last runs, and nothing secret', async () => {
  const { get, ready, settings } = await serve([rows], ['--every', '200ms']);
  await ready();
  expect(await get('/livez')).toMatchObject({ status: 200, text: 'ok\n' });
  const before = await get('/metrics');
  expect(before.type).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(value(before.text, 'probe_status', { probe: 'rows' })).toBe(0);
  expect(value(before.text, 'query_value', { probe: 'rows' })).toBe(100);
  expect(value(before.text, 'replica_drifted_records')).toBeUndefined();
  expect((await plumbline(['check', '--quiet'], settings)).code).toBe(1);
  const after = await get('/metrics');
  expect(value(after.text, 'replica_drifted_records', { replica: 'backup.accounts', scope: 'all' })).toBe(3);
  await sql(accounts.source, `insert into accounts values (101, 'x', 0, now())`);
  await expect.poll(async () => value((await get('/metrics')).text, 'probe_status'), { timeout: 20_000 }).toBe(2);
  await sql(accounts.source, 'delete from accounts where id = 101');
  const { username, password } = new URL(accounts.source);
  for (const secret of [password, accounts.source].filter((word) => word.length > 3)) {
    expect(after.text).not.toContain(secret);
  }
  expect(username).not.toBe('');
});

test('the receivers of alerts are told what changes, while it goes on looking', async () => {
  const receiver = await startReceiver();
  receiver.answer('never');
  const alerts = `\nalerts: { ops: { kind: webhook, url: "${receiver.url}", timeout: 1s, pause: 10ms } }`;
  const { ready, child, ended } = await serve([rows + alerts], ['--every', '50ms', '--log', '-']);
  await ready();
  await sql(accounts.source, `insert into accounts values (101, 'x', 0, now())`);
  await expect.poll(() => receiver.alerts().map(({ event }) => event), { timeout: 20_000 }).toContain('failure');
  await sql(accounts.source, 'delete from accounts where id = 101');
  await expect.poll(() => receiver.alerts().at(-1)?.event, { timeout: 20_000 }).toBe('recovery');
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  expect(lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'alert')).toMatchObject([
    { run: expect.stringMatching(/^\d{8}-/), what: 'failure', ok: true, attempts: 2 },
    { what: 'recovery', ok: true },
  ]);
});

test('a server that hangs holds up neither a request nor the other probes', async () => {
  const silent = await startSilentServer();
  const stores = `  hung: { kind: postgres, url: '${silentUrls(silent.port).postgres}' }\n`;
  const stuck = 'stuck: { kind: query, server: hung, query: select 1, timeout: 4s }';
  const { get, ready } = await serve([rows, stuck], ['--every', '1h'], stores);
  await expect.poll(() => silent.accepted(), { timeout: 20_000 }).toBe(1);
  expect((await get('/livez')).status).toBe(200);
  expect(await get('/readyz')).toMatchObject({ status: 503 });
  expect(value((await get('/metrics')).text, 'probe_status')).toBeUndefined();
  await ready();
  // However many ask, they ask us, not the servers.
  const texts = await Promise.all(Array.from({ length: 5 }, async () => (await get('/metrics')).text));
  for (const text of texts) {
    expect(value(text, 'probe_status', { probe: 'stuck' })).toBe(3);
    expect(value(text, 'probe_status', { probe: 'rows' })).toBe(0);
  }
  expect(silent.accepted()).toBe(1);
});

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('ends it cleanly, also while a client holds its line and a server hangs', async () => {
    const silent = await startSilentServer();
    const stores = `  hung: { kind: postgres, url: '${silentUrls(silent.port).postgres}' }\n`;
    const stuck = 'stuck: { kind: query, server: hung, query: select 1, timeout: 60s }';
    const { child, ended, url } = await serve([stuck], [], stores);
    await expect.poll(() => silent.accepted(), { timeout: 20_000 }).toBe(1);
    const client = connect(Number(new URL(url).port), '127.0.0.1');
    await once(client, 'connect');
    client.on('error', () => {});
    const asked = performance.now();
    child.kill(signal);
    expect((await ended).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
  });
});

test('other paths, other methods and nonsense get an answer and end nothing', async () => {
  const { get, url, child } = await serve([rows]);
  expect((await get('/')).status).toBe(200);
  expect((await get('/nonsense')).status).toBe(404);
  expect((await get('//')).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${url}/livez?x=1`, { method: 'HEAD' })).status).toBe(200);
  const client = connect(Number(new URL(url).port), '127.0.0.1');
  client.end('GET http:// HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n').resume();
  await once(client, 'close');
  expect((await get('/livez')).status).toBe(200);
  expect(child.exitCode).toBeNull();
});

test('only this machine is listened to, unless it is told otherwise', async () => {
  const reaches = async (url: string) => {
    const client = connect(Number(new URL(url).port), '127.0.0.2');
    const reached = await once(client, 'connect').then(
      () => true,
      () => false,
    );
    client.destroy();
    return reached;
  };
  expect(await reaches((await serve([rows])).url)).toBe(false);
  expect(await reaches((await serve([rows], ['--host', '0.0.0.0'])).url)).toBe(true);
});

test('2: a port that is taken, an address that is not ours, a port that is none, a mistake in the file', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { settings } = await serve([rows]);
  const run = async (...words: string[]) => {
    const { code, stderr } = await plumbline(['health', '--serve', ...words], settings);
    return [code, stderr];
  };
  expect(await run('--port', `${port}`)).toEqual([2, expect.stringContaining(`port ${port} is taken`)]);
  expect(await run('--host', '192.0.2.1', '--port', '0')).toEqual([2, expect.stringContaining('can’t listen')]);
  expect(await run('--port', '65536')).toEqual([2, expect.stringContaining('no port')]);
  expect(await run('nonsense', '--port', '0')).toEqual([2, expect.stringContaining('no probe is named')]);
  other.close();
});
