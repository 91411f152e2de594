// The `mongodb` store: MongoDB and what speaks its protocol, through the official driver. A replica is a collection; `where` is a filter.

import type { ConnectionOptions } from 'node:tls';
import type { MongoClientOptions, MongoOptions, ReadPreferenceMode, TopologyDescription } from 'mongodb';
import { z } from 'zod';
import { ConfigError, InterruptedError } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import {
  contradiction,
  type Encryption,
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
  Rebuilding,
  Replica,
  Restoring,
  Scratching,
  Store,
  StoreDefinition,
  StoreSettings,
} from '../store.ts';
import { type Access, KnownHabits, makeAccess } from './access.ts';
import { applyChanges, MOST_CHANGES } from './apply.ts';
import { askDatabase, tell } from './ask.ts';
import { contingencyOptions, settleWrites, waitingWrites } from './contingency.ts';
import { readDigests, scanRows } from './digests.ts';
import { Failures } from './failure.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { captureImages } from './images.ts';
import { countRecords, inspectReplica, uninspected } from './inspect.ts';
import { type MongodbProbing, mongodbProbe } from './probe.ts';
import { discard, publish, stage, unmapped } from './rebuild.ts';
import { scratchCollections } from './scratch.ts';
import type { Connection } from './session.ts';
import { whereProblem } from './where.ts';

const milliseconds = z.int().positive();

const options = z.strictObject({
  /** Where the URL names none. */
  database: z.string().min(1).optional(),
  readPreference: z.enum(['primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest']).optional(),
  readConcern: z.enum(['local', 'available', 'majority', 'linearizable']).optional(),
  writeConcern: z.union([z.literal('majority'), z.int().min(1)]).optional(),
  tls: tlsWords.optional().describe(tlsDescription),
  timeouts: z
    .strictObject({
      serverSelection: milliseconds.optional(),
      connect: milliseconds.optional(),
      socket: milliseconds.optional(),
    })
    .optional(),
});

type MongodbOptions = z.infer<typeof options>;

export const mongodb: StoreDefinition<MongodbOptions> = {
  kind: 'mongodb',
  place: 'collection',
  options,
  replicaOptions: z.strictObject({}),
  contingencyOptions,
  probes: [mongodbProbe],
  connect,
};

async function connect(settings: StoreSettings<MongodbOptions>): Promise<Store> {
  const { name, url, signal } = settings;
  const failures = new Failures(name, secretsOf(url));
  const database = settings.options.database ?? databaseOf(url);
  if (database === undefined) {
    throw new ConfigError([
      {
        path: `stores.${name}`,
        message: 'names no database',
        hint: 'Put it at the end of the URL (mongodb://host:27017/shop) or set `database`.',
      },
    ]);
  }
  const { tls } = settings.options;
  if (tls !== undefined && /[?&](?:tls|ssl)/i.test(url)) throw contradiction(`stores.${name}`);
  const material = readTls(tls, `stores.${name}`);
  if (signal?.aborted) throw new InterruptedError();
  const driver = await import('mongodb');
  let closeOnAbort = () => {};
  try {
    const client = new driver.MongoClient(url, clientOptions(settings, material));
    closeOnAbort = () => void client.close().catch(() => {});
    signal?.addEventListener('abort', closeOnAbort, { once: true });
    let topology: TopologyDescription | undefined;
    client.on('topologyDescriptionChanged', ({ newDescription }) => {
      topology = newDescription;
    });
    try {
      await client.connect();
      const admin = client.db('admin');
      const hello = await admin.command({ hello: 1 });
      const isReplicated = hello.setName !== undefined || hello.msg === 'isdbgrid';
      const { version } = await admin.command({ buildInfo: 1 });
      const db = client.db(database, {
        writeConcern: {
          ...client.options.writeConcern,
          w: settings.options.writeConcern ?? client.options.writeConcern?.w ?? (isReplicated ? 'majority' : 1),
        },
      });
      // A first question to the database itself: a user may be known and still not be let in.
      await db.command({ ping: 1 });
      const connection: Connection = {
        driver,
        client,
        db,
        failures,
        readPreference: settings.options.readPreference ?? (client.options.readPreference.mode as ReadPreferenceMode),
        readConcern:
          settings.options.readConcern ?? client.options.readConcern?.level ?? (isReplicated ? 'majority' : 'local'),
        topology: () => ({ type: topology?.type ?? 'Unknown', servers: topology?.servers.size ?? 0 }),
      };
      return new MongodbStore(connection, productName(String(version), hello), encryptionOf(client.options));
    } catch (error) {
      await client.close().catch(() => {});
      throw error;
    }
  } catch (error) {
    throw failures.of(error, 'connect', signal);
  } finally {
    signal?.removeEventListener('abort', closeOnAbort);
  }
}

