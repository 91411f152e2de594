// The `neo4j` store: Neo4j 5 and later, through the official driver. A replica is the nodes of a label or the relationships of a type; `where` is Cypher.

import type { Config } from 'neo4j-driver';
import { ConfigError, InterruptedError } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import type { BucketFilter, DigestPage, HashScheme } from '../../value/digest.ts';
import type {
  Change,
  FetchedRow,
  Hashing,
  Inspection,
  Outcome,
  Replica,
  Store,
  StoreDefinition,
  StoreSettings,
} from '../store.ts';
import { type Access, makeAccess } from './access.ts';
import { applyChanges } from './apply.ts';
import { Failures } from './failure.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { inspectReplica, uninspected, whereProblem } from './inspect.ts';
import { replicaOptions, type StoreOptions, storeOptions } from './options.ts';
import { readDigests, scanRows } from './scan.ts';
import { answered, type Connection, type Neo4j, read } from './session.ts';
import { makeShape } from './shape.ts';
import { type Address, readUrl } from './url.ts';

export const neo4j: StoreDefinition<StoreOptions> = {
  kind: 'neo4j',
  place: 'label or relationship type',
  options: storeOptions,
  replicaOptions,
  connect,
};

const CONNECT_MS = 5000;
const ANSWER_MS = 300_000;
const FETCH_SIZE = 5000;
const TRANSACTION_ROWS = 1000;
/** Integers beyond it and `elementId` came with it. */
const OLDEST = 5;

async function connect(settings: StoreSettings<StoreOptions>): Promise<Store> {
  const { name, options, signal } = settings;
  const address = readUrl(settings.url);
  const failures = new Failures(name, address?.secrets ?? [settings.url]);
  const problem = addressProblem(address, options);
  if (problem !== undefined || address === undefined) {
    throw new ConfigError([{ path: `stores.${name}`, message: problem ?? '', hint: URL_HINT }]);
  }
  if (signal?.aborted) throw new InterruptedError();
  const { default: driver } = (await import('neo4j-driver')) as unknown as { default: Neo4j };
  try {
    const open = () => driver.driver(address.url, authOf(driver, address), configOf(address, options));
    const client = open();
    try {
      const asking: Connection = {
        neo4j: driver,
        driver: client,
        open,
        database: options.database ?? address.database,
        failures,
        bookmarks: driver.bookmarkManager(),
        fetchSize: options.fetchSize ?? FETCH_SIZE,
        maxTransactionRows: options.maxTransactionRows ?? TRANSACTION_ROWS,
        patience: options.timeouts?.answer ?? ANSWER_MS,
        hasTypePredicates: false,
      };
      const { version, edition } = await answered(asking, productOf(asking), signal);
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major < OLDEST) {
        const hint = 'Elements have had stable names (elementId) since Neo4j 5.';
        throw new ConfigError([{ path: `stores.${name}`, message: `Neo4j ${version} is too old`, hint }]);
      }
      const connection = { ...asking, hasTypePredicates: major > OLDEST || minor >= 10 };
      return new Neo4jStore(connection, `Neo4j ${version} ${edition}`.trim());
    } catch (error) {
      await client.close().catch(() => {});
      throw error;
    }
  } catch (error) {
    throw failures.of(error, 'connect', signal);
  }
}

class Neo4jStore implements Store {
  readonly limits;
  readonly product: string;
  readonly hashing: Hashing = {
    digests: (replica, scheme, filter, signal) => this.digests(replica, scheme, filter, signal),
  };
  private readonly connection: Connection;
  private readonly accesses = new WeakMap<Replica, Promise<Access>>();

  constructor(connection: Connection, product: string) {
    this.connection = connection;
    this.product = product;
    this.limits = {
      notes: ['reads no snapshot: records may move while they are read'],
      fetchKeys: MOST_KEYS,
      applyChanges: connection.maxTransactionRows,
    };
  }

  async inspect(replica: Replica): Promise<Inspection> {
    const { problems } = makeShape(replica);
    if (problems.length > 0) return uninspected(problems);
    // A fresh look, as the graph may have changed since the last one.
    this.accesses.delete(replica);
    return this.during(`inspect ${replica.target}`, async () => {
      try {
        return await inspectReplica(this.connection, await this.accessOf(replica));
      } catch (error) {
        const problem = whereProblem(replica, error);
        if (problem === undefined) throw error;
        return uninspected([problem]);
      }
    });
  }

  async *scan(replica: Replica, signal?: AbortSignal) {
    try {
      yield* scanRows(this.connection, await this.accessOf(replica), signal);
    } catch (error) {
      throw this.connection.failures.of(error, `scan ${replica.target}`, signal);
    }
  }

