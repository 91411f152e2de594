// The source: the PostgreSQL server that holds the truth. Read only; every session refuses writes. A check reads one exported snapshot
// through as many connections as it likes; confirm and repair read what is there now.

import type pg from 'pg';
import type { Key, Mapping, Row } from '../mapping/mapping.ts';
import { now } from '../now.ts';
import { type Shape, shapeOfQuery, shapeOfTable } from '../postgres/columns.ts';
import type { CopyPage } from '../postgres/copy-binary.ts';
import {
  copyOut,
  countRows,
  decodeKey,
  decodeRow,
  digestsSql,
  gatherSums,
  keyIn,
  keyParameters,
  keysSql,
  type Relation,
  rowsByKeySql,
  sumsSql,
  whereSql,
} from '../postgres/relation.ts';
import { keyHashSql } from '../postgres/row-hash-sql.ts';
import { postgresTls, quoteIdentifier, quoteLiteral, Session, serverVersion } from '../postgres/session.ts';
import type { Tls } from '../tls/tls.ts';
import type { BucketFilter, BucketSums, HashScheme } from '../value/digest.ts';

/** Look-ups have connections of their own: a reader waits while what it found is looked up, so they must never wait for readers. */
const LOOKUPS = 6;
const READERS = 10;

/** Which of an entity's rows are chosen, by the source's clock. */
export type Choice =
  /** Rows whose column is at most this old: `--since`. */
  | { readonly since: { readonly column: string; readonly milliseconds: number } }
  /** Rows whose keys the touches give, and, where the entity has such a column, rows that are at most this old. */
  | Touched
  /** About this share of the rows, 0 to 1, drawn by the hash of the key: `--sample`. */
  | { readonly sample: number };

export interface Touched {
  readonly touches: readonly Touch[];
  readonly since: { readonly column?: string; readonly milliseconds: number };
}

/** A query over changed rows of another entity that gives the keys of the rows which depend on them. */
export interface Touch {
  /** The entity whose rows changed. */
  readonly entity: string;
  readonly changed: Relation;
  readonly key: Mapping['key'];
  /** The column that says when they changed, if there is one. */
  readonly since?: string;
  /** SQL over the relation `changed`, whose columns are the touched key's. Trusted. */
  readonly sql: string;
}

export class Source {
  readonly session: Session;
  readonly product: string;
  private readonly readers: Session;

  private constructor(session: Session, readers: Session, product: string) {
    this.session = session;
    this.readers = readers;
    this.product = product;
  }

