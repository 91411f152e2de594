// Starts a throw-away PostgreSQL of the asked major version from the binaries that npm installed: a fresh cluster,
// TCP on 127.0.0.1 only, a random password. Nothing in it is meant to survive.

import { randomBytes } from 'node:crypto';
import { appendFile, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EngineRequest, engineName, type LocalEngine, type Probed, type Progress } from './engine.ts';
import { type Recipe, startLocally } from './local-engine.ts';
import { runProgram, startProgram } from './logged-process.ts';
import { type Addition, findPostgres, type PostgresBinaries } from './postgres-binaries.ts';

const USER = 'plumbline';
const TIMEOUT_MS = 5_000;

// SIGQUIT is PostgreSQL's immediate shutdown: unlike SIGKILL it gives its shared memory back.
const IMMEDIATE = 'SIGQUIT';

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket in a shared folder would let local users in and could clash with another server.
  unix_socket_directories: '',
  max_connections: '100',
  fsync: 'off',
  full_page_writes: 'off',
  // Not UTC on purpose, so that a forgotten time zone shows.
  timezone: 'America/Lima',
};

export async function startPostgres(
  request: EngineRequest,
  onProgress: Progress,
  addition?: Addition,
): Promise<LocalEngine> {
  const binaries = await findPostgres(request.version ?? '18', addition);
  const password = randomBytes(18).toString('hex');
  return startLocally(request, onProgress, {
    ...postgresRecipe(binaries, password),
    prepare: (folder) => {
      onProgress(`${engineName(request)}: creating a cluster`);
      return createCluster(binaries, folder, password, { ...SETTINGS, ...request.settings });
    },
  });
}

/** For the data folder that `prepare` is still to make. */
export function postgresRecipe(binaries: PostgresBinaries, password: string): Omit<Recipe, 'prepare'> {
  return {
    ports: 1,
    stopSignal: 'SIGINT',
    lastSignal: IMMEDIATE,
    probe: probePostgres,
    start: (folder, ports) =>
      startProgram({
        ...program(binaries, folder),
        command: binaries.postgres,
        args: ['-D', dataFolder(folder), '-p', String(ports[0])],
      }),
    url: (ports) => `postgres://${USER}:${password}@127.0.0.1:${ports[0]}/postgres`,
  };
}

/** Of a server's folder. */
export function dataFolder(folder: string): string {
  return join(folder, 'data');
}

/** Lines of postgresql.conf. */
export function settingLines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

export async function probePostgres(url: string): Promise<Probed> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    application_name: 'plumbline-engines',
  });
  // A server that stops between connect and end emits here, and an error without a listener would end the host.
  client.on('error', () => {});
  await client.connect();
  try {
    const result = await client.query<{ server_version: string }>('SHOW server_version');
    return { version: `PostgreSQL ${result.rows[0]!.server_version}`, standIn: false };
  } finally {
    await client.end();
  }
}

async function createCluster(
  binaries: PostgresBinaries,
  folder: string,
  password: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (binaries.user !== undefined) {
    await chown(folder, binaries.user.uid, binaries.user.gid);
    await chown(passwordFile, binaries.user.uid, binaries.user.gid);
  }
  const data = dataFolder(folder);
  await runProgram({
    ...program(binaries, folder),
    command: binaries.initdb,
    args: [
      `--pgdata=${data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--locale=C',
      '--encoding=UTF8',
      '--no-sync',
    ],
  });
  // The file and not the command line: there a test could not override a setting with ALTER SYSTEM.
  await appendFile(join(data, 'postgresql.conf'), settingLines(settings));
}

function program(binaries: PostgresBinaries, folder: string) {
  return {
    folder: folder,
    logFile: join(folder, 'server.log'),
    // Not our environment: PGPORT, PGTZ and the like would change the server.
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    user: binaries.user,
    lastSignal: IMMEDIATE,
  } as const;
}
