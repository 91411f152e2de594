// One connected store: the driver's client, the database, and the concerns that every command carries.

import type { ClientSession, Db, Document, MongoClient, ReadPreferenceMode, TopologyType } from 'mongodb';
import type { Failures } from './failure.ts';

export type Driver = typeof import('mongodb');

export interface Connection {
  readonly driver: Driver;
  readonly client: MongoClient;
  readonly db: Db;
  readonly failures: Failures;
  readonly readPreference: ReadPreferenceMode;
  /** Undefined leaves it to the server. */
  readonly readConcern: string | undefined;
  /** The server's own word for itself, as last seen. */
  readonly topology: () => { readonly type: TopologyType; readonly servers: number };
}

/** What a read asks for: of the wanted collection, with concern and preference of the run or of the primary's newest. */
export interface Query {
  readonly collection: string;
  readonly filter: Document;
  readonly projection?: Document;
  readonly sort?: Document;
  readonly limit?: number;
  readonly batchSize: number;
  /** Reads what the primary holds this moment, as a write would find it. */
  readonly newest?: boolean;
}

export function findCommand(connection: Connection, query: Query): Document {
  const command: Document = { find: query.collection, filter: query.filter, batchSize: query.batchSize };
  if (query.projection !== undefined) command.projection = query.projection;
  if (query.sort !== undefined) command.sort = query.sort;
  if (query.limit !== undefined) command.limit = query.limit;
  const level = query.newest ? undefined : connection.readConcern;
  if (level !== undefined) command.readConcern = { level };
  return command;
}

export function preferenceOf(connection: Connection, query: Query): ReadPreferenceMode {
  return query.newest ? 'primary' : connection.readPreference;
}

/** True where every command of this preference goes to the one server that holds the cursor. */
export function staysOnOneServer(connection: Connection, preference: ReadPreferenceMode): boolean {
  const { type, servers } = connection.topology();
  return (
    type === 'Single' ||
    (type === 'ReplicaSetWithPrimary' && preference === 'primary') ||
    (type === 'Sharded' && servers === 1)
  );
}

export function startSession(connection: Connection): ClientSession {
  return connection.client.startSession({ causalConsistency: false });
}