class MongodbStore implements Store {
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
  readonly rebuilding: Rebuilding = {
    stage: (replica, tag) =>
      this.during(`stage ${replica.target}`, async () => {
        const staged = await stage(this.connection, replica, tag);
        // What an application stores is learnt from the live documents: the staged ones are to look the same.
        const access = await this.accessOf(replica);
        this.accesses.set(staged, Promise.resolve({ ...access, replica: staged }));
        return staged;
      }),
    unmapped: (replica) => this.during(`read ${replica.target}`, () => unmapped(this.connection, replica)),
    publish: (replica, staged) =>
      this.during(`rename ${staged.target} to ${replica.target}`, async () => {
        await publish(this.connection, replica, staged);
        this.accesses.delete(replica);
        this.habits.forget(replica);
      }),
    discard: (staged) => this.during(`drop ${staged.target}`, () => discard(this.connection, staged)),
  };
  readonly restoring: Restoring = {
    capture: (replica, changes) =>
      this.during(`read ${changes.length} documents of ${replica.target}`, async () => {
        const rows = changes.map(({ expected }) => expected);
        return rows.length === 0 ? [] : captureImages(this.connection, await this.accessOf(replica), rows);
      }),
  };
  readonly scratching: Scratching;
  readonly probing: MongodbProbing = {
    ask: (statement, signal) => this.during('ask', () => askDatabase(this.connection, statement, signal), signal),
    ping: (signal) => this.during('ping', () => tell(this.connection, { ping: 1 }, signal), signal),
    tell: (command, signal) => this.during('ask', () => tell(this.connection, command, signal), signal),
    count: (replica, signal) =>
      this.during(
        `count ${replica.target}`,
        async () => countRecords(this.connection, await this.accessOf(replica), signal),
        signal,
      ),
  };
  readonly contingency: Contingency = {
    waiting: (place, signal) => this.waiting(place, signal),
    settle: (place, ids, run) =>
      this.during(`settle ${ids.length} writes in ${place.target}`, () =>
        settleWrites(this.connection, place, ids, run),
      ),
  };
  private readonly connection: Connection;
  private readonly accesses = new WeakMap<Replica, Promise<Access>>();
  private readonly habits = new KnownHabits();

  constructor(connection: Connection, product: string, encryption: Encryption) {
    this.connection = connection;
    this.scratching = explained(scratchCollections(connection), (error) => connection.failures.of(error, 'self-test'));
    this.product = product;
    this.encryption = encryption;
  }

  async inspect(replica: Replica): Promise<Inspection> {
    const problem = whereProblem(replica);
    if (problem !== undefined) return uninspected(problem);
    // A fresh look, as the documents may have changed since the last one.
    this.accesses.delete(replica);
    this.habits.forget(replica);
    return this.during(`inspect ${replica.target}`, async () =>
      inspectReplica(this.connection, await this.accessOf(replica)),
    );
  }

