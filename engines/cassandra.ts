// Starts one real Cassandra node from Maven Central's jars: CQL on 127.0.0.1, everybody may do everything, no other
// node to wait for. Nothing in it is meant to survive, unless it is to be durable.

import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client, ClientOptions } from 'cassandra-driver';
import { assetPath } from './assets.ts';
import { type EngineRequest, engineName, type LocalEngine, type Probed, type Progress } from './engine.ts';
import { explainMissing, javaEnvironment, javaTool, jvmArguments, mavenFolder } from './jvm.ts';
import { startLocally } from './local-engine.ts';
import { type LoggedProcess, startProgram } from './logged-process.ts';

const READY_LINE = 'Starting listening for CQL clients';
const CONFIG = 'cassandra.yaml';
const TIMEOUT_MS = 5_000;

// CREATE TABLE in 12 ms instead of 100; a node that is killed forgets its tables.
const FORGETFUL = '-Dcassandra.test.flush_local_schema_changes=false';

// From conf/jvm17-server.options of the distribution: what it reaches for inside the JDK.
const EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.base/java.lang.ref',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
];
const OPENS = [
  'java.base/java.io',
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.management/com.sun.management.internal',
];

export async function startCassandra(request: EngineRequest, onProgress: Progress): Promise<LocalEngine> {
  const jvm = jvmArguments(request, '1g');
  const jars = await mavenFolder('cassandra', [], (line) => onProgress(`${engineName(request)}: ${line}`));
  // The role that every new server with roles has.
  const superuser = request.settings?.authenticator === 'PasswordAuthenticator' ? 'cassandra:cassandra@' : '';
  return startLocally(request, onProgress, {
    ports: 2,
    // In order it takes six seconds, for data that are removed afterwards.
    stopSignal: 'SIGKILL',
    lastSignal: 'SIGKILL',
    probe: probeCassandra,
    prepare: (folder, ports) => prepareNode(folder, ports, request),
    start: (folder) => startNode(folder, [...jvm, ...(request.durable ? [] : [FORGETFUL])], join(jars, 'lib')),
    url: ([port], log) =>
      log.includes(READY_LINE) ? `cassandra://${superuser}127.0.0.1:${port}/?localDataCenter=datacenter1` : undefined,
  });
}

export async function probeCassandra(url: string): Promise<Probed> {
  const client = await cassandraClient(url, { socketOptions: { connectTimeout: TIMEOUT_MS, readTimeout: TIMEOUT_MS } });
  try {
    const result = await client.execute('SELECT release_version FROM system.local');
    return { version: `Cassandra ${result.first().release_version}`, standIn: false };
  } finally {
    await client.shutdown();
  }
}

/** Of `cassandra://user:password@host:port/keyspace?localDataCenter=…`; it connects with the first query. */
export async function cassandraClient(url: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const { default: cassandra } = await import('cassandra-driver');
  const { host, username, password, pathname, searchParams } = new URL(url);
  return new cassandra.Client({
    contactPoints: [host],
    localDataCenter: searchParams.get('localDataCenter') ?? 'datacenter1',
    keyspace: pathname.slice(1) || undefined,
    credentials:
      username === '' ? undefined : { username: decodeURIComponent(username), password: decodeURIComponent(password) },
    ...options,
  });
}

async function prepareNode(
  folder: string,
  ports: readonly number[],
  { durable = false, settings: given }: EngineRequest,
): Promise<void> {
  const data = join(folder, 'data');
  for (const name of ['triggers', 'tmp']) await mkdir(join(data, name), { recursive: true });
  await writeFile(join(folder, CONFIG), JSON.stringify({ ...settings(data, ports, durable), ...given }));
}

function startNode(folder: string, jvm: readonly string[], lib: string): Promise<LoggedProcess> {
  const data = join(folder, 'data');
  const agent = readdirSync(lib).find((jar) => jar.startsWith('jamm-'))!;
  return startProgram({
    command: javaTool('java'),
    args: [
      ...jvm,
      `-javaagent:${join(lib, agent)}`,
      ...EXPORTS.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
      ...OPENS.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
      '-Xss256k',
      '-XX:+ExitOnOutOfMemoryError',
      '-Djdk.attach.allowAttachSelf=true',
      '-Dio.netty.tryReflectionSetAccessible=true',
      `-Djava.io.tmpdir=${join(data, 'tmp')}`,
      `-Djna.tmpdir=${join(data, 'tmp')}`,
      `-Dlogback.configurationFile=${assetPath('engines', 'cassandra', 'logback.xml')}`,
      `-Dcassandra.config=file://${join(folder, CONFIG)}`,
      `-Dcassandra.storagedir=${data}`,
      `-Dcassandra.logdir=${data}`,
      `-Dcassandra.triggers_dir=${join(data, 'triggers')}`,
      '-Dcassandra-foreground=yes',
      '-Dcassandra.skip_wait_for_gossip_to_settle=0',
      '-Dcassandra.ring_delay_ms=0',
      '-Dcassandra.load_ring_state=false',
      '-Dcassandra.superuser_setup_delay_ms=0',
      '-Dcassandra.disable_tcactive_openssl=true',
      '-cp',
      `${lib}/*`,
      'org.apache.cassandra.service.CassandraDaemon',
    ],
    folder,
    logFile: join(folder, 'server.log'),
    env: javaEnvironment(),
    lastSignal: 'SIGKILL',
  }).catch(explainMissing);
}

// Timeouts are those of a busy machine: a test that waits is better than one that fails.
function settings(data: string, [port, storagePort]: readonly number[], durable: boolean) {
  return {
    cluster_name: 'plumbline-test',
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    num_tokens: 16,
    auto_bootstrap: false,
    endpoint_snitch: 'SimpleSnitch',
    dynamic_snitch: false,
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: `127.0.0.1:${storagePort}` }],
      },
    ],
    listen_address: '127.0.0.1',
    storage_port: storagePort,
    rpc_address: '127.0.0.1',
    start_native_transport: true,
    native_transport_port: port,
    authenticator: 'AllowAllAuthenticator',
    authorizer: 'AllowAllAuthorizer',
    data_file_directories: [join(data, 'data')],
    commitlog_directory: join(data, 'commitlog'),
    saved_caches_directory: join(data, 'saved_caches'),
    hints_directory: join(data, 'hints'),
    cdc_raw_directory: join(data, 'cdc_raw'),
    ...(durable ? { commitlog_sync: 'batch' } : { commitlog_sync: 'periodic', commitlog_sync_period: '10s' }),
    auto_snapshot: false,
    snapshot_before_compaction: false,
    request_timeout: '60s',
    read_request_timeout: '30s',
    range_request_timeout: '60s',
    write_request_timeout: '30s',
    truncate_request_timeout: '60s',
  };
}
