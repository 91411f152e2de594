// The `cassandra` store: Apache Cassandra and what speaks its protocol, through the DataStax driver. A replica is a table; `where` is a
// condition in CQL.

import { readFile } from 'node:fs/promises';
import type { Client, ClientOptions } from 'cassandra-driver';
import { z } from 'zod';
import { InterruptedError } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import type { BucketFilter, DigestPage, HashScheme } from '../../value/digest.ts';
import type {
  Change,
  FetchedRow,
  Hashing,
  Inspection,
  Replica,
  Store,
  StoreDefinition,
  StoreSettings,
  Whereabouts,
} from '../store.ts';
import { type Access, makeAccess, type Obstacle, required } from './access.ts';
import { applyChanges, MOST_CHANGES } from './apply.ts';
import { Failures } from './failure.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { inspectReplica } from './inspect.ts';
import { askForBytes } from './raw-result.ts';
import { readDigests, scanRows } from './scan.ts';
import { type Connection, type Driver, readSchema } from './session.ts';
import { type Address, problem, readUrl } from './url.ts';

const milliseconds = z.int().positive();
const consistency = z.enum(['one', 'localOne', 'two', 'three', 'quorum', 'localQuorum', 'eachQuorum', 'all']);

const options = z.strictObject({
  /** Where the URL names none. */
  keyspace: z.string().min(1).optional(),
  localDataCenter: z.string().min(1).optional(),
  readConsistency: consistency.exclude(['eachQuorum']).optional(),
  writeConsistency: consistency.optional(),
  /** Rows that a page of a scan holds at most. */
  fetchSize: z.int().min(1).max(20_000).optional(),
  /** Token ranges that a scan is split into, and how many of them are read at once. */
  ranges: z.int().min(1).max(65_536).optional(),
  parallel: z.int().min(1).max(128).optional(),
  tls: z.boolean().optional(),
  tlsCAFile: z.string().optional(),
  tlsCertificateFile: z.string().optional(),
  tlsKeyFile: z.string().optional(),
  /** The name that certificates carry, where it is not the host's. */
  tlsServerName: z.string().min(1).optional(),
  timeouts: z.strictObject({ connect: milliseconds.optional(), read: milliseconds.optional() }).optional(),
});

type CassandraOptions = z.infer<typeof options>;

export const cassandra: StoreDefinition<CassandraOptions> = {
  kind: 'cassandra',
  place: 'table',
  options,
  replicaOptions: z.strictObject({}),
  connect,
};

const DEFAULTS = { consistency: 'localQuorum', fetchSize: 5000, ranges: 64, parallel: 8 } as const;
const CONNECT_MS = 5000;
const READ_MS = 30_000;
const RECONNECT_MS = 500;

async function connect(settings: StoreSettings<CassandraOptions>): Promise<Store> {
  const { name, url, options: given, signal } = settings;
  const address = readUrl(name, url);
  const failures = new Failures(name, [address.password ?? '', encodeURIComponent(address.password ?? '')]);
  const keyspace = given.keyspace ?? address.keyspace;
  if (keyspace === undefined) {
    const hint = 'Put it at the end of the URL (cassandra://host:9042/shop) or set `keyspace`.';
    throw problem(name, 'names no keyspace', hint);
  }
  const localDataCenter = given.localDataCenter ?? address.localDataCenter;
  if (localDataCenter === undefined) {
    const hint =
      'Put ?localDataCenter=datacenter1 behind the URL or set `localDataCenter`; `nodetool status` shows it.';
    throw problem(name, 'names no local data center', hint);
  }
  if (signal?.aborted) throw new InterruptedError();
  const driver = (await import('cassandra-driver')).default as unknown as Driver;
  let client: Client | undefined;
  const closeOnAbort = () => void client?.shutdown().catch(() => {});
  signal?.addEventListener('abort', closeOnAbort, { once: true });
  try {
    client = new driver.Client({ ...(await clientOptions(driver, address, given)), localDataCenter });
    await client.connect();
    askForBytes(client);
    const [local] = await readSchema({ client, driver }, 'SELECT release_version, partitioner FROM system.local');
    const release = String(local?.release_version);
    const { consistencies } = driver.types;
    const readConsistency = given.readConsistency ?? DEFAULTS.consistency;
    const connection: Connection = {
      driver,
      client,
      failures,
      keyspace,
      user: address.user,
      partitioner: String(local?.partitioner).replace(/^.*\./, ''),
      version: Number.parseInt(release, 10),
      readConsistency: consistencies[readConsistency],
      readConsistencyName: readConsistency,
      writeConsistency: consistencies[given.writeConsistency ?? DEFAULTS.consistency],
      fetchSize: given.fetchSize ?? DEFAULTS.fetchSize,
      ranges: given.ranges ?? DEFAULTS.ranges,
      parallel: given.parallel ?? DEFAULTS.parallel,
    };
    return new CassandraStore(connection, `Cassandra ${release}`);
  } catch (error) {
    await client?.shutdown().catch(() => {});
    throw failures.of(error, 'connect', signal);
  } finally {
    signal?.removeEventListener('abort', closeOnAbort);
  }
}

