// The `cassandra` store: Apache Cassandra and what speaks its protocol, through the DataStax driver. A replica is a table; `where` is a
// condition in CQL.

import type { Client, ClientOptions } from 'cassandra-driver';
import { z } from 'zod';
import { InterruptedError } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import {
  type Encryption,
  encryptionOf,
  readTls,
  socketOptions,
  type TlsMaterial,
  tlsDescription,
  tlsWords,
} from '../../tls/tls.ts';
import type { BucketFilter, DigestPage, HashScheme } from '../../value/digest.ts';
import { explained } from '../explained.ts';
import type {
  Change,
  Contingency,
  ContingencyPlace,
  FetchedRow,
  Hashing,
  Inspection,
  Replica,
  Restoring,
  Scratching,
  Store,
  StoreDefinition,
  StoreSettings,
  Whereabouts,
} from '../store.ts';
import { type Access, makeAccess, type Obstacle, required } from './access.ts';
import { applyChanges, MOST_CHANGES } from './apply.ts';
import { askKeyspace } from './ask.ts';
import { contingencyOptions, settleWrites, waitingWrites } from './contingency.ts';
import { Failures } from './failure.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { captureImages } from './images.ts';
import { inspectReplica } from './inspect.ts';
import { askNodes, type CassandraProbing, cassandraProbe } from './probe.ts';
import { askForBytes } from './raw-result.ts';
import { readDigests, scanRows } from './scan.ts';
import { type Found, readTable } from './schema.ts';
import { scratchTables } from './scratch.ts';
import { type Connection, type Driver, readSchema } from './session.ts';
import { type Address, problem, readUrl } from './url.ts';
import { clockFrom } from './write-time.ts';

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
  tls: tlsWords.optional().describe(tlsDescription),
  timeouts: z.strictObject({ connect: milliseconds.optional(), read: milliseconds.optional() }).optional(),
});

type CassandraOptions = z.infer<typeof options>;

export const cassandra: StoreDefinition<CassandraOptions> = {
  kind: 'cassandra',
  place: 'table',
  options,
  replicaOptions: z.strictObject({}),
  contingencyOptions,
  probes: [cassandraProbe],
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
  const tls = readTls(given.tls, `stores.${name}`);
  if (signal?.aborted) throw new InterruptedError();
  const driver = (await import('cassandra-driver')).default as unknown as Driver;
  let client: Client | undefined;
  const closeOnAbort = () => void client?.shutdown().catch(() => {});
  signal?.addEventListener('abort', closeOnAbort, { once: true });
  try {
    client = new driver.Client({ ...clientOptions(driver, address, given, tls), localDataCenter });
    await client.connect();
    askForBytes(client);
    const asked = performance.now();
    const [local] = await readSchema(
      { client, driver },
      'SELECT release_version, partitioner, toUnixTimestamp(now()) AS at FROM system.local',
    );
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
      now: clockFrom(Number(local?.at), asked),
      version: Number.parseInt(release, 10),
      readConsistency: consistencies[readConsistency],
      readConsistencyName: readConsistency,
      writeConsistency: consistencies[given.writeConsistency ?? DEFAULTS.consistency],
      fetchSize: given.fetchSize ?? DEFAULTS.fetchSize,
      ranges: given.ranges ?? DEFAULTS.ranges,
      parallel: given.parallel ?? DEFAULTS.parallel,
    };
    return new CassandraStore(connection, `Cassandra ${release}`, localDataCenter, encryptionOf(tls));
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
  readonly encryption: Encryption;
  readonly hashing: Hashing = {
    digests: (replica, scheme, filter, signal) => this.digests(replica, scheme, filter, signal),
  };
  readonly restoring: Restoring = {
    capture: (replica, changes) => {
      const verb = `read ${changes.length} rows of ${replica.target}`;
      return this.during(verb, async () =>
        changes.length === 0 ? [] : captureImages(this.connection, await this.accessOf(replica, verb), changes),
      );
    },
  };
  readonly scratching: Scratching;
  readonly probing: CassandraProbing = {
    ask: (statement) => this.during('ask', () => askKeyspace(this.connection, statement)),
    ping: () => this.during('ping', () => readSchema(this.connection, 'SELECT key FROM system.local')),
    nodes: () => this.during('ask the nodes', () => askNodes(this.connection.client, this.localDataCenter)),
  };
  readonly contingency: Contingency = {
    waiting: (place, signal) => this.waiting(place, signal),
    settle: (place, ids) =>
      this.during(`settle ${ids.length} writes in ${place.target}`, () => settleWrites(this.connection, place, ids)),
  };
  private readonly connection: Connection;
  private readonly localDataCenter: string;
  private readonly accesses = new WeakMap<Replica, Promise<Access | readonly Obstacle[]>>();
  private readonly tables = new Map<string, Promise<Found>>();

  constructor(connection: Connection, product: string, localDataCenter: string, encryption: Encryption) {
    this.connection = connection;
    this.scratching = explained(scratchTables(connection), (error) => connection.failures.of(error, 'self-test'));
    this.product = product;
    this.encryption = encryption;
    this.localDataCenter = localDataCenter;
  }

  inspect(replica: Replica): Promise<Inspection> {
    // A fresh look, as the table may have changed since the last one.
    this.accesses.delete(replica);
    this.tables.delete(replica.target);
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

  private async *waiting(place: ContingencyPlace, signal?: AbortSignal) {
    try {
      yield* waitingWrites(this.connection, place, signal);
    } catch (error) {
      throw this.connection.failures.of(error, `read ${place.target}`, signal);
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
    const access = this.tableOf(replica).then((found) => makeAccess(this.connection, replica, found));
    this.accesses.set(replica, access);
    access.catch(() => this.accesses.delete(replica));
    return access;
  }

  /** One table's schema serves all replicas that stand in it. */
  private tableOf({ target }: Replica): Promise<Found> {
    const known = this.tables.get(target);
    if (known !== undefined) return known;
    const table = readTable(this.connection, target);
    this.tables.set(target, table);
    table.catch(() => this.tables.delete(target));
    return table;
  }
}

function clientOptions(
  driver: Driver,
  address: Address,
  given: CassandraOptions,
  tls: TlsMaterial | undefined,
): ClientOptions {
  const { user, password } = address;
  return {
    contactPoints: [...address.hosts],
    protocolOptions: { port: address.port },
    authProvider: user === undefined ? undefined : new driver.auth.PlainTextAuthProvider(user, password ?? ''),
    // The driver by itself would take any certificate.
    sslOptions: tls && socketOptions(tls),
    // The driver waits longer each time; whoever asks again a second later finds a server that is back.
    policies: { reconnection: new driver.policies.reconnection.ConstantReconnectionPolicy(RECONNECT_MS) },
    socketOptions: {
      connectTimeout: given.timeouts?.connect ?? CONNECT_MS,
      readTimeout: given.timeouts?.read ?? READ_MS,
    },
  };
}
