// Starts a throw-away PostgreSQL of the asked major version from the binaries that npm installed: a fresh cluster,
// TCP on 127.0.0.1 only, a random password. Nothing in it is meant to survive.

import { randomBytes } from 'node:crypto';
import { appendFile, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, type EngineRequest, engineName, type Progress } from './engine.ts';
import { freePort } from './free-port.ts';
import { type EngineFolder, makeEngineFolder, makeStop, waitUntilReady } from './local-engine.ts';
import { type LoggedProcess, runProgram, startProgram } from './logged-process.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';

const USER = 'plumbline';
const PORT_ATTEMPTS = 3;

// SIGQUIT is PostgreSQL's immediate shutdown: unlike SIGKILL it gives its shared memory back.
const IMMEDIATE = 'SIGQUIT';
const FAST = 'SIGINT';

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

export async function startPostgres(request: EngineRequest, onProgress: Progress): Promise<Engine> {
  const name = engineName(request);
  const began = Date.now();
  const binaries = await findPostgres(request.version ?? '18');
  const folder = await makeEngineFolder(name);
  let server: LoggedProcess | undefined;
  try {
    const password = randomBytes(18).toString('hex');
    onProgress(`${name}: creating a cluster`);
    await createCluster(binaries, folder, password, { ...SETTINGS, ...request.settings });
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      server = await startProgram({
        ...program(binaries, folder),
        command: binaries.postgres,
        args: ['-D', join(folder.path, 'data'), '-p', String(port)],
      });
      const url = `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`;
      try {
        const ready = await waitUntilReady('postgres', server, () => url);
        server.unref();
        onProgress(`${name}: ${ready.version} ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
        return { kind: 'postgres', name, ...ready, pid: server.pid, stop: makeStop(server, folder, FAST) };
      } catch (error) {
        const lostPort = server.ended() !== undefined && server.log().includes('Address already in use');
        if (!lostPort || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    await server?.stop(IMMEDIATE);
    await folder.remove();
    throw error;
  }
}

async function createCluster(
  binaries: PostgresBinaries,
  folder: EngineFolder,
  password: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const passwordFile = join(folder.path, 'password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (binaries.user !== undefined) {
    await chown(folder.path, binaries.user.uid, binaries.user.gid);
    await chown(passwordFile, binaries.user.uid, binaries.user.gid);
  }
  const data = join(folder.path, 'data');
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
  const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'\n`);
  // The file and not the command line: there a test could not override a setting with ALTER SYSTEM.
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
}

function program(binaries: PostgresBinaries, folder: EngineFolder) {
  return {
    folder: folder.path,
    logFile: join(folder.path, 'server.log'),
    // Not our environment: PGPORT, PGTZ and the like would change the server.
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    user: binaries.user,
    lastSignal: IMMEDIATE,
  } as const;
}
