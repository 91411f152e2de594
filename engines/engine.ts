// What a caller asks for and what it gets: the contract between tests, demo and bench and the servers they run
// against. Types only; it starts nothing.

export type EngineKind = 'postgres' | 'mongodb' | 'cassandra' | 'neo4j' | 'redis' | 'oracle';

export interface Engine {
  readonly kind: EngineKind;
  readonly name: string;
  /**
   * Carries the password. Superuser for PostgreSQL; `directConnection=true` for MongoDB; Cassandra's has
   * `?localDataCenter=`, which its driver asks for; Oracle's path is the service.
   */
  readonly url: string;
  /** True when the server is not the vendor's own: its wire protocol is exact, its behaviour only mostly so. */
  readonly standIn: boolean;
  /** As the server itself reports it. */
  readonly version: string;
  /** Present only when this process started the server on this machine. */
  readonly pid?: number;
  /**
   * Stops what was started and removes its data; idempotent. A server that came from a URL is left alone. `SIGKILL`
   * is the fault a test wants to see: no goodbye to the clients, no flush.
   */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface EngineRequest {
  readonly kind: EngineKind;
  /** Tells two servers of one kind apart and picks the environment variable: `replica` reads ..._REPLICA_URL. */
  readonly name?: string;
  /** PostgreSQL only, default 18. A server from a URL is taken as it is. */
  readonly version?: '15' | '18';
  /**
   * Heap of a server that runs on Java (MongoDB's stand-in, Cassandra, Neo4j), as Java writes it (`3g`). The cursors
   * of the stand-in are copies: give four times the data.
   */
  readonly memory?: string;
  /** PostgreSQL settings, on top of the defaults for throw-away servers. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What a server says it is. */
export type Probed = Pick<Engine, 'version' | 'standIn'>;

/** Asks a server what it is, by a real query through the real driver; an error means that none was answered. Writes nothing. */
export type Probe = (url: string) => Promise<Probed>;

/** One line of what is going on, without a line end; never a password. */
export type Progress = (line: string) => void;

export function engineName(request: EngineRequest): string {
  const kind = request.kind === 'postgres' ? `postgres-${request.version ?? '18'}` : request.kind;
  return request.name === undefined ? kind : `${kind}-${request.name}`;
}
