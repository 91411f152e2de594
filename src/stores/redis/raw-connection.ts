// A reader's own connection to one server. The driver makes an object and several promises of every command and takes each reply apart twice,
// which costs more than all that we do with the records afterwards; here many commands are one write, and their replies one promise.

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { encodeCommands, ReplyParser } from './resp.ts';
import type { Command, Reply } from './session.ts';

interface Waiting {
  readonly replies: Reply[];
  readonly wanted: number;
  readonly resolve: (replies: readonly Reply[]) => void;
  readonly reject: (error: Error) => void;
}

export class RawConnection {
  private readonly socket: Socket;
  private readonly parser = new ReplyParser();
  private readonly waiting: Waiting[] = [];
  private failure: Error | undefined;

  /** With the driver's options: where the server is, and who we are. */
  static async open(options: RedisOptions): Promise<RawConnection> {
    const connection = new RawConnection(options);
    const { username, password, db, connectionName } = options;
    const hello: Command[] = [];
    if (password || username) hello.push(username ? ['auth', username, password ?? ''] : ['auth', password!]);
    if (db) hello.push(['select', String(db)]);
    const needed = hello.length;
    if (connectionName) hello.push(['client', 'setname', connectionName]);
    try {
      const replies = await connection.ask(hello);
      const failed = replies.slice(0, needed).find((reply) => reply instanceof Error);
      if (failed !== undefined) throw failed;
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor({ host, port, family, tls, connectTimeout, socketTimeout }: RedisOptions) {
    const address = { host: host ?? 'localhost', port: port ?? 6379, family };
    this.socket = tls === undefined ? connectTcp(address) : connectTls({ ...address, ...tls });
    this.socket.setNoDelay(true);
    let isConnected = false;
    const late = setTimeout(() => {
      this.socket.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }));
    }, connectTimeout ?? 10_000);
    this.socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      isConnected = true;
      clearTimeout(late);
      // Silence is a fault only while an answer is due.
      this.socket.setTimeout(socketTimeout ?? 0, () => {
        if (this.waiting.length > 0) this.socket.destroy(new Error(`timeout: no data for ${socketTimeout} ms`));
      });
    });
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => {
      clearTimeout(late);
      this.fail(new Error(isConnected ? 'Connection is closed.' : 'Connection is closed before it was made.'));
    });
  }

  /** One reply a command. Throws when the connection is lost. */
  ask(commands: readonly Command[]): Promise<readonly Reply[]> {
    if (commands.length === 0) return Promise.resolve([]);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.push({ replies: [], wanted: commands.length, resolve, reject });
      this.socket.write(encodeCommands(commands));
    });
  }

  close(): void {
    this.socket.destroy();
    this.fail(new Error('Connection is closed.'));
  }

  private read(chunk: Buffer): void {
    try {
      this.parser.push(chunk);
      for (let reply = this.parser.next(); reply !== undefined; reply = this.parser.next()) {
        const first = this.waiting[0];
        if (first === undefined) throw new Error('the server replied unasked');
        first.replies.push(reply);
        if (first.replies.length < first.wanted) continue;
        this.waiting.shift();
        first.resolve(first.replies);
      }
    } catch (error) {
      this.socket.destroy(error as Error);
    }
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }
}