  /** `parallel`: workers that one scan may take on the server. Throws a StoreError named `source`, a ConfigError for what TLS is to be. */
  static async connect(url: string, parallel?: number, words?: Tls): Promise<Source> {
    const tls = postgresTls(words, url, 'source');
    const session = new Session({ name: 'source', url, tls, readOnly: true, connections: LOOKUPS });
    try {
      const version = await serverVersion(session);
      const readers = new Session({ name: 'source', url, tls, readOnly: true, connections: READERS, parallel });
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

  /** How many rows there are now, exactly. */
  count(relation: Relation, signal?: AbortSignal): Promise<number> {
    return countRows(this.session, relation, signal);
  }

  /** Keys of the rows that depend on these rows of another entity, as they are now. `key`: of the touched entity. */
  async touchedKeys(touch: Touch, changed: readonly Key[], key: Mapping['key']): Promise<readonly Key[]> {
    if (changed.length === 0) return [];
    const condition = keyIn(touch.changed, { key: touch.key, fields: [] });
    const columns = key.map((field, i) => `${quoteIdentifier(field.name)}::text as k${i}`).join(', ');
    const rows = await this.session.query(
      `find what ${touch.entity} touches`,
      `select distinct ${columns} from ${touchedSql(touch, condition)}`,
      keyParameters(changed, touch.key.length),
    );
    return rows.map((row) =>
      decodeKey(
        { key, fields: [] },
        key.map((_, i) => row[`k${i}`]!),
      ),
    );
  }

  /** Exports a snapshot that any number of readers share. Close it as soon as the comparison is over: it holds back vacuum. */
  async openSnapshot(): Promise<Snapshot> {
    const client = await this.readers.take('snapshot');
    try {
      await client.query('begin isolation level repeatable read read only');
      const at = now();
      const { rows } = await client.query(
        `select pg_export_snapshot() as id, to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as as_of,
                pg_current_snapshot()::text as sees`,
      );
      return new Snapshot(this.readers, client, rows[0].id, rows[0].as_of, at, rows[0].sees);
    } catch (error) {
      client.release(true);
      throw this.session.explain('snapshot', error);
    }
  }

  /** Whether a transaction that writes has ended, or begun, on the server since the snapshot was taken. False: everything is as it was. */
  async hasMoved(since: Snapshot): Promise<boolean> {
    const [row] = await this.session.query('ask for changes', 'select pg_current_snapshot()::text as sees');
    return row!.sees !== since.sees;
  }

  async close(): Promise<void> {
    await Promise.all([this.session.close(), this.readers.close()]);
  }
}

/** `condition` says which rows of the touching entity are meant by `changed`. */
export function touchedSql({ changed, sql }: Touch, condition: string): string {
  return `(with changed as (select * from ${changed.shape.from} as relation${whereSql(changed, condition)})
${sql}
) as touched`;
}

export class Snapshot {
  /** The source's clock when the snapshot was taken, ISO 8601. */
  readonly asOf: string;
  /** This machine's clock just before, milliseconds. */
  readonly takenAt: number;
  /** Which transactions it sees, as pg_current_snapshot() words it. */
  readonly sees: string;
  private readonly session: Session;
  private readonly exporter: pg.PoolClient;
  private readonly id: string;

  constructor(session: Session, exporter: pg.PoolClient, id: string, asOf: string, takenAt: number, sees: string) {
    this.session = session;
    this.exporter = exporter;
    this.id = id;
    this.asOf = asOf;
    this.takenAt = takenAt;
    this.sees = sees;
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
    if ('touches' in choice) return this.touchedKeys(relation, mapping, scheme, choice, signal);
    const condition =
      'since' in choice
        ? this.isRecent(choice.since.column, choice.since.milliseconds)
        : `(${keyHashSql(mapping, relation.shape.columns, 'source', scheme)} & 1073741823) < ${Math.round(choice.sample * 1_073_741_824)}`;
    const where = relation.where === undefined ? condition : `(${relation.where}\n) and ${condition}`;
    return this.keys({ ...relation, where }, mapping, scheme, undefined, signal);
  }

  private touchedKeys(
    relation: Relation,
    mapping: Mapping,
    scheme: HashScheme,
    { touches, since }: Touched,
    signal?: AbortSignal,
  ): AsyncGenerator<CopyPage> {
    const names = mapping.key.map((field) => quoteIdentifier(field.name)).join(', ');
    const parts = touches.map(
      (touch) => `select ${names} from ${touchedSql(touch, this.isRecent(touch.since!, since.milliseconds))}`,
    );
    if (since.column !== undefined) {
      const recent = this.isRecent(since.column, since.milliseconds);
      parts.push(`select ${names} from ${relation.shape.from} as relation${whereSql(relation, recent)}`);
    }
    // A key of which a part is null is nobody's.
    const complete = mapping.key.map((field) => `${quoteIdentifier(field.name)} is not null`).join(' and ');
    const from = `(select * from (${parts.join(' union ')}) as touched where ${complete})`;
    return this.keys({ shape: { ...relation.shape, from }, side: 'source' }, mapping, scheme, undefined, signal);
  }

  private isRecent(column: string, milliseconds: number): string {
    return `${quoteIdentifier(column)} >= ${quoteLiteral(this.asOf)}::timestamptz - interval '${milliseconds} milliseconds'`;
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
