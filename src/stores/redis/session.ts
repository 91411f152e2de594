// One connected store: how commands reach the server, or the servers of a cluster, many at a time.

import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { type Failures, isReplyError } from './failure.ts';
import { RawConnection } from './raw-connection.ts';

export type Argument = string | Buffer;
export type Command = readonly [name: string, ...args: Argument[]];
/** Bytes as they came. An error is the server's answer to one command. */
export type Reply = Buffer | number | null | Error | readonly Reply[];

/** Takes many commands at once, and has one reply for each, in their order. Throws when it is not the server that refuses. */
export interface Asker {
  /** One command may name keys of any slot. */
  readonly anySlot: boolean;
  ask(commands: readonly Command[]): Promise<readonly Reply[]>;
}

/** A connection of one reader's own, to one server. Once lost it stays lost: a cursor means nothing to another server. */
export interface Reader extends Asker {
  close(): void;
}

export interface Session extends Asker {
  readonly failures: Failures;
  readonly isCluster: boolean;
  /** Key and all that is guarded are read in one step. */
  readTogether(first: Command, second: Command): Promise<readonly [Reply, Reply]>;
  /** One for each server that holds keys. */
  readers(): readonly (() => Promise<Reader>)[];
  /** What of a server is asked where it makes no difference which one. */
  askAny(command: Command): Promise<Reply>;
  /** A client of the caller's own, not yet connected: to be closed by the caller. */
  duplicate(): Redis | Cluster;
  /** What each server that holds keys says for itself. Throws where one of a cluster's can't be asked. */
  askEach(command: Command): Promise<readonly NodeReply[]>;
  close(): void;
}

export interface NodeReply {
  /** `host:port` of a cluster's server; undefined where there is only one. */
  readonly node?: string;
  readonly reply: Reply;
}

export function makeSession(client: Redis | Cluster, failures: Failures): Session {
  return isCluster(client) ? new ClusterSession(client, failures) : new ServerSession(client, failures);
}

class ServerSession implements Session {
  readonly anySlot = true;
  readonly isCluster = false;
  readonly failures: Failures;
  private readonly client: Redis;

  constructor(client: Redis, failures: Failures) {
    this.client = client;
    this.failures = failures;
  }

  ask(commands: readonly Command[]): Promise<readonly Reply[]> {
    return askInPipeline(this.client, commands);
  }

  readTogether(first: Command, second: Command): Promise<readonly [Reply, Reply]> {
    return readInTransaction(this.client, first, second);
  }

  readers(): readonly (() => Promise<Reader>)[] {
    return [() => openReader(this.client, true, undefined)];
  }

  async askAny(command: Command): Promise<Reply> {
    return (await this.ask([command]))[0]!;
  }

  duplicate(): Redis {
    return this.client.duplicate();
  }

  async askEach(command: Command): Promise<readonly NodeReply[]> {
    return [{ reply: await this.askAny(command) }];
  }

  close(): void {
    this.client.disconnect();
  }
}

const SLOTS = 16_384;

class ClusterSession implements Session {
  readonly anySlot = false;
  readonly isCluster = true;
  readonly failures: Failures;
  private readonly client: Cluster;

  constructor(client: Cluster, failures: Failures) {
    this.client = client;
    this.failures = failures;
  }

  /** One by one, as the driver follows redirections of single commands only. */
  ask(commands: readonly Command[]): Promise<readonly Reply[]> {
    return Promise.all(commands.map((command) => replyOf(call(this.client, command))));
  }

  readTogether(first: Command, second: Command): Promise<readonly [Reply, Reply]> {
    return readInTransaction(this.client, first, second);
  }

  readers(): readonly (() => Promise<Reader>)[] {
    return this.masters().map((node) => () => openReader(node, false, this));
  }

  private masters(): readonly Redis[] {
    const masters = this.client.nodes('master');
    const known = new Set(masters.map(({ options: { host, port } }) => `${host}:${port}`));
    const { slots } = this.client;
    // The driver forgets a server that it has lost, and a scan of the others would pass for the whole.
    for (let slot = 0; slot < SLOTS; slot++) {
      const [master] = slots[slot] ?? [];
      if (master === undefined || !known.has(master)) {
        throw new Error(`Cluster is not whole: no connection to the master of slot ${slot}`);
      }
    }
    return masters;
  }

