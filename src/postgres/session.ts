// Connections to PostgreSQL, source and replicas alike: settings that make every value's text canonical, and errors that say what to do.

import type { Readable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { InterruptedError, StoreError, wordsOf } from '../errors.ts';
import { tlsFailure } from '../tls/failure.ts';
import { contradiction, type Encryption, readTls, socketOptions, type Tls, type TlsMaterial } from '../tls/tls.ts';

/** Every value arrives as PostgreSQL's own text; the canonical functions read it. */
const asText = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

// jit: compiling a long hash expression costs more than running it on all but huge tables. enable_sort: without statistics for the bucket
// expression the planner would sort every row in order to group.
const SETTINGS = `set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; set extra_float_digits = 1;
set bytea_output = 'hex'; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set jit = off; set client_encoding = 'UTF8'`;
// A server goes on with a query whose client is gone until it has rows to send, unless it is told to look now and then. Only on Linux it surely can.
const NOTICE_OUR_END = `select set_config('client_connection_check_interval', '2000', false) where version() like '%linux%'`;

export interface SessionOptions {
  /** The store's name in the config, or `source`. */
  readonly name: string;
  readonly url: string;
  /** The session refuses every write, whatever the role may do. */
  readonly readOnly: boolean;
  readonly connections: number;
  /** Parallel workers that one query may take on the server. Default 0. */
  readonly parallel?: number;
  /** Undefined: as the URL says. */
  readonly tls?: TlsMaterial;
}

export type Rows = readonly Readonly<Record<string, string | null>>[];

/** What can be asked: a pool of connections, or one transaction. */
export interface Asking {
  readonly name: string;
  query(verb: string, sql: string, values?: readonly unknown[]): Promise<Rows>;
}

/** A small pool of connections to one server. Closed by `close`; every failure is a StoreError. */
export class Session {
  readonly name: string;
  readonly encryption: Encryption;
  private readonly pool: pg.Pool;

  constructor(options: SessionOptions) {
    this.name = options.name;
    const ssl = options.tls === undefined ? {} : { ssl: socketOptions(options.tls) as ConnectionOptions };
    this.encryption = encryptionOf(options.url, ssl);
    this.pool = new pg.Pool({
      connectionString: options.url,
      ...ssl,
      max: options.connections,
      connectionTimeoutMillis: 10_000,
      application_name: 'plumbline',
      types: asText,
      keepAlive: true,
      onConnect: async (client) => {
        await client.query(
          `${SETTINGS}; ${NOTICE_OUR_END}; set default_transaction_read_only = ${options.readOnly ? 'on' : 'off'};
           set max_parallel_workers_per_gather = ${options.parallel ?? 0}`,
        );
      },
    });
    // An idle connection that breaks is replaced at the next use; what was being asked fails there.
    this.pool.on('error', () => {});
  }

  async query(verb: string, sql: string, values: readonly unknown[] = [], signal?: AbortSignal): Promise<Rows> {
    return this.using(verb, async (client) => (await client.query(sql, values as unknown[])).rows as Rows, signal);
  }

  /** Lends a connection. One that failed is thrown away. What it is at when the signal fires is ended on the server too. */
  async using<T>(verb: string, work: (client: pg.PoolClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const client = await this.take(verb);
    let broken: boolean = true;
    const cancel = () => {
      const { processID } = client as unknown as { readonly processID: number };
      this.query('cancel', 'select pg_cancel_backend($1)', [processID]).catch(() => {});
    };
    try {
      if (signal?.aborted) throw new InterruptedError();
      signal?.addEventListener('abort', cancel, { once: true });
      const result = await work(client);
      broken = false;
      return result;
    } catch (error) {
      broken = signal?.aborted || !(error instanceof pg.DatabaseError) || isFatal(error);
      throw this.explain(verb, error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      client.release(broken);
    }
  }

  /** A connection of one's own; give it back with `release`. */
  async take(verb: string): Promise<pg.PoolClient> {
    try {
      const client = await this.pool.connect();
      // A lent connection that breaks says so here too, besides failing what it was asked; nobody listening would end the process.
      if (client.listenerCount('error') === 0) client.on('error', () => {});
      return client;
    } catch (error) {
      throw this.explain(verb === 'connect' ? verb : `${verb}: connect`, error);
    }
  }

  explain(verb: string, error: unknown): Error {
    return error instanceof StoreError ? error : postgresError(this.name, verb, error);
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

/**
 * The words of the config for one server, read. Throws a ConfigError where the URL speaks of TLS too: the driver would follow the URL, even into
 * plain text.
 */
export function postgresTls(tls: Tls | undefined, url: string, path: string): TlsMaterial | undefined {
  if (tls !== undefined && /[?&](?:ssl|uselibpqcompat)/i.test(url)) throw contradiction(path);
  return readTls(tls, path);
}

/** What the driver makes of URL, environment (PGSSLMODE) and options. */
function encryptionOf(url: string, options: { readonly ssl?: ConnectionOptions }): Encryption {
  const { ssl } = new pg.Client({ connectionString: url, ...options }) as unknown as {
    readonly ssl: boolean | ConnectionOptions | undefined;
  };
  if (!ssl) return 'none';
  if (ssl === true || options.ssl !== undefined)
    return ssl === true || ssl.rejectUnauthorized !== false ? 'verified' : 'unverified';
  return ssl.rejectUnauthorized === false || ssl.checkServerIdentity !== undefined ? 'unverified' : 'verified';
}

/**
 * Puts a probe's statement, which has to be SQL. It goes alone (the extended protocol takes no two statements in one text) in a transaction that
 * only reads and is rolled back: neither it nor a setting that it makes can let the next one write.
 */
export async function askSql(session: Session, statement: unknown, signal?: AbortSignal): Promise<Rows> {
  if (typeof statement !== 'string' || statement.trim() === '')
    throw new StoreError(session.name, 'ask', 'the query is no SQL text');
  const query = { text: statement, queryMode: 'extended' } as pg.QueryConfig;
  return session.using(
    'ask',
    async (client) => {
      await client.query('begin transaction read only');
      try {
        return (await client.query(query)).rows as Rows;
      } finally {
        await client.query('rollback');
      }
    },
    signal,
  );
}

const OLDEST = 14;

/** `PostgreSQL 18.4`. Throws a StoreError for a server that lacks what the row hash needs (date_bin came with 14). */
export async function serverVersion(session: Session): Promise<string> {
  const [row] = await session.query('connect', `select current_setting('server_version') as version`);
  const version = row!.version!.split(' ')[0]!;
  if (Number.parseInt(version, 10) < OLDEST) {
    throw new StoreError(session.name, 'connect', `PostgreSQL ${version} is too old`, {
      hint: `Plumbline needs ${OLDEST} or newer.`,
    });
  }
  return `PostgreSQL ${version}`;
}

/** PostgreSQL's errors by class: which pass by themselves, and what to do about the others (Appendix A of its manual). */
export function postgresError(store: string, verb: string, error: unknown): Error {
  if (error instanceof Error && (error.name === 'InterruptedError' || error.name === 'StoreError')) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  const sqlState = typeof code === 'string' ? code : '';
  const tls = error instanceof pg.DatabaseError ? undefined : tlsFailure(error);
  if (tls !== undefined) return new StoreError(store, verb, tls.detail, { cause: error, hint: tls.hint });
  const network = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI)/.test(sqlState);
  const lost = network || /Connection terminated|timeout expired|timeout exceeded/i.test(wordsOf(error));
  const transient = lost || /^(08|53|57P0|40001|40P01|55P03)/.test(sqlState);
  return new StoreError(store, verb, withoutValue(sqlState, wordsOf(error)), {
    cause: error,
    transient,
    hint: hintFor(sqlState, lost),
  });
}

/** What can't be read as its type is quoted at the end (`invalid input syntax for type integer: "…"`): it may be sensitive. */
function withoutValue(sqlState: string, words: string): string {
  return sqlState.startsWith('22') ? words.replace(/: ".*$/s, '') : words;
}

function hintFor(sqlState: string, lost: boolean): string | undefined {
  if (sqlState === '28P01' || sqlState === '28000')
    return 'User or password is wrong, or pg_hba.conf does not let this machine in.';
  if (sqlState === '3D000') return 'The database in the URL does not exist on that server.';
  if (sqlState === '42501')
    return 'The role lacks a permission: grant it SELECT on the tables (and for repairs INSERT, UPDATE, DELETE on the replica).';
  if (sqlState === '42P01') return 'The table does not exist, or is not on the search_path: name its schema.';
  if (sqlState === '25006') return 'The server is a standby or the session is read only: writes go to a primary.';
  if (sqlState === '53300')
    return 'The server has no connection left: raise max_connections or run with lower concurrency.';
  if (sqlState === 'ENOTFOUND' || sqlState === 'EAI_AGAIN') return 'The host name is unknown here: check the URL.';
  if (lost) return 'Is PostgreSQL running there, and may this machine reach it?';
  return undefined;
}

function isFatal(error: pg.DatabaseError): boolean {
  return error.severity === 'FATAL' || error.severity === 'PANIC' || error.code?.startsWith('57P') === true;
}

/**
 * Ends a stream of rows when its connection breaks between two reads, where the driver would wait for ever. Returns what undoes it. An error that
 * comes after the last read has no reader any more and is dropped: the connection is thrown away in any case.
 */
export function endWithConnection(client: pg.PoolClient, stream: Readable): () => void {
  stream.on('error', () => {});
  const end = (error: Error) => {
    stream.destroy(error);
    // A cursor's stream asks the server to close it first, and hears no answer.
    if (!stream.closed) stream.emit('error', error);
  };
  client.on('error', end);
  return () => client.off('error', end);
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as an SQL literal, for the statements that take no parameters (COPY). */
export function quoteLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