class CassandraStore implements Store {
  readonly limits = {
    notes: ['reads no snapshot: records may move while they are read'],
    fetchKeys: MOST_KEYS,
    applyChanges: MOST_CHANGES,
  };
  readonly product: string;
  readonly hashing: Hashing = {
    digests: (replica, scheme, filter, signal) => this.digests(replica, scheme, filter, signal),
  };
  private readonly connection: Connection;
  private readonly accesses = new WeakMap<Replica, Promise<Access | readonly Obstacle[]>>();

  constructor(connection: Connection, product: string) {
    this.connection = connection;
    this.product = product;
  }

  inspect(replica: Replica): Promise<Inspection> {
    // A fresh look, as the table may have changed since the last one.
    this.accesses.delete(replica);
    return this.during(`inspect ${replica.target}`, async () =>
      inspectReplica(this.connection, await this.lookAt(replica)),
    );
  }

  async *scan(replica: Replica, signal?: AbortSignal) {
    const verb = `scan ${replica.target}`;
    try {
      yield* scanRows(this.connection, await this.accessOf(replica, verb), signal);
    } catch (error) {
      throw this.connection.failures.of(error, verb, signal);
    }
  }

  fetch(
    replica: Replica,
    keys: readonly Key[],
    whereabouts?: (key: Key) => Whereabouts,
  ): Promise<readonly FetchedRow[]> {
    const verb = `fetch ${keys.length} keys from ${replica.target}`;
    return this.during(verb, async () =>
      keys.length === 0 ? [] : fetchRows(this.connection, await this.accessOf(replica, verb), keys, whereabouts),
    );
  }

  apply(replica: Replica, changes: readonly Change[]) {
    const verb = `apply ${changes.length} changes to ${replica.target}`;
    return this.during(verb, async () =>
      changes.length === 0 ? [] : applyChanges(this.connection, await this.accessOf(replica, verb), changes),
    );
  }

  async close(): Promise<void> {
    await this.connection.client.shutdown();
  }

  private async *digests(
    replica: Replica,
    scheme: HashScheme,
    filter?: BucketFilter,
    signal?: AbortSignal,
  ): AsyncGenerator<DigestPage> {
    const verb = `read ${replica.target}`;
    try {
      yield* readDigests(this.connection, await this.accessOf(replica, verb), scheme, filter, signal);
    } catch (error) {
      throw this.connection.failures.of(error, verb, signal);
    }
  }

  private async during<Result>(verb: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.connection.failures.of(error, verb);
    }
  }

  private async accessOf(replica: Replica, verb: string): Promise<Access> {
    return required(this.connection, await this.lookAt(replica), verb);
  }

  /** What failed once is asked again. */
  private lookAt(replica: Replica): Promise<Access | readonly Obstacle[]> {
    const known = this.accesses.get(replica);
    if (known !== undefined) return known;
    const access = makeAccess(this.connection, replica);
    this.accesses.set(replica, access);
    access.catch(() => this.accesses.delete(replica));
    return access;
  }
}

async function clientOptions(driver: Driver, address: Address, given: CassandraOptions): Promise<ClientOptions> {
  const { user, password } = address;
  return {
    contactPoints: [...address.hosts],
    protocolOptions: { port: address.port },
    authProvider: user === undefined ? undefined : new driver.auth.PlainTextAuthProvider(user, password ?? ''),
    sslOptions: await sslOptions(given),
    // The driver waits longer each time; whoever asks again a second later finds a server that is back.
    policies: { reconnection: new driver.policies.reconnection.ConstantReconnectionPolicy(RECONNECT_MS) },
    socketOptions: {
      connectTimeout: given.timeouts?.connect ?? CONNECT_MS,
      readTimeout: given.timeouts?.read ?? READ_MS,
    },
  };
}

async function sslOptions(given: CassandraOptions): Promise<ClientOptions['sslOptions']> {
  const { tlsCAFile, tlsCertificateFile, tlsKeyFile, tlsServerName } = given;
  if (!(given.tls ?? (tlsCAFile ?? tlsCertificateFile ?? tlsKeyFile ?? tlsServerName) !== undefined)) return undefined;
  const [ca, cert, key] = await Promise.all(
    [tlsCAFile, tlsCertificateFile, tlsKeyFile].map((file) => (file === undefined ? undefined : readFile(file))),
  );
  // The driver by itself would take any certificate.
  return { ca, cert, key, servername: tlsServerName, rejectUnauthorized: true };
}
