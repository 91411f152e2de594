// The `redis` store: Redis and what speaks its protocol, one server or a cluster, through ioredis. A replica is a pattern of keys.

import type * as Ioredis from 'ioredis';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { ConfigError, InterruptedError, type Problem, StoreError } from '../../errors.ts';
import type { Key, Row } from '../../mapping/mapping.ts';
import { type Encryption, encryptionOf, readTls, socketOptions } from '../../tls/tls.ts';
import type { BucketFilter, DigestPage, HashScheme } from '../../value/digest.ts';
import { explained } from '../explained.ts';
import type {
  Change,
  FailedJob,
  FetchedRow,
  Hashing,
  Inspection,
  JobSettler,
  Outcome,
  Queue,
  Queueing,
  Replica,
  Restoring,
  Scratching,
  Store,
  StoreDefinition,
  StoreSettings,
} from '../store.ts';
import { type Access, makeAccess } from './access.ts';
import { applyChanges, MOST_CHANGES } from './apply.ts';
import { askCommand } from './ask.ts';
import { dropScopes, fetchScopes, scanScopes } from './cache.ts';
import { digestsOf, readDigests } from './digests.ts';
import { Failures } from './failure.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { captureImages } from './images.ts';
import { inspectReplica, uninspected } from './inspect.ts';
import { type ReplicaOptions, replicaOptions, type StoreOptions, storeOptions } from './options.ts';
import { looksOf, type RedisProbing, redisProbe } from './probe.ts';
import { queueOptions } from './queue/layout.ts';
import { readFailed, readState } from './queue/read.ts';
import { openSettler } from './queue/settle.ts';
import { scanRows } from './scan.ts';
import { scratchKeys } from './scratch.ts';
import { readServerInfo, type ServerInfo } from './server-info.ts';
import { connected, DRIVER_OPTIONS, makeSession, type Session } from './session.ts';
import { applyToSets, fetchMembers, scanSets } from './set.ts';
import { parseUrl, type Target } from './url.ts';

export const redis: StoreDefinition<StoreOptions> = {
  kind: 'redis',
  place: 'key pattern',
  options: storeOptions,
  replicaOptions,
  queueOptions,
  probes: [redisProbe],
  isCache: (options) => (options as ReplicaOptions).as === 'cache',
  connect,
};

const SCAN_COUNT = 1000;
const CONNECT_MS = 5000;
const SOCKET_MS = 60_000;

