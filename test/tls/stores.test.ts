// Real TLS for every kind of store: PostgreSQL's own, and for the others a server of node:tls before the real one, which is the same to their drivers.

import { chmod, chown, copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { startLocalEngine } from '../../engines/engines.ts';
import { ConfigError, StoreError } from '../../src/index.ts';
import { storeKinds } from '../../src/stores/registry.ts';
import type { Store } from '../../src/stores/store.ts';
import type { Tls } from '../../src/tls/tls.ts';
import { sql } from '../databases.ts';
import { type Certificates, makeCertificates, type Pair } from './certificates.ts';
import { type Front, plainServer, tlsFront } from './fronts.ts';

interface Kind {
  readonly kind: string;
  /** Of the real server. */
  readonly url: () => string;
  /** What its driver can't do, which has to be said, not left out. */
  readonly lacks?: readonly ('serverName' | 'text')[];
  /** Makes a driver give up soon on a server that is none. */
  readonly options?: object;
}

const KINDS: readonly Kind[] = [
  { kind: 'mongodb', url: () => withPath(inject('mongodb'), '/tls'), options: { timeouts: { serverSelection: 3000 } } },
  { kind: 'cassandra', url: () => withPath(inject('cassandra'), '/system') },
  { kind: 'neo4j', url: () => inject('neo4j'), lacks: ['serverName', 'text'] },
  { kind: 'redis', url: () => inject('redis') },
  { kind: 'oracle', url: () => inject('oracle'), lacks: ['serverName'] },
];

let made: Certificates;
const fronts: Front[] = [];
beforeAll(async () => {
  made = await makeCertificates();
});
afterAll(async () => {
  await Promise.all(fronts.map((front) => front.close()));
  await made.remove();
});

describe.each(KINDS)('$kind', ({ kind, url, lacks = [], options = {} }) => {
  const inFrontOf = async (pair: Pair, clientCa?: string) => {
    const front = await tlsFront(Number(new URL(url()).port), pair, clientCa);
    fronts.push(front);
    return at(url(), front.port);
  };
  const open = (to: string, tls: Tls) =>
    storeKinds()
      .get(kind)!
      .connect({ name: 'copies', url: to, options: { ...options, tls } });

  test('works where the authority is the right one, and says so', async () => {
    const to = await inFrontOf(made.server);
    await using(open(to, { ca: made.ca }), async (store) => {
      expect(store.encryption).toBe('verified');
      await store.probing!.ping(new AbortController().signal);
    });
  });

  test('without `tls` says that it is not encrypted', async () => {
    await using(storeKinds().get(kind)!.connect({ name: 'copies', url: url(), options }), async (store) => {
      expect(store.encryption).toBe('none');
    });
  });

  test('takes certificates as text', async () => {
    const to = await inFrontOf(made.server, made.ca);
    const [ca, cert, key] = await Promise.all(
      [made.ca, made.client.cert, made.client.key].map((file) => readFile(file, 'utf8')),
    );
    if (lacks.includes('text')) await expect(open(to, { ca: ca! })).rejects.toBeInstanceOf(ConfigError);
    else await using(open(to, { ca: ca!, cert: cert!, key: key! }), async () => {});
  });

  test('shows its own certificate to a server that asks for one, and is refused without it or with a stranger’s', async () => {
    const to = await inFrontOf(made.server, made.ca);
    await using(open(to, { ca: made.ca, ...made.client }), async (store) => expect(store.encryption).toBe('verified'));
    await refused(open(to, { ca: made.ca }));
    await refused(open(to, { ca: made.ca, ...made.stranger }));
  });

  test('refuses a server whose authority it does not know, unless told to take any', async () => {
    const to = await inFrontOf(made.server);
    await refused(open(to, { ca: made.otherCa }), /tls\.ca/);
    await refused(open(to, true), /tls\.ca/);
    if (kind === 'oracle') return;
    await using(open(to, { verify: false }), async (store) => expect(store.encryption).toBe('unverified'));
  });

  test('refuses a certificate for another name, unless that name is given', async () => {
    const to = await inFrontOf(made.elsewhere);
    await refused(open(to, { ca: made.ca }), /name/);
    const named = () => open(to, { ca: made.ca, serverName: 'db.example' });
    if (lacks.includes('serverName')) return void (await expect(named()).rejects.toBeInstanceOf(ConfigError));
    await using(named(), async (store) => expect(store.encryption).toBe('verified'));
    await refused(open(to, { ca: made.ca, serverName: 'other.example' }), /name/);
  });

  test('refuses a certificate that has expired', async () => {
    await refused(open(await inFrontOf(made.expired), { ca: made.ca }), /certificate/);
  });

  test('never goes on in plain text with a server that speaks no TLS', async () => {
    const plain = await plainServer('HTTP/1.1 400 Bad Request\r\n\r\n');
    fronts.push(plain);
    await refused(open(at(url(), plain.port), { ca: made.ca }));
    expect(plain.heard.length).toBeGreaterThan(0);
    for (const bytes of plain.heard) {
      // The first byte of a TLS handshake.
      if (bytes.length > 0) expect(bytes[0]).toBe(0x16);
      const { password } = new URL(url());
      if (password !== '') expect(bytes.includes(password)).toBe(false);
    }
  });

  test('says which of its files can’t be read', async () => {
    const failure = await open(url(), { ca: '/nowhere/ca.pem' }).then(closed, (error) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(failure.problems).toMatchObject([{ path: 'stores.copies.tls.ca' }]);
  });
});

describe('postgres', () => {
  let url: string;
  let stop = async () => {};
  beforeAll(async () => {
    const engine = await startLocalEngine({ kind: 'postgres', name: 'tls' });
    url = engine.url;
    stop = () => engine.stop();
    // The server may run as another user, who alone may read the key.
    const data = join(engine.folder, 'data');
    const { uid, gid } = await stat(data);
    for (const [from, to] of Object.entries({ [made.ca]: 'ca.pem', ...filesOf('server'), ...filesOf('elsewhere') })) {
      await copyFile(from, join(data, to));
      await chmod(join(data, to), 0o600);
      await chown(join(data, to), uid, gid);
    }
    await sql(url, "alter system set ssl_ca_file = 'ca.pem'");
    await present('server');
  }, 120_000);
  afterAll(() => stop());

  const filesOf = (name: 'server' | 'elsewhere') => ({
    [made[name].cert]: `${name}.pem`,
    [made[name].key]: `${name}.key`,
  });
  const present = async (name: 'server' | 'elsewhere') => {
    await sql(url, `alter system set ssl_cert_file = '${name}.pem'`);
    await sql(url, `alter system set ssl_key_file = '${name}.key'`);
    await sql(url, 'alter system set ssl = on');
    await sql(url, 'select pg_reload_conf()');
    const shown = async () => (await sql(url, 'show ssl_cert_file'))[0]!.ssl_cert_file;
    await vi.waitFor(async () => expect(await shown()).toBe(`${name}.pem`), 10_000);
  };
  const open = (to: string, tls?: Tls) =>
    storeKinds().get('postgres')!.connect({ name: 'copies', url: to, options: { tls } });

  test('works where the authority is the right one: the server itself sees TLS', async () => {
    await using(open(url, { ca: made.ca, ...made.client }), async (store) => {
      expect(store.encryption).toBe('verified');
      const seen = await store.probing!.ask(
        'select ssl, client_dn from pg_stat_ssl where pid = pg_backend_pid()',
        new AbortController().signal,
      );
      expect(seen).toEqual([{ ssl: 't', client_dn: '/CN=client' }]);
    });
  });

  test('refuses an authority that it does not know, unless told to take any', async () => {
    await refused(open(url, { ca: made.otherCa }), /tls\.ca/);
    await refused(open(url, true), /tls\.ca/);
    await using(open(url, { verify: false }), async (store) => expect(store.encryption).toBe('unverified'));
  });

  test('refuses a certificate for another name, unless that name is given', async () => {
    await refused(open(url, { ca: made.ca, serverName: 'db.example' }), /name/);
    await present('elsewhere');
    try {
      await refused(open(url, { ca: made.ca }), /name/);
      await using(open(url, { ca: made.ca, serverName: 'db.example' }), async (store) =>
        expect(store.encryption).toBe('verified'),
      );
    } finally {
      await present('server');
    }
  });

  test('never goes on in plain text with a server that speaks no TLS', async () => {
    const plain = await plainServer('N');
    fronts.push(plain);
    await refused(open(at(url, plain.port), { ca: made.ca }), /plain text/);
    for (const bytes of plain.heard) expect([...bytes]).toEqual([0, 0, 0, 8, 4, 210, 22, 47]);
    await refused(open(inject('postgres18'), true), /plain text/);
  });

  test('what the URL says is told apart: verified, taken from anybody, not encrypted', async () => {
    const to = (query: string) => `${url}?${query}`;
    await using(open(to(`sslmode=verify-full&sslrootcert=${made.ca}`)), async (store) =>
      expect(store.encryption).toBe('verified'),
    );
    await using(open(to('sslmode=no-verify')), async (store) => expect(store.encryption).toBe('unverified'));
    await using(open(to('sslmode=disable')), async (store) => expect(store.encryption).toBe('none'));
    const failure = await open(to('sslmode=disable'), true).then(closed, (error) => error);
    expect(failure).toBeInstanceOf(ConfigError);
  });
});

describe('what contradicts itself is the config’s mistake', () => {
  test.each<[string, string, object]>([
    ['mongodb', 'mongodb://h/db?tls=false', { tls: true }],
    ['mongodb', 'mongodb://h/db?tlsAllowInvalidCertificates=true', { tls: { ca: 'x' } }],
    ['neo4j', 'bolt+ssc://h', { tls: true }],
    ['redis', 'rediss://h', { tls: false }],
    ['oracle', 'oracle://u:p@h/s', { tls: true, connectString: 'h:1521/s' }],
    [
      'oracle',
      'oracle://u:p@h/s',
      {
        tls: true,
        connectString:
          '(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=h)(PORT=1))(ADDRESS=(PROTOCOL=TCP)(HOST=h)(PORT=2)))',
      },
    ],
    ['postgres', 'postgres://h/db?sslmode=require', { tls: true }],
    ['cassandra', 'cassandra://h/k?localDataCenter=d', { tls: { verify: false, serverName: 'x' } }],
    ['redis', 'redis://h', { tls: { cert: '/nowhere.pem' } }],
  ])('%s %s %j', async (kind, url, options) => {
    const failure = await storeKinds()
      .get(kind)!
      .connect({ name: 'copies', url, options })
      .then(closed, (error) => error);
    expect(failure).toBeInstanceOf(ConfigError);
  });
});

function at(url: string, port: number): string {
  const moved = new URL(url);
  moved.port = String(port);
  return moved.href;
}

function withPath(url: string, path: string): string {
  const moved = new URL(url);
  moved.pathname = path;
  return moved.href;
}

async function using(opening: Promise<Store>, work: (store: Store) => Promise<unknown>): Promise<void> {
  const store = await opening;
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

async function refused(opening: Promise<Store>, hint = /./): Promise<void> {
  const failure = await opening.then(closed, (error) => error);
  expect(failure).toBeInstanceOf(StoreError);
  expect(`${failure.message} ${failure.hint}`).toMatch(hint);
  expect(failure.hint).toMatch(/\.$/);
}

/** A store that should not have been had must not hold up the test. */
async function closed(store: Store): Promise<never> {
  await store.close();
  throw new Error('it connected');
}
