// Starts the Oracle stand-in: seerdb's Mirror (engines/oracle/) on 127.0.0.1 over a PostgreSQL 15 of its own, with a
// random password. It answers Oracle's driver in Oracle's protocol; it is never passed off as Oracle itself.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Connection } from 'oracledb';
import { assetPath } from './assets.ts';
import { type EngineRequest, engineName, type LocalEngine, type Probed, type Progress } from './engine.ts';
import { startLocally } from './local-engine.ts';
import { startProgram } from './logged-process.ts';
import { orafce } from './orafce.ts';
import { startPostgres } from './postgres.ts';
import { pythonWith } from './python.ts';

const USER = 'PLUMBLINE';
const READY_LINE = /^ready (\d+)$/m;
const TIMEOUT_MS = 5_000;

export async function startOracle(request: EngineRequest, onProgress: Progress): Promise<LocalEngine> {
  const say = (line: string) => onProgress(`${engineName(request)}: ${line}`);
  const python = await pythonWith(assetPath('engines', 'oracle', 'requirements.txt'), say);
  const below = { kind: 'postgres', version: '15', name: engineName(request) } as const;
  const postgres = await startPostgres(below, onProgress, orafce(say));
  const password = randomBytes(12).toString('hex');
  try {
    return await startLocally(request, onProgress, {
      ports: 1,
      ground: postgres,
      stopSignal: 'SIGTERM',
      lastSignal: 'SIGKILL',
      probe: probeOracle,
      start: (folder, [port]) =>
        startProgram({
          command: python.command,
          args: [assetPath('engines', 'oracle', 'mirror.py')],
          folder,
          logFile: join(folder, 'server.log'),
          env: {
            PATH: process.env.PATH,
            LC_ALL: 'C.UTF-8',
            PYTHONPATH: python.packages,
            // Beside our modules, which may lie where nothing may be written.
            PYTHONDONTWRITEBYTECODE: '1',
            MIRROR_CONNINFO: postgres.url,
            MIRROR_USER: USER,
            MIRROR_PASSWORD: password,
            MIRROR_PORT: String(port),
          },
          lastSignal: 'SIGKILL',
        }),
      url: (_ports, log) => {
        const port = READY_LINE.exec(log)?.[1];
        return port === undefined ? undefined : `oracle://${USER}:${password}@127.0.0.1:${port}/FREEPDB1`;
      },
    });
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

export async function probeOracle(url: string): Promise<Probed> {
  const connection = await connectOracle(url);
  try {
    connection.callTimeout = TIMEOUT_MS;
    const { rows } = await connection.execute<[string]>('SELECT banner FROM v$version');
    const banner = rows![0]![0];
    // The stand-in signs it, so that it is known for one behind a URL too.
    return banner.startsWith('Oracle')
      ? { version: `Oracle ${connection.oracleServerVersionString}`, standIn: false }
      : { version: banner, standIn: true };
  } finally {
    await connection.close();
  }
}

/** To `oracle://user:password@host:port/service`. */
export async function connectOracle(url: string): Promise<Connection> {
  const { default: oracledb } = await import('oracledb');
  const { host, pathname, username, password } = new URL(url);
  return oracledb.getConnection({
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connectString: `${host}${pathname}?transport_connect_timeout=${TIMEOUT_MS / 1000}`,
  });
}
