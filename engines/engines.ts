// Turns requests for servers into running ones: a URL from the environment, else Docker, else a local start. It
// never skips: a server that can't be had is an error that says what to do.
//
// The environment variables, one a server; a request with a name reads only its own variable, so that a second
// server is never the first one again:
//   PLUMBLINE_TEST_POSTGRES_URL            PostgreSQL, the default request
//   PLUMBLINE_TEST_POSTGRES15_URL          the same with version 15
//   PLUMBLINE_TEST_MONGODB_URL             MongoDB
//   PLUMBLINE_TEST_CASSANDRA_URL           Cassandra: cassandra://HOST:9042/?localDataCenter=datacenter1
//   PLUMBLINE_TEST_NEO4J_URL               Neo4j: bolt://neo4j:PASSWORD@HOST:7687
//   PLUMBLINE_TEST_REDIS_URL               Redis: redis://:PASSWORD@HOST:6379
//   PLUMBLINE_TEST_ORACLE_URL              Oracle: oracle://USER:PASSWORD@HOST:1521/SERVICE
//   PLUMBLINE_TEST_POSTGRES_REPLICA_URL    the request named `replica`; PLUMBLINE_TEST_POSTGRES15_REPLICA_URL and
//                                          PLUMBLINE_TEST_MONGODB_REPLICA_URL likewise, and so for any other name
//   PLUMBLINE_TEST_DOCKER=off              start locally even where Docker runs

import { startWithCompose } from './compose.ts';
import { type Engine, type EngineRequest, engineName, type LocalEngine, type Progress } from './engine.ts';
import { connectFromEnvironment, environmentVariable } from './environment.ts';
import { kinds } from './kinds.ts';

export type { Engine, EngineKind, EngineRequest, LocalEngine, Progress } from './engine.ts';
export { freePort } from './free-port.ts';
export { type StandbyRequest, startStandby } from './standby.ts';

/** Resolves once the server has answered a query. It ends with this process at the latest, however that ends. */
export async function startEngine(request: EngineRequest, onProgress: Progress = () => {}): Promise<Engine> {
  try {
    return (
      (await connectFromEnvironment(request, onProgress)) ??
      (await startWithCompose(request, onProgress)) ??
      (await kinds[request.kind].start(request, onProgress))
    );
  } catch (cause) {
    throw new Error(`${engineName(request)}: ${reason(cause)}\n${hint(request)}`, { cause });
  }
}

/** Starts it on this machine, whatever the environment names and even where Docker runs: for what a test wants to break. */
export async function startLocalEngine(request: EngineRequest, onProgress: Progress = () => {}): Promise<LocalEngine> {
  const { start, hint } = kinds[request.kind];
  try {
    return await start(request, onProgress);
  } catch (cause) {
    throw new Error(`${engineName(request)}: ${reason(cause)}\nIt has to run on this machine: ${hint}.`, { cause });
  }
}

/** Starts all of them at the same time, in the order of the requests; all or none. */
export async function startEngines(
  requests: readonly EngineRequest[],
  onProgress: Progress = () => {},
): Promise<readonly Engine[]> {
  const outcomes = await Promise.allSettled(requests.map((request) => startEngine(request, onProgress)));
  const engines = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (failures.length === 0) return engines;
  const stops = await Promise.allSettled(engines.map((engine) => engine.stop()));
  failures.push(...stops.flatMap((stop) => (stop.status === 'rejected' ? [stop.reason as unknown] : [])));
  throw new AggregateError(failures, failures.map(reason).join('\n\n'));
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function hint(request: EngineRequest): string {
  return `Set ${environmentVariable(request)} to a server of your own, or start Docker, or ${kinds[request.kind].hint}.`;
}
