// Connections to one Oracle server: a pool for look-ups and writes and one for scans, so that a look-up never waits for a reader, who may wait
// for it. Every session is set up alike before anything is asked.

import type oracledb from 'oracledb';
import type { Encryption } from '../../tls/tls.ts';
import type { StoreSettings } from '../store.ts';
import { SESSION_SQL } from './dictionary-sql.ts';
import { Failures } from './failure.ts';
import { DEFAULT_TIMEOUTS, type OracleOptions, SECOND } from './options.ts';
import { credentialsOf, protectionOf, secretsOf } from './url.ts';

export type Driver = typeof oracledb;
export type Connection = oracledb.Connection;
export type RawRow = readonly unknown[];

const SESSIONS = { lookups: 8, readers: 8 } as const;
type Use = keyof typeof SESSIONS;

export class Session {
  readonly name: string;
  readonly driver: Driver;
  readonly failures: Failures;
  readonly callTimeout: number;
  readonly encryption: Encryption | undefined;
  private readonly attributes: oracledb.ConnectionAttributes;
  private readonly pools = new Map<Use, Promise<oracledb.Pool>>();

  private constructor(driver: Driver, settings: StoreSettings<OracleOptions>, failures: Failures) {
    const { name, url, options } = settings;
    this.name = name;
    this.driver = driver;
    this.failures = failures;
    this.callTimeout = options.timeouts?.call ?? DEFAULT_TIMEOUTS.call;
    const { attributes, encryption } = protectionOf(name, options);
    this.encryption = encryption;
    this.attributes = {
      ...credentialsOf(name, url, options),
      configDir: options.configDir,
      walletLocation: options.walletLocation,
      walletPassword: options.walletPassword,
      ...attributes,
      // A line that is dead without a word ends by TCP's own probes, after so many minutes.
      expireTime: 1,
      connectTimeout: Math.ceil((options.timeouts?.connect ?? DEFAULT_TIMEOUTS.connect) / SECOND),
    };
  }

  /** Loads the driver; connects nothing yet. */
  static async open(settings: StoreSettings<OracleOptions>): Promise<Session> {
    const failures = new Failures(settings.name, secretsOf(settings.url, settings.options));
    const { default: driver } = await import('oracledb');
    const { thick } = settings.options;
    if (thick !== undefined && thick !== false && driver.thin) {
      try {
        driver.initOracleClient(thick === true ? {} : { libDir: thick });
      } catch (error) {
        throw failures.of(error, 'load the client library');
      }
    }
    return new Session(driver, settings, failures);
  }

  /** A connection of the caller's own, to be given back with `release` or ended with `drop`. */
  async take(use: Use): Promise<Connection> {
    const pool = this.pools.get(use) ?? this.openPool(use);
    const connection = await (await pool).getConnection();
    connection.callTimeout = this.callTimeout;
    return connection;
  }

  /** Works with a connection for look-ups. After an error it is dropped, and with it what was not committed. */
  async use<Result>(verb: string, work: (connection: Connection) => Promise<Result>): Promise<Result> {
    let connection: Connection | undefined;
    let result: Result;
    try {
      connection = await this.take('lookups');
      result = await work(connection);
    } catch (error) {
      if (connection !== undefined) drop(connection);
      throw this.failures.of(error, verb);
    }
    await release(connection);
    return result;
  }

  /** All rows of a query: NUMBER as text, LOBs whole, an interval as its parts. */
  async query(connection: Connection, sql: string, binds: oracledb.BindParameters = []): Promise<readonly RawRow[]> {
    const result = await connection.execute<unknown[]>(sql, binds, {
      ...this.fetchOptions(),
      maxRows: 0,
      fetchArraySize: 500,
    });
    return result.rows ?? [];
  }

  fetchOptions(): oracledb.ExecuteOptions {
    const { driver } = this;
    return {
      outFormat: driver.OUT_FORMAT_ARRAY,
      fetchTypeHandler: ({ dbType }) => {
        if (dbType === driver.DB_TYPE_NUMBER || dbType === driver.DB_TYPE_CLOB || dbType === driver.DB_TYPE_NCLOB) {
          return { type: driver.DB_TYPE_VARCHAR };
        }
        return dbType === driver.DB_TYPE_BLOB ? { type: driver.DB_TYPE_RAW } : undefined;
      },
    };
  }

  async close(): Promise<void> {
    const pools = await Promise.allSettled(this.pools.values());
    this.pools.clear();
    await Promise.all(pools.flatMap((pool) => (pool.status === 'fulfilled' ? [pool.value.close(0)] : [])));
  }

  private openPool(use: Use): Promise<oracledb.Pool> {
    const pool = this.driver.createPool({
      ...this.attributes,
      poolMin: 0,
      poolMax: SESSIONS[use],
      poolIncrement: 1,
      // A scan lasts as long as it lasts.
      queueTimeout: use === 'readers' ? 0 : this.callTimeout,
      sessionCallback: (connection, _tag, done) => {
        connection.callTimeout = this.callTimeout;
        connection.execute(SESSION_SQL).then(
          () => done(),
          (error) => done(error),
        );
      },
    });
    this.pools.set(use, pool);
    pool.catch(() => this.pools.delete(use));
    return pool;
  }
}

/** Gives a connection back. What was asked for is done: whether the line still stands is the next one's concern. */
export async function release(connection: Connection): Promise<void> {
  await connection.close().catch(() => {});
}

/** Ends a connection whatever state it is in; what it was doing is over anyway. */
export function drop(connection: Connection): void {
  connection.close({ drop: true }).catch(() => {});
}