  async *scan(replica: Replica, signal?: AbortSignal) {
    try {
      yield* scanRows(this.connection, await this.accessOf(replica), signal);
    } catch (error) {
      throw this.connection.failures.of(error, `scan ${replica.target}`, signal);
    }
  }

  fetch(replica: Replica, keys: readonly Key[]): Promise<readonly FetchedRow[]> {
    return this.during(`fetch ${keys.length} keys from ${replica.target}`, async () =>
      keys.length === 0 ? [] : fetchRows(this.connection, await this.accessOf(replica), keys),
    );
  }

  apply(replica: Replica, changes: readonly Change[]) {
    return this.during(`apply ${changes.length} changes to ${replica.target}`, async () =>
      applyChanges(this.connection, await this.accessOf(replica), changes),
    );
  }

  async close(): Promise<void> {
    await this.connection.client.close();
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

  private async *waiting(place: ContingencyPlace, signal?: AbortSignal) {
    try {
      yield* waitingWrites(this.connection, place, signal);
    } catch (error) {
      throw this.connection.failures.of(error, `read ${place.target}`, signal);
    }
  }

  private async during<Result>(verb: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.connection.failures.of(error, verb, signal);
    }
  }

  /** What failed once is asked again. */
  private accessOf(replica: Replica): Promise<Access> {
    const known = this.accesses.get(replica);
    if (known !== undefined) return known;
    const access = makeAccess(this.connection, replica, this.habits);
    this.accesses.set(replica, access);
    access.catch(() => this.accesses.delete(replica));
    return access;
  }
}

const SECOND = 1000;

/** What the URL says stays as it says; these are for what it leaves open. */
function clientOptions(
  { url, options: given }: StoreSettings<MongodbOptions>,
  material: TlsMaterial | undefined,
): MongoClientOptions {
  const inUrl = new Set([...new URLSearchParams(url.split('?')[1] ?? '').keys()].map((key) => key.toLowerCase()));
  const defaults: MongoClientOptions = {
    appName: 'plumbline',
    serverSelectionTimeoutMS: 5 * SECOND,
    connectTimeoutMS: 5 * SECOND,
    // Long enough for a filter without an index to find its first thousand records.
    socketTimeoutMS: 300 * SECOND,
    maxPoolSize: 16,
  };
  const open = Object.entries(defaults).filter(([key]) => !inUrl.has(key.toLowerCase()));
  const wanted: MongoClientOptions = {
    tls: given.tls === undefined ? undefined : material !== undefined,
    ...(material === undefined ? {} : socketOptions(material)),
    serverSelectionTimeoutMS: given.timeouts?.serverSelection,
    connectTimeoutMS: given.timeouts?.connect,
    socketTimeoutMS: given.timeouts?.socket,
  };
  return {
    ...Object.fromEntries(open),
    ...Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)),
  };
}

/** What the driver made of URL and options. */
function encryptionOf(options: MongoOptions): Encryption {
  if (!options.tls) return 'none';
  const { rejectUnauthorized, checkServerIdentity } = options as ConnectionOptions;
  // Without a check of its own the driver was told by the URL to take any name.
  const isLax = rejectUnauthorized === false || (checkServerIdentity !== undefined && !options.servername);
  return isLax ? 'unverified' : 'verified';
}

function databaseOf(url: string): string | undefined {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]*\/([^?]+)/.exec(url)?.[1];
  return path === undefined ? undefined : decodeURIComponent(path);
}

/** The password as it stands in the URL and as it reads. */
function secretsOf(url: string): readonly string[] {
  const password = /^[^:]+:\/\/[^:@/]*:([^@/]*)@/.exec(url)?.[1];
  if (password === undefined) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

function productName(version: string, hello: { setName?: string; msg?: string }): string {
  if (hello.msg === 'isdbgrid') return `MongoDB ${version}, sharded`;
  return hello.setName === undefined ? `MongoDB ${version}` : `MongoDB ${version}, replica set ${hello.setName}`;
}
