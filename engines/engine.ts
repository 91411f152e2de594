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
  /** Present only when this process started the server on this machine, which a LocalEngine tells more about. */
  readonly pid?: number;
  /**
   * Stops what was started and removes its data; idempotent. A server that came from a URL is left alone. `SIGKILL`
   * is the fault a test wants to see: no goodbye to the clients, no flush.
   */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A server that this process started on this machine, with the faults that a test can give it. */
export interface LocalEngine extends Engine {
  /** Of its first process; another one after each up(). */
  readonly pid: number;
  /** Its own: data, settings and log. Gone after stop(). */
  readonly folder: string;
  /**
   * Sends the signal before it returns, so that it lands in the middle of whatever calls it. SIGKILL, SIGSTOP and
   * SIGCONT reach every process of the server, as it can't pass them on; others reach the first one. Sends nothing
   * while the server is down.
   */
  signal(signal: NodeJS.Signals): void;
  /** Ends the server, by SIGKILL unless told, and keeps its folder and its ports for up(). Resolves when it is gone. */
  down(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Starts a server that is down again, on the same ports and the same data; resolves once it has answered a query.
   * What it had acknowledged before a SIGKILL is there for PostgreSQL, Neo4j and the stand-in for Oracle (whose front
   * alone goes down), for Cassandra and Redis if they are `durable`, and never for the stand-in for MongoDB.
   */
  up(): Promise<void>;
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
  /** A server that runs on Java is compiled quickly instead of well: it starts at half the cost, and works slower. */
  readonly shortLived?: boolean;
  /** Settings of PostgreSQL, Redis or Cassandra, on top of the defaults for throw-away servers. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * A local Cassandra or Redis writes to disk what it acknowledges, so that it outlives SIGKILL: slower, and of no use
   * without up(). The others do so anyway, but for the stand-in for MongoDB, which can't: that is an error.
   */
  readonly durable?: boolean;
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
