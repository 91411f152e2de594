// Starts the servers that all tests share, all kinds at once. Each test file takes a part of its own of them (databases.ts).

import type { TestProject } from 'vitest/node';
import { type EngineRequest, startEngines } from '../engines/engines.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres18: string;
    postgres15: string;
    mongodb: string;
    cassandra: string;
    neo4j: string;
    redis: string;
    oracle: string;
  }
}

// Half an hour is a short life for a server on Java: compiled well, it works no faster here, and takes half as much again of the processors.
const REQUESTS = {
  postgres18: { kind: 'postgres', version: '18' },
  postgres15: { kind: 'postgres', version: '15' },
  mongodb: { kind: 'mongodb', memory: '2g', shortLived: true },
  cassandra: { kind: 'cassandra', shortLived: true },
  neo4j: { kind: 'neo4j', shortLived: true },
  redis: { kind: 'redis' },
  oracle: { kind: 'oracle' },
} as const satisfies Record<string, EngineRequest>;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The shorter name that a job with a real Oracle gives.
  if (process.env.PLUMBLINE_ORACLE_URL) process.env.PLUMBLINE_TEST_ORACLE_URL ??= process.env.PLUMBLINE_ORACLE_URL;
  const engines = await startEngines(Object.values(REQUESTS));
  for (const [i, name] of (Object.keys(REQUESTS) as (keyof typeof REQUESTS)[]).entries()) {
    project.provide(name, engines[i]!.url);
  }
  return async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
  };
}
