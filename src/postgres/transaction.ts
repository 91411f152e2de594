// One transaction on one connection, for what has to be written whole or not at all.

import type pg from 'pg';
import { type Asking, quoteLiteral, type Rows, type Session } from './session.ts';

/**
 * What a statement that the server refuses spoils: `itself`, by a savepoint before each, or the transaction, so that all later ones fail with its
 * error.
 */
export type Spoils = 'itself' | 'transaction';

export class Transaction implements Asking {
  readonly name: string;
  private readonly session: Session;
  private readonly client: pg.PoolClient;
  private readonly spoils: Spoils;
  private failure: Error | undefined;
  private isOpen = true;

  private constructor(session: Session, client: pg.PoolClient, spoils: Spoils) {
    this.name = session.name;
    this.session = session;
    this.client = client;
    this.spoils = spoils;
  }

  static async begin(session: Session, spoils: Spoils): Promise<Transaction> {
    const client = await session.take('begin');
    try {
      // Whatever the database has as its default.
      await client.query('begin isolation level read committed read write');
      return new Transaction(session, client, spoils);
    } catch (error) {
      client.release(true);
      throw session.explain('begin', error);
    }
  }

  /** Until it ends. */
  async set(name: string, value: string): Promise<void> {
    await this.query('set', `set local ${name} = ${quoteLiteral(value)}`);
  }

  async query(verb: string, sql: string, values: readonly unknown[] = []): Promise<Rows> {
    if (this.failure !== undefined) throw this.failure;
    const isAlone = this.spoils === 'itself';
    try {
      if (isAlone) await this.client.query('savepoint statement');
      const { rows } = await this.client.query(sql, values as unknown[]);
      if (isAlone) await this.client.query('release savepoint statement');
      return rows as Rows;
    } catch (error) {
      const failure = this.session.explain(verb, error);
      if (isAlone) await this.client.query('rollback to savepoint statement').catch(() => {});
      else this.failure = failure;
      throw failure;
    }
  }

  /** The full id; it has one once it has written. */
  async id(): Promise<string> {
    const [row] = await this.query('name the transaction', 'select pg_current_xact_id()::text as id');
    return row!.id!;
  }

  async commit(): Promise<void> {
    try {
      await this.client.query('commit');
      this.isOpen = false;
      this.client.release();
    } catch (error) {
      throw this.session.explain('commit', error);
    }
  }

  /** Unless it was committed: takes back everything. Never throws. */
  async end(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    try {
      await this.client.query('rollback');
      this.client.release();
    } catch {
      // Of a connection that is lost nothing is left either.
      this.client.release(true);
    }
  }
}

/** Commits what `work` did, unless it returns false or throws; then nothing is left of it. */
export async function inTransaction(
  session: Session,
  spoils: Spoils,
  work: (transaction: Transaction) => Promise<boolean>,
): Promise<void> {
  const transaction = await Transaction.begin(session, spoils);
  try {
    if (await work(transaction)) await transaction.commit();
  } finally {
    await transaction.end();
  }
}
