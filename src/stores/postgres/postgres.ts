// A PostgreSQL table as a replica. Hashes and sums are computed by the server; writes are conditional on the row version that was read.

import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import { InterruptedError, type Problem } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import { type Shape, shapeOfTable } from '../../postgres/columns.ts';
import { hashesAgree } from '../../postgres/hash-check.ts';
import {
  copyOut,
  decodeKey,
  decodeRow,
  digestsSql,
  gatherSums,
  keyParameters,
  type Relation,
  rowColumns,
  rowsByKeySql,
  sumsSql,
} from '../../postgres/relation.ts';
import { endWithConnection, Session, serverVersion } from '../../postgres/session.ts';
import type { BucketFilter, BucketSums, DigestPage, HashScheme } from '../../value/digest.ts';
import type {
  Change,
  FetchedRow,
  Hashing,
  Inspection,
  Limits,
  Outcome,
  Replica,
  Store,
  StoreDefinition,
  StoreSettings,
} from '../store.ts';
import { applyChanges } from './apply.ts';
import { inspectShape } from './inspect.ts';

const options = z.strictObject({
  parallel: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('Parallel workers that one scan may take on the server. Default 0.'),
});
type Options = z.infer<typeof options>;
const SCAN_PAGE = 1000;
/** Look-ups have connections of their own: a reader waits while what it found is looked up, so they must never wait for readers. */
const LOOKUPS = 6;
const READERS = 8;

export const postgres: StoreDefinition<Options> = {
  kind: 'postgres',
  place: 'table',
  options,
  replicaOptions: z.strictObject({}),

  async connect(settings) {
    const session = new Session({ name: settings.name, url: settings.url, readOnly: true, connections: LOOKUPS });
    try {
      const version = await serverVersion(session);
      return new PostgresStore(settings, session, version);
    } catch (error) {
      await session.close();
      throw error;
    }
  },
};

class PostgresStore implements Store, Hashing {
  readonly limits: Limits = { notes: [], fetchKeys: 1000, applyChanges: 1000 };
  readonly product: string;
  readonly hashing = this;
  private readonly settings: StoreSettings<Options>;
  private readonly session: Session;
  private readonly readers: Session;
  /** Opened at the first write: a check never holds a session that could write. */
  private writer: Session | undefined;
  private readonly shapes = new Map<string, Promise<Shape | null>>();

  constructor(settings: StoreSettings<Options>, session: Session, product: string) {
    this.settings = settings;
    this.session = session;
    this.readers = new Session({
      name: settings.name,
      url: settings.url,
      readOnly: true,
      connections: READERS,
      parallel: settings.options.parallel,
    });
    this.product = product;
  }

  async inspect(replica: Replica): Promise<Inspection> {
    this.shapes.delete(replica.target);
    const shape = await this.shapeOf(replica);
    const where = replica.where;
    const problems: Problem[] =
      where === undefined || typeof where === 'string'
        ? []
        : [{ path: '', message: '`where` must be an SQL condition (a text)' }];
    if (shape === null) {
      const hint = 'Name it as schema.table, and check that the role may see it.';
      problems.push({ path: '', message: `there is no table ${replica.target}`, hint });
    }
    return inspectShape(replica, shape, problems);
  }

  async *scan(replica: Replica, signal?: AbortSignal) {
    const relation = await this.relationOf(replica);
    const { mapping } = replica;
    const client = await this.readers.take('scan');
    let finished = false;
    const where = relation.where === undefined ? '' : ` where (${relation.where}\n)`;
    const sql = `select ${rowColumns(relation, mapping)} from ${relation.shape.from} as relation${where}`;
    const stream = client.query(new QueryStream(sql, [], { batchSize: SCAN_PAGE }));
    const abort = () => stream.destroy(new InterruptedError());
    const forget = endWithConnection(client, stream);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      let page = [];
      for await (const row of stream) {
        page.push(decodeRow(relation, mapping, row));
        if (page.length === SCAN_PAGE) {
          yield page;
          page = [];
        }
      }
      if (signal?.aborted) throw new InterruptedError();
      if (page.length > 0) yield page;
      finished = true;
    } catch (error) {
      throw this.session.explain('scan', error);
    } finally {
      signal?.removeEventListener('abort', abort);
      forget();
      stream.destroy();
      client.release(!finished);
    }
  }

  async fetch(replica: Replica, keys: readonly Key[]): Promise<readonly FetchedRow[]> {
    if (keys.length === 0) return [];
    const relation = await this.relationOf(replica);
    const sql = rowsByKeySql(relation, replica.mapping, ', ctid::text as row_id, xmin::text as row_version');
    const rows = await this.session.query(
      `fetch ${keys.length} keys`,
      sql,
      keyParameters(keys, replica.mapping.key.length),
    );
    return rows.map((row) => ({ ...decodeRow(relation, replica.mapping, row), token: [row.row_id, row.row_version] }));
  }

  async apply(replica: Replica, changes: readonly Change[]): Promise<readonly Outcome[]> {
    this.writer ??= new Session({ name: this.settings.name, url: this.settings.url, readOnly: false, connections: 4 });
    return applyChanges(this.writer, await this.relationOf(replica), replica.mapping, changes);
  }

  async close(): Promise<void> {
    await Promise.all([this.session.close(), this.readers.close(), this.writer?.close()]);
  }

  agrees(): Promise<boolean> {
    return hashesAgree(this.session);
  }

  async *digests(
    replica: Replica,
    scheme: HashScheme,
    filter?: BucketFilter,
    signal?: AbortSignal,
  ): AsyncGenerator<DigestPage> {
    const relation = await this.relationOf(replica);
    const { mapping } = replica;
    const sql = digestsSql(relation, [mapping], scheme, filter);
    const columns = { numbers: 2, texts: filter === undefined ? 0 : mapping.key.length };
    for await (const page of this.copy('read digests', sql, columns, signal)) {
      const { texts } = page;
      yield {
        count: page.count,
        hashes: page.numbers,
        key: texts === undefined ? undefined : (i) => decodeKey(mapping, texts[i]!),
      };
    }
  }

  async sums(replica: Replica, scheme: HashScheme, buckets: number, signal?: AbortSignal): Promise<BucketSums> {
    const relation = await this.relationOf(replica);
    const sql = sumsSql(relation, [replica.mapping], scheme, buckets);
    const [sums] = await gatherSums(this.copy('sum', sql, { numbers: 3, texts: 0 }, signal), 1, buckets);
    return sums!;
  }

  private async *copy(verb: string, sql: string, columns: { numbers: number; texts: number }, signal?: AbortSignal) {
    const client = await this.readers.take(verb);
    let finished = false;
    try {
      await client.query(`begin read only; set local work_mem = '64MB'; set local enable_sort = off`);
      yield* copyOut(this.session, client, verb, sql, columns, signal);
      await client.query('commit');
      finished = true;
    } catch (error) {
      throw this.session.explain(verb, error);
    } finally {
      client.release(!finished);
    }
  }

  private async relationOf(replica: Replica): Promise<Relation> {
    const shape = await this.shapeOf(replica);
    if (shape === null) throw this.session.explain('inspect', new Error(`there is no table ${replica.target}`));
    return { shape, side: 'replica', where: replica.where as string | undefined };
  }

  private shapeOf(replica: Replica): Promise<Shape | null> {
    let shape = this.shapes.get(replica.target);
    if (shape === undefined) {
      shape = shapeOfTable(this.session, replica.target);
      this.shapes.set(replica.target, shape);
      shape.catch(() => this.shapes.delete(replica.target));
    }
    return shape;
  }
}
