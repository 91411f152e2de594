// The `oracle` store: Oracle Database through the official driver, thin unless the config says otherwise. A replica is a table or a view;
// `where` is an SQL condition.

import { z } from 'zod';
import { InterruptedError, StoreError } from '../../errors.ts';
import type { Key, Row } from '../../mapping/mapping.ts';
import type { Encryption } from '../../tls/tls.ts';
import type {
  Change,
  FetchedRow,
  Inspection,
  Limits,
  Outcome,
  Probing,
  Replica,
  Restoring,
  Scratching,
  Store,
  StoreDefinition,
  StoreSettings,
} from '../store.ts';
import { type Access, makeAccess } from './access.ts';
import { applyChanges, MOST_CHANGES } from './apply.ts';
import { askQuery } from './ask.ts';
import type { Decoder } from './decode.ts';
import { PING_SQL, SCHEMA_SQL, SERVER_SQL } from './dictionary-sql.ts';
import { fetchRows, MOST_KEYS } from './fetch.ts';
import { captureImages } from './images.ts';
import { inspectReplica, uninspected } from './inspect.ts';
import { type OracleOptions, options } from './options.ts';
import { scanRows } from './scan.ts';
import { scratchTables } from './scratch.ts';
import { type Connection, Session } from './session.ts';
import { chooseSnapshot, type SnapshotMode } from './snapshot.ts';
import { countAllSql, type Place } from './sql.ts';

export const oracle: StoreDefinition<OracleOptions> = {
  kind: 'oracle',
  place: 'table',
  options,
  replicaOptions: z.strictObject({}),
  connect,
};

async function connect(settings: StoreSettings<OracleOptions>): Promise<Store> {
  if (settings.signal?.aborted) throw new InterruptedError();
  const session = await Session.open(settings);
  try {
    return await session.use('connect', async (connection) => {
      const [identity] = await session.query(connection, SCHEMA_SQL);
      const [user, schema] = identity as readonly [string, string];
      return new OracleStore(session, settings.options, await productOf(session, connection), { user, schema });
    });
  } catch (error) {
    await session.close();
    throw settings.signal?.aborted ? new InterruptedError() : error;
  }
}

/** What a replica's verbs share; made again by `inspect`, as the table may have been altered. */
interface Looked {
  readonly access: Access | undefined;
  readonly snapshot: SnapshotMode;
}

class OracleStore implements Store {
  readonly limits: Limits = { notes: [], fetchKeys: MOST_KEYS, applyChanges: MOST_CHANGES };
  readonly product: string;
  readonly encryption: Encryption | undefined;
  readonly scratching: Scratching;
  readonly probing: Probing = {
    ask: (statement, signal) =>
      this.session.use('ask', (connection) => askQuery(this.session, connection, statement, signal)),
    ping: () => this.session.use('ping', (connection) => this.session.query(connection, PING_SQL)),
    count: async (replica, signal) => {
      const verb = `count ${replica.target}`;
      const { place } = await this.placeOf(replica, verb);
      return this.session.use(verb, async (connection) => {
        const [row] = await askQuery(this.session, connection, countAllSql(place), signal);
        return Number(Object.values(row!)[0]);
      });
    },
  };
  readonly restoring: Restoring = {
    capture: async (replica, changes) => {
      if (changes.length === 0) return [];
      const verb = `read ${changes.length} rows of ${replica.target}`;
      const { place, columns } = await this.placeOf(replica, verb);
      return this.session.use(verb, (connection) => captureImages(this.session, connection, place, columns, changes));
    },
  };
  private readonly session: Session;
  private readonly options: OracleOptions;
  private readonly identity: { readonly user: string; readonly schema: string };
  private readonly looks = new WeakMap<Replica, Promise<Looked>>();

  constructor(session: Session, given: OracleOptions, product: string, identity: OracleStore['identity']) {
    this.session = session;
    this.options = given;
    this.product = product;
    this.encryption = session.encryption;
    this.identity = identity;
    this.scratching = scratchTables(session, identity.user);
  }

