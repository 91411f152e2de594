// The source: the PostgreSQL server that holds the truth. Read only; every session refuses writes. A check reads one exported snapshot
// through as many connections as it likes; confirm and repair read what is there now.

import type pg from 'pg';
import type { Key, Mapping, Row } from '../mapping/mapping.ts';
import { type Shape, shapeOfQuery, shapeOfTable } from '../postgres/columns.ts';
import type { CopyPage } from '../postgres/copy-binary.ts';
import {
  copyOut,
  decodeRow,
  digestsSql,
  gatherSums,
  keyParameters,
  keysSql,
  type Relation,
  rowsByKeySql,
  sumsSql,
} from '../postgres/relation.ts';
import { keyHashSql } from '../postgres/row-hash-sql.ts';
import { quoteIdentifier, quoteLiteral, Session, serverVersion } from '../postgres/session.ts';
import type { BucketFilter, BucketSums, HashScheme } from '../value/digest.ts';

/** Look-ups have connections of their own: a reader waits while what it found is looked up, so they must never wait for readers. */
const LOOKUPS = 6;
const READERS = 10;

/** Which of an entity's rows are chosen, by the source's clock. */
export type Choice =
  /** Rows whose column is at most this old: `--since`. */
  | { readonly since: { readonly column: string; readonly milliseconds: number } }
  /** About this share of the rows, 0 to 1, drawn by the hash of the key: `--sample`. */
  | { readonly sample: number };

export class Source {
  readonly session: Session;
  readonly product: string;
  private readonly readers: Session;

  private constructor(session: Session, readers: Session, product: string) {
    this.session = session;
    this.readers = readers;
    this.product = product;
  }

  /** `parallel`: workers that one scan may take on the server. Throws a StoreError named `source`. */
  static async connect(url: string, parallel?: number): Promise<Source> {
    const session = new Session({ name: 'source', url, readOnly: true, connections: LOOKUPS });
    try {
      const version = await serverVersion(session);
      const readers = new Session({ name: 'source', url, readOnly: true, connections: READERS, parallel });
      return new Source(session, readers, version);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** The shape of an entity's table (null: there is none) or query. */
  async shapeOf(entity: { readonly table?: string; readonly sql?: string }): Promise<Shape | null> {
    return entity.sql === undefined
      ? shapeOfTable(this.session, entity.table!)
      : shapeOfQuery(this.session, entity.sql);
  }

  /** The rows of these keys as they are now, in the replica's spelling. Absent keys are left out; a key that is not unique comes twice. */
  async fetch(relation: Relation, mapping: Mapping, keys: readonly Key[]): Promise<readonly Row[]> {
    if (keys.length === 0) return [];
    const rows = await this.session.query(
      `fetch ${keys.length} keys`,
      rowsByKeySql(relation, mapping),
      keyParameters(keys, mapping.key.length),
    );
    return rows.map((row) => decodeRow(relation, mapping, row));
  }

  /** Exports a snapshot that any number of readers share. Close it as soon as the comparison is over: it holds back vacuum. */
  async openSnapshot(): Promise<Snapshot> {
    const client = await this.readers.take('snapshot');
    try {
      await client.query('begin isolation level repeatable read read only');
      const at = Date.now();
      const { rows } = await client.query(
        `select pg_export_snapshot() as id, to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as as_of`,
      );
      return new Snapshot(this.readers, client, rows[0].id, rows[0].as_of, at);
    } catch (error) {
      client.release(true);
      throw this.session.explain('snapshot', error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.session.close(), this.readers.close()]);
  }
}

export class Snapshot {
  /** The source's clock when the snapshot was taken, ISO 8601. */
  readonly asOf: string;
  /** This machine's clock just before, milliseconds. */
  readonly takenAt: number;
  private readonly session: Session;
  private readonly exporter: pg.PoolClient;
  private readonly id: string;

  constructor(session: Session, exporter: pg.PoolClient, id: string, asOf: string, takenAt: number) {
    this.session = session;
    this.exporter = exporter;
    this.id = id;
    this.asOf = asOf;
    this.takenAt = takenAt;
  }

  /** One pass: the key's hash, then one row hash for each mapping. With `filter`, the wanted buckets only, with keys. */
  digests(
    relation: Relation,
    mappings: readonly Mapping[],
    scheme: HashScheme,
    filter?: BucketFilter,
    signal?: AbortSignal,
  ): AsyncGenerator<CopyPage> {
    const columns = { numbers: 1 + mappings.length, texts: filter === undefined ? 0 : mappings[0]!.key.length };
    return this.read('read digests', digestsSql(relation, mappings, scheme, filter), columns, signal);
  }

  /** Bucket sums for each mapping, computed by the server in one pass. */
  async sums(
    relation: Relation,
    mappings: readonly Mapping[],
    scheme: HashScheme,
    buckets: number,
    signal?: AbortSignal,
  ): Promise<readonly BucketSums[]> {
    const pages = this.read(
      'sum',
      sumsSql(relation, mappings, scheme, buckets),
      { numbers: 2 + mappings.length, texts: 0 },
      signal,
    );
    return gatherSums(pages, mappings.length, buckets);
  }

  /** Key hash and key texts of every row, or of the rows whose key hash is listed. */
  keys(
    relation: Relation,
    mapping: Mapping,
    scheme: HashScheme,
    keyHashes?: readonly bigint[],
    signal?: AbortSignal,
  ): AsyncGenerator<CopyPage> {
    return this.read(
      'read keys',
      keysSql(relation, mapping, scheme, keyHashes),
      { numbers: 1, texts: mapping.key.length },
      signal,
    );
  }

  /** Keys of the chosen rows, as `keys`. */
  chosenKeys(
    relation: Relation,
    mapping: Mapping,
    scheme: HashScheme,
    choice: Choice,
    signal?: AbortSignal,
  ): AsyncGenerator<CopyPage> {
    const condition =
      'since' in choice
        ? `${quoteIdentifier(choice.since.column)} >= ${quoteLiteral(this.asOf)}::timestamptz - interval '${choice.since.milliseconds} milliseconds'`
        : `(${keyHashSql(mapping, relation.shape.columns, 'source', scheme)} & 1073741823) < ${Math.round(choice.sample * 1_073_741_824)}`;
    const where = relation.where === undefined ? condition : `(${relation.where}\n) and ${condition}`;
    return this.keys({ ...relation, where }, mapping, scheme, undefined, signal);
  }

  async close(): Promise<void> {
    try {
      await this.exporter.query('rollback');
      this.exporter.release();
    } catch {
      // The connection is lost, and the snapshot with it.
      this.exporter.release(true);
    }
  }

  private async *read(
    verb: string,
    sql: string,
    columns: { readonly numbers: number; readonly texts: number },
    signal?: AbortSignal,
  ): AsyncGenerator<CopyPage> {
    const client = await this.session.take(verb);
    let finished = false;
    try {
      await client.query(
        `begin isolation level repeatable read read only; set transaction snapshot ${quoteLiteral(this.id)};
         set local work_mem = '64MB'; set local enable_sort = off`,
      );
      yield* copyOut(this.session, client, verb, sql, columns, signal);
      await client.query('commit');
      finished = true;
    } catch (error) {
      throw this.session.explain(verb, error);
    } finally {
      client.release(!finished);
    }
  }
}
