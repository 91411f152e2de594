// A PostgreSQL table as a replica. Hashes and sums are computed by the server; writes are conditional on the row version that was read.

import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import { InterruptedError, type Problem } from '../../errors.ts';
import type { Key } from '../../mapping/mapping.ts';
import { type Shape, shapeOfTable } from '../../postgres/columns.ts';
import { hashesAgree } from '../../postgres/hash-check.ts';
import {
  copyOut,
  countRows,
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
import {
  askSql,
  endWithConnection,
  postgresTls,
  Session,
  type SessionOptions,
  serverVersion,
} from '../../postgres/session.ts';
import { type Encryption, tlsDescription, tlsWords } from '../../tls/tls.ts';
import type { BucketFilter, BucketSums, DigestPage, HashScheme } from '../../value/digest.ts';
import type {
  Captured,
  Change,
  FetchedRow,
  Guarded,
  Hashing,
  Inspection,
  Limits,
  Outcome,
  Probing,
  Replica,
  Restoring,
  Scratching,
  Store,
  StoreDefinition,
} from '../store.ts';
import { applyChanges } from './apply.ts';
import { captureImages } from './images.ts';
import { inspectShape } from './inspect.ts';
import { canary } from './probes/canary.ts';
import { replication } from './probes/replication.ts';
import { sessions } from './probes/sessions.ts';
import { slots } from './probes/slots.ts';
import { splitBrain } from './probes/split-brain.ts';
import { standby } from './probes/standby.ts';
import { scratchTables } from './scratch.ts';

const options = z.strictObject({
  parallel: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('Parallel workers that one scan may take on the server. Default 0.'),
  tls: tlsWords.optional().describe(tlsDescription),
});
type Options = z.infer<typeof options>;
type Server = Pick<SessionOptions, 'name' | 'url' | 'tls'>;
const SCAN_PAGE = 1000;
/** Look-ups have connections of their own: a reader waits while what it found is looked up, so they must never wait for readers. */
const LOOKUPS = 6;
const READERS = 8;

export const postgres: StoreDefinition<Options> = {
  kind: 'postgres',
  place: 'table',
  options,
  replicaOptions: z.strictObject({}),
  probes: [replication, standby, splitBrain, slots, sessions, canary],

  async connect(settings) {
    const { name, url, options } = settings;
    const server = { name, url, tls: postgresTls(options.tls, url, `stores.${name}`) };
    const session = new Session({ ...server, readOnly: true, connections: LOOKUPS });
    try {
      const version = await serverVersion(session);
      return new PostgresStore(server, options, session, version);
    } catch (error) {
      await session.close();
      throw error;
    }
  },
};

class PostgresStore implements Store, Hashing, Restoring {
  readonly limits: Limits = { notes: [], fetchKeys: 1000, applyChanges: 1000 };
  readonly product: string;
  readonly hashing = this;
  readonly restoring = this;
  readonly scratching: Scratching;
  readonly encryption: Encryption;
  readonly probing: Probing;
  private readonly server: Server;
  private readonly session: Session;
  private readonly readers: Session;
  /** Opened at the first write: a check never holds a session that could write. */
  private writer: Session | undefined;
  private readonly shapes = new Map<string, Promise<Shape | null>>();

  constructor(server: Server, { parallel }: Options, session: Session, product: string) {
    this.server = server;
    this.session = session;
    this.readers = new Session({ ...server, readOnly: true, connections: READERS, parallel });
    this.product = product;
    this.encryption = session.encryption;
    this.scratching = scratchTables(session, () => this.writing());
    this.probing = {
      session,
      ask: (statement, signal) => askSql(session, statement, signal),
      ping: (signal) => session.query('ping', 'select 1', [], signal),
      count: async (replica, signal) => countRows(session, await this.relationOf(replica), signal),
    };
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
    return applyChanges(this.writing(), await this.relationOf(replica), replica.mapping, changes);
  }

  async capture(replica: Replica, changes: readonly Guarded[]): Promise<readonly (Captured | undefined)[]> {
    const rows = changes.map(({ expected }) => expected);
    return rows.length === 0 ? [] : captureImages(this.session, await this.relationOf(replica), replica.mapping, rows);
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

  private writing(): Session {
    this.writer ??= new Session({ ...this.server, readOnly: false, connections: 4 });
    return this.writer;
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