  async inspect(replica: Replica): Promise<Inspection> {
    if (replica.where !== undefined && typeof replica.where !== 'string') {
      return uninspected([{ path: '', message: '`where` must be an SQL condition (a text)' }]);
    }
    return this.session.use(`inspect ${replica.target}`, async (connection) => {
      const { access, snapshot } = await this.look(replica, connection);
      if (access === undefined) return uninspected([noTable(replica)]);
      const { session } = this;
      return inspectReplica({ session, connection, replica, access, snapshot, user: this.identity.user });
    });
  }

  async *scan(replica: Replica, signal?: AbortSignal): AsyncGenerator<readonly Row[]> {
    const verb = `scan ${replica.target}`;
    try {
      const { place, decoder, snapshot } = await this.placeOf(replica, verb);
      yield* scanRows(this.session, { place, decoder, snapshot, fetchArraySize: this.options.fetchArraySize }, signal);
    } catch (error) {
      throw this.session.failures.of(error, verb, signal);
    }
  }

  async fetch(replica: Replica, keys: readonly Key[]): Promise<readonly FetchedRow[]> {
    if (keys.length === 0) return [];
    const verb = `fetch ${keys.length} keys from ${replica.target}`;
    const { place, decoder } = await this.placeOf(replica, verb);
    return this.session.use(verb, (connection) => fetchRows(this.session, connection, place, decoder, keys));
  }

  async apply(replica: Replica, changes: readonly Change[]): Promise<readonly Outcome[]> {
    if (changes.length === 0) return [];
    const verb = `apply ${changes.length} changes to ${replica.target}`;
    const { place, decoder, columns } = await this.placeOf(replica, verb);
    return applyChanges(this.session, place, decoder, columns, changes);
  }

  close(): Promise<void> {
    return this.session.close();
  }

  /** What failed once is asked again. */
  private look(replica: Replica, connection: Connection): Promise<Looked> {
    const look = this.lookAt(replica, connection);
    this.looks.set(replica, look);
    look.catch(() => this.looks.delete(replica));
    return look;
  }

  private async lookAt(replica: Replica, connection: Connection): Promise<Looked> {
    const access = await makeAccess(this.session, connection, replica, this.options.schema ?? this.identity.schema);
    const snapshot: SnapshotMode =
      access === undefined
        ? { kind: 'none', note: '' }
        : await chooseSnapshot(this.session, connection, access.table, this.options.snapshot);
    return { access, snapshot };
  }

  private async placeOf(
    replica: Replica,
    verb: string,
  ): Promise<{
    readonly place: Place;
    readonly decoder: Decoder;
    readonly columns: Access['columns'];
    readonly snapshot: SnapshotMode;
  }> {
    const { access, snapshot } = await (this.looks.get(replica) ??
      this.session.use(verb, (connection) => this.look(replica, connection)));
    if (access === undefined) throw this.unusable(verb, noTable(replica).message, noTable(replica).hint);
    const { place, decoder, columns, problems } = access;
    if (place === undefined || decoder === undefined) {
      throw this.unusable(verb, problems[0]!.message, problems[0]!.hint);
    }
    return { place, decoder, columns, snapshot };
  }

  private unusable(verb: string, detail: string, hint: string | undefined): StoreError {
    return new StoreError(this.session.name, verb, detail, { hint });
  }
}

function noTable(replica: Replica) {
  return {
    path: '',
    message: `there is no table or view ${replica.target}`,
    hint: 'Name it as schema.table, not by a synonym, and check that the user may see it.',
  };
}

/** A stand-in says so in its banner. */
async function productOf(session: Session, connection: Connection): Promise<string> {
  const rows = await session.query(connection, SERVER_SQL);
  const banner = String(rows[0]?.[0] ?? '');
  return banner === '' || banner.startsWith('Oracle') ? `Oracle ${connection.oracleServerVersionString}` : banner;
}