  async askEach(command: Command): Promise<readonly NodeReply[]> {
    return Promise.all(
      this.masters().map(async (node) => ({
        node: `${node.options.host}:${node.options.port}`,
        reply: (await askInPipeline(node, [command]))[0]!,
      })),
    );
  }

  async askAny(command: Command): Promise<Reply> {
    const [node] = this.client.nodes('master');
    return node === undefined ? replyOf(call(this.client, command)) : (await askInPipeline(node, [command]))[0]!;
  }

  duplicate(): Cluster {
    return this.client.duplicate();
  }

  close(): void {
    this.client.disconnect();
  }
}

class ServerReader implements Reader {
  readonly anySlot: boolean;
  private readonly connection: RawConnection;
  /** Who is asked about keys that have left this server. */
  private readonly others: Asker | undefined;

  constructor(connection: RawConnection, anySlot: boolean, others: Asker | undefined) {
    this.connection = connection;
    this.anySlot = anySlot;
    this.others = others;
  }

  async ask(commands: readonly Command[]): Promise<readonly Reply[]> {
    const replies = await this.connection.ask(commands);
    if (this.others === undefined || !replies.some(isRedirection)) return replies;
    const left = commands.filter((_, i) => isRedirection(replies[i]!));
    const found = (await this.others.ask(left)).values();
    return replies.map((reply) => (isRedirection(reply) ? found.next().value! : reply));
  }

  close(): void {
    this.connection.close();
  }
}

async function openReader(client: Redis, anySlot: boolean, others: Asker | undefined): Promise<Reader> {
  return new ServerReader(await RawConnection.open(client.options), anySlot, others);
}

/** Throws why, where the driver only says that the connection is closed. */
export async function connected(client: Redis | Cluster): Promise<void> {
  let why: unknown;
  client.on('error', (error: unknown) => {
    why ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw why ?? error;
  }
  // It counts as connected even where the server has no such database: all would go to database 0.
  if (isReplyError(why)) {
    client.disconnect();
    throw why;
  }
}

/** Nothing is sent twice by the driver: a write whose answer was lost is for the engine to look at. */
export const DRIVER_OPTIONS = {
  autoResendUnfulfilledCommands: false,
  // Fails what waits when the connection is lost; the next command waits for one try to connect again.
  maxRetriesPerRequest: 0,
  retryStrategy: (times: number) => Math.min(50 * 2 ** times, 2000),
  enableReadyCheck: false,
  connectionName: 'plumbline',
  lazyConnect: true,
} satisfies RedisOptions;

async function askInPipeline(client: Redis, commands: readonly Command[]): Promise<readonly Reply[]> {
  if (commands.length === 0) return [];
  const pipeline = client.pipeline();
  for (const command of commands) pipeline.callBuffer(...(command as [string, ...Argument[]]));
  const results = await pipeline.exec();
  return results!.map(([error, reply]) => {
    if (error === null) return reply as Reply;
    if (!isReplyError(error)) throw error;
    return error;
  });
}

async function readInTransaction(
  client: Redis | Cluster,
  first: Command,
  second: Command,
): Promise<readonly [Reply, Reply]> {
  const transaction = client.multi();
  for (const command of [first, second]) transaction.callBuffer(...(command as [string, ...Argument[]]));
  const results = await transaction.exec();
  const [a, b] = results!.map(([error, reply]) => {
    if (error !== null && !isReplyError(error)) throw error;
    return error ?? (reply as Reply);
  });
  return [a!, b!];
}

async function replyOf(promise: Promise<unknown>): Promise<Reply> {
  try {
    return (await promise) as Reply;
  } catch (error) {
    if (isReplyError(error)) return error;
    throw error;
  }
}

function call(client: Redis | Cluster, command: Command): Promise<unknown> {
  return client.callBuffer(...(command as [string, ...Argument[]]));
}

function isRedirection(reply: Reply): boolean {
  return reply instanceof Error && /^(MOVED|ASK|TRYAGAIN)\b/.test(reply.message);
}

function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}
