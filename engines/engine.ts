// What a caller asks for and what it gets: the contract between tests, demo and bench and the servers they run
// against. Types only; it starts nothing.

export interface Engine {
  readonly kind: 'postgres' | 'mongodb';
  readonly name: string;
  /** Carries the password. Superuser for PostgreSQL; `directConnection=true` for MongoDB. */
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
  readonly kind: 'postgres' | 'mongodb';
  /** Tells two servers of one kind apart and picks the environment variable: `replica` reads ..._REPLICA_URL. */
  readonly name?: string;
  /** PostgreSQL only, default 18. A server from a URL is taken as it is. */
  readonly version?: '15' | '18';
  /** Heap of the MongoDB stand-in, as Java writes it (`3g`). Its cursors are copies: give four times the data. */
  readonly memory?: string;
  /** PostgreSQL settings, on top of the defaults for throw-away servers. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** One line of what is going on, without a line end; never a password. */
export type Progress = (line: string) => void;

export function engineName(request: EngineRequest): string {
  const kind = request.kind === 'postgres' ? `postgres-${request.version ?? '18'}` : request.kind;
  return request.name === undefined ? kind : `${kind}-${request.name}`;
}
