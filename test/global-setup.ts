// Starts the servers that all tests share: PostgreSQL 18 and 15 and MongoDB. Each test file makes databases of its own on them.

import type { TestProject } from 'vitest/node';
import { startEngines } from '../engines/engines.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres18: string;
    postgres15: string;
    mongodb: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engines = await startEngines([
    { kind: 'postgres', version: '18' },
    { kind: 'postgres', version: '15' },
    { kind: 'mongodb', memory: '2g' },
  ]);
  const [postgres18, postgres15, mongodb] = engines;
  project.provide('postgres18', postgres18!.url);
  project.provide('postgres15', postgres15!.url);
  project.provide('mongodb', mongodb!.url);
  return async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
  };
}
