// Starts a real Neo4j Community from Maven Central's jars: Bolt without TLS on 127.0.0.1, a random password for the
// user neo4j, one database. Nothing in it is meant to survive.

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, Driver } from 'neo4j-driver';
import { type EngineRequest, engineName, type LocalEngine, type Probed, type Progress } from './engine.ts';
import { explainMissing, javaEnvironment, javaTool, jvmArguments, mavenFolder } from './jvm.ts';
import { startLocally } from './local-engine.ts';
import { type LoggedProcess, runProgram, startProgram } from './logged-process.ts';

const READY_LINE = 'Bolt enabled on';
const TIMEOUT_MS = 5_000;

export async function startNeo4j(request: EngineRequest, onProgress: Progress): Promise<LocalEngine> {
  const jvm = jvmArguments(request, '1g');
  const jars = await mavenFolder('neo4j', [], (line) => onProgress(`${engineName(request)}: ${line}`));
  const password = randomBytes(18).toString('hex');
  const classPath = `${jars}/lib/*`;
  return startLocally(request, onProgress, {
    ports: 1,
    // In order it takes ten seconds, for data that are removed afterwards.
    stopSignal: 'SIGKILL',
    lastSignal: 'SIGKILL',
    probe: probeNeo4j,
    prepare: (folder, [port]) => prepareHome(folder, port!, password, jvm, classPath),
    start: (folder) => startServer(folder, jvm, classPath),
    url: ([port], log) => (log.includes(READY_LINE) ? `bolt://neo4j:${password}@127.0.0.1:${port}` : undefined),
  });
}

export async function probeNeo4j(url: string): Promise<Probed> {
  const driver = await neo4jDriver(url, { connectionTimeout: TIMEOUT_MS, maxTransactionRetryTime: 0 });
  try {
    const { records } = await driver.executeQuery('CALL dbms.components() YIELD versions, edition');
    return { version: `Neo4j ${records[0]!.get('versions')[0]} ${records[0]!.get('edition')}`, standIn: false };
  } finally {
    await driver.close();
  }
}

/** Of a URL with its user and password inside, which the driver wants apart; it connects with the first query. */
export async function neo4jDriver(url: string, options: Config = {}): Promise<Driver> {
  const { default: neo4j } = await import('neo4j-driver');
  const { protocol, host, username, password } = new URL(url);
  const token =
    username === '' ? undefined : neo4j.auth.basic(decodeURIComponent(username), decodeURIComponent(password));
  return neo4j.driver(`${protocol}//${host}`, token, options);
}

async function prepareHome(
  folder: string,
  port: number,
  password: string,
  jvm: readonly string[],
  classPath: string,
): Promise<void> {
  const { home, config } = placesIn(folder);
  for (const name of [config, join(home, 'tmp')]) await mkdir(name, { recursive: true });
  const settings = Object.entries(SETTINGS).map(([key, value]) => `${key}=${value}\n`);
  await writeFile(join(config, 'neo4j.conf'), `${settings.join('')}server.bolt.listen_address=127.0.0.1:${port}\n`);
  const setPassword = ['org.neo4j.cli.AdminTool', 'dbms', 'set-initial-password', password];
  await runProgram({
    ...program(folder),
    args: [...jvm, '-XX:TieredStopAtLevel=1', '-cp', classPath, ...setPassword],
  }).catch(explainMissing);
}

function startServer(folder: string, jvm: readonly string[], classPath: string): Promise<LoggedProcess> {
  const { home, config } = placesIn(folder);
  return startProgram({
    ...program(folder),
    args: [
      ...jvm,
      ...OPENS.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
      '--enable-native-access=ALL-UNNAMED',
      '-XX:+ExitOnOutOfMemoryError',
      '-Djdk.nio.maxCachedBufferSize=1024',
      '-Dio.netty.tryReflectionSetAccessible=true',
      '-Dlog4j2.disable.jmx=true',
      `-Djava.io.tmpdir=${join(home, 'tmp')}`,
      `-Djna.tmpdir=${join(home, 'tmp')}`,
      '-cp',
      classPath,
      'org.neo4j.server.CommunityEntryPoint',
      `--home-dir=${home}`,
      `--config-dir=${config}`,
      '--console-mode',
    ],
  });
}

function placesIn(folder: string): { readonly home: string; readonly config: string } {
  const home = join(folder, 'home');
  return { home, config: join(home, 'conf') };
}

function program(folder: string) {
  const { home, config } = placesIn(folder);
  return {
    command: javaTool('java'),
    folder,
    logFile: join(folder, 'server.log'),
    env: { ...javaEnvironment(), NEO4J_HOME: home, NEO4J_CONF: config },
    lastSignal: 'SIGKILL',
  } as const;
}

const OPENS = ['java.base/java.nio', 'java.base/java.io', 'java.base/sun.nio.ch', 'java.base/java.util.concurrent'];

const SETTINGS: Readonly<Record<string, string>> = {
  'server.bolt.enabled': 'true',
  'server.http.enabled': 'false',
  'server.https.enabled': 'false',
  'dbms.usage_report.enabled': 'false',
  'server.memory.pagecache.size': '128m',
  'db.tx_log.preallocate': 'false',
  'db.tx_log.rotation.size': '16m',
  'db.tx_log.rotation.retention_policy': 'keep_none',
};