async function connect(settings: StoreSettings<StoreOptions>): Promise<Store> {
  const { name, url, options, signal } = settings;
  const target = parseUrl(url, options);
  if ('message' in target) throw new ConfigError([{ ...target, path: `stores.${name}.${target.path}` }]);
  // rediss:// asks for TLS as `tls: true` does.
  const tls = readTls(target.tls ? (options.tls ?? true) : undefined, `stores.${name}`);
  if (signal?.aborted) throw new InterruptedError();
  const { username, password } = target;
  const failures = new Failures(name, [password ?? '', encodeURIComponent(password ?? '')]);
  const client = makeClient(await import('ioredis'), target, {
    ...DRIVER_OPTIONS,
    username,
    password,
    tls: tls && socketOptions(tls),
    connectTimeout: options.timeouts?.connect ?? CONNECT_MS,
    socketTimeout: options.timeouts?.socket ?? SOCKET_MS,
  });
  const abort = () => client.disconnect();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await connected(client);
    const session = makeSession(client, failures);
    const server = await readServerInfo(session);
    if (server.isClusterNode && !session.isCluster) {
      throw new StoreError(name, 'connect', 'the server is part of a cluster', {
        hint: 'Write redis+cluster:// or set cluster: true; alone it holds only a part of the keys.',
      });
    }
    // A first question about keys: a user may be known and still not be let in.
    const reply = await session.askAny(['exists', 'plumbline']);
    if (reply instanceof Error && !/^(NOPERM|MOVED)\b/.test(reply.message)) throw reply;
    return new RedisStore(name, session, server, options.scanCount ?? SCAN_COUNT, encryptionOf(tls));
  } catch (error) {
    client.disconnect();
    throw failures.of(error, 'connect', signal);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function makeClient(driver: typeof Ioredis, target: Target, common: RedisOptions): Redis | Cluster {
  if (!target.cluster) return new driver.Redis({ ...common, ...target.addresses[0]!, db: target.database });
  const { lazyConnect, retryStrategy, ...redisOptions } = common;
  return new driver.Cluster([...target.addresses], {
    lazyConnect,
    // What is asked meanwhile waits as long, and fails then.
    clusterRetryStrategy: (times) => (times <= 3 ? 100 * 2 ** times : null),
    redisOptions,
    // A name that the certificate holds must stay a name.
    ...(target.tls ? { dnsLookup: (address, callback) => callback(null, address) } : {}),
  });
}

class RedisStore implements Store {
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
    capture: (replica, changes) =>
      this.during(`read ${changes.length} keys of ${replica.target}`, () =>
        captureImages(this.session, this.accessOf(replica), changes),
      ),
  };
  readonly scratching: Scratching;
  readonly queueing: Queueing = {
    state: (queue) => this.during(`look at queue ${queue.name}`, () => readState(this.session, this.name, queue)),
    failed: (queue, since, signal) => this.failed(queue, since, signal),
    settler: (queue) => this.during(`open queue ${queue.name}`, () => this.settler(queue)),
  };
  private readonly name: string;
  readonly probing: RedisProbing = {
    ask: (statement, signal) => this.during('ask', () => askCommand(this.session, statement, signal), signal),
    ping: () =>
      this.during('ping', async () => {
        for (const { reply } of await this.session.askEach(['ping'])) if (reply instanceof Error) throw reply;
      }),
    looks: () => this.during('ask', () => looksOf(this.session)),
  };
  private readonly session: Session;
  private readonly server: ServerInfo;
  private readonly scanCount: number;
  private readonly accesses = new WeakMap<Replica, Access | readonly Problem[]>();

  constructor(name: string, session: Session, server: ServerInfo, scanCount: number, encryption: Encryption) {
    this.name = name;
    this.session = session;
    this.scratching = explained(scratchKeys(session, scanCount), (error) => session.failures.of(error, 'self-test'));
    this.server = server;
    this.product = server.product;
    this.encryption = encryption;
    this.scanCount = scanCount;
  }

  inspect(replica: Replica): Promise<Inspection> {
    // A fresh look, as the records may have changed since the last one.
    this.accesses.delete(replica);
    return this.during(`inspect ${replica.target}`, async () => {
      const access = this.accessOrProblems(replica);
      return 'pattern' in access ? inspectReplica(this.session, this.server, access) : uninspected(access);
    });
  }

  async *scan(replica: Replica, signal?: AbortSignal) {
    try {
      if (signal?.aborted) throw new InterruptedError();
      yield* this.rows(this.accessOf(replica), signal);
    } catch (error) {
      throw this.session.failures.of(error, `scan ${replica.target}`, signal);
    }
  }

  fetch(replica: Replica, keys: readonly Key[]): Promise<readonly FetchedRow[]> {
    return this.during(`fetch ${keys.length} keys from ${replica.target}`, async () => {
      if (keys.length === 0) return [];
      const access = this.accessOf(replica);
      if (access.words.as === 'set') return fetchMembers(this.session, access, keys);
      if (access.words.as === 'cache') return fetchScopes(this.session, access, keys, this.scanCount);
      return fetchRows(this.session, access, keys);
    });
  }

  apply(replica: Replica, changes: readonly Change[]): Promise<readonly Outcome[]> {
    return this.during(`apply ${changes.length} changes to ${replica.target}`, async () => {
      if (changes.length === 0) return [];
      const access = this.accessOf(replica);
      if (access.words.as === 'set') return applyToSets(this.session, access, changes);
      if (access.words.as === 'cache') return dropScopes(this.session, access, changes);
      return applyChanges(this.session, access, changes);
    });
  }

  async close(): Promise<void> {
    this.session.close();
  }

  private async *digests(
    replica: Replica,
    scheme: HashScheme,
    filter?: BucketFilter,
    signal?: AbortSignal,
  ): AsyncGenerator<DigestPage> {
    try {
      if (signal?.aborted) throw new InterruptedError();
      const access = this.accessOf(replica);
      if (access.format === undefined) yield* digestsOf(this.rows(access, signal), access, scheme, filter);
      else yield* readDigests(this.session, access, this.scanCount, scheme, filter, signal);
    } catch (error) {
      throw this.session.failures.of(error, `read ${replica.target}`, signal);
    }
  }

  private async *failed(queue: Queue, since?: number, signal?: AbortSignal): AsyncGenerator<readonly FailedJob[]> {
    try {
      yield* readFailed(this.session, this.name, queue, since, signal);
    } catch (error) {
      throw this.session.failures.of(error, `read queue ${queue.name}`, signal);
    }
  }

  private async settler(queue: Queue): Promise<JobSettler> {
    const settler = await openSettler(this.session, this.name, queue);
    const settle: JobSettler['settle'] = (jobs, how) =>
      this.during(`${how} ${jobs.length} jobs of queue ${queue.name}`, () => settler.settle(jobs, how));
    return { ...settler, settle };
  }

  private rows(access: Access, signal?: AbortSignal): AsyncIterable<readonly Row[]> {
    const scan = access.words.as === 'set' ? scanSets : access.words.as === 'cache' ? scanScopes : scanRows;
    return scan(this.session, access, this.scanCount, signal);
  }

  private async during<Result>(verb: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.session.failures.of(error, verb, signal);
    }
  }

  private accessOrProblems(replica: Replica): Access | readonly Problem[] {
    let access = this.accesses.get(replica);
    if (access === undefined) {
      access = makeAccess(this.session, replica);
      this.accesses.set(replica, access);
    }
    return access;
  }

  private accessOf(replica: Replica): Access {
    const access = this.accessOrProblems(replica);
    if ('pattern' in access) return access;
    const path = (problem: Problem) => `${replica.name}${problem.path === '' ? '' : `.${problem.path}`}`;
    throw new ConfigError(access.map((problem) => ({ ...problem, path: path(problem) })));
  }
}