  fetch(replica: Replica, keys: readonly Key[]): Promise<readonly FetchedRow[]> {
    const { connection } = this;
    return this.during(`fetch ${keys.length} keys from ${replica.target}`, async () =>
      keys.length === 0
        ? []
        : fetchRows(
            connection.neo4j,
            (query, parameters) => read(connection, query, parameters),
            await this.accessOf(replica),
            keys,
          ),
    );
  }

  apply(replica: Replica, changes: readonly Change[]): Promise<readonly Outcome[]> {
    return this.during(`apply ${changes.length} changes to ${replica.target}`, async () =>
      changes.length === 0 ? [] : applyChanges(this.connection, await this.accessOf(replica), changes),
    );
  }

  async close(): Promise<void> {
    await this.connection.driver.close();
  }

  private async *digests(
    replica: Replica,
    scheme: HashScheme,
    filter?: BucketFilter,
    signal?: AbortSignal,
  ): AsyncGenerator<DigestPage> {
    try {
      yield* readDigests(this.connection, await this.accessOf(replica), scheme, filter, signal);
    } catch (error) {
      throw this.connection.failures.of(error, `read ${replica.target}`, signal);
    }
  }

  private async during<Result>(verb: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.connection.failures.of(error, verb);
    }
  }

  /** What failed once is asked again. */
  private accessOf(replica: Replica): Promise<Access> {
    const known = this.accesses.get(replica);
    if (known !== undefined) return known;
    const access = makeAccess(this.connection, replica);
    this.accesses.set(replica, access);
    access.catch(() => this.accesses.delete(replica));
    return access;
  }
}

const URL_HINT = 'Write bolt://user:password@host:7687 for one server, neo4j:// for a cluster, with +s for TLS.';

function addressProblem(address: Address | undefined, { tls, trust, tlsCAFile }: StoreOptions): string | undefined {
  if (address === undefined) return 'its url is none of Neo4j';
  if (address.isSecure && (tls !== undefined || trust !== undefined || tlsCAFile !== undefined)) {
    return 'tls, trust and tlsCAFile are for bolt:// and neo4j://: this url says by its scheme how TLS is used';
  }
  if (address.hosts.length > 1 && !/^neo4j/i.test(address.url)) return 'several hosts are for neo4j://, a cluster';
  if (trust !== undefined && tlsCAFile !== undefined) return 'trust and tlsCAFile contradict each other';
  if (tls === false && (trust !== undefined || tlsCAFile !== undefined)) return 'trust and tlsCAFile need tls';
  return undefined;
}

function authOf({ auth }: Neo4j, { user, password = '' }: Address) {
  return user === undefined || user === '' ? undefined : auth.basic(user, password);
}

function configOf({ hosts }: Address, { tls, trust, tlsCAFile, timeouts, fetchSize }: StoreOptions): Config {
  const connectionTimeout = timeouts?.connect ?? CONNECT_MS;
  const config: Config = {
    userAgent: 'plumbline',
    useBigInt: true,
    fetchSize: fetchSize ?? FETCH_SIZE,
    connectionTimeout,
    connectionAcquisitionTimeout: Math.max(2 * connectionTimeout, 30_000),
    ...(hosts.length > 1 ? { resolver: () => [...hosts] } : {}),
    telemetryDisabled: true,
    // Nobody reads them, and the planner has something to say about most queries.
    notificationFilter: { minimumSeverityLevel: 'OFF' },
  };
  if (!(tls ?? (trust ?? tlsCAFile) !== undefined)) return config;
  return {
    ...config,
    encrypted: 'ENCRYPTION_ON',
    trust:
      tlsCAFile !== undefined
        ? 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES'
        : trust === 'all'
          ? 'TRUST_ALL_CERTIFICATES'
          : 'TRUST_SYSTEM_CA_SIGNED_CERTIFICATES',
    ...(tlsCAFile === undefined ? {} : { trustedCertificates: [tlsCAFile] }),
  };
}

/** A first question to the database itself: a user may be known and still not be let in. */
async function productOf(connection: Connection): Promise<{ readonly version: string; readonly edition: string }> {
  const query = 'CALL dbms.components() YIELD name, versions, edition RETURN name, versions[0], edition';
  const rows = (await read(connection, query)) as readonly (readonly [string, string, string])[];
  const [, version = '', edition = ''] = rows.find(([name]) => name === 'Neo4j Kernel') ?? rows[0] ?? [];
  return { version, edition: edition.replace(/^./, (letter) => letter.toUpperCase()) };
}
