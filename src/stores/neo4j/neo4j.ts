// The `neo4j` store: Neo4j 5 and later, through the official driver. A replica is the nodes of a label or the relationships of a type; `where` is Cypher.

import type { Config } from 'neo4j-driver';
import { ConfigError, InterruptedError, type Problem } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import { contradiction, type Encryption, encryptionOf, isPem, readTls, type Tls } from '../../tls/tls.ts';
import type { BucketFilter, DigestPage, HashScheme } from '../../value/digest.ts';
import { explained } from '../explained.ts';
import type {
  Change,
  FetchedRow,
  Hashing,
  Inspection,
  Outcome,
  Probing,
  Replica,
  Restoring,
  Scratching,
  Store,
  StoreDefinition,
  StoreSettings,
} from '../store.ts';
import { type Access, makeAccess } from './access.ts';
import { applyChanges } from './apply.ts';
import { askGraph } from './ask.ts';
import { Failures } from './failure.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { captureImages } from './images.ts';
import { countRecords, inspectReplica, uninspected, whereProblem } from './inspect.ts';
import { replicaOptions, type StoreOptions, storeOptions } from './options.ts';
import { readDigests, scanRows } from './scan.ts';
import { scratchNodes } from './scratch.ts';
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
  const problem = addressProblem(address);
  if (problem !== undefined || address === undefined) {
    throw new ConfigError([{ path: `stores.${name}`, message: problem ?? '', hint: URL_HINT }]);
  }
  const { tls } = options;
  if (address.isSecure && tls !== undefined) throw contradiction(`stores.${name}`);
  const problems = tlsProblems(tls, `stores.${name}`);
  if (problems.length > 0) throw new ConfigError(problems);
  const encryption = address.isSecure ? encryptionOfUrl(address) : encryptionOf(readTls(tls, `stores.${name}`));
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
      return new Neo4jStore(connection, `Neo4j ${version} ${edition}`.trim(), encryption);
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
  readonly encryption: Encryption;
  readonly hashing: Hashing = {
    digests: (replica, scheme, filter, signal) => this.digests(replica, scheme, filter, signal),
  };
  readonly restoring: Restoring = {
    capture: (replica, changes) =>
      this.during(`read ${changes.length} records of ${replica.target}`, async () =>
        changes.length === 0 ? [] : captureImages(this.connection, await this.accessOf(replica), changes),
      ),
  };
  readonly scratching: Scratching;
  readonly probing: Probing = {
    ask: (statement, signal) => this.during('ask', () => askGraph(this.connection, statement, signal)),
    ping: () => this.during('ping', () => read(this.connection, 'RETURN 1')),
    count: (replica) =>
      this.during(`count ${replica.target}`, async () =>
        countRecords(this.connection, (await this.accessOf(replica)).shape),
      ),
  };
  private readonly connection: Connection;
  private readonly accesses = new WeakMap<Replica, Promise<Access>>();

  constructor(connection: Connection, product: string, encryption: Encryption) {
    this.connection = connection;
    this.scratching = explained(scratchNodes(connection), (error) => connection.failures.of(error, 'self-test'));
    this.product = product;
    this.encryption = encryption;
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

function addressProblem(address: Address | undefined): string | undefined {
  if (address === undefined) return 'its url is none of Neo4j';
  if (address.hosts.length > 1 && !/^neo4j/i.test(address.url)) return 'several hosts are for neo4j://, a cluster';
  return undefined;
}

/** The driver reads its files itself and checks the host's name alone. */
function tlsProblems(tls: Tls | undefined, path: string): readonly Problem[] {
  if (typeof tls !== 'object') return [];
  const texts = (['ca', 'cert', 'key'] as const).filter((word) => tls[word] !== undefined && isPem(tls[word]));
  return [
    ...texts.map((word) => ({
      path: `${path}.tls.${word}`,
      message: 'has to be a file: Neo4j’s driver takes no text',
    })),
    ...(tls.serverName === undefined
      ? []
      : [
          {
            path: `${path}.tls.serverName`,
            message: 'Neo4j’s driver checks the host’s name alone',
            hint: 'Write the name that the certificate carries into the URL, and let this machine resolve it.',
          },
        ]),
  ];
}

function authOf({ auth }: Neo4j, { user, password = '' }: Address) {
  return user === undefined || user === '' ? undefined : auth.basic(user, password);
}

function configOf({ hosts }: Address, { tls, timeouts, fetchSize }: StoreOptions): Config {
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
  if ((tls ?? false) === false) return config;
  const { ca, cert, key, keyPassword, verify } = tls === true ? {} : (tls as Exclude<Tls, boolean>);
  return {
    ...config,
    encrypted: 'ENCRYPTION_ON',
    trust:
      verify === false
        ? 'TRUST_ALL_CERTIFICATES'
        : ca === undefined
          ? 'TRUST_SYSTEM_CA_SIGNED_CERTIFICATES'
          : 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES',
    ...(ca === undefined ? {} : { trustedCertificates: [ca] }),
    ...(cert === undefined || key === undefined
      ? {}
      : {
          // A certificate by itself the driver takes only beside a URL that says +s.
          clientCertificate: {
            hasUpdate: () => false,
            getClientCertificate: () => ({ certfile: cert, keyfile: key, password: keyPassword }),
          },
        }),
  };
}

function encryptionOfUrl({ url }: Address): Encryption {
  return /^\w+\+ssc:/i.test(url) ? 'unverified' : 'verified';
}

/** A first question to the database itself: a user may be known and still not be let in. */
async function productOf(connection: Connection): Promise<{ readonly version: string; readonly edition: string }> {
  const query = 'CALL dbms.components() YIELD name, versions, edition RETURN name, versions[0], edition';
  const rows = (await read(connection, query)) as readonly (readonly [string, string, string])[];
  const [, version = '', edition = ''] = rows.find(([name]) => name === 'Neo4j Kernel') ?? rows[0] ?? [];
  return { version, edition: edition.replace(/^./, (letter) => letter.toUpperCase()) };
}
